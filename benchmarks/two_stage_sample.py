"""Two stages on 1,364 real customers with their whole histories: the last twelve weeks, rolled.

    python benchmarks/two_stage_sample.py --data DIR

DIR holds `hm-sample/` in the Kaggle layout. For each week everything is trained anew on what
came before it. The same customers' average precision is compared, two stages less what the
customer bought lately and what is popular, with a paired bootstrap over customer-weeks. So
small a shop decides for itself, from earlier weeks, whether a ranker is worth having.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from hemline.blocks import silent
from hemline.config import Config
from hemline.evaluate.bootstrap import paired_bootstrap
from hemline.evaluate.metrics import per_customer
from hemline.recommend.bundle import catalogue_of, train_bundle
from hemline.shop.ingest import ingest
from hemline.shop.source import Shop
from hemline.shop.splits import rolling_folds, split
from hemline.shop.tables import Tables
from record import record

RECIPES = ("two-stage", "rules", "repurchase", "popular")
WEEKS, K = 12, 12


def rolled(tables: Tables, settings: dict[str, Any], weeks: int) -> dict[str, Any]:
    """Return each recipe's average precision of every customer-week, and what stood in."""
    each: dict[str, list[np.ndarray]] = {name: [] for name in RECIPES}
    stood_in: list[str] = []
    seconds = dict.fromkeys(RECIPES, 0.0)
    for fold in rolling_folds(tables.histories, 7, weeks):
        parted = split(tables.histories, fold)
        buyers = parted.truth.buyers
        truth, judged = parted.truth.take(buyers), parted.train.take(buyers)
        for name in RECIPES:
            config = Config.of({"recipe": name}).replaced(settings)
            started = time.perf_counter()
            bundle = train_bundle(
                config, catalogue_of(config, tables.articles), parted.train, as_of=fold.cutoff
            )
            lists = bundle.recommend(judged, K, as_of=fold.cutoff).articles
            seconds[name] += time.perf_counter() - started
            each[name].append(per_customer(lists, truth, K)["map"])
            if name == "two-stage":
                stood_in.append(bundle.summary.get("simple", name))
        means = {name: round(float(parts[-1].mean()), 4) for name, parts in each.items()}
        print(fold.first_day, len(buyers), stood_in[-1], means, flush=True)
    return {"each": each, "stood_in": stood_in, "seconds": seconds}


def main() -> None:
    """Ingest, roll, compare, write results/two_stage_sample.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with hm-sample/")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = Config()
        ingest(
            Shop.from_folder(chosen.data / "hm-sample", config.ingest), config, Path(folder), silent
        )
        found = rolled(Tables.open(Path(folder)), {}, WEEKS)
    scores = {name: np.concatenate(parts) for name, parts in found["each"].items()}
    weekly = {name: [round(float(one.mean()), 5) for one in parts] for name, parts in
              found["each"].items()}  # fmt: skip
    means = {name: float(one.mean()) for name, one in scores.items()}
    difference = paired_bootstrap(scores["two-stage"], scores["repurchase"])
    figures = {
        "customer_weeks": len(scores["two-stage"]),
        "map": means,
        "weekly": weekly,
        "answered_by": found["stood_in"],
        "seconds": {name: round(one, 1) for name, one in found["seconds"].items()},
        "difference": {
            "mean": difference.mean,
            "low": difference.low,
            "high": difference.high,
            "share_of_samples_above": difference.above,
        },
        "over_repurchase": round(means["two-stage"] / means["repurchase"], 4),
    }
    record("two_stage_sample", figures, bars={"over_repurchase": ">= 0.99"})


if __name__ == "__main__":
    main()
