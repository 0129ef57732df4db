"""What a comparison found: every recipe's figures over the same folds, the best first."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from hemline.evaluate.bootstrap import paired_bootstrap
from hemline.evaluate.report import ALL, SEGMENTS
from hemline.shop.histories import SECONDS_PER_DAY
from hemline.shop.splits import Fold


@dataclass(frozen=True)
class Standing:
    """One recipe: its figures on each fold, each buyer's own score, its peak memory.

    Attributes
    ----------
    folds : tuple of dict
        `segments`, `train_seconds`, `recommend_seconds` of each fold, the newest last.
    scores : float64 (b,)
        MAP@k of each buyer of each fold, in the same order for every recipe.
    peak_bytes : int
        Largest resident set of the recipe's own process.
    """

    name: str
    folds: tuple[dict[str, Any], ...]
    scores: npt.NDArray[np.float64] = field(repr=False)
    peak_bytes: int

    def mean(self, metric: str, segment: str = ALL) -> float | None:
        """Return the mean of a metric over the folds that have the segment; None without one."""
        found = self._each(metric, segment)
        return float(np.mean(found)) if found else None

    def deviation(self, metric: str) -> float | None:
        """Return the deviation over folds (n - 1); None for a single fold."""
        found = self._each(metric, ALL)
        return float(np.std(found, ddof=1)) if len(found) > 1 else None

    def _each(self, metric: str, segment: str) -> list[float]:
        held = (one["segments"].get(segment) for one in self.folds)
        return [one[metric] for one in held if one is not None]

    def seconds(self, part: str) -> float:
        """Return the seconds of "train" or "recommend", the mean over folds."""
        return float(np.mean([one[f"{part}_seconds"] for one in self.folds]))


@dataclass(frozen=True)
class Leaderboard:
    """The standings of a comparison, best mean MAP first; equal ones by name."""

    k: int
    folds: tuple[Fold, ...]
    standings: tuple[Standing, ...]

    @cached_property
    def ranked(self) -> tuple[Standing, ...]:
        """The standings, the best first."""
        return tuple(sorted(self.standings, key=lambda one: (-(one.mean("map") or 0), one.name)))

    @property
    def title(self) -> str:
        """One line that says what was compared."""
        first, last = self.folds[0], self.folds[-1]
        days = (last.end - last.cutoff) // SECONDS_PER_DAY
        return (
            f"{len(self.standings)} recipes over {len(self.folds)} "
            f"fold{'s' * (len(self.folds) > 1)} of {days} day{'s' * (days > 1)}, "
            f"{first.first_day} to {last.last_day}, each trained anew before each"
        )

    def rows(self) -> list[dict[str, Any]]:
        """Return one row of plain values a recipe, the best first.

        `ahead` is the paired bootstrap of its MAP against the next: mean difference, 95 %
        interval, and the share of samples in which it is ahead; None for the last.
        """
        found = []
        for place, one in enumerate(self.ranked):
            behind = self.ranked[place + 1] if place + 1 < len(self.ranked) else None
            ahead = asdict(paired_bootstrap(one.scores, behind.scores)) if behind else None
            metrics = [name for name in one.folds[-1]["segments"][ALL] if name != "customers"]
            found.append(
                {
                    "recipe": one.name,
                    **{name: one.mean(name) for name in metrics},
                    "map_sd": one.deviation("map"),
                    "segments": {
                        name: one.mean("map", name)
                        for name, _, _ in SEGMENTS
                        if one.mean("map", name) is not None
                    },
                    "train_seconds": round(one.seconds("train"), 3),
                    "recommend_seconds": round(one.seconds("recommend"), 3),
                    "peak_bytes": one.peak_bytes,
                    "ahead_of_next": ahead,
                }
            )
        return found

    def table(self) -> list[list[Any]]:
        """Return a header and rows of text and numbers for a terminal or a page."""
        columns = {
            f"MAP@{self.k}": "map",
            "sd": "map_sd",
            "nDCG": "ndcg",
            "recall@100": "recall@100",
            "catalogue": "catalogue_coverage",
            "novelty": "novelty",
            "diversity": "diversity",
            "train s": "train_seconds",
            "list s": "recommend_seconds",
        }
        found: list[list[Any]] = [["recipe", *columns, "GiB"]]
        for row in self.rows():
            values = [row.get(name) for name in columns.values()]
            shown = ["–" if value is None else value for value in values]
            found.append([row["recipe"], *shown, round(row["peak_bytes"] / 2**30, 2)])
        return found

    def segment_table(self) -> list[list[Any]]:
        """Return MAP by days since the customer's last purchase: a header, a row a recipe."""
        names = [name for name, _, _ in SEGMENTS]
        return [
            ["recipe", *names],
            *(
                [row["recipe"], *(row["segments"].get(name, "–") for name in names)]
                for row in self.rows()
            ),
        ]

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values: title, rows, tables, and each fold by itself."""
        return {
            "title": self.title,
            "k": self.k,
            "rows": self.rows(),
            "table": self.table(),
            "segment_table": self.segment_table(),
            "folds": {one.name: list(one.folds) for one in self.ranked},
        }
