"""The embedded graph at H&M size: building it from a run's Parquet, and one customer's candidates.

python benchmarks/graph_embedded.py --run RUN [--customers 400] [--shop-only] [--asking-only]

RUN is a finished run; at H&M size

    hemline simulate SHOP --customers 1371980 --articles 105542 --days 731 --format parquet \
        --vectors 2048
    hemline run SHOP --out RUN --set evaluate.folds=0

The graph is built twice, each time in a fresh process: of the shop alone (articles, customers,
purchases, similar articles), and with everything (the vectors as `embedding` and the twelve
recommendations of everyone too). Candidates are asked for a few hundred customers with
purchases, drawn by a fixed seed, each once, on a store just opened:
`own purchases -> similar -> same department and index`. The same is asked for blocks of
customers, neighbours by id, in one query each.

`--asking-only` asks a graph that is there, beside the cascade's kernel for everyone in the same
run, and records that as `graph_candidates`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np

from record import measure_step, peak_bytes, record

SEED = 20
BLOCK = 2000
BLOCKS = 60
COMPARED = 100


def main() -> None:
    """Measure both builds and the query, and record them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--customers", type=int, default=400)
    parser.add_argument("--step", choices=["build", "ask", "together"])
    parser.add_argument("--everything", action="store_true")
    parser.add_argument("--shop-only", action="store_true", help="leave the second build out")
    parser.add_argument("--asking-only", action="store_true", help="the graph is there")
    chosen = parser.parse_args()
    if chosen.step == "build":
        print(json.dumps(build(chosen.run, chosen.everything)))
    elif chosen.step == "ask":
        print(json.dumps(ask(chosen.run, chosen.customers)))
    elif chosen.step == "together":
        print(json.dumps(ask_together(chosen.run)))
    elif chosen.asking_only:
        candidates(chosen.run, chosen.customers)
    else:
        measured(chosen.run, chosen.customers, chosen.shop_only)


def measured(run: Path, customers: int, shop_only: bool) -> None:
    """Run each step in a process of its own."""
    figures: dict[str, Any] = {}
    builds = [("build", []), ("build with everything", ["--everything"])]
    for name, more in builds[: 1 if shop_only else 2]:
        done = measure_step(__file__, "--step", "build", "--run", str(run), *more)
        figures[name] = {
            "seconds": round(done.seconds, 1),
            "cpu_seconds": round(done.cpu_seconds, 1),
            "peak_gib": round(done.peak_bytes / 2**30, 2),
            **printed(done.output),
        }
        if not more:
            figures |= asked(run, customers)
    record(
        "graph_embedded",
        figures,
        bars={
            "build.seconds": "<= 120",
            "build.peak_gib": "<= 6",
            "candidates of one customer.p95_ms": "<= 100",
        },
    )


def candidates(run: Path, customers: int) -> None:
    """Ask the graph, and the kernel beside it."""
    cascade = str(Path(__file__).with_name("cascade.py"))
    kernel = {
        step: printed(measure_step(cascade, "--run", str(run), "--step", step).output)
        for step in ("whole", "parts")
    }
    figures = {
        **asked(run, customers),
        "kernel, all customers": {
            "customers": kernel["whole"]["customers"],
            "seconds": round(kernel["whole"]["seconds"], 1),
            "one_customer_ms": round(kernel["parts"]["one_customer_ms"], 2),
        },
    }
    record("graph_candidates", figures, bars={"candidates of one customer.p95_ms": "<= 100"})


def asked(run: Path, customers: int) -> dict[str, Any]:
    """Return the figures of asking for one customer's candidates, and for many customers'."""
    both = ["--run", str(run), "--customers", str(customers)]
    return {
        "candidates of one customer": printed(
            measure_step(__file__, "--step", "ask", *both).output
        ),
        "candidates of many customers": printed(
            measure_step(__file__, "--step", "together", *both).output
        ),
    }


def printed(output: str) -> dict[str, Any]:
    """Return the figures that a step printed last."""
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    return found


