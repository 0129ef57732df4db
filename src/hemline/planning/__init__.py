"""What a shop of some size will take: memory, time and disk, from what was measured."""

from hemline.planning.estimate import Cost, Plan, plan
from hemline.planning.sizes import Sizes

__all__ = ["Cost", "Plan", "Sizes", "plan"]
