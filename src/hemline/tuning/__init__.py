"""Settings that suit a shop, found on folds that precede the ones that are reported."""

from hemline.tuning.space import Dial, read_space, space_of
from hemline.tuning.study import Tuned, tune

__all__ = ["Dial", "Tuned", "read_space", "space_of", "tune"]
