"""Recommending for everyone on a real standalone Spark, beside this machine's own engine.

python benchmarks/spark_score.py --run RUN [--work DIR]

RUN is a run folder with the stages up to `train`, of a shop of H&M's size and the recipe
cascade; the bundle of the recipe rules is trained here first. A master and two workers of one
core each are started on loopback. Each engine works in a process of its own, on the same two
cores, with the tables in the page cache before the clock starts:

- laptop: open the bundle, recommend to everyone on two threads, write the file;
- ready: the same on Spark, from the call to the file, the executors being there and their
  Python processes not;
- again: in the same session, so that these have opened the bundle;
- killed: as `again`, but when half of the parts are there a worker and its executor are killed,
  and another is started; it takes its executor and its Python anew;
- cold: `ready` and the start of the session and the executors.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from record import measure_step, peak_bytes, record

sys.path.insert(0, str(Path(__file__).parents[1]))  # the cluster is that of the tests

K = 12
RECIPES = ("rules", "cascade")
PARTITIONS = 24


def folders(run: Path, work: Path, recipe: str) -> tuple[Path, Path]:
    """Return the folders of the tables and of the bundle of a recipe."""
    from hemline.runs import RunFolder

    found = RunFolder.open(run)
    bundle = work / "rules" if recipe == "rules" else found.folder("train")
    return found.folder("ingest"), bundle


def train(run: Path, work: Path) -> dict[str, Any]:
    """Train the bundle of the recipe rules from the tables of the run."""
    from hemline.config import Config
    from hemline.photos.neighbours import Neighbours
    from hemline.recommend.bundle import catalogue_of, train_bundle
    from hemline.runs import RunFolder
    from hemline.shop.tables import Tables

    found = RunFolder.open(run)
    tables = Tables.open(found.folder("ingest"))
    config = Config().replaced({"recipe": "rules", "threads": 2})
    neighbours = Neighbours.open(found.folder("neighbours"))
    started = time.perf_counter()
    bundle = train_bundle(
        config,
        catalogue_of(config, tables.articles, neighbours),
        tables.histories,
        as_of=tables.cutoff,
    )
    bundle.save(work / "rules")
    return {"seconds": round(time.perf_counter() - started, 1)}


def into_cache(*paths: Path) -> None:
    """Read files once, so that no engine pays for the disk."""
    for path in paths:
        for one in [path] if path.is_file() else path.rglob("*.npy"):
            with one.open("rb") as file:
                while file.read(1 << 24):
                    pass


def written(tables: Path, bundle: Path, blocks: Any, out: Path) -> str:
    """Write the file of some blocks, and return its digest."""
    from hemline.recommend.bundle import Bundle
    from hemline.recommend.output import write_recommendations
    from hemline.shop.ids import IdMap

    ids = [IdMap.open(tables / f"{one}_ids.npy", one) for one in ("customer", "article")]
    write_recommendations(out, blocks, *ids, Bundle.open(bundle).recipe.channel_names)
    return hashlib.sha256(out.read_bytes()).hexdigest()


def laptop(tables: Path, bundle: Path, out: Path) -> dict[str, Any]:
    """Recommend on this machine alone, on two threads."""
    from hemline.recommend.bundle import Bundle
    from hemline.recommend.output import recommend_all
    from hemline.shop.histories import Histories

    into_cache(tables / "histories", tables / "customer_ids.npy", bundle)
    started = time.perf_counter()
    found = Bundle.open(bundle)
    histories = Histories.open(tables / "histories")
    blocks = recommend_all(found, histories, K, as_of=found.cutoff, threads=2)
    digest = written(tables, bundle, blocks, out)
    return {
        "seconds": round(time.perf_counter() - started, 2),
        "peak_gib": round(peak_bytes() / 2**30, 2),
        "customers": len(histories),
        "digest": digest,
    }


def on_spark(tables: Path, bundle: Path, work: Path) -> dict[str, Any]:
    """Recommend on a cluster: ready, again, and with a worker killed halfway."""
    from tests.spark_cluster import running

    from hemline.cluster import Recommending
    from hemline.config import Spark as Settings
    from hemline.engines.spark import Spark
    from hemline.recommend.bundle import Bundle
    from hemline.shop.histories import Histories

    into_cache(tables / "histories", tables / "customer_ids.npy", bundle)
    histories, as_of = Histories.open(tables / "histories"), Bundle.open(bundle).cutoff
    figures: dict[str, Any] = {}
    with running(work / "cluster", workers=2, cores=1, memory="2g") as cluster:
        started = time.perf_counter()
        settings = Settings(master=cluster.url, executor_memory="1g")
        with Spark(settings) as spark:
            figures["session_seconds"] = round(time.perf_counter() - started, 2)

            def kill(parts: Path) -> None:
                cluster.kill(cluster.workers[0])
                cluster.start_worker()
                figures["parts_when_killed"] = len(list(parts.glob("*.arrow")))

            for name in ("ready", "again", "killed"):
                folder = work / name
                shutil.rmtree(folder, ignore_errors=True)
                begun = time.perf_counter()
                job = Recommending(spark, bundle, folder, PARTITIONS)
                blocks = job.blocks(histories, K, as_of=as_of)
                if name == "killed":
                    blocks = interrupted(
                        blocks, len(histories) // 2, lambda f=folder: kill(f / "parts")
                    )
                digest = written(tables, bundle, blocks, folder / "out.parquet")
                figures[name] = {
                    "seconds": round(time.perf_counter() - begun, 2),
                    "digest": digest,
                    "executors": len({one.executor for one in job.reports}),
                    "parts": len(job.reports),
                    "opening_seconds": round(max(one.opening for one in job.reports), 2),
                    "task_seconds": round(sum(one.seconds for one in job.reports), 2),
                    "peak_gib_python": round(max(o.peak_bytes for o in job.reports) / 2**30, 2),
                }
                size = sum(one.stat().st_size for one in (folder / "parts").iterdir())
                figures[name]["parts_mb"] = round(size / 1e6, 1)
                shutil.rmtree(folder)
    figures["driver_peak_gib"] = round(peak_bytes() / 2**30, 2)
    figures["cold_seconds"] = round(figures["session_seconds"] + figures["ready"]["seconds"], 2)
    return figures


def interrupted(blocks: Iterator[Any], customers: int, act: Any) -> Iterator[Any]:
    """Yield blocks, and act once when so many customers have been seen."""
    seen = 0
    for one in blocks:
        if seen < customers <= seen + len(one):
            act()
        seen += len(one)
        yield one


def main() -> None:
    """Train, then measure each engine and recipe in a process of its own, and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--work", type=Path, help="a folder for what is made on the way")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    work = chosen.work or Path(tempfile.mkdtemp(prefix="spark-score-"))
    work.mkdir(parents=True, exist_ok=True)
    if chosen.step:
        step, _, recipe = chosen.step.partition(":")
        if step == "train":
            found = train(chosen.run, work)
        elif step == "laptop":
            found = laptop(*folders(chosen.run, work, recipe), work / "laptop.parquet")
        else:
            found = on_spark(*folders(chosen.run, work, recipe), work)
        print(json.dumps(found))
        return
    given = ("--run", str(chosen.run), "--work", str(work))

    def done(step: str) -> Any:
        return json.loads(measure_step(__file__, *given, "--step", step).output.splitlines()[-1])

    figures: dict[str, Any] = {}
    if not (work / "rules" / "bundle.json").exists():
        figures["train_rules"] = done("train")
    for recipe in RECIPES:
        here = done(f"laptop:{recipe}")
        there = done(f"spark:{recipe}")
        later = done(f"laptop:{recipe}")
        digests = [here, later, there["ready"], there["again"], there["killed"]]
        same = len({one.pop("digest") for one in digests}) == 1
        seconds = min(here["seconds"], later["seconds"])
        killed, again = there["killed"]["seconds"], there["again"]["seconds"]
        figures[recipe] = {
            "laptop": here,
            "laptop_afterwards": later,
            "spark": there,
            "same_bytes": same,
            "ratio_ready": round(there["ready"]["seconds"] / seconds, 2),
            "ratio_again": round(again / seconds, 2),
            "ratio_cold": round(there["cold_seconds"] / seconds, 2),
            "ratio_killed_to_undisturbed": round(killed / again, 2),
        }
        both = figures[recipe]
        both["core_seconds_per_million_customers"] = round(
            there["again"]["task_seconds"] / here["customers"] * 1e6, 1
        )
    total, again, killed = (
        sum(figures[one]["spark"][name]["seconds"] for one in RECIPES)
        for name in ("ready", "again", "killed")
    )
    alone = sum(
        min(figures[one][name]["seconds"] for name in ("laptop", "laptop_afterwards"))
        for one in RECIPES
    )
    figures["both_recipes"] = {
        "laptop_seconds": round(alone, 2),
        "spark_ready_seconds": round(total, 2),
        "ratio": round(total / alone, 2),
        "killed_over_again": round(killed / again, 2),
        "killed_over_ready": round(killed / total, 2),
    }
    bars = {"both_recipes.ratio": "<= 2", "both_recipes.killed_over_again": "<= 1.6"}
    for recipe in RECIPES:
        bars[f"{recipe}.same_bytes"] = "true"
        bars[f"{recipe}.ratio_ready"] = "<= 2"
        bars[f"{recipe}.ratio_killed_to_undisturbed"] = "<= 1.6"
    record("spark_score", figures, bars=bars)
    if not chosen.work:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
