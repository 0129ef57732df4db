"""What a ranker is told of a customer and a candidate, as of a moment."""

from hemline.recommend.features.declared import Feature
from hemline.recommend.features.expression import features_expression, relational_features
from hemline.recommend.features.whole import Features

__all__ = ["Feature", "Features", "features_expression", "relational_features"]
