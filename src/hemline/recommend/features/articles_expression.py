"""What is known of an article, as Ibis expressions: the families sales and article."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemline.recommend.features.articles import DRAWN_TO_ALL
from hemline.recommend.features.tables_expression import Shop, joined, over
from hemline.shop.histories import SECONDS_PER_DAY

if TYPE_CHECKING:
    import ibis.expr.types as ir

_MILLION = 10**6


def articles_expression(shop: Shop) -> ir.Table:
    """Return each article of the shop with its attributes and the families sales and article."""
    rebuys = {name: key for name, key in _REBUYS.items() if key in shop.articles.columns}
    rebuys = rebuys if shop.as_of is not None else {}
    came = [(_rebuys(shop, name, key), (key,)) for name, key in rebuys.items()]
    table = joined(shop.articles, (_sums(shop), ("article",)), *came)
    table = table.mutate(**{one: table[one].fill_null(0) for one in _COUNTS})
    whole = table.aggregate(**{f"whole_{one}": table[one].sum() for one in _COUNTS})
    table = table.cross_join(whole)
    windows = _windows(table) if shop.as_of is not None else {}
    kept = [one for one in table.columns if one.startswith("article.")]
    return table.select(*shop.articles.columns, *kept, **_shares(table), **windows)


_COUNTS = ("all", "day", "week", "week_before", "month")
_REBUYS = {
    "article.rebuys": "article",
    "article.product_rebuys": "product_code",
    "article.type_rebuys": "product_type_no",
}


def _sums(shop: Shop) -> ir.Table:
    """Count and add up the purchases of each article that was ever sold."""
    import ibis

    sold = joined(shop.purchases, (shop.ages, ("customer",)))
    latest = sold.time.max().over(ibis.window(group_by="article"))
    sold = sold.mutate(latest=latest)
    week = shop.within(sold, 7)
    lately = sold.time > sold.latest - 7 * SECONDS_PER_DAY
    sums = sold.group_by("article").aggregate(
        all=sold.count(),
        day=shop.within(sold, 1).sum(),
        week=week.sum(),
        week_before=(shop.within(sold, 14) & ~week).sum(),
        month=shop.within(sold, 30).sum(),
        ages=sold.age.count(),
        age_sd=sold.age.std(how="pop"),
        highest=sold.price.max(),
        first=sold.time.min(),
        last=sold.time.max(),
        **{
            "article.buyer_age": sold.age.mean(),
            "article.price": sold.price.mean(where=lately),
            "article.channel": sold.channel.cast("float64").mean(),
        },
    )
    return sums.mutate(
        **{
            "article.buyer_age_sd": (sums.ages > 1).ifelse(sums.age_sd, ibis.null("float64")),
            "article.discount": over(sums["article.price"], sums.highest),
            "article.first_days": shop.days_since(sums["first"]),
            "article.last_days": shop.days_since(sums["last"]),
        }
    ).drop("ages", "age_sd", "highest", "first", "last")


def _shares(table: ir.Table) -> dict[str, ir.Value]:
    """Return how much of what the shop sold was this article, in a million."""
    import ibis

    names = {"sales.all": "all", "sales.day": "day", "sales.week": "week", "sales.month": "month"}
    return {
        name: table[one] * (_MILLION / ibis.greatest(table[f"whole_{one}"], 1).cast("float64"))
        for name, one in names.items()
    }


def _windows(table: ir.Table) -> dict[str, ir.Value]:
    """Return trends, and shares among the articles of a code."""
    import ibis

    week = table.week.cast("float64") / 7
    found = {
        "sales.trend": over(week, table.month.cast("float64") / 30),
        "sales.trend_day": over(table.day, week),
        "sales.change": (1 + table.week).cast("float64") / (1 + table.week_before),
    }
    of_all = ibis.greatest(table.whole_week, 1).cast("float64")
    for attribute, share in (("department_no", "in_department"), ("product_code", "in_product")):
        if attribute not in table.columns:
            continue
        together = table.week.sum().over(ibis.window(group_by=attribute))
        together = table[attribute].notnull().ifelse(together, ibis.null("int64"))
        found[f"sales.{share}"] = over(table.week, together)
        if attribute == "product_code":
            found["sales.product_week"] = together * (_MILLION / of_all)
    return found


def _rebuys(shop: Shop, name: str, key: str) -> ir.Table:
    """Return the share of buyers who came again, drawn to that of all, as a multiple of it."""
    every = shop.articles.filter(shop.articles[key].notnull()).select(
        *dict.fromkeys(("article", key))
    )
    sold = shop.purchases.select("customer", "article", "day")
    sold = sold if key == "article" else sold.inner_join(every, "article")
    each = sold.group_by("customer", key).aggregate(came=sold.day.min(), back=sold.day.max())
    kinds = each.group_by(key).aggregate(buyers=each.count(), again=(each.back > each.came).sum())
    overall = kinds.aggregate(overall=over(kinds.again.sum(), kinds.buyers.sum()))
    # those that were never sold as well: nothing is drawn to what all are
    table = every.select(key).distinct()
    table = table.left_join(kinds, key).cross_join(overall)
    again, buyers = table.again.fill_null(0), table.buyers.fill_null(0)
    drawn = (again + DRAWN_TO_ALL * table.overall) / (buyers + DRAWN_TO_ALL)
    return table.select(key, **{name: over(drawn, table.overall)})
