"""What sold, as Ibis expressions, for purchases that are a table of an engine.

The same rules as `count_sales` and `Popular`, for shops whose purchases are counted where they
lie. The arrays are what models are trained from where the histories fit one machine's disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemline.config import Popular as Settings
from hemline.models.sales import LONGEST
from hemline.shop.histories import SECONDS_PER_DAY

if TYPE_CHECKING:
    import ibis.expr.types as ir

OLDER = 2.0**-24
"""An older sale against one in the window, as in `Popular`."""


def age_in_days(time: ir.IntegerColumn, as_of: int | None) -> ir.IntegerColumn:
    """Return the age of a purchase in whole days, 0 in the last day before `as_of`; int64."""
    import ibis

    if as_of is None:
        return time - time
    seconds = ibis.greatest(as_of - 1 - time, 0)
    return (seconds - seconds % SECONDS_PER_DAY) // SECONDS_PER_DAY


def faded(age: ir.IntegerColumn, decay: float) -> ir.FloatingColumn:
    """Return (1 + age) ** -decay, float64, as `sales.fading` has it."""
    import ibis

    return (1 + ibis.least(age, LONGEST - 1)).cast("float64").pow(-decay)


def sales_expression(
    purchases: ir.Table,
    as_of: int | None,
    decay: float,
    *,
    groups: ir.Table | None = None,
    by_customers: bool = True,
) -> ir.Table:
    """Return how much of each article was sold to each group.

    Parameters
    ----------
    purchases : Ibis table of schema.PURCHASES
    as_of : int or None
        Seconds, from which ages count; None for undated data, where everything has age 0.
    decay : float
        A purchase of age a days counts (1 + a) ** -decay.
    groups : Ibis table of `customer`, `group`, optional
        Who is in none counts nowhere; everyone is in group 0 when None.
    by_customers : bool
        A customer counts once for an article, by the latest purchase; otherwise by pieces.

    Returns
    -------
    Ibis table of `group`, `article`, `sold` (float64)
        Only what was sold.
    """
    import ibis

    if groups is None:
        grouped = purchases.mutate(group=ibis.literal(0))
    else:
        grouped = purchases.inner_join(groups.select("customer", "group"), "customer")
    if by_customers:
        each = grouped.group_by("group", "customer", "article").aggregate(time=grouped.time.max())
        worth = each.mutate(worth=faded(age_in_days(each.time, as_of), decay))
    else:
        pieces = grouped.quantity.cast("float64")
        worth = grouped.mutate(worth=faded(age_in_days(grouped.time, as_of), decay) * pieces)
    return worth.group_by("group", "article").aggregate(sold=worth.worth.sum())


def popular_expression(
    purchases: ir.Table,
    customers: ir.Table,
    as_of: int | None,
    settings: Settings | None = None,
) -> ir.Table:
    """Return the scores of `Popular`: overall as band 0, then of each age band.

    Parameters
    ----------
    purchases : Ibis table of schema.PURCHASES
        Those before `as_of` alone count.
    customers : Ibis table of `customer` (position), `age`
        Years; null or NaN where it is not known: such a customer counts in band 0 alone.
    as_of : int or None
        Seconds.

    Returns
    -------
    Ibis table of `band` (int32), `article`, `score` (float64)
        Only what was ever sold, with a score above 0.
    """
    import ibis

    settings = settings or Settings()
    by_customers = settings.by == "customers"
    band = ibis.literal(1)
    for bound in settings.age_bounds:
        band = band + (customers.age.floor() > bound).cast("int32")
    known = customers.filter(customers.age.notnull() & ~customers.age.isnan())
    bands = known.select("customer", group=band.cast("int32"))
    if as_of is not None:
        purchases = purchases.filter(purchases.time < as_of)
    first = None if as_of is None else as_of - settings.days * SECONDS_PER_DAY
    lately = purchases if first is None else purchases.filter(purchases.time >= first)
    parts = [_of_all_and_bands(lately, bands, as_of, settings.decay, by_customers, 1.0)]
    if first is not None:
        before = purchases.filter(purchases.time < first)
        parts.append(_of_all_and_bands(before, bands, None, 0.0, by_customers, OLDER))
    every = parts[0] if len(parts) == 1 else parts[0].union(parts[1])
    # a window's sale outweighs all older ones, which then do not count
    best = every.group_by("band", "article").aggregate(
        lately=every.sold.sum(where=every.scale == 1.0),
        before=every.sold.sum(where=every.scale != 1.0),
    )
    score = ibis.coalesce(best.lately, best.before * OLDER)
    return best.select("band", "article", score=score)


def _of_all_and_bands(
    purchases: ir.Table,
    bands: ir.Table,
    as_of: int | None,
    decay: float,
    by_customers: bool,
    scale: float,
) -> ir.Table:
    import ibis

    overall = sales_expression(purchases, as_of, decay, by_customers=by_customers)
    each = sales_expression(purchases, as_of, decay, groups=bands, by_customers=by_customers)
    both = overall.select(band=ibis.literal(0, "int32"), article=overall.article, sold=overall.sold)
    others = each.select(band=each.group, article=each.article, sold=each.sold)
    return both.union(others).mutate(scale=ibis.literal(scale, "float64"))
