"""The cascade for every customer, to Parquet, beside one SQL query for its candidates alone.

python benchmarks/cascade.py --run RUN

RUN is a run folder whose stages up to `train` are done, of a shop of H&M's size; or name
its two folders: `--tables RUN/.../ingest --bundle RUN/.../train`. Every step is measured in
a process of its own, the query with its tables in memory before the clock starts.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from record import measure_step, peak_bytes, record

K = 12
QUERY = """
CREATE TABLE candidates AS
WITH bought AS (SELECT DISTINCT customer, article FROM purchases),
departments AS (SELECT DISTINCT customer, department FROM bought JOIN articles USING (article)),
indexes AS (SELECT DISTINCT customer, index_ FROM bought JOIN articles USING (article))
SELECT DISTINCT b.customer, s.other AS article
FROM bought b
JOIN neighbours s ON s.article = b.article
JOIN articles r ON r.article = s.other
SEMI JOIN departments d ON d.customer = b.customer AND d.department = r.department
SEMI JOIN indexes i ON i.customer = b.customer AND i.index_ = r.index_
"""


def opened(tables: Path, bundle: Path) -> tuple[Any, Any, int]:
    """Return the bundle, the histories and the moment that is recommended for."""
    from hemline.recommend.bundle import Bundle
    from hemline.shop.histories import Histories

    found = Bundle.open(bundle)
    assert found.cutoff is not None
    return found, Histories.open(tables / "histories"), found.cutoff


def whole(tables: Path, bundle: Path, threads: int) -> dict[str, Any]:
    """Open the bundle, recommend to everyone, write Parquet."""
    from hemline.recommend.output import recommend_all, write_recommendations
    from hemline.shop.ids import IdMap

    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        found, histories, as_of = opened(tables, bundle)
        ids = [IdMap.open(tables / f"{one}_ids.npy", one) for one in ("customer", "article")]
        out = Path(folder) / "recommendations.parquet"
        blocks = recommend_all(found, histories, K, as_of=as_of, threads=threads)
        summary = write_recommendations(out, blocks, *ids, found.recipe.channel_names)
        seconds = time.perf_counter() - started
        return {
            "seconds": seconds,
            "peak_gib": peak_bytes() / 2**30,
            "file_mb": out.stat().st_size / 1e6,
            **summary,
        }


def parts(tables: Path, bundle: Path, threads: int) -> dict[str, Any]:
    """Measure fold-in, the whole block function, and writing, one after another."""
    from hemline.blocks import map_blocks
    from hemline.recommend.output import BLOCK, recommend_all, write_recommendations
    from hemline.shop.ids import IdMap

    found, histories, as_of = opened(tables, bundle)
    ids = [IdMap.open(tables / f"{one}_ids.npy", one) for one in ("customer", "article")]
    n = len(histories)

    def fold_in(low: int, high: int) -> None:
        block = histories.block(low, high).before(as_of)
        found.recipe.als.customer_vectors(block, as_of=as_of, whitened=True)

    fold_in(0, 64)
    started = time.perf_counter()
    for _ in map_blocks(fold_in, n, BLOCK, threads):
        pass
    folded = time.perf_counter()
    blocks = list(recommend_all(found, histories, K, as_of=as_of, threads=threads))
    recommended = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        names = found.recipe.channel_names
        write_recommendations(Path(folder) / "r.parquet", blocks, *ids, names)
    written = time.perf_counter()
    return {
        "fold_in": folded - started,
        "gather_rank_fill": recommended - folded - (folded - started),
        "write_parquet_alone": written - recommended,
        "one_customer_ms": one_customer(found, histories, as_of),
    }


def one_customer(bundle: Any, histories: Any, as_of: int) -> float:
    """Return the milliseconds of a block of one, as the service asks, on average over 200."""
    started = time.perf_counter()
    for row in range(0, len(histories), len(histories) // 200):
        bundle.recommend(histories.block(row, row + 1), K, as_of=as_of)
    return (time.perf_counter() - started) * 1000 / 200


def in_sql(tables: Path, bundle: Path, threads: int) -> dict[str, Any]:
    """Run the query, and compare its answer with ours for some customers."""
    import duckdb
    import numpy as np
    import pyarrow as pa

    found, histories, as_of = opened(tables, bundle)
    seen = histories.before(as_of).compact()
    similar, n = found.catalogue.similar, found.catalogue.n_articles
    codes = found.catalogue.codes
    with tempfile.TemporaryDirectory() as folder:
        database = duckdb.connect(f"{folder}/candidates.duckdb")
        database.execute(f"SET threads={threads or 2}; SET memory_limit='10GB'")
        database.execute("SET preserve_insertion_order=false")
        columns = {
            "purchases": {"customer": seen.customers().astype(np.int32), "article": seen.article},
            "articles": {
                "article": np.arange(n, dtype=np.int32),
                "department": codes["department_no"],
                "index_": codes["index_code"],
            },
            "neighbours": {
                "article": np.repeat(np.arange(n, dtype=np.int32), (similar >= 0).sum(axis=1)),
                "other": similar[similar >= 0],
            },
        }
        for name, arrays in columns.items():
            table = pa.table({key: np.asarray(one) for key, one in arrays.items()})
            database.register("given", table)
            database.execute(f"CREATE TEMP TABLE {name} AS FROM given")
            database.unregister("given")
        del columns, seen, table
        started = time.perf_counter()
        database.execute(QUERY.replace("CREATE TABLE", "CREATE TEMP TABLE"))
        seconds = time.perf_counter() - started
        count = database.sql("SELECT count(*) FROM candidates").fetchall()[0][0]
        compared = compare(database, found, histories, as_of)
    return {
        "seconds": seconds,
        "peak_gib": peak_bytes() / 2**30,
        "candidates": count,
        "customers_compared": compared,
    }


def compare(database: Any, bundle: Any, histories: Any, as_of: int) -> int:
    """Check that every 500th customer has the same candidates here and there."""
    rows = list(range(0, len(histories), 500))
    listed: dict[int, set[int]] = {row: set() for row in rows}
    query = "SELECT customer, article FROM candidates WHERE customer % 500 = 0"
    for customer, article in database.sql(query).fetchall():
        listed[customer].add(article)
    for row in rows:
        k = max(len(listed[row]), 1)
        found = bundle.recommend(histories.block(row, row + 1), k, as_of=as_of)
        ours = set(found.articles[0][found.channels[0] <= 1].tolist())
        if ours != listed[row]:
            raise SystemExit(f"customer {row}: {ours ^ listed[row]} differ")
    return len(rows)


STEPS = {"whole": whole, "parts": parts, "sql": in_sql}


def main() -> None:
    """Measure the three steps and record them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--tables", type=Path)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--step", choices=STEPS)
    chosen = parser.parse_args()
    tables, bundle = chosen.tables, chosen.bundle
    if chosen.run:
        from hemline.runs import RunFolder

        run = RunFolder.open(chosen.run)
        tables, bundle = run.folder("ingest"), run.folder("train")
    if not tables or not bundle:
        parser.error("give --run, or --tables and --bundle")
    if chosen.step:
        print(json.dumps(STEPS[chosen.step](tables, bundle, chosen.threads)))
        return
    folders = ("--tables", str(tables), "--bundle", str(bundle))
    figures: dict[str, Any] = {}
    for step in STEPS:
        found = measure_step(__file__, *folders, "--threads", str(chosen.threads), "--step", step)
        figures[step] = rounded(json.loads(found.output.splitlines()[-1]))
        if step == "whole":
            figures[step]["seconds_with_start"] = round(found.seconds, 1)
    figures["ratio_to_sql"] = round(figures["whole"]["seconds"] / figures["sql"]["seconds"], 3)
    bars = {"whole.seconds": "<= 60", "whole.peak_gib": "<= 8", "ratio_to_sql": "<= 0.5"}
    record("cascade", figures, bars=bars)


def rounded(figures: dict[str, Any]) -> dict[str, Any]:
    """Return the figures with two decimals."""
    return {key: round(one, 2) if isinstance(one, float) else one for key, one in figures.items()}


if __name__ == "__main__":
    main()
