"""Which simple recipe stands in for a ranker: the best on the windows before the cutoff."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemline.blocks import map_blocks
from hemline.config import Config
from hemline.models.base import Int32
from hemline.recommend.base import Recipe
from hemline.recommend.bundle import recipe_of
from hemline.recommend.windows import Window
from hemline.shop.histories import Histories
from hemline.shop.tables import Catalogue
from hemline.shop.truth import Truth, stand_in

_BLOCK = 4096
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """How recipes did on windows, customer by customer.

    Attributes
    ----------
    each : dict of float64 (b,)
        For each recipe the average precision at k of every buyer of every window.
    """

    k: int
    each: dict[str, Float64]

    @property
    def buyers(self) -> int:
        """Buyers of all windows."""
        return len(next(iter(self.each.values())))

    @property
    def means(self) -> dict[str, float]:
        """MAP@k of each recipe; 0 where nobody bought."""
        return {name: float(one.mean()) if len(one) else 0.0 for name, one in self.each.items()}

    @property
    def best(self) -> str:
        """The recipe with the highest MAP@k, the first of equals."""
        means = self.means
        return max(means, key=lambda name: means[name])

    def told(self) -> str:
        """Return the figures as one phrase."""
        figures = ", ".join(f"{name} {one:.4f}" for name, one in self.means.items())
        return f"MAP@{self.k} on {self.buyers:,} buyers of earlier days: {figures}"


def judge_simple(
    config: Config,
    catalogue: Catalogue,
    train: Histories,
    windows: Sequence[Window],
    *,
    warm_only: bool = False,
) -> Judged:
    """Judge `ranker.fallback` on windows, each recipe fitted on what lies before.

    With `warm_only` on the customers who had bought before alone.
    """
    names = simple_recipes(config)
    each: dict[str, list[Float64]] = {name: [] for name in names}
    for window in windows:
        known = train.before(window.cutoff)
        truth = Truth.of(train.since(window.cutoff).before(window.end))
        buyers = truth.buyers
        if warm_only:
            buyers = buyers[known.lengths[buyers] > 0]
        for name in names:
            recipe = recipe_of(name)(config)
            recipe.fit(known, catalogue, as_of=window.cutoff)
            lists = _lists(recipe, known.take(buyers), config, window.cutoff)
            each[name].append(average_precision(lists, truth.take(buyers)))
    return Judged(
        config.evaluate.k,
        {name: np.concatenate([np.zeros(0), *parts]) for name, parts in each.items()},
    )


def simple_recipes(config: Config) -> tuple[str, ...]:
    """Return `ranker.fallback` without the recipe rules where none of its channels is enabled."""
    enabled = config.channel_settings()
    rules = any(one in enabled for one in config.rules.channels)
    found = tuple(one for one in config.ranker.fallback if rules or one != "rules")
    return found or ("popular",)


def _lists(recipe: Recipe, histories: Histories, config: Config, as_of: int) -> Int32:
    def block(low: int, high: int) -> Int32:
        return recipe.recommend(histories.block(low, high), config.evaluate.k, as_of=as_of).articles

    parts = list(map_blocks(block, len(histories), _BLOCK, config.threads))
    return np.concatenate([np.zeros((0, config.evaluate.k), np.int32), *parts])


def average_precision(lists: Int32, truth: Truth) -> Float64:
    """Return each list's average precision, divided by min(articles bought, k), float64 (n,).

    As `evaluate.metrics` defines it; a customer who bought nothing has 0.

    >>> average_precision(np.array([[4, 7, 2]], np.int32), Truth.from_lists([[7, 2]])).round(4)
    array([0.5833])
    """
    n, k = lists.shape
    keys = (np.arange(n)[:, None] << 32) | np.maximum(lists, 0).astype(np.int64)
    hits = stand_in(truth.keys(), keys.ravel()).reshape(n, k) & (lists >= 0)
    precision = np.cumsum(hits, axis=1) / np.arange(1, k + 1)
    found: Float64 = (precision * hits).sum(axis=1) / np.clip(truth.counts, 1, k)
    return found
