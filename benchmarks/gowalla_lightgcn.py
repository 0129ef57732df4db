"""Gowalla in LightGCN's split: LightGCN, epoch by epoch, against the reference run.

python benchmarks/gowalla_lightgcn.py --data DIR [--epochs 5] [--device cuda]

The settings are the reference's: 3 layers, 64 factors, learning rate 0.001, regularization
0.0001, batches of 2,048 (396 an epoch). Its run has recall@20 0.10711 and nDCG@20 0.08941 at
epoch 5, and 0.1824 / 0.1547 after 1,000. Customers are folded in from their training purchases.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from hemline.models import LightGCN
from hemline.models.neural import Epoch
from published import gowalla, judge
from record import record

K = 20


def main() -> None:
    """Train, judge, and write results/gowalla_lightgcn.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with benchmarks/gowalla/")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--threads", type=int, default=0)
    arguments = parser.parse_args()
    train, test = gowalla(arguments.data)
    histories, truth = train.histories(), test.truth()
    model = LightGCN(
        layers=3, factors=64, epochs=arguments.epochs, learning_rate=0.001, regularization=1e-4,
        batch=2048, device=arguments.device, k=K,
    )  # fmt: skip
    model.threads = arguments.threads
    told: list[dict[str, Any]] = []

    def say(epoch: Epoch) -> None:
        told.append({"loss": round(epoch.loss, 5), "seconds": round(epoch.seconds, 1)})
        print(epoch, flush=True)

    model.on_epoch = say
    started = time.perf_counter()
    model.fit(histories)
    seconds = time.perf_counter() - started
    found = judge(model, histories, truth, K)
    record(
        "gowalla_lightgcn",
        {
            "epochs": arguments.epochs,
            "steps_an_epoch": len(model.batch_loss_) // arguments.epochs,
            "recall": round(found["recall"], 5),
            "ndcg": round(found["ndcg"], 5),
            "fit_seconds": round(seconds, 1),
            "by_epoch": {str(number + 1): one for number, one in enumerate(told)},
            "reference_at_epoch_5": {"recall": 0.10711, "ndcg": 0.08941},
        },
        bars={"recall": ">= 0.105"},
    )


if __name__ == "__main__":
    main()
