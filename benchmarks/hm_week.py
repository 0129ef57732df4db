"""MAP@12 of repurchase and popular on three real days of H&M: 2020-09-16..19 -> 20..22.

    python benchmarks/hm_week.py --data DIR

DIR holds `hm-week/` in the Kaggle layout. The whole path is taken: files, checked tables,
a recipe trained on four days, lists for the 28,845 customers who bought in the next three.
Done twice, with one thread and with all, which must agree to the last bit.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from hemline.blocks import silent
from hemline.config import Config
from hemline.evaluate.backtest import fold_lists
from hemline.evaluate.metrics import evaluate, per_customer
from hemline.shop.ingest import ingest
from hemline.shop.source import Shop
from hemline.shop.splits import Fold, split
from hemline.shop.tables import Catalogue, Tables
from record import record

FOLD = Fold.at(dt.date(2020, 9, 20), 3)
K = 12
BAR = 0.0278


def figures(tables: Tables, recipe: str, threads: int) -> dict[str, Any]:
    """Train one recipe on four days and judge its lists by the next three."""
    config = Config.of({"recipe": recipe, "threads": threads})
    catalogue = Catalogue.of(tables.articles, config.cascade.attributes)
    parted = split(tables.histories, FOLD)
    started = time.perf_counter()
    lists = fold_lists(config, catalogue, parted, FOLD, K)
    seconds = time.perf_counter() - started
    buyers = parted.truth.buyers
    truth = parted.truth.take(buyers)
    warm = parted.train.take(buyers).lengths > 0
    each = per_customer(lists, truth, K)["map"]
    metrics = evaluate(lists, truth, K, n_articles=catalogue.n_articles, threads=threads)
    return {
        **metrics,
        "map_warm": float(each[warm].mean()),
        "map_cold": float(each[~warm].mean()),
        "customers_warm": int(warm.sum()),
        "customers_cold": int((~warm).sum()),
        "map_standard_error": float(each.std() / np.sqrt(len(each))),
        "lists_sha256": hashlib.sha256(lists.tobytes()).hexdigest()[:16],
        "seconds": round(seconds, 3),
    }


def main() -> None:
    """Ingest, judge twice, write results/hm_week.json, and fail below the bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with hm-week/")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = Config()
        shop = Shop.from_folder(chosen.data / "hm-week", config.ingest)
        ingest(shop, config, Path(folder), silent)
        tables = Tables.open(Path(folder))
        found = {name: figures(tables, name, 0) for name in ("repurchase", "popular")}
        again = figures(tables, "repurchase", 1)
    same = all(again[name] == found["repurchase"][name] for name in ("map", "lists_sha256"))
    score = found["repurchase"]["map"]
    record(
        "hm_week",
        {**found, "same_with_one_thread": same},
        bars={"repurchase.map": f">= {BAR}", "same_with_one_thread": "True"},
    )
    if score < BAR or not same:
        raise SystemExit(f"MAP@12 {score:.5f}, bar {BAR}; same with one thread: {same}")


if __name__ == "__main__":
    main()
