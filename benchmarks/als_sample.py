"""What it costs to train ALS on a sample of the customers: the shop's last week judges.

    python benchmarks/als_sample.py --tables TABLES --neighbours NEIGHBOURS --work DIR

TABLES and NEIGHBOURS are folders of a run at H&M's size whose stages `ingest` and `neighbours`
are done. For each share ALS is trained on what lies before the last week, on customers sampled by
their histories, and everyone who bought in that week gets twelve articles: by ALS alone, and by
the cascade, whose first channel it ranks. Nothing but the sample differs.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from record import measure_step, peak_bytes, record

SHARES = (1.0, 0.5, 0.25, 0.1, 0.03)
K = 12
BLOCK = 4096


def judged(tables: Path, neighbours: Path, work: Path, share: float) -> dict[str, Any]:
    """Train on a share of the customers, and judge the lists by the last week."""
    from hemline.config import Config
    from hemline.evaluate.backtest import bundle_lists
    from hemline.evaluate.metrics import mean_average_precision, recall_at_k
    from hemline.models import ALS, AlsoBought, Popular
    from hemline.photos.neighbours import Neighbours
    from hemline.recommend.bundle import Bundle, catalogue_of
    from hemline.recommend.cascade import Cascade
    from hemline.shop.splits import rolling_folds, split
    from hemline.shop.tables import Tables

    config = Config()
    opened = Tables.open(tables)
    catalogue = catalogue_of(config, opened.articles, Neighbours.open(neighbours))
    (fold,) = rolling_folds(opened.histories, 7, 1, end=opened.cutoff)
    parted = split(opened.histories, fold)
    buyers = parted.train.take(parted.truth.buyers)
    truth = parted.truth.take(parted.truth.buyers)
    able = int((parted.train.lengths >= config.als.min_customer).sum())
    wanted = 0 if share == 1 else round(able * share)
    als = ALS(**{**config.als.model_dump(), "max_customers": wanted})
    started = time.perf_counter()
    als.fit(parted.train, as_of=fold.cutoff)
    seconds = time.perf_counter() - started
    peak = peak_bytes()
    folder = work / "als-sample"
    als.save(folder / "als")
    counted = {
        "also_bought": AlsoBought(**config.also_bought.model_dump()),
        "popular": Popular(**{**config.popular.model_dump(), "by_age": True}),
    }
    for name, model in counted.items():
        if not (folder / name / "model.json").exists():  # no share of them is taken
            model.fit(parted.train, as_of=fold.cutoff).save(folder / name)
    (folder / "summary.json").write_text("{}")
    bundle = Bundle(Cascade.load(folder, config, catalogue), catalogue, config)
    lists = {
        "als": als.recommend(buyers, K, as_of=fold.cutoff).articles,
        "cascade": bundle_lists(bundle, buyers, K, as_of=fold.cutoff, threads=0),
    }
    return {
        "customers": als.core_.after.customers,
        "articles": als.core_.after.articles,
        "pairs": als.core_.after.pairs,
        "als_seconds": round(seconds, 1),
        "als_peak_gib": round(peak / 2**30, 2),
        **{
            name: {
                "map": round(mean_average_precision(found, truth, K), 6),
                "recall": round(recall_at_k(found, truth, K), 6),
            }
            for name, found in lists.items()
        },
    }


def main() -> None:
    """Judge each share in a process of its own; write results/als_sample.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path, required=True)
    parser.add_argument("--neighbours", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="for what is trained")
    parser.add_argument("--done", type=Path, help="folder of shares measured already")
    parser.add_argument("--step", help="only this share, in this process; prints JSON")
    chosen = parser.parse_args()
    if chosen.step:
        print(json.dumps(judged(chosen.tables, chosen.neighbours, chosen.work, float(chosen.step))))
        return
    figures: dict[str, Any] = {}
    for share in SHARES:
        kept = chosen.done / f"als-sample-{share}.json" if chosen.done else None
        if kept is None or not kept.exists():
            given = ("--tables", str(chosen.tables), "--neighbours", str(chosen.neighbours))
            given = (*given, "--work", str(chosen.work))
            took = measure_step(__file__, *given, "--step", str(share))
            found = json.loads(took.output.splitlines()[-1])
            if kept is not None:
                kept.write_text(json.dumps(found))
        else:
            found = json.loads(kept.read_text())
        figures[f"{share:.0%}"] = found
        print(share, found, flush=True)
    whole = figures["100%"]
    for found in figures.values():
        for name in ("als", "cascade"):
            found[name]["map_of_all"] = round(found[name]["map"] / whole[name]["map"], 4)
    record("als_sample", figures)


if __name__ == "__main__":
    main()
