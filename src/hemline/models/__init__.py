"""The models, each by itself. Importing this loads none of them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hemline.models.als import ALS
    from hemline.models.also_bought import AlsoBought
    from hemline.models.popular import Popular
    from hemline.models.repurchase import Repurchase

__all__ = ["ALS", "AlsoBought", "Popular", "Repurchase"]

_MODULES = {
    "ALS": "als",
    "AlsoBought": "also_bought",
    "Popular": "popular",
    "Repurchase": "repurchase",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
