"""The sections of a report: each counts one thing a retailer asks."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir
from ibis import _

from hemline.report.facts import SEASONS, TOP, Counted, Rows, age_group, season
from hemline.shop.tables import Tables

LEVELS = {
    "product types": "product_type_name",
    "garment groups": "garment_group_name",
    "departments": "department_name",
}


def overview(counted: Counted, tables: Tables) -> dict[str, Any]:
    """Count customers, products, purchases, money, days."""
    articles, customers = counted.articles, counted.customers
    sums = counted.one(
        counted.by_customer.aggregate(
            buyers=_.count(),
            edges=counted.by_customer.edges.sum(),
            units=counted.by_customer.units.sum(),
            first=counted.by_customer["first"].min(),
            last=counted.by_customer["last"].max(),
        )
    )
    catalogue = counted.one(
        articles.aggregate(
            articles=articles.count(),
            products=articles.product_code.nunique(),
            types=articles.product_type_name.nunique(),
        )
    )
    return {
        "customers": counted.one(customers.aggregate(n=_.count()))["n"],
        "customers_with_purchases": sums["buyers"],
        **catalogue,
        "articles_sold": counted.one(counted.by_article.aggregate(n=_.count()))["n"],
        "purchases": sums["edges"],
        "units": sums["units"],
        "spent": counted.one(counted.weekly.aggregate(spent=_.spent.sum()))["spent"],
        "first_day": _day(sums["first"]) if _dated(sums) else None,
        "last_day": _day(sums["last"]) if _dated(sums) else None,
    }


def purchase_counts(counted: Counted, tables: Tables) -> dict[str, Any]:
    """Tell how many purchases a customer makes, and a product has.

    As the talk counts them: dated purchases, identical rows once, of those with any.
    """
    found: dict[str, Any] = {}
    for name, table in (("customer", counted.by_customer), ("product", counted.by_article)):
        figures = counted.one(
            table.aggregate(
                mean=_.edges.mean(),
                sd=_.edges.std(how="sample"),
                median=_.edges.median(),
                most=_.edges.max(),
            )
        )
        # bins that double: 1, 2-3, 4-7, …
        binned = table.mutate(bin=_.edges.log2().floor().cast("int32"))
        bins = counted.rows(binned.group_by("bin").aggregate(n=_.count()).order_by("bin"))
        found[name] = {
            **figures,
            "bins": [
                {"from": 2 ** one["bin"], "to": 2 ** (one["bin"] + 1) - 1, "n": one["n"]}
                for one in bins
            ],
        }
    return found


def popular(counted: Counted, tables: Tables) -> dict[str, Any] | None:
    """Rank product types, garment groups and departments by articles, and by units sold."""
    found: dict[str, Any] = {}
    sold = counted.by_article.select("article", "units")
    for title, column in LEVELS.items():
        named = counted.articles.filter(counted.articles[column].notnull())
        catalogue = counted.rows(
            named.group_by(name=named[column])
            .aggregate(articles=_.count())
            .order_by(ibis.desc("articles"), "name")
            .limit(TOP)
        )
        joined = named.inner_join(sold, "article")
        sales = counted.rows(
            joined.group_by(name=joined[column])
            .aggregate(units=_.units.sum())
            .order_by(ibis.desc("units"), "name")
            .limit(TOP)
        )
        if catalogue:
            found[title] = {"catalogue": catalogue, "sales": sales}
    return found or None


def sales_in_time(counted: Counted, tables: Tables) -> dict[str, Any] | None:
    """Add up the units of each week, and of each month of the calendar."""
    days = counted.purchases
    if not _is_dated(counted):
        return None
    weeks = counted.rows(
        counted.weekly.group_by("week")
        .aggregate(units=_.units.sum(), spent=_.spent.sum())
        .order_by("week")
    )
    # the first and last week may be cut off, which a reader must not take for a fall
    first, last = (
        counted.one(counted.by_customer.aggregate(x=one))["x"]
        for one in (counted.by_customer["first"].min(), counted.by_customer["last"].max())
    )
    per_day = days.group_by("day").aggregate(units=_.quantity.sum())
    date = ibis.date("1970-01-01") + per_day.day * ibis.interval(days=1)
    months = counted.rows(
        per_day.group_by(year=date.year(), month=date.month())
        .aggregate(units=_.units.sum())
        .order_by("year", "month")
    )
    weekdays = counted.rows(
        per_day.group_by(weekday=(per_day.day + 3) % 7)
        .aggregate(units=_.units.sum(), days=_.count())
        .order_by("weekday")
    )
    return {
        "weeks": [
            {
                "monday": _day(one["week"] * 7 - 3),
                "units": one["units"],
                "spent": one["spent"],
                "whole": one["week"] * 7 - 3 >= first and one["week"] * 7 + 3 <= last,
            }
            for one in weeks
        ],
        "months": months,
        "weekdays": weekdays,
    }


def by_season(counted: Counted, tables: Tables) -> dict[str, Any] | None:
    """Tell which colours and garment groups sell in which season: shares of the season's units."""
    if not _is_dated(counted):
        return None
    found: dict[str, Any] = {}
    weekly = counted.weekly
    of_season = weekly.mutate(season=season(weekly.week * 7))
    for title, column in (
        ("colours", "perceived_colour_master_name"),
        ("garment groups", "garment_group_name"),
    ):
        named = counted.articles.filter(counted.articles[column].notnull())
        joined = of_season.inner_join(named.select("article", name=column), "article")
        rows = counted.rows(joined.group_by("season", "name").aggregate(units=_.units.sum()))
        if rows:
            found[title] = _shares(rows)
    return found or None


