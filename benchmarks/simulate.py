"""The simulated shop at H&M's size: how long it takes, how much memory, how alike it is.

    python benchmarks/simulate.py [--tenfold]

Writes benchmarks/results/simulate.json. `--tenfold` adds a shop of ten times the customers
and purchases, to show that memory does not grow with them beyond some bytes a customer.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import duckdb

from hemline.shop.simulate import simulate
from record import Measured, measure_step, record

CUSTOMERS, ARTICLES, DAYS, ROWS = 1_371_980, 105_542, 731, 31_788_324
STEPS: dict[str, dict[str, Any]] = {
    "parquet": {"format": "parquet"},
    "vectors": {"format": "parquet", "purchases": 0, "vectors": 2048},
    "csv": {},
    "photos": {"customers": 100, "articles": 1000, "days": 365, "photos": True},
    "tenfold": {"format": "parquet", "customers": 10 * CUSTOMERS, "purchases": 10 * ROWS},
}
ALIKE = """
with bought as (
    select distinct customer_id, t_dat, article_id, article_id[:7] as product
    from read_parquet('{shop}/transactions_train.parquet')
    where hash(customer_id) % 20 = 0
), firsts as (
    select *, min(t_dat) over (partition by customer_id, article_id) as of_article,
        min(t_dat) over (partition by customer_id, product) as of_product
    from bought
) select avg((of_article < t_dat)::int), avg((of_product < t_dat and of_article = t_dat)::int)
from firsts
"""
LAST_WEEK = """
with rows as (from read_parquet('{shop}/transactions_train.parquet')),
ends as (select max(t_dat) as last from rows),
week as (select article_id, customer_id from rows, ends where t_dat > last - 7),
before as (select distinct article_id from rows, ends where t_dat > last - 14 and t_dat <= last - 7)
select count(*), count(distinct customer_id), count(distinct article_id),
    count(distinct case when article_id in (from before) then article_id end)
from week
"""


def alike(shop: Path) -> dict[str, Any]:
    """Measure the regularities that H&M's data are known to have."""
    db = duckdb.connect()
    rows = f"read_parquet('{shop}/transactions_train.parquet')"

    def one(query: str) -> tuple[Any, ...]:
        found = db.execute(query).fetchone()
        assert found is not None
        return found

    n_rows, kept = one(
        f"select sum(n), count(*) from (select count(*) as n from {rows} "
        "group by t_dat, customer_id, article_id, price, sales_channel_id)"
    )
    buyers, sold = one(
        f"select count(distinct customer_id), count(distinct article_id) from {rows}"
    )
    mean, sd = one(
        f"select avg(n), stddev(n) from (select count(*) as n from {rows} group by customer_id)"
    )
    again, other = one(ALIKE.format(shop=shop))
    week_rows, week_buyers, week_articles, week_before = one(LAST_WEEK.format(shop=shop))
    return {
        "rows": int(n_rows),
        "exact repeats, share of the rows": round(1 - kept / n_rows, 4),
        "customers without purchases, share": round(1 - buyers / CUSTOMERS, 4),
        "articles never sold, share": round(1 - sold / ARTICLES, 4),
        "rows per buyer, mean": round(mean, 2),
        "rows per buyer, sd": round(sd, 2),
        "the same article on a later day, share": round(again, 4),
        "another colour on a later day, share": round(other, 4),
        "last week, rows": week_rows,
        "last week, buyers": week_buyers,
        "last week, articles": week_articles,
        "last week, share of its articles sold in the week before": round(
            week_before / week_articles, 4
        ),
    }


HM = {
    "rows": 31788324,
    "exact repeats, share of the rows": 0.0936,
    "customers without purchases, share": 0.0071,
    "articles never sold, share": 0.0094,
    "the same article on a later day, share": "0.028 to 0.039 in the last week",
    "another colour on a later day, share": "about 0.06 in the last week, sizes included",
    "last week, rows": 240311,
    "last week, buyers": 68984,
    "last week, articles": 17986,
    "last week, share of its articles sold in the week before": 0.776,
}


def main() -> None:
    """Run the steps, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--step", choices=[*STEPS, "alike"])
    parser.add_argument("--folder", type=Path, help="where the shops go (default: temporary)")
    parser.add_argument("--tenfold", action="store_true")
    options = parser.parse_args()
    if options.step == "alike":
        print(json.dumps(alike(options.folder)))
        return
    if options.step:
        sizes = {"customers": CUSTOMERS, "articles": ARTICLES, "days": DAYS, "photos": False}
        found = simulate(options.folder, seed=1, **{**sizes, **STEPS[options.step]})
        print(json.dumps(found))
        return
    figures: dict[str, Any] = {}
    for step in STEPS:
        if step == "tenfold" and not options.tenfold:
            continue
        with tempfile.TemporaryDirectory(dir=options.folder) as name:
            shop = Path(name) / "shop"
            took = measure_step(__file__, "--step", step, "--folder", str(shop))
            figures[step] = _figures(took, shop)
            if step == "parquet":
                # in a process of its own: a child's peak counts what its parent held at the fork
                seen = measure_step(__file__, "--step", "alike", "--folder", str(shop))
                figures["as H&M"] = {"simulated": json.loads(seen.output), "H&M": HM}
            shutil.rmtree(shop)
    bars = {
        "parquet.seconds": {"at most": 240, "reached": figures["parquet"]["seconds"] <= 240},
        "parquet.peak_gib": {"at most": 6, "reached": figures["parquet"]["peak_gib"] <= 6},
    }
    record("simulate", figures, bars=bars)


def _figures(took: Measured, shop: Path) -> dict[str, Any]:
    size = sum(path.stat().st_size for path in shop.rglob("*") if path.is_file())
    return {
        "seconds": round(took.seconds, 1),
        "cpu_seconds": round(took.cpu_seconds, 1),
        "peak_gib": round(took.peak_bytes / 2**30, 2),
        "gib_on_disk": round(size / 2**30, 2),
        **json.loads(took.output),
    }


if __name__ == "__main__":
    main()
