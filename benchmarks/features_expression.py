"""Seconds for the features that are relational: the compiled pass, and the same by DuckDB.

python benchmarks/features_expression.py --run RUN

RUN is a run folder whose stage `ingest` is done. The pairs are what some customers bought last
and as many articles again, drawn; both are given the same, read the same folder, and count the
articles of the whole shop. One thread and all; the least of three times.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from record import measure_step, record

PAIRS = 100


def measured(run: Path, customers: int) -> dict[str, Any]:
    """Time both ways, three times each."""
    import pyarrow as pa

    from hemline.config import ATTRIBUTES, Config
    from hemline.engines.duckdb import DuckDB
    from hemline.recommend.candidates import Candidates
    from hemline.recommend.features import Features, features_expression
    from hemline.runs import RunFolder
    from hemline.shop.tables import Catalogue, Tables

    tables = Tables.open(RunFolder.open(run).folder("ingest"))
    histories, as_of = tables.histories, tables.cutoff
    catalogue = Catalogue.of(tables.articles, ATTRIBUTES)
    rng = np.random.default_rng(1)
    chosen = np.sort(rng.choice(len(histories), customers, replace=False))
    mine = histories.take(chosen)
    lists = [
        np.unique(
            np.concatenate(
                [
                    mine.article[mine.start[i] : mine.stop[i]][-PAIRS // 2 :],
                    rng.integers(0, len(tables.article_ids), PAIRS // 2),
                ]
            )
        )
        for i in range(customers)
    ]
    bounds = np.concatenate([[0], np.cumsum([len(one) for one in lists])])
    article = np.concatenate(lists).astype(np.int32)
    one = np.ones((len(article), 1))
    candidates = Candidates(
        bounds, article, one.astype(np.int16), one.astype(np.float32), ("some",)
    )
    config = Config.of({"threads": 1})
    figures: dict[str, Any] = {"customers": customers, "pairs": len(article)}
    figures["purchases"] = histories.n_purchases

    def compiled() -> None:
        features = Features(config, ("some",)).fit(histories, catalogue, as_of=as_of)
        features.compute(mine, candidates, as_of=as_of)

    figures["compiled_seconds"] = _least(compiled)
    customer = np.repeat(chosen.astype(np.int32), np.diff(bounds))
    with tempfile.TemporaryDirectory() as folder:
        for name, threads in (("duckdb_one_thread", 1), ("duckdb_all_threads", 0)):
            with DuckDB(Path(folder) / name, threads=threads) as engine:
                named = {
                    "pairs": pa.table({"customer": customer, "article": article}),
                    "articles": tables.articles.append_column(
                        "article", pa.array(np.arange(catalogue.n_articles), pa.int32())
                    ),
                    "customers": pa.table(
                        {
                            "customer": np.arange(len(histories), dtype=np.int32),
                            "age": np.asarray(histories.age),
                        }
                    ),
                }
                for key, table in named.items():
                    engine.ibis.create_table(key, table)
                given = {key: engine.ibis.table(key) for key in named}
                purchases = engine.ibis.read_parquet(tables.purchases_path)
                expression = features_expression(**given, purchases=purchases, as_of=as_of)
                figures["features"] = len(expression.columns) - 2
                figures[f"{name}_seconds"] = _least(
                    lambda made=expression, by=engine: by.store("features", made)
                )
    return figures


def _least(work: Any) -> float:
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return round(min(seconds), 3)


def main() -> None:
    """Measure in a fresh process and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--customers", type=int, default=1_000)
    parser.add_argument("--step", choices=("measured",))
    chosen = parser.parse_args()
    if chosen.step:
        print(json.dumps(measured(chosen.run, chosen.customers)))
        return
    found = measure_step(
        __file__, "--run", str(chosen.run), "--customers", str(chosen.customers),
        "--step", "measured",
    )  # fmt: skip
    record("features_expression", json.loads(found.output.splitlines()[-1]))


if __name__ == "__main__":
    main()
