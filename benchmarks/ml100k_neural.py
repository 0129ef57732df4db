"""MovieLens 100k, split by item: DotBias and LightGCN against their published figures.

python benchmarks/ml100k_neural.py --data DIR

DotBias predicts ratings, as fastai's does there; its settings were chosen on validation splits
of the training part (the same rule once more), of those in `TRIED`. LightGCN has the published
settings: 3 layers, 64 factors, 20 epochs, learning rate 0.005, batches of 1,024. Customers are
folded in from their training ratings in both; nothing else is known of them.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from hemline.models import DotBias, LightGCN
from hemline.models.neural import Neural
from published import Ratings, judge, movielens_100k, split
from record import record

K = 10
PUBLISHED = {
    "dot_bias": {"map": 0.018954, "ndcg": 0.117810, "rmse": 0.992760},
    "light_gcn": {"map": 0.120902, "ndcg": 0.416371},
}
SEEDS = (1, 2)
"""Of the validation splits."""
_RATINGS = {"target": "weight", "negatives": 0, "y_range": (0, 5.5), "batch": 512}
TRIED: list[dict[str, Any]] = [
    {**_RATINGS, "factors": factors, "epochs": epochs, "weight_decay": decay}
    for factors, epochs, decay in (
        (50, 5, 0.1), (50, 5, 0.5), (50, 10, 2.0), (100, 8, 0.2), (100, 15, 1.0), (150, 6, 0.5),
    )
]  # fmt: skip


def rmse(model: DotBias, train: Ratings, test: Ratings) -> float:
    """Return the root of the mean squared error of the test ratings."""
    histories = train.histories().take(test.customer)
    found = model.predict(histories, test.article[:, None].astype(np.int32), as_of=model.cutoff_)
    return float(np.sqrt(np.mean((found[:, 0] - test.rating) ** 2)))


def fitted(model: Neural[Any], train: Ratings) -> tuple[Any, float]:
    """Fit on one thread: the steps are small, and the answer does not depend on it."""
    model.threads = 1
    started = time.perf_counter()
    model.fit(train.histories())
    return model, time.perf_counter() - started


def dot_bias(train: Ratings, test: Ratings) -> dict[str, Any]:
    """Choose settings on validation splits by the RMSE and the MAP, then judge."""
    parts = [split(train, "item", seed=seed) for seed in SEEDS]
    tried = []
    for settings in TRIED:
        found = []
        for part, held in parts:
            model, _ = fitted(DotBias(**settings), part)
            told = judge(model, part.histories(), held.truth(), K)
            found.append((told["map"], rmse(model, part, held)))
        tried.append(np.mean(found, axis=0))
        print(settings, tried[-1], flush=True)
    # the best MAP among the settings whose RMSE is within a hundredth of the best
    least = min(error for _, error in tried)
    allowed = [at for at, (_, error) in enumerate(tried) if error <= least + 0.01]
    best = max(allowed, key=lambda at: tried[at][0])
    model, seconds = fitted(DotBias(**TRIED[best]), train)
    return {
        "settings": ", ".join(f"{name}={value}" for name, value in TRIED[best].items()),
        "tried": len(TRIED),
        "validation_map": round(float(tried[best][0]), 6),
        "validation_rmse": round(float(tried[best][1]), 6),
        **rounded(judge(model, train.histories(), test.truth(), K)),
        "rmse": round(rmse(model, train, test), 6),
        "seconds": round(seconds, 1),
    }


def light_gcn(train: Ratings, test: Ratings, **settings: Any) -> dict[str, Any]:
    """Train with the published settings, or with these, and judge."""
    settings = {"layers": 3, "factors": 64, "epochs": 20, "learning_rate": 0.005} | settings
    model, seconds = fitted(LightGCN(**settings, batch=1024), train)
    return {
        **rounded(judge(model, train.histories(), test.truth(), K)),
        "last_loss": round(float(model.epoch_loss_[-1]), 4),
        "seconds": round(seconds, 1),
    }


def rounded(found: dict[str, float]) -> dict[str, float]:
    """Round figures as the published ones."""
    return {name: round(value, 6) for name, value in found.items()}


def main() -> None:
    """Make the table and write results/ml100k_neural.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with benchmarks/ml-100k/")
    train, test = split(movielens_100k(parser.parse_args().data), "item")
    figures = {
        "light_gcn": light_gcn(train, test),
        "light_gcn_2_layers": light_gcn(train, test, layers=2),
        "dot_bias": dot_bias(train, test),
        "published": PUBLISHED,
    }
    record(
        "ml100k_neural",
        figures,
        bars={
            "dot_bias.rmse": "<= 0.96",
            "dot_bias.map": ">= 0.019",
            "light_gcn.map": ">= 0.1209",
            "light_gcn.ndcg": ">= 0.4164",
        },
    )


if __name__ == "__main__":
    main()
