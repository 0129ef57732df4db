"""What is bought together, as Ibis expressions, for purchases that are a table of an engine.

The same counts as those of `AlsoBought` and `CoPurchase`. The joins make a row of every pair of
purchases of a customer: an engine that spills or is spread over machines can do that, and the
compiled kernels need not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemline.config.channel_models import CoPurchase as Settings
from hemline.models.sales_expression import age_in_days, faded

if TYPE_CHECKING:
    import ibis.expr.types as ir


def also_bought_expression(purchases: ir.Table, per_article: int = 0) -> ir.Table:
    """Return C = E'E without its diagonal: paths article - customer - article, counted.

    Parameters
    ----------
    purchases : Ibis table of `customer`, `article`
        A row a purchase.
    per_article : int
        Keep so many of each article's, the largest, ties by lower position; 0: all.

    Returns
    -------
    Ibis table of `article`, `other`, `value` (int64)
    """
    times = purchases.group_by("customer", "article").aggregate(times=purchases.count())
    others = times.select("customer", other=times.article, other_times=times.times)
    pairs = times.inner_join(others, "customer")
    pairs = pairs.filter(pairs.article != pairs.other)
    paths = pairs.times * pairs.other_times
    counted = pairs.group_by("article", "other").aggregate(value=paths.sum().cast("int64"))
    return _largest(counted, per_article)


def co_purchase_expression(
    purchases: ir.Table, as_of: int | None, settings: Settings | None = None
) -> ir.Table:
    """Return the values of `CoPurchase`: pairs within some days, the later the weightier.

    Parameters
    ----------
    purchases : Ibis table of `customer`, `article`, `time`
        A row a purchase; those before `as_of` alone count.
    as_of : int or None
        Seconds; None: undated data, which is one day.

    Returns
    -------
    Ibis table of `article`, `other`, `value` (float64)
    """
    import ibis

    settings = settings or Settings()
    if as_of is not None:
        purchases = purchases.filter(purchases.time < as_of)
    aged = purchases.select("customer", "article", age=age_in_days(purchases.time, as_of))
    # purchases of one article by one customer at one age are one row, with how many they are
    held = aged.group_by("customer", "article", "age").aggregate(n=aged.count())
    others = held.select("customer", other=held.article, other_age=held.age, other_n=held.n)
    pairs = held.inner_join(others, "customer")
    near = (pairs.age - pairs.other_age).abs() <= settings.window_days
    pairs = pairs.filter((pairs.article != pairs.other) & near)
    later = ibis.least(pairs.age, pairs.other_age)
    if settings.days and as_of is not None:
        pairs = pairs.filter(later < settings.days)
        later = ibis.least(pairs.age, pairs.other_age)
    worth = (pairs.n * pairs.other_n).cast("float64")
    if as_of is not None:
        worth = worth * faded(later, settings.decay)
    sums = pairs.group_by("article", "other").aggregate(weight=worth.sum())
    totals = sums.group_by("article").aggregate(total=sums.weight.sum())
    shared = sums.inner_join(totals, "article")
    value = shared.weight / shared.total.pow(settings.share)
    return _largest(shared.select("article", "other", value=value), settings.per_article)


def _largest(counted: ir.Table, per_article: int) -> ir.Table:
    import ibis

    if not per_article:
        return counted
    # as the arrays have it: what differs by less is a tie, whatever the order of adding up
    value = counted.value.cast("float32") if counted.value.type().is_floating() else counted.value
    best = ibis.window(group_by="article", order_by=[value.desc(), counted.other])
    ranked = counted.mutate(place=ibis.row_number().over(best))
    return ranked.filter(ranked.place < per_article).drop("place")
