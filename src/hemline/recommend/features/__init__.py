"""What a ranker is told of a customer and a candidate, as of a moment."""

from hemline.recommend.features.declared import Feature
from hemline.recommend.features.whole import Features

__all__ = ["Feature", "Features"]
