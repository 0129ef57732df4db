"""Two towers with TorchRec on MovieLens 100k: one process against two, tables shared out.

python benchmarks/two_tower.py --data DIR

Split by item, as in ml100k.py. The same settings with one process and with two, which hold one
table each and speak by gloo: what they learn may differ by rounding alone.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from hemline.models import TwoTower
from published import judge, movielens_100k, split
from record import record

K = 10
EPOCHS = 4


def main() -> None:
    """Train both ways and write results/two_tower.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with benchmarks/ml-100k/")
    train, test = split(movielens_100k(parser.parse_args().data), "item")
    histories, truth = train.histories(), test.truth()
    figures: dict[str, Any] = {"epochs": EPOCHS}
    models = []
    for processes in (1, 2):
        model = TwoTower(epochs=EPOCHS, processes=processes)
        model.threads = processes
        started = time.perf_counter()
        model.fit(histories)
        seconds = time.perf_counter() - started
        models.append(model)
        figures[f"{processes}_processes"] = {
            **{name: round(one, 6) for name, one in judge(model, histories, truth, K).items()},
            "seconds": round(seconds, 1),
            "seconds_an_epoch": round(float(np.mean(model.epoch_seconds_)), 2),
            "last_loss": round(float(model.epoch_loss_[-1]), 5),
        }
        print(figures, flush=True)
    one, two = models
    figures["largest_difference"] = {
        name.rstrip("_"): float(np.abs(getattr(one, name) - getattr(two, name)).max())
        for name in ("articles_", "rows_", "batch_loss_")
    }
    bars = {f"largest_difference.{name}": "<= 0.0001" for name in figures["largest_difference"]}
    record("two_tower", figures, bars=bars)


if __name__ == "__main__":
    main()
