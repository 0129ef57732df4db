"""MAP@12 of ALS, and of the cascade that uses it, by each trainer, on real weeks of H&M.

    python benchmarks/als_quality.py --data DIR

DIR holds `hm-sample/` and `hm-week/` in the Kaggle layout. The sample's eight weeks before its
last one are each predicted from what came before, all its buyers judged together; of the week,
three days from four. Each trainer with several seeds: the spread says what a difference means.
"""

from __future__ import annotations

import argparse
import datetime as dt
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from hemline.blocks import silent
from hemline.config import Config
from hemline.evaluate.backtest import fold_lists
from hemline.evaluate.metrics import per_customer
from hemline.models import ALS
from hemline.shop.ingest import ingest
from hemline.shop.source import Shop
from hemline.shop.splits import Fold, split
from hemline.shop.tables import Catalogue, Tables
from record import record

FOLDS = {
    "hm-sample": [
        Fold.at(dt.date(2020, 9, 9) - dt.timedelta(weeks=week), 7) for week in reversed(range(8))
    ],
    "hm-week": [Fold.at(dt.date(2020, 9, 20), 3)],
}
TRAINERS = ("implicit", "own")
K = 12


def judged(tables: Tables, folds: list[Fold], trainer: str, seed: int) -> dict[str, Any]:
    """Train by one trainer before each fold; return MAP@12 alone and within the cascade."""
    config = Config.of({"recipe": "cascade", "seed": seed, "als": {"trainer": trainer}})
    catalogue = Catalogue.of(tables.articles, config.cascade.attributes)
    alone: list[Any] = []
    cascade: list[Any] = []
    seconds = 0.0
    for fold in folds:
        parted = split(tables.histories, fold)
        buyers = parted.truth.buyers
        truth = parted.truth.take(buyers)
        model = ALS(**{**config.als.model_dump(), "seed": seed})
        started = time.perf_counter()
        model.fit(parted.train, as_of=fold.cutoff)
        seconds += time.perf_counter() - started
        found = model.recommend(parted.train.take(buyers), K, as_of=fold.cutoff)
        alone.append(per_customer(found.articles, truth, K)["map"])
        lists = fold_lists(config, catalogue, parted, fold, K)
        cascade.append(per_customer(lists, truth, K)["map"])
    each = np.concatenate(alone)
    return {
        "als_map": float(each.mean()),
        "als_standard_error": float(each.std() / np.sqrt(len(each))),
        "cascade_map": float(np.concatenate(cascade).mean()),
        "buyers": len(each),
        "training_seconds": round(seconds, 2),
    }


def main() -> None:
    """Ingest both, judge both trainers with every seed, write results/als_quality.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    chosen = parser.parse_args()
    figures: dict[str, Any] = {"seeds": chosen.seeds}
    for name, folds in FOLDS.items():
        with tempfile.TemporaryDirectory() as folder:
            config = Config()
            shop = Shop.from_folder(chosen.data / name, config.ingest)
            ingest(shop, config, Path(folder), silent)
            tables = Tables.open(Path(folder))
            figures[name] = {}
            for trainer in TRAINERS:
                runs = [judged(tables, folds, trainer, seed) for seed in range(chosen.seeds)]
                figures[name][trainer] = {
                    "als_map": float(np.mean([run["als_map"] for run in runs])),
                    "als_map_of_seeds": [round(run["als_map"], 5) for run in runs],
                    "als_standard_error": runs[0]["als_standard_error"],
                    "cascade_map": float(np.mean([run["cascade_map"] for run in runs])),
                    "cascade_map_of_seeds": [round(run["cascade_map"], 5) for run in runs],
                    "buyers": runs[0]["buyers"],
                    "training_seconds": round(sum(run["training_seconds"] for run in runs), 2),
                }
    record("als_quality", figures)


if __name__ == "__main__":
    main()
