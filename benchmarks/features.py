"""Microseconds a candidate for all features of the ranker, at H&M's size.

python benchmarks/features.py --run RUN

RUN is a run folder whose stages up to `neighbours` are done. The candidates are those of the
channels that are fitted in seconds, for customers drawn from all; the others would only add two
features each. Only the features are timed, on one thread and on all, and their fit; the bar is on
processor time, which says the same on a busy machine.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from record import measure_step, peak_bytes, record

BLOCK = 2048


def measured(run: Path, customers: int, threads: int) -> dict[str, Any]:
    """Fit channels and features, and compute the features of some customers five times."""
    from hemline.blocks import available_threads, map_blocks
    from hemline.config import ATTRIBUTES
    from hemline.photos.neighbours import Neighbours
    from hemline.recommend.channels import Channels
    from hemline.recommend.features import Features
    from hemline.runs import RunFolder
    from hemline.shop.tables import Catalogue, Tables

    folder = RunFolder.open(run)
    slow = {f"channels.{name}.enabled": False for name in ("als", "also-bought", "same-day")}
    config = folder.config.replaced({"threads": threads, "recipe": "two-stage", **slow})
    tables = Tables.open(folder.folder("ingest"))
    similar = Neighbours.open(folder.folder("neighbours"))
    catalogue = Catalogue.of(tables.articles, ATTRIBUTES, similar.articles, similar.scores)
    histories, as_of = tables.histories, tables.cutoff
    channels = Channels(config).fit(histories, catalogue, as_of=as_of)
    features = Features(config, channels.names)
    started, cpu = time.perf_counter(), time.process_time()
    features.fit(histories, catalogue, as_of=as_of)
    figures: dict[str, Any] = {
        "fit_seconds": time.perf_counter() - started,
        "fit_processor_seconds": time.process_time() - cpu,
    }
    rows = np.random.default_rng(1).choice(len(histories), customers, replace=False)
    chosen = histories.take(np.sort(rows))
    blocks = list(
        map_blocks(
            lambda low, high: channels.gather(chosen.block(low, high), as_of=as_of),
            customers,
            BLOCK,
            threads,
        )
    )
    m = sum(one.n_rows for one in blocks)
    figures |= {
        "customers": customers,
        "candidates": m,
        "candidates_a_customer": m / customers,
        "features": len(features.declared),
    }

    def block(low: int, high: int) -> float:
        found = features.compute(chosen.block(low, high), blocks[low // BLOCK], as_of=as_of)
        return float(np.nansum(found[0]))

    for name, workers in (("one_thread", 1), ("all_threads", available_threads(threads))):
        seconds = []
        for _ in range(5):
            started, cpu = time.perf_counter(), time.process_time()
            for _ in map_blocks(block, customers, BLOCK, workers):
                pass
            seconds.append((time.perf_counter() - started, time.process_time() - cpu))
        wall, cpu = (min(one) for one in zip(*seconds, strict=True))
        figures[name] = {
            "threads": workers,
            "seconds": wall,
            "microseconds_a_candidate": wall / m * 1e6,
            "processor_microseconds_a_candidate": cpu / m * 1e6,
        }
    figures["peak_gib"] = peak_bytes() / 2**30
    return figures


def main() -> None:
    """Measure in a fresh process and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--step", choices=("measured",))
    chosen = parser.parse_args()
    if chosen.step:
        print(json.dumps(measured(chosen.run, chosen.customers, chosen.threads)))
        return
    arguments = ("--run", str(chosen.run), "--customers", str(chosen.customers))
    found = measure_step(
        __file__, *arguments, "--threads", str(chosen.threads), "--step", "measured"
    )
    figures = rounded(json.loads(found.output.splitlines()[-1]))
    bars = {
        "features": ">= 40",
        "candidates_a_customer": ">= 100",
        "one_thread.processor_microseconds_a_candidate": "<= 1",
    }
    record("features", figures, bars=bars)


def rounded(figures: dict[str, Any]) -> dict[str, Any]:
    """Return the figures with three decimals."""
    return {
        key: rounded(one)
        if isinstance(one, dict)
        else round(one, 3)
        if isinstance(one, float)
        else one
        for key, one in figures.items()
    }


if __name__ == "__main__":
    main()