def _shares(rows: Rows) -> Rows:
    totals: dict[str, int] = {}
    sizes: dict[str, int] = {}
    for one in rows:
        totals[one["season"]] = totals.get(one["season"], 0) + one["units"]
        sizes[one["name"]] = sizes.get(one["name"], 0) + one["units"]
    kept = sorted(sizes, key=lambda name: (-sizes[name], name))[:TOP]
    order = {name: i for i, name in enumerate(SEASONS)}
    found = [
        {
            "season": one["season"],
            "name": one["name"],
            "units": one["units"],
            "share": one["units"] / max(totals[one["season"]], 1),
        }
        for one in rows
        if one["name"] in kept
    ]
    return sorted(found, key=lambda one: (kept.index(one["name"]), order[one["season"]]))


def ages(counted: Counted, tables: Tables) -> dict[str, Any] | None:
    """Count customers by age, and tell what each age group buys more than the others."""
    customers = counted.customers
    aged = customers.filter(_.age.notnull())
    histogram = counted.rows(
        aged.group_by(age=_.age.floor().cast("int32"))
        .aggregate(customers=_.count())
        .order_by("age")
    )
    if not histogram:
        return None
    grouped = customers.select("customer", group=age_group(_.age))
    joined = (
        counted.purchases.group_by("customer", "article")
        .aggregate(units=_.quantity.sum())
        .inner_join(grouped.filter(grouped["group"].notnull()), "customer")
    )
    per_article = joined.group_by("group", "article").aggregate(units=_.units.sum())
    named = counted.articles.filter(counted.articles.product_type_name.notnull())
    typed = per_article.inner_join(named.select("article", name="product_type_name"), "article")
    rows = counted.rows(typed.group_by("group", "name").aggregate(units=_.units.sum()))
    buyers = counted.rows(
        grouped.group_by("group").aggregate(customers=_.count()).order_by("group")
    )
    return {"histogram": histogram, "groups": buyers, "types": _liked_most(rows)}


def _liked_most(rows: Rows) -> Rows:
    """Return for each group the types with the largest lift among those that sell at all."""
    everything = sum(one["units"] for one in rows) or 1
    by_name: dict[str, int] = {}
    by_group: dict[str, int] = {}
    for one in rows:
        by_name[one["name"]] = by_name.get(one["name"], 0) + one["units"]
        by_group[one["group"]] = by_group.get(one["group"], 0) + one["units"]
    found: Rows = []
    for group in sorted(by_group):
        each = [
            {
                "group": group,
                "name": one["name"],
                "units": one["units"],
                "share": one["units"] / by_group[group],
                "lift": one["units"] * everything / (by_group[group] * by_name[one["name"]]),
            }
            for one in rows
            # a type must make a half percent of the group's purchases, or chance would lead
            if one["group"] == group and one["units"] >= 0.005 * by_group[group]
        ]
        found.extend(sorted(each, key=lambda one: (-one["lift"], one["name"]))[:5])
    return found


def club(counted: Counted, tables: Tables) -> dict[str, Any]:
    """Count customers and their purchases by club status and by news frequency."""
    customers = counted.customers.left_join(
        counted.by_customer.select("customer", "edges"), "customer"
    )
    found: dict[str, Any] = {}
    for column in ("club_member_status", "fashion_news_frequency"):
        found[column] = counted.rows(
            customers.group_by(name=customers[column])
            .aggregate(customers=_.count(), purchases=_.edges.fill_null(0).mean())
            .order_by(ibis.desc("customers"), "name")
        )
    return found


