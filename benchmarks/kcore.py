"""The k-core and the interaction matrix, on arrays beside Ibis expressions on DuckDB.

python benchmarks/kcore.py --tables DIR

DIR is a folder that `ingest` wrote, of a shop of H&M's size. Each way is measured in a
process of its own. Arrays: from the mapped histories to the confidences of the kept customers
and articles as one matrix, ready to train on. Ibis: the pairs of the k-core from
purchases.parquet, and their confidences joined on and ordered, which is what the same matrix
is made of.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from record import measure_step, peak_bytes, record

MIN_CUSTOMER, MIN_ARTICLE = 5, 5
BAR_SECONDS = 30
MEMORY = "6GB"


def arrays(tables: Path, threads: int) -> dict[str, Any]:
    """The way Hemline trains."""
    import numpy as np

    from hemline.config import Weights
    from hemline.models.weights import interactions
    from hemline.shop.histories import Histories, end_of_day
    from hemline.shop.kcore import k_core

    # Parquet's rows come from the page cache, and so shall these
    for path in (tables / "histories").glob("*.npy"):
        path.read_bytes()
    started = time.perf_counter()
    histories = Histories.open(tables / "histories")
    last = histories.last_time()
    assert last is not None
    pairs = interactions(histories, end_of_day(last), Weights(), threads)
    merged = time.perf_counter()
    core = k_core(pairs, MIN_CUSTOMER, MIN_ARTICLE)
    peeled = time.perf_counter()
    matrix = core.matrix(pairs)
    seconds = time.perf_counter() - started
    assert matrix.nnz == core.after.pairs
    return {
        "seconds": round(seconds, 2),
        "interactions_seconds": round(merged - started, 2),
        "k_core_seconds": round(peeled - merged, 2),
        "matrix_seconds": round(started + seconds - peeled, 2),
        "peak_gib": round(peak_bytes() / 2**30, 2),
        "purchases": histories.n_purchases,
        "rounds": len(core.steps) - 1,
        "before": vars(core.before),
        "after": vars(core.after),
        "confidence": float(np.sum(matrix.data, dtype=np.float64)),
    }


def expressions(tables: Path, threads: int) -> dict[str, Any]:
    """The same as Ibis expressions on DuckDB."""
    import ibis

    from hemline.shop.histories import SECONDS_PER_DAY, Histories, end_of_day
    from hemline.shop.kcore import k_core_expression

    last = Histories.open(tables / "histories").last_time()
    assert last is not None
    (tables / "purchases.parquet").read_bytes()
    as_of = end_of_day(last)
    started = time.perf_counter()
    connection = ibis.duckdb.connect(threads=threads, memory_limit=MEMORY)
    purchases = connection.read_parquet(tables / "purchases.parquet")
    core = k_core_expression(purchases, MIN_CUSTOMER, MIN_ARTICLE)
    peeled = time.perf_counter()
    half_year = 26 * 7 * SECONDS_PER_DAY
    weight = ibis.cases(
        (purchases.time >= as_of - half_year, 5.0),
        (purchases.time >= as_of - 2 * half_year, 3.0),
        else_=1.0,
    )
    matrix = (
        purchases.mutate(weight=weight)
        .semi_join(core, ["customer", "article"])
        .group_by("customer", "article")
        .aggregate(confidence=lambda table: table.weight.sum())
        .order_by("customer", "article")
        .to_pyarrow()
    )
    seconds = time.perf_counter() - started
    return {
        "seconds": round(seconds, 2),
        "k_core_seconds": round(peeled - started, 2),
        "peak_gib": round(peak_bytes() / 2**30, 2),
        "after": {
            "customers": len(matrix.column("customer").unique()),
            "articles": len(matrix.column("article").unique()),
            "pairs": matrix.num_rows,
        },
        "confidence": sum(
            batch.column("confidence").to_numpy().sum() for batch in matrix.to_batches()
        ),
    }


STEPS = {"arrays": arrays, "expressions": expressions}


def main() -> None:
    """Measure both, side by side."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--step", choices=STEPS)
    arguments = parser.parse_args()
    if arguments.step:
        from hemline.blocks import available_threads

        threads = available_threads(arguments.threads)
        print(json.dumps(STEPS[arguments.step](arguments.tables, threads)))
        return
    figures: dict[str, Any] = {}
    for _ in range(arguments.repeat):
        for step in STEPS:
            given = ["--tables", str(arguments.tables), "--threads", str(arguments.threads)]
            measured = measure_step(__file__, *given, "--step", step)
            found = json.loads(measured.output)
            found["all_seconds"] = [*figures.get(step, {}).get("all_seconds", []), found["seconds"]]
            best = figures.get(step)
            if best is None or found["seconds"] < best["seconds"]:
                figures[step] = found
            else:
                best["all_seconds"] = found["all_seconds"]
    for key in ("after", "confidence"):
        assert figures["arrays"][key] == figures["expressions"][key], key
    figures["expressions_over_arrays"] = round(
        figures["expressions"]["seconds"] / figures["arrays"]["seconds"], 1
    )
    record("kcore", figures, bars={"arrays.seconds": f"<= {BAR_SECONDS}"})


if __name__ == "__main__":
    main()
