"""The models, each by itself. Importing this loads none of them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hemline.errors import ConfigError

if TYPE_CHECKING:
    from hemline.models.als import ALS
    from hemline.models.also_bought import AlsoBought
    from hemline.models.base import Model
    from hemline.models.bpr import BPR
    from hemline.models.co_purchase import CoPurchase
    from hemline.models.dot_bias import DotBias
    from hemline.models.ease import EASE
    from hemline.models.graph_filter import GraphFilter
    from hemline.models.light_gcn import LightGCN
    from hemline.models.new_arrivals import NewArrivals
    from hemline.models.popular import Popular
    from hemline.models.popular_at_age import PopularAtAge
    from hemline.models.popular_in_group import PopularInGroup
    from hemline.models.repurchase import Repurchase
    from hemline.models.same_product import SameProduct
    from hemline.models.sar import SAR
    from hemline.models.similar import LooksLike
    from hemline.models.trending import Trending
    from hemline.models.two_tower import TwoTower

__all__ = [
    "ALS",
    "BPR",
    "EASE",
    "SAR",
    "AlsoBought",
    "CoPurchase",
    "DotBias",
    "GraphFilter",
    "LightGCN",
    "LooksLike",
    "NewArrivals",
    "Popular",
    "PopularAtAge",
    "PopularInGroup",
    "Repurchase",
    "SameProduct",
    "Trending",
    "TwoTower",
    "model_of",
]

_MODULES = {
    "ALS": "als",
    "AlsoBought": "also_bought",
    "BPR": "bpr",
    "CoPurchase": "co_purchase",
    "DotBias": "dot_bias",
    "EASE": "ease",
    "GraphFilter": "graph_filter",
    "LightGCN": "light_gcn",
    "LooksLike": "similar",
    "NewArrivals": "new_arrivals",
    "Popular": "popular",
    "PopularAtAge": "popular_at_age",
    "PopularInGroup": "popular_in_group",
    "Repurchase": "repurchase",
    "SAR": "sar",
    "SameProduct": "same_product",
    "Trending": "trending",
    "TwoTower": "two_tower",
}


def model_of(name: str) -> type[Model[Any]]:
    """Return the class of a model's name, "also_bought" for AlsoBought."""
    for attribute, module in _MODULES.items():
        if module == name:
            found: type[Model[Any]] = __getattr__(attribute)
            return found
    raise ConfigError(f"no model {name!r}", hint=f"models: {', '.join(_MODULES.values())}")


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
