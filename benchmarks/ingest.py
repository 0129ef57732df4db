"""A shop of H&M's size, from its files to tables, beside a bare DuckDB script.

    python benchmarks/ingest.py --data SHOP [--work DIR] [--repeats 3]

SHOP is a simulated shop as Parquet or CSV (`hemline simulate`). What is missing of the two
is made under DIR first: the CSV takes 3.5 GB. Bare and Hemline take turns in one run, each
in a fresh process, with the same memory limit for DuckDB. The bare script reads, numbers the
ids by joins, counts repeats by GROUP BY and writes the three tables as sorted Parquet. It
checks nothing, and writes no histories and no rejects; Hemline does.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from record import Measured, measure_step, record

TABLES = ("articles", "customers", "transactions_train")
MEMORY = "3GB"
RATIO, PEAK_GIB = 1.4, 5.0


def bare(folder: Path, out: Path) -> None:
    """Do what a person would write by hand."""
    import duckdb

    out.mkdir()
    database = duckdb.connect()
    database.execute(f"SET memory_limit = '{MEMORY}'; SET temp_directory = '{out}/spill'")

    def source(name: str, text: str) -> str:
        parquet = folder / f"{name}.parquet"
        if parquet.exists():
            return f"'{parquet}'"
        return f"read_csv('{folder / name}.csv', types = {{'{text}': 'VARCHAR'}})"

    database.execute(
        "CREATE TABLE articles AS SELECT row_number() OVER (ORDER BY article_id) - 1 AS article, "
        f"* FROM {source('articles', 'article_id')}"
    )
    database.execute(
        "CREATE TABLE customers AS SELECT row_number() OVER (ORDER BY customer_id) - 1 AS "
        f"customer, * FROM {source('customers', 'customer_id')}"
    )
    database.execute(
        f"CREATE TABLE bought AS SELECT * FROM {source('transactions_train', 'article_id')}"
    )
    database.execute(f"COPY (FROM articles ORDER BY article) TO '{out}/articles.parquet'")
    database.execute(f"COPY (FROM customers ORDER BY customer) TO '{out}/customers.parquet'")
    database.execute(
        "COPY (SELECT customer::INTEGER AS customer, t_dat, article::INTEGER AS article, price, "
        "sales_channel_id, count(*) AS quantity FROM bought JOIN customers USING (customer_id) "
        "JOIN articles USING (article_id) GROUP BY ALL ORDER BY ALL) "
        f"TO '{out}/purchases.parquet'"
    )


def hemline(folder: Path, out: Path, alone: bool = False) -> None:
    """Ingest the shop, or its purchases alone."""
    from hemline.config import Config
    from hemline.shop.ingest import ingest
    from hemline.shop.source import Shop

    shop = Shop.from_folder(folder)
    if alone:
        shop = Shop(shop.purchases)
    ingest(shop, Config(), out)


def prepare(data: Path, work: Path) -> dict[str, Path]:
    """Return the shop's folders as "csv", "parquet", and "broken" with three bad rows in CSV."""
    import duckdb

    endings = {ending: data / f"transactions_train.{ending}" for ending in ("csv", "parquet")}
    folders = {ending: data for ending, file in endings.items() if file.exists()}
    for ending in endings:
        if ending in folders:
            continue
        folders[ending] = work / ending
        folders[ending].mkdir(parents=True, exist_ok=True)
        for name in TABLES:
            target = folders[ending] / f"{name}.{ending}"
            if not target.exists():
                given = data / f"{name}.{'csv' if ending == 'parquet' else 'parquet'}"
                duckdb.sql(f"COPY (FROM '{given}') TO '{target}.part' (FORMAT {ending})")
                Path(f"{target}.part").rename(target)
    broken = folders["broken"] = work / "broken"
    broken.mkdir(parents=True, exist_ok=True)
    for name in TABLES[:2]:
        if not (broken / f"{name}.csv").exists():
            (broken / f"{name}.csv").symlink_to((folders["csv"] / f"{name}.csv").resolve())
    target = broken / f"{TABLES[2]}.csv"
    if not target.exists():
        shutil.copyfile(folders["csv"] / target.name, target)
        with target.open("a") as file:
            file.write('2020-01-01,"open,1,1,1\n2020-01-01,x,1,-1,1\n2020-13-01,x,1,1,1\n')
    return folders


def step(name: str, folder: Path, work: Path) -> Measured:
    """Measure one way through in a fresh process; what it wrote is removed."""
    out = Path(tempfile.mkdtemp(dir=work)) / "out"
    try:
        return measure_step(__file__, "--step", name, "--data", str(folder), "--work", str(out))
    finally:
        shutil.rmtree(out.parent)


def summed_up(found: list[Measured]) -> dict[str, Any]:
    """Return the median of the seconds and the highest peak."""
    return {
        "seconds": round(statistics.median(one.seconds for one in found), 1),
        "all_seconds": [round(one.seconds, 1) for one in found],
        "cpu_seconds": round(statistics.median(one.cpu_seconds for one in found), 1),
        "peak_gib": round(max(one.peak_bytes for one in found) / 2**30, 2),
    }


def main() -> None:
    """Parse, measure, write down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "hemline-ingest")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--step", choices=["bare", "hemline", "purchases"])
    asked = parser.parse_args()
    if asked.step == "bare":
        bare(asked.data, asked.work)
    elif asked.step:
        hemline(asked.data, asked.work, asked.step == "purchases")
    else:
        compare(asked.data, asked.work, asked.repeats)


def compare(data: Path, work: Path, repeats: int) -> None:
    """Let the ways take turns and record what they took."""
    work.mkdir(parents=True, exist_ok=True)
    folders = prepare(data, work)
    turns = [(name, kind) for kind in ("csv", "parquet") for name in ("bare", "hemline")]
    found: dict[tuple[str, str], list[Measured]] = {turn: [] for turn in turns}
    for _ in range(repeats):
        for turn in turns:
            found[turn].append(step(turn[0], folders[turn[1]], work))
            print(*turn, f"{found[turn][-1].seconds:.1f} s", flush=True)
    started = time.perf_counter()
    figures: dict[str, Any] = {
        "rows": rows(folders["parquet"]),
        "csv_gb": round((folders["csv"] / "transactions_train.csv").stat().st_size / 1e9, 2),
    }
    for kind in ("csv", "parquet"):
        ours, theirs = found["hemline", kind], found["bare", kind]
        figures[kind] = {"bare": summed_up(theirs), "hemline": summed_up(ours)}
        seconds = (one["seconds"] for one in (figures[kind]["hemline"], figures[kind]["bare"]))
        figures[kind]["ratio"] = round(next(seconds) / next(seconds), 2)
    # for orientation: one turn each
    figures["csv_with_three_bad_rows"] = summed_up([step("hemline", folders["broken"], work)])
    figures["csv_of_purchases_alone"] = summed_up([step("purchases", folders["csv"], work)])
    print(f"further measurements took {time.perf_counter() - started:.0f} s")
    bars = {"csv.ratio": f"<= {RATIO}", "csv.hemline.peak_gib": f"<= {PEAK_GIB}"}
    record("ingest", figures, bars=bars)


def rows(folder: Path) -> int:
    """Return the number of purchases."""
    import pyarrow.parquet as pq

    return int(pq.read_metadata(folder / "transactions_train.parquet").num_rows)


if __name__ == "__main__":
    main()
