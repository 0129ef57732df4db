"""Ingest on a real standalone Spark, beside this machine's own engine.

python benchmarks/spark_ingest.py --data SHOP [--work DIR] [--executor-memory 2g]

SHOP is a folder in the Kaggle layout, CSV or Parquet. A master and two workers of one core each
are started on loopback; each engine works in a process of its own, on the same two cores, with
the files in the page cache before the clock starts. The clock of Spark begins when its executors
are there; the time until then is `session_seconds`. What both wrote is compared byte by byte.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from record import measure_step, peak_bytes, record

sys.path.insert(0, str(Path(__file__).parents[1]))  # the cluster is that of the tests


def digest(folder: Path) -> str:
    """Return a digest of all tables that an ingest wrote."""
    found = hashlib.sha256()
    for one in sorted(folder.rglob("*")):
        if one.is_file() and one.name != "ingest.json":
            found.update(str(one.relative_to(folder)).encode())
            with one.open("rb") as file:
                while block := file.read(1 << 24):
                    found.update(block)
    return found.hexdigest()


def ingested(data: Path, out: Path, spark: Any = None) -> dict[str, Any]:
    """Ingest a shop into a fresh folder, on Spark or not, and measure it."""
    from hemline.config import Config
    from hemline.shop.ingest import ingest
    from hemline.shop.source import Shop

    shutil.rmtree(out, ignore_errors=True)
    for one in data.rglob("*"):
        if one.is_file() and one.suffix in (".csv", ".parquet", ".gz"):
            with one.open("rb") as file:
                while file.read(1 << 24):
                    pass
    config = Config().replaced({"threads": 2})
    started = time.perf_counter()
    summary = ingest(Shop.from_folder(data), config, out, spark=spark)
    seconds = round(time.perf_counter() - started, 1)
    found = {
        "seconds": seconds,
        "driver_peak_gib": round(peak_bytes() / 2**30, 2),
        "rows": summary["purchases"]["rows_read"],
        "customers": summary["n_customers"],
        "digest": digest(out),
    }
    shutil.rmtree(out)
    return found


def on_spark(data: Path, work: Path, memory: str) -> dict[str, Any]:
    """Ingest on a cluster of two workers with a core each."""
    from tests.spark_cluster import running

    from hemline.config import Spark as Settings
    from hemline.engines.spark import Spark

    gib = int(memory.rstrip("g")) + 1
    with running(work / "cluster", workers=2, cores=1, memory=f"{gib}g") as cluster:
        started = time.perf_counter()
        settings = Settings(master=cluster.url, executor_memory=memory)
        with Spark(settings) as spark:
            session = round(time.perf_counter() - started, 1)
            return ingested(data, work / "spark", spark) | {
                "session_seconds": session,
                "executor_memory": memory,
            }


def main() -> None:
    """Measure each engine in a process of its own, and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, help="a folder for what is made on the way")
    parser.add_argument("--executor-memory", default="2g", help="heap of an executor, as 2g")
    parser.add_argument("--step", choices=("laptop", "spark"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    work = chosen.work or Path(tempfile.mkdtemp(prefix="spark-ingest-"))
    work.mkdir(parents=True, exist_ok=True)
    if chosen.step == "laptop":
        print(json.dumps(ingested(chosen.data, work / "laptop")))
        return
    if chosen.step == "spark":
        print(json.dumps(on_spark(chosen.data, work, chosen.executor_memory)))
        return
    given = ("--data", str(chosen.data), "--work", str(work))
    memory = ("--executor-memory", chosen.executor_memory)
    figures: dict[str, Any] = {}
    for step in ("laptop", "spark"):
        output = measure_step(__file__, *given, *memory, "--step", step).output
        figures[step] = json.loads(output.splitlines()[-1])
    figures["same"] = figures["laptop"].pop("digest") == figures["spark"].pop("digest")
    figures["times_the_laptop"] = round(
        figures["spark"]["seconds"] / figures["laptop"]["seconds"], 2
    )
    record("spark_ingest", figures, bars={"same": "== 1"})


if __name__ == "__main__":
    main()