def build(path: Path, everything: bool) -> dict[str, Any]:
    """Build the graph of a run anew and tell what is in it."""
    from hemline.pipeline.graph import build_graph
    from hemline.runs import RunFolder

    run = RunFolder.open(path)
    shutil.rmtree(run.path / "graph", ignore_errors=True)
    found = build_graph(run, embeddings=everything, recommendations=everything)
    steps = found["seconds"]
    (file,) = run.path.glob("graph/*/graph.lbug")
    return {
        "tables_s": round(steps["tables"], 1),
        "purchased_s": round(steps["Customer-PURCHASED-Product"], 1),
        "reconcile_s": round(steps["reconcile"], 1),
        "file_gib": round(file.stat().st_size / 2**30, 2),
        "edges": sum(found["edges"].values()),
        "purchases": found["counts"]["PURCHASED"],
        "units": found["counts"]["units"],
    }


def ask(path: Path, customers: int) -> dict[str, Any]:
    """Ask for the candidates of some customers, one after another."""
    from hemline.graph.queries import find
    from hemline.pipeline.graph import open_graph
    from hemline.runs import RunFolder
    from hemline.shop.tables import Tables

    run = RunFolder.open(path)
    tables = Tables.open(run.folder("ingest"))
    buyers = np.flatnonzero(tables.histories.lengths)
    drawn = np.random.default_rng(SEED).choice(buyers, min(customers, len(buyers)), replace=False)
    query = find("candidates").text
    times, found = [], 0
    started = time.perf_counter()
    with open_graph(run) as store:
        opened = time.perf_counter() - started
        for customer in tables.customer_ids.strings(drawn):
            started = time.perf_counter()
            found += len(store.rows(query, {"customer_id": customer}))
            times.append(time.perf_counter() - started)
    milliseconds = np.array(times) * 1000
    return {
        "customers": len(times),
        "candidates": found,
        "open_s": round(opened, 2),
        "p50_ms": round(float(np.percentile(milliseconds, 50)), 1),
        "p95_ms": round(float(np.percentile(milliseconds, 95)), 1),
        "worst_ms": round(float(milliseconds.max()), 1),
        "peak_gib": round(peak_bytes() / 2**30, 2),
        "all_customers_hours_extrapolated": round(
            float(milliseconds.mean()) / 3.6e6 * len(buyers), 1
        ),
    }


def ask_together(path: Path) -> dict[str, Any]:
    """Ask for the candidates of many customers, a block of them in each query."""
    from hemline.graph.queries import find
    from hemline.pipeline.graph import open_graph
    from hemline.runs import RunFolder
    from hemline.shop.tables import Tables

    run = RunFolder.open(path)
    tables = Tables.open(run.folder("ingest"))
    ids = sorted(tables.customer_ids.strings(np.flatnonzero(tables.histories.lengths)))
    blocks = [ids[low : low + BLOCK] for low in range(0, len(ids), BLOCK)]
    drawn = np.random.default_rng(SEED).permutation(len(blocks))[:BLOCKS]
    together = find("candidates-of-customers").text
    customers = found = 0
    seconds = 0.0
    with open_graph(run) as store:
        for block in (blocks[at] for at in drawn):
            started = time.perf_counter()
            with store.query(together, {"from_id": block[0], "to_id": block[-1]}) as batches:
                rows = batches.read_all()
            seconds += time.perf_counter() - started
            customers, found = customers + len(block), found + len(rows)
        few = block[:COMPARED]
        alone = {
            (one, row["code"], row["paths"])
            for one in few
            for row in store.rows(find("candidates").text, {"customer_id": one})
        }
        both = [row for row in rows.to_pylist() if row["customer"] <= few[-1]]
        assert {(row["customer"], row["code"], row["paths"]) for row in both} == alone
    return {
        "customers": customers,
        "customers_in_a_query": BLOCK,
        "candidates": found,
        "candidates_compared_with_one_by_one": len(alone),
        "seconds": round(seconds, 1),
        "peak_gib": round(peak_bytes() / 2**30, 2),
        "all_customers_minutes_extrapolated": round(seconds / customers * len(ids) / 60, 1),
    }


if __name__ == "__main__":
    main()
