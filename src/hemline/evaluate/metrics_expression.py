"""The metrics as Ibis expressions, for lists and purchases that are tables of an engine.

The same definitions as in `metrics`, to 1e-12, on DuckDB and on Spark alike. The arrays are
what Hemline judges by where lists fit into memory; this is for those that lie in a warehouse or
on a cluster: nothing but the means is brought to this machine.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hemline.errors import ConfigError
from hemline.evaluate.metrics import Denominator
from hemline.evaluate.report import ALL, JUDGED, SEGMENTS
from hemline.shop.histories import SECONDS_PER_DAY

if TYPE_CHECKING:
    import ibis.expr.types as ir


def per_customer_expression(
    lists: ir.Table, truth: ir.Table, k: int, *, denominator: Denominator = "min"
) -> ir.Table:
    """Return every ranking metric of every customer who bought something, one row each.

    Parameters
    ----------
    lists : Ibis table of `customer`, `rank`, `article`
        The place counts from 1. A null or negative article is an empty place.
    truth : Ibis table of `customer`, `article`
        What was bought; a pair that stands there twice counts once.
    k : int
    denominator : "min" or "relevant"
        As for `mean_average_precision`.

    Returns
    -------
    Ibis table of `customer` and the columns of `metrics.per_customer`, float64
    """
    import ibis

    if k < 1:
        raise ConfigError(f"k = {k}", hint="k is at least 1")
    if denominator not in ("min", "relevant"):
        raise ConfigError(f"denominator = {denominator!r}", hint='"min" or "relevant"')
    bought = truth.select("customer", "article").distinct()
    placed = lists.filter(lists["rank"].between(1, k), lists["article"] >= 0)
    # an article that is listed twice scores at its first place
    first = placed.group_by("customer", "article").aggregate(place=placed["rank"].min())
    listed = first.group_by("customer").aggregate(listed=first["article"].count())
    hits = first.join(bought, ["customer", "article"], how="semi")
    window = ibis.window(group_by="customer", order_by="place")
    hits = hits.mutate(
        share=(ibis.row_number().over(window) + 1).cast("float64") / hits["place"],
        gain=1 / (hits["place"] + 1).cast("float64").log2(),
    )
    each = hits.group_by("customer").aggregate(
        n_hits=hits["place"].count(),
        precisions=hits["share"].sum(),
        gains=hits["gain"].sum(),
        best=hits["place"].min(),
    )
    buyers = bought.group_by("customer").aggregate(relevant=bought["article"].count())
    found = buyers.left_join(each, "customer").drop("customer_right")
    found = found.left_join(listed, "customer").drop("customer_right")
    nothing = ("n_hits", "precisions", "gains", "listed")
    found = found.mutate(**{name: found[name].fill_null(0) for name in nothing})
    reachable = ibis.least(found["relevant"], k)
    found = found.mutate(
        reachable=reachable.cast("float64"), ideal=_ideal_gain(reachable, k)
    ).mutate(hit=found["n_hits"].cast("float64"))
    relevant = found["relevant"].cast("float64")
    return found.select(
        "customer",
        map=found["precisions"] / (found["reachable"] if denominator == "min" else relevant),
        precision=found["hit"] / k,
        recall=found["hit"] / relevant,
        hit_rate=(found["n_hits"] > 0).cast("float64"),
        ndcg=found["gains"] / found["ideal"],
        mrr=(1 / found["best"].cast("float64")).fill_null(0),
        customer_coverage=(found["listed"] >= k).cast("float64"),
        listed=(found["listed"] > 0).cast("float64"),
    )


def catalogue_coverage_expression(lists: ir.Table, k: int, *, n_articles: int) -> ir.Table:
    """Return one row: the share of the catalogue that stands on at least one list's k places."""
    placed = lists.filter(lists["rank"].between(1, k), lists["article"] >= 0)
    seen = placed["article"].nunique().cast("float64")
    return placed.aggregate(catalogue_coverage=seen / (n_articles or math.nan))


def segments_expression(truth: ir.Table, before: ir.Table, cutoff: int) -> ir.Table:
    """Return the segment of each customer in `truth`: days from the last purchase to a cutoff.

    Parameters
    ----------
    truth : Ibis table of `customer`
    before : Ibis table of `customer`, `time`
        Purchases, in seconds; those at or after `cutoff` are not looked at.
    cutoff : int
        Seconds.

    Returns
    -------
    Ibis table of `customer`, `segment`: a name of `report.SEGMENTS`
    """
    import ibis

    known = before.filter(before["time"] < cutoff)
    # whole days: // of integers is not the same for all engines where times are negative
    last = known.group_by("customer").aggregate(
        day=(known["time"].max() / SECONDS_PER_DAY).floor().cast("int64")
    )
    judged = truth.select("customer").distinct().left_join(last, "customer")
    judged = judged.select("customer", "day")
    days = ibis.greatest(cutoff // SECONDS_PER_DAY - judged["day"], 1).fill_null(0)
    days = judged["day"].isnull().ifelse(0, days)
    chosen = [(days.between(low, high), name) for name, low, high in SEGMENTS]
    return judged.select("customer", segment=ibis.cases(*chosen))


def judge_expression(
    lists: ir.Table, truth: ir.Table, before: ir.Table, *, cutoff: int, k: int
) -> ir.Table:
    """Return what `backtest` says of a fold: the mean of each metric, for all and by segment.

    Parameters
    ----------
    lists : Ibis table of `customer`, `rank`, `article`
    truth : Ibis table of `customer`, `article`
        What was bought in the predicted days.
    before : Ibis table of `customer`, `time`
    cutoff : int
        Seconds.
    k : int

    Returns
    -------
    Ibis table of `segment`, `customers` and the metrics of `report.JUDGED`
    """
    import ibis

    each = per_customer_expression(lists, truth, k)
    apart = segments_expression(truth, before, cutoff)
    each = each.join(apart, "customer")

    def means(table: ir.Table) -> dict[str, ir.Value]:
        return {"customers": table["map"].count(), **{one: table[one].mean() for one in JUDGED}}

    names = ("segment", "customers", *JUDGED)
    whole = each.aggregate(**means(each)).mutate(segment=ibis.literal(ALL)).select(*names)
    by_segment = each.group_by("segment").aggregate(**means(each)).select(*names)
    return whole.union(by_segment)


def _ideal_gain(reachable: ir.IntegerValue, k: int) -> ir.Value:
    """Return the gain of a list that begins with so many hits: sums up to k, written out."""
    import ibis

    total, sums = 0.0, []
    for place in range(1, k + 1):
        total += 1.0 / math.log2(place + 1)
        # as text: Spark takes a number that is written with a point for a decimal
        sums.append((reachable == place, ibis.literal(repr(total)).cast("float64")))
    return ibis.cases(*sums)
