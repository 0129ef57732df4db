"""What a backtest found: results by fold, means over folds, a table to print."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hemline.evaluate.metrics import METRICS
from hemline.shop.histories import SECONDS_PER_DAY
from hemline.shop.splits import Fold

BASELINE = "popular"
"""The recipe that stands beside every other, so that no score is read alone."""

SEGMENTS: tuple[tuple[str, int, int], ...] = (
    ("7 days or less", 1, 7),
    ("8 to 30 days", 8, 30),
    ("31 to 90 days", 31, 90),
    ("older", 91, np.iinfo(np.int32).max),
    ("never", 0, 0),
)
"""By days from the last purchase before the cutoff to the cutoff: name, from, to."""

ALL = "all"
JUDGED = (*METRICS, "customer_coverage")
"""The metrics of a segment, in the order of tables."""

_TITLES = {
    "map": "MAP",
    "precision": "precision",
    "recall": "recall",
    "hit_rate": "hit rate",
    "ndcg": "nDCG",
    "mrr": "MRR",
    "customer_coverage": "full lists",
    "catalogue_coverage": "catalogue",
}


@dataclass(frozen=True)
class FoldResult:
    """How one recipe did on one fold.

    Attributes
    ----------
    metrics : dict of str to dict
        For "all" and each segment with customers: `customers` and the mean of each metric;
        for "all" also `catalogue_coverage`.
    seconds : float
        Training and recommending.
    """

    recipe: str
    fold: Fold
    metrics: dict[str, dict[str, float]]
    seconds: float


@dataclass(frozen=True)
class BacktestReport:
    """Every recipe on every fold; the means and deviations over folds are made from these."""

    recipe: str
    k: int
    results: list[FoldResult] = field(repr=False)

    @property
    def recipes(self) -> list[str]:
        """The recipes in the order of the report, the baseline last unless asked for before."""
        return list(dict.fromkeys(one.recipe for one in self.results))

    @property
    def folds(self) -> list[Fold]:
        """The folds, the newest last."""
        return list(dict.fromkeys(one.fold for one in self.results))

    def of(self, recipe: str) -> list[FoldResult]:
        """Return the results of one recipe, the newest fold last."""
        return [one for one in self.results if one.recipe == recipe]

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each recipe and segment: means over folds, `map_sd`, customers.

        A fold without customers of a segment does not count for it. `customers` is the sum
        over folds. The deviation is that of a sample (n - 1), None for a single fold.
        """
        found = []
        for recipe in self.recipes:
            for segment in (ALL, *(name for name, _, _ in SEGMENTS)):
                each = [one.metrics[segment] for one in self.of(recipe) if segment in one.metrics]
                if not each:
                    continue
                row: dict[str, Any] = {
                    "recipe": recipe,
                    "segment": segment,
                    "customers": int(sum(one["customers"] for one in each)),
                }
                for name in each[0]:
                    if name != "customers":
                        row[name] = float(np.mean([one[name] for one in each]))
                scores = [one["map"] for one in each]
                row["map_sd"] = float(np.std(scores, ddof=1)) if len(scores) > 1 else None
                found.append(row)
        return found

    def table(self) -> list[list[Any]]:
        """Return a header and rows of text and numbers for a terminal or a page."""
        names = (*JUDGED, "catalogue_coverage")
        header = ["recipe", "customers", f"{_TITLES['map']}@{self.k}", "sd"]
        found: list[list[Any]] = [[*header, *(_TITLES[name] for name in names[1:])]]
        for row in self.rows():
            label = row["recipe"] if row["segment"] == ALL else f"  {row['segment']}"
            values = (row.get(name) for name in ("map", "map_sd", *names[1:]))
            shown = ("–" if value is None else value for value in values)
            found.append([label, row["customers"], *shown])
        return found

    @property
    def title(self) -> str:
        """One line that says what was done."""
        first, last = self.folds[0], self.folds[-1]
        days = (last.end - last.cutoff) // SECONDS_PER_DAY
        return (
            f"Backtest: {len(self.folds)} fold{'s' * (len(self.folds) > 1)} of {days} "
            f"day{'s' * (days > 1)}, {first.first_day} to {last.last_day}, models trained anew on "
            "what came before each; by days since the customer's last purchase"
        )

    def summary(self) -> dict[str, Any]:
        """Return the few figures that stand in a list of stages."""
        found: dict[str, Any] = {"folds": len(self.folds)}
        for recipe in self.recipes:
            scores = [one.metrics[ALL]["map"] for one in self.of(recipe)]
            found[f"map@{self.k} {recipe}"] = round(float(np.mean(scores)), 5)
        return found

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values: title, table, rows, and each fold by itself."""
        return {
            "title": self.title,
            "recipe": self.recipe,
            "baseline": BASELINE,
            "k": self.k,
            "table": self.table(),
            "rows": self.rows(),
            "folds": [
                {
                    "recipe": one.recipe,
                    "first_day": str(one.fold.first_day),
                    "last_day": str(one.fold.last_day),
                    "cutoff": one.fold.cutoff,
                    "end": one.fold.end,
                    "metrics": one.metrics,
                    "seconds": round(one.seconds, 3),
                }
                for one in self.results
            ],
        }