def prices(counted: Counted, tables: Tables) -> dict[str, Any] | None:
    """Tell what units cost, in bins of equal proportion, and the mean of each garment group."""
    table = counted.purchases.filter(counted.purchases.price > 0)
    steps = 8.0  # bins to a doubling of the price, over two
    binned = table.mutate(bin=(_.price.log2() * steps / 2).floor().cast("int32"))
    bins = counted.rows(binned.group_by("bin").aggregate(units=_.quantity.sum()).order_by("bin"))
    if not bins:
        return None
    figures = counted.one(table.aggregate(mean=_.price.mean(), median=_.price.approx_median()))
    named = counted.articles.filter(counted.articles.garment_group_name.notnull())
    joined = counted.by_article.inner_join(
        named.select("article", name="garment_group_name"), "article"
    )
    groups = counted.rows(
        joined.group_by("name")
        .aggregate(
            price=(_.price * _.units).sum() / _.units.sum(),
            units=_.units.sum(),
        )
        .order_by(ibis.desc("price"), "name")
    )
    return {
        **figures,
        "bins": [
            {
                "from": 2 ** (one["bin"] * 2 / steps),
                "to": 2 ** ((one["bin"] + 1) * 2 / steps),
                "units": one["units"],
            }
            for one in bins
        ],
        "groups": [one for one in groups if one["price"] is not None],
    }


def repeats(counted: Counted, tables: Tables) -> dict[str, Any] | None:
    """Tell how much of what is bought had been bought before by the same customer."""
    pairs = counted.pairs
    codes = counted.articles.select("article", "product_code")
    products = pairs.inner_join(codes.filter(codes.product_code.notnull()), "article")
    by_product = products.group_by("customer", "product_code").aggregate(articles=_.count())
    sums = counted.one(
        pairs.aggregate(pairs=_.count(), days=_.days.sum(), again=(_.days > 1).sum())
    )
    of_product = counted.one(by_product.aggregate(articles=_.articles.sum(), products=_.count()))
    customers = counted.by_customer
    visits = customers.mutate(bin=ibis.least(_.days, 20))
    return {
        # a day on which an article was bought by someone who had it from an earlier day
        "same_article": _share(sums["days"] - sums["pairs"], sums["days"]),
        "articles_bought_again": _share(sums["again"], sums["pairs"]),
        "other_of_product": _share(
            (of_product["articles"] or 0) - (of_product["products"] or 0), of_product["articles"]
        ),
        "days_with_purchases": counted.rows(
            visits.group_by(days=_.bin).aggregate(customers=_.count()).order_by("days")
        ),
    }


def lifetimes(counted: Counted, tables: Tables) -> dict[str, Any] | None:
    """Tell how long articles sell, and how few of them make most of the sales."""
    if not _is_dated(counted):
        return None
    table = counted.by_article
    lived = table.mutate(weeks=((table["last"] - table["first"]) // 7).cast("int32"))
    weeks = counted.rows(
        lived.group_by(weeks=ibis.least(lived.weeks, 104))
        .aggregate(articles=_.count(), units=_.units.sum())
        .order_by("weeks")
    )
    units = counted.engine.table(table.select("units").order_by(ibis.desc("units")))
    sold = units.column("units").to_numpy()
    total, running = sold.sum(), sold.cumsum()
    shares = [
        {"articles": share, "units": float(running[max(int(len(sold) * share), 1) - 1] / total)}
        for share in (0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
    ]
    return {"weeks": weeks, "concentration": shares}


def quality(counted: Counted, tables: Tables) -> dict[str, Any]:
    """Tell what of the shop's files was not taken, or is not known."""
    summary = tables.summary
    rejects: Rows = []
    for name in ("articles", "customers", "purchases"):
        for reason, rows in (summary.get(name) or {}).get("rejects", {}).items():
            rejects.append({"file": name, "reason": reason, "rows": rows})
    customers = counted.customers
    missing = counted.one(
        customers.aggregate(customers=_.count(), without_age=_.age.isnull().sum())
    )
    nulls = {
        name: counted.one(counted.articles.aggregate(n=counted.articles[name].isnull().sum()))["n"]
        for name in ("product_type_name", "department_name", "garment_group_name", "detail_desc")
    }
    return {
        "lines": [str(one) for one in summary.get("lines", [])],
        "rejects": rejects,
        "customers_without_age": missing["without_age"],
        "customers_without_purchase": missing["customers"]
        - counted.one(counted.by_customer.aggregate(n=_.count()))["n"],
        "articles_never_sold": counted.one(counted.articles.aggregate(n=_.count()))["n"]
        - counted.one(counted.by_article.aggregate(n=_.count()))["n"],
        "articles_missing": nulls,
    }


def _share(part: int | None, whole: int | None) -> float | None:
    return float(part or 0) / float(whole) if whole else None


def _dated(sums: dict[str, Any]) -> bool:
    return bool(sums["last"])


def _is_dated(counted: Counted) -> bool:
    table: ir.Table = counted.by_customer
    return bool(counted.one(table.aggregate(last=table["last"].max()))["last"])


def _day(days: int) -> str:
    import datetime as dt

    return str(dt.date(1970, 1, 1) + dt.timedelta(days=days))
