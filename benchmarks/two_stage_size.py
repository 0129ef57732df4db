"""Two stages at H&M's size: learn the ranker, then twelve articles for every customer.

    python benchmarks/two_stage_size.py --data SHOP --out RUN

SHOP is made by `hemline simulate SHOP --customers 1371980 --articles 105542 --days 731
--format parquet --vectors 2048`. RUN is a run folder; what is done in it already (files read,
neighbours found) is taken. Every step is measured in a process of its own. The backtest
judges two stages, rules, cascade, repurchase and popularity on the shop's last week.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from record import measure_step, peak_bytes, record

K = 12
BLOCK = 4096
RECIPES = ("two-stage", "rules", "cascade", "repurchase", "popular")


def prepare(shop: Path, run: Path) -> None:
    """Read the files and find the neighbours; what is done is skipped."""
    from hemline.config import Config
    from hemline.pipeline import run_stages
    from hemline.shop.source import Shop

    config = Config()
    run_stages(run, config, Shop.from_folder(shop, config.ingest), stages=["neighbours"])


def opened(run: Path) -> tuple[Any, Any]:
    """Return the tables and the catalogue of a run whose stage `neighbours` is done."""
    from hemline.config import Config
    from hemline.photos.neighbours import Neighbours
    from hemline.recommend.bundle import catalogue_of
    from hemline.runs import RunFolder
    from hemline.shop.tables import Tables

    folder = RunFolder.open(run)
    tables = Tables.open(folder.folder("ingest"))
    neighbours = Neighbours.open(folder.folder("neighbours"))
    return tables, catalogue_of(Config(), tables.articles, neighbours)


def train(run: Path, bundle: Path, threads: int) -> dict[str, Any]:
    """Learn the ranker and fit the channels on the whole history."""
    from hemline.config import Config
    from hemline.recommend.bundle import train_bundle

    tables, catalogue = opened(run)
    config = Config.of({"recipe": "two-stage", "threads": threads})
    started = time.perf_counter()
    found = train_bundle(config, catalogue, tables.histories, as_of=tables.cutoff)
    seconds = time.perf_counter() - started
    found.save(bundle)
    importance = found.summary.pop("importance")
    return {
        "seconds": round(seconds, 1),
        "peak_gib": round(peak_bytes() / 2**30, 2),
        "windows": len(found.summary["windows"]),
        "customers_with_a_hit": found.summary["customers_with_a_hit"],
        "examples": found.summary["examples"],
        "features": found.summary["features"],
        "channels": found.summary["channels"],
        "ranker": config.ranker.model_dump(mode="json", include={"trees", "leaves", "windows"}),
        "importance": {one["feature"]: round(one["gain"], 4) for one in importance[:15]},
    }


def score(run: Path, bundle: Path, threads: int) -> dict[str, Any]:
    """Recommend to everyone and write Parquet; count the candidates of a sample."""
    from hemline.recommend.bundle import Bundle
    from hemline.recommend.output import recommend_all, write_recommendations

    tables, _ = opened(run)
    found = Bundle.open(bundle)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        written = write_recommendations(
            Path(folder) / "recommendations.parquet",
            recommend_all(found, tables.histories, K, as_of=found.cutoff, threads=threads),
            tables.customer_ids,
            tables.article_ids,
            found.recipe.channel_names,
        )
    seconds = time.perf_counter() - started
    peak = peak_bytes()
    warm = tables.histories.take(np.flatnonzero(tables.histories.lengths)[::137])
    counts = [
        found.recipe.stages.channels.gather(  # type: ignore[attr-defined]
            warm.block(low, low + BLOCK), as_of=found.cutoff
        ).counts
        for low in range(0, len(warm), BLOCK)
    ]
    return {
        "seconds": round(seconds, 1),
        "peak_gib": round(peak / 2**30, 2),
        "customers": written["customers"],
        "customers_short": written["customers_short"],
        "candidates": round(float(np.concatenate(counts).mean()), 1),
    }


def judge(run: Path, recipe: str, threads: int) -> dict[str, Any]:
    """Train one recipe before the last week and judge its lists by that week."""
    from hemline.config import Config
    from hemline.evaluate.backtest import backtest

    tables, catalogue = opened(run)
    config = Config.of({"recipe": recipe, "threads": threads, "evaluate": {"folds": 1}})
    found = backtest(config, catalogue, tables.histories, as_of=tables.cutoff)
    one = found.of(recipe)[0]
    return {
        "map": one.metrics["all"]["map"],
        "recall": one.metrics["all"]["recall"],
        "buyers": one.metrics["all"]["customers"],
        "segments": {name: part["map"] for name, part in one.metrics.items()},
        "seconds": round(one.seconds, 1),
        "peak_gib": round(peak_bytes() / 2**30, 2),
    }


def main() -> None:
    """Do every step in a process of its own and write results/two_stage_size.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the simulated shop")
    parser.add_argument("--out", type=Path, required=True, help="run folder")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--done", type=Path, help="folder with NAME.json of steps measured already, one by one"
    )
    parser.add_argument("--step", help="only this step, in this process; prints JSON")
    chosen = parser.parse_args()
    bundle = chosen.out.with_name(chosen.out.name + "-bundle")
    steps = {
        "prepare": lambda: prepare(chosen.data, chosen.out),
        "train": lambda: train(chosen.out, bundle, chosen.threads),
        "score": lambda: score(chosen.out, bundle, chosen.threads),
        **{
            f"judge-{one}": lambda one=one: judge(chosen.out, one, chosen.threads)
            for one in RECIPES
        },
    }
    if chosen.step:
        print(json.dumps(steps[chosen.step]()))
        return
    found = {}
    for name in steps:
        given = ("--data", str(chosen.data), "--out", str(chosen.out))
        kept = chosen.done / f"{name}.json" if chosen.done else None
        if kept is not None and kept.exists():
            found[name] = json.loads(kept.read_text())
            continue
        measured = measure_step(__file__, *given, "--threads", str(chosen.threads), "--step", name)
        found[name] = json.loads(measured.output.splitlines()[-1])
        if kept is not None:
            kept.write_text(json.dumps(found[name]))
        print(name, found[name], flush=True)
    maps = {one: found[f"judge-{one}"]["map"] for one in RECIPES}
    figures = {
        "seconds": round(found["train"]["seconds"] + found["score"]["seconds"], 1),
        "peak_gib": max(found["train"]["peak_gib"], found["score"]["peak_gib"]),
        "candidates": found["score"]["candidates"],
        "features": found["train"]["features"],
        "train": found["train"],
        "score": found["score"],
        "backtest": {one: found[f"judge-{one}"] for one in RECIPES},
        "over_rules": round(maps["two-stage"] / maps["rules"], 3),
        "over_cascade": round(maps["two-stage"] / maps["cascade"], 3),
    }
    record(
        "two_stage_size",
        figures,
        bars={
            "seconds": "<= 1200",
            "peak_gib": "<= 10",
            "candidates": ">= 100",
            "features": ">= 40",
            "over_rules": "> 1",
            "over_cascade": "> 1",
        },
    )


if __name__ == "__main__":
    main()
