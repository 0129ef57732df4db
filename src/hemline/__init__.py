"""Fashion recommendations for every customer.

    run = hemline.run("shop/", out="run/")            # files in, twelve articles for everyone out
    run = hemline.open("run/")                        # a finished run
    run = hemline.update("run/", "2020-09-23.csv")    # and a new day of purchases in it
    run.recommend(customer="…"), run.recommend(basket=["…"]), run.similar("…")
    hemline.models.ALS(factors=64).fit(train)         # the models by themselves

Nothing heavy is loaded before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = [
    "Config",
    "HemlineError",
    "Histories",
    "Recommender",
    "Shop",
    "models",
    "open",
    "run",
    "update",
]

if TYPE_CHECKING:
    from hemline import models
    from hemline.api import open, run, update  # noqa: A004 (hemline.open, as in gzip.open)
    from hemline.config import Config
    from hemline.errors import HemlineError
    from hemline.service import Recommender
    from hemline.shop.histories import Histories
    from hemline.shop.source import Shop

_HOMES = {
    "Config": "hemline.config",
    "HemlineError": "hemline.errors",
    "Histories": "hemline.shop.histories",
    "Recommender": "hemline.service",
    "Shop": "hemline.shop.source",
    "open": "hemline.api",
    "run": "hemline.api",
    "update": "hemline.api",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "models":
        return import_module("hemline.models")
    if name not in _HOMES:
        raise AttributeError(f"module 'hemline' has no attribute {name!r}")
    found = getattr(import_module(_HOMES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
