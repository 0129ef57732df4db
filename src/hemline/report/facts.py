"""What a shop's tables say, counted once: plain values for charts, pages and tests.

Everything is an Ibis expression on the engine. The purchases are read a few times and never
held: each pass groups them into something small (by article and week, by customer, by
customer and article), and what is shown is made from that.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis import _

from hemline.blocks import Progress, silent
from hemline.engines.duckdb import DuckDB
from hemline.schema import AGE_GROUPS, ARTICLES, CUSTOMERS, PURCHASES
from hemline.shop.histories import SECONDS_PER_DAY
from hemline.shop.tables import Tables

Rows = list[dict[str, Any]]

TOP = 15
"""Bars of a chart of the most popular."""

SEASONS = ("winter", "spring", "summer", "autumn")
"""By month of the northern year: December to February, March to May, …"""


@dataclass
class Counted:
    """The small tables that everything is made from, on one engine."""

    engine: DuckDB
    purchases: ir.Table
    articles: ir.Table
    customers: ir.Table
    weekly: ir.Table
    by_customer: ir.Table
    by_article: ir.Table
    pairs: ir.Table

    def rows(self, expression: ir.Table) -> Rows:
        """Compute a small expression; sums of whole numbers are whole numbers."""
        return [
            # the engine adds up integers without overflow, as decimals
            {name: int(one) if isinstance(one, Decimal) else one for name, one in row.items()}
            for row in self.engine.rows(expression)
        ]

    def one(self, expression: ir.Table) -> dict[str, Any]:
        """Compute an expression of one row."""
        return self.rows(expression)[0]


def shop_facts(
    tables: Tables, *, threads: int = 0, memory_gb: float = 3.0, progress: Progress = silent
) -> dict[str, Any]:
    """Count what a report shows of a shop.

    Parameters
    ----------
    tables : Tables
        What `ingest` wrote.
    threads : int
        0: one for each processor.
    memory_gb : float
        What the engine holds before it spills.
    progress : callable, optional

    Returns
    -------
    dict
        A section a key, each a dict of plain values and lists of rows; a section whose columns
        the shop does not have is missing, as is what needs dates for undated purchases.
    """
    from hemline.report import sections

    with (
        tempfile.TemporaryDirectory(prefix="hemline-report-") as spill,
        DuckDB(Path(spill), threads=threads, memory_gb=memory_gb) as engine,
    ):
        parts: list[tuple[str, Callable[[Counted, Tables], dict[str, Any] | None]]] = [
            ("overview", sections.overview),
            ("counts", sections.purchase_counts),
            ("popular", sections.popular),
            ("time", sections.sales_in_time),
            ("seasons", sections.by_season),
            ("ages", sections.ages),
            ("club", sections.club),
            ("prices", sections.prices),
            ("repeats", sections.repeats),
            ("lifetimes", sections.lifetimes),
            ("quality", sections.quality),
        ]
        steps = len(parts) + 4
        counted = _count(engine, tables, lambda done: progress(done, steps))
        found: dict[str, Any] = {}
        for i, (name, section) in enumerate(parts):
            one = section(counted, tables)
            if one is not None:
                found[name] = one
            progress(i + 5, steps)
    return found


def _count(engine: DuckDB, tables: Tables, told: Callable[[int], None]) -> Counted:
    folder = tables.folder
    views = {
        name: engine.parquet(
            name,
            [folder / f"{name}.parquet"],
            offsets=[0],
            picks={one: one for one in schema.names},
            numbered=name != "purchases",
        )
        for name, schema in (
            ("purchases", PURCHASES),
            ("articles", ARTICLES),
            ("customers", CUSTOMERS),
        )
    }
    purchases = views["purchases"]
    purchases = purchases.mutate(day=(purchases.time // SECONDS_PER_DAY).cast("int32"))
    spent = (_.price * _.quantity).sum()
    told(0)
    weekly = engine.store(
        "weekly",
        # 1970-01-05 was a Monday
        purchases.mutate(week=((_.day + 3) // 7).cast("int32"))
        .group_by("article", "week")
        .aggregate(edges=_.count(), units=_.quantity.sum(), spent=spent),
    )
    told(1)
    by_customer = engine.store(
        "by_customer",
        purchases.group_by("customer").aggregate(
            edges=_.count(),
            units=_.quantity.sum(),
            days=_.day.nunique(),
            first=_.day.min(),
            last=_.day.max(),
        ),
    )
    told(2)
    pairs = engine.store(
        "pairs",
        purchases.group_by("customer", "article").aggregate(edges=_.count(), days=_.day.nunique()),
    )
    told(3)
    by_article = engine.store(
        "by_article",
        purchases.group_by("article").aggregate(
            edges=_.count(),
            units=_.quantity.sum(),
            first=_.day.min(),
            last=_.day.max(),
            price=_.price.mean(),
        ),
    )
    told(4)
    return Counted(
        engine,
        purchases,
        views["articles"].rename(article="row"),
        views["customers"].rename(customer="row"),
        weekly,
        by_customer,
        by_article,
        pairs,
    )


def age_group(age: ir.NumericValue) -> ir.StringValue:
    """Return the name of the age group of an age in years; null without one."""
    years = age.floor()
    cases = [(years <= high, f"{low}-{high}") for low, high in AGE_GROUPS]
    found: ir.StringValue = ibis.cases(*cases, else_=None)
    lowest = AGE_GROUPS[0][0]
    return ibis.ifelse(years.isnull() | (years < lowest), ibis.null("string"), found)


def season(day: ir.IntegerValue) -> ir.StringValue:
    """Return the season of a day counted from 1970-01-01."""
    month = (ibis.date("1970-01-01") + day * ibis.interval(days=1)).month()
    place = (month % 12) // 3
    return ibis.cases(*((place == i, name) for i, name in enumerate(SEASONS)), else_=None)
