"""MovieLens 100k: SAR against its published figures, and the best closed-form model of ours.

python benchmarks/ml100k.py --data DIR

SAR runs on both splits with the settings of Microsoft's benchmark. The other rows are of the
split by item: each kind of model tries its settings on validation splits of the training part
(the same rule once more, three seeds), its best by mean MAP is trained on the whole
training part, and the test is looked at once, for that one. The best model is that with the best
validation MAP. The models on torch have a command of their own, ml100k_neural.py.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from hemline.models import ALS, BPR, EASE, SAR, GraphFilter
from hemline.models.base import Model
from published import Ratings, judge, movielens_100k, split
from record import record

K = 10
PUBLISHED = {
    "user": {"map": 0.106959, "ndcg": 0.379533, "precision": 0.331071, "recall": 0.176837},
    "item": {"map": 0.114038, "ndcg": 0.393819, "precision": 0.340615, "recall": 0.185377},
}
SEEDS = (1, 2, 3)
"""Of the validation splits."""

Make = Callable[..., Model[Any]]


def grid(**choices: tuple[Any, ...]) -> list[dict[str, Any]]:
    """Return every combination of settings."""
    return [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]


TRIED: dict[str, tuple[Make, list[dict[str, Any]]]] = {
    "sar": (
        SAR,
        grid(
            similarity=("jaccard", "cosine", "lexicographers_mutual_information"),
            half_life_days=(30, 0),
            ratings=(True, False),
            per_article=(0,),
        ),
    ),
    "ease": (
        EASE,
        grid(regularization=(100, 200, 300, 400, 500, 700), dropout=(0.0, 0.25, 0.5, 0.6)),
    ),
    "graph_filter": (
        GraphFilter,
        grid(factors=(24, 32, 40, 48, 64), low_pass=(0.1, 0.3, 0.6, 1.0), per_article=(0,)),
    ),
    "als": (
        ALS,
        grid(factors=(32, 64), regularization=(0.1, 1.0, 10.0), alpha=(1.0, 5.0),
             weights=("binary",), min_customer=(1,), min_article=(1,)),
    ),
    "bpr": (
        BPR,
        grid(factors=(32, 64), learning_rate=(0.01,), regularization=(0.01, 0.05),
             iterations=(30, 100), min_customer=(1,), min_article=(1,)),
    ),
}  # fmt: skip


def measured(model: Model[Any], train: Ratings, test: Ratings) -> dict[str, float]:
    """Fit and judge."""
    histories = train.histories()
    return judge(model.fit(histories), histories, test.truth(), K)


def sar(ratings: Ratings, by: Any) -> dict[str, Any]:
    """Return SAR's figures on a split, and how far the rounded ones lie from the published."""
    train, test = split(ratings, by)
    started = time.perf_counter()
    found = measured(SAR(similarity="jaccard", half_life_days=30, per_article=0), train, test)
    seconds = time.perf_counter() - started
    rounded = {name: round(value, 6) for name, value in found.items()}
    away = max(abs(rounded[name] - wanted) for name, wanted in PUBLISHED[by].items())
    return {**rounded, "largest_deviation": round(away, 6), "seconds": round(seconds, 2)}


def chosen(
    make: Make, settings: list[dict[str, Any]], train: Ratings, test: Ratings
) -> dict[str, Any]:
    """Choose settings on validation splits of `train`, then judge on `test`."""
    parts = [split(train, "item", seed=seed) for seed in SEEDS]
    validation = [
        np.mean([measured(make(**one), part, held)["map"] for part, held in parts])
        for one in settings
    ]
    best = int(np.argmax(validation))
    started = time.perf_counter()
    found = measured(make(**settings[best]), train, test)
    return {
        "settings": ", ".join(f"{name}={value}" for name, value in settings[best].items()),
        "tried": len(settings),
        "validation_map": round(float(validation[best]), 6),
        **{name: round(value, 6) for name, value in found.items()},
        "seconds": round(time.perf_counter() - started, 2),
    }


def main() -> None:
    """Make the table and write results/ml100k.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with benchmarks/ml-100k/")
    ratings = movielens_100k(parser.parse_args().data)
    figures: dict[str, Any] = {
        "sar_published": {f"by_{by}": sar(ratings, by) for by in PUBLISHED},
        "by_item": {},
    }
    train, test = split(ratings, "item")
    for name, (make, settings) in TRIED.items():
        figures["by_item"][name] = chosen(make, settings, train, test)
        print(name, figures["by_item"][name], flush=True)
    best = max(figures["by_item"], key=lambda name: figures["by_item"][name]["validation_map"])
    figures["best"] = {"model": best, **figures["by_item"][best]}
    record(
        "ml100k",
        figures,
        bars={
            "sar_published.by_user.largest_deviation": "<= 0",
            "sar_published.by_item.largest_deviation": "<= 0",
            "best.map": ">= 0.149",
            "best.ndcg": ">= 0.48",
        },
    )


if __name__ == "__main__":
    main()
