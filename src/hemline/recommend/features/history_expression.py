"""What a customer did, and did with an article, as Ibis expressions: families customer and own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemline.recommend.features.tables_expression import Shop, over

if TYPE_CHECKING:
    import ibis.expr.types as ir


@dataclass(frozen=True)
class History:
    """What the customers who are asked about bought, counted.

    Attributes
    ----------
    customers : Ibis table of `customer`, the family "customer" without the age, and
        `total` (sum of the weights), `last_day`, `spread` (of the prices paid), `last_articles`
        (distinct articles on the last day)
    own : Ibis table of `customer`, `article`, what is told of the family "own" by the history
        alone, and `weight`, `last`, `last_day`
    """

    customers: ir.Table
    own: ir.Table

    @classmethod
    def of(cls, shop: Shop) -> History:
        """Count the purchases of `shop.bought`."""
        placed = _placed(shop.bought)
        visits = _visits(placed)
        own = _own(placed, visits, shop)
        return cls(_customers(placed, visits, own, shop), own)


def _placed(bought: ir.Table) -> ir.Table:
    """Say of each purchase whether it is the customer's last of its article, in time's order."""
    import ibis

    latest = [
        bought.time.desc(),
        bought.price.desc(nulls_first=True),
        bought.channel.desc(nulls_first=True),
    ]
    mine = ("customer", "article")
    last = ibis.window(group_by=mine, order_by=latest)
    priced = ibis.window(group_by=mine, order_by=[bought.price.isnull(), *latest])
    return bought.mutate(
        is_last=ibis.row_number().over(last) == 0,
        is_last_priced=ibis.row_number().over(priced) == 0,
        first_day=bought.day.min().over(ibis.window(group_by=mine)),
    )


def _visits(bought: ir.Table) -> ir.Table:
    """Return each customer's days with purchases: how many on it, how many days come after it."""
    import ibis

    days = bought.group_by("customer", "day").aggregate(basket=bought.count())
    later = ibis.window(group_by="customer", order_by=days.day.desc())
    return days.mutate(later=ibis.row_number().over(later))


def _own(placed: ir.Table, visits: ir.Table, shop: Shop) -> ir.Table:
    import ibis

    own = placed.group_by("customer", "article").aggregate(
        weight=placed.weight.sum(),
        last=placed.time.max(),
        last_day=placed.day.max(),
        **{
            "own.purchases": placed.count(),
            "own.units": placed.units.sum(),
            "own.visits": placed.day.nunique(),
            "own.price": placed.price.max(where=placed.is_last_priced),
            "own.channel": placed.channel.max(where=placed.is_last),
        },
    )
    price = own["own.price"]
    dearest = price.desc(nulls_first=False)
    ranks = {
        "own.price_rank": ibis.window(group_by="customer", order_by=dearest),
        "own.basket_price_rank": ibis.window(group_by=("customer", "last_day"), order_by=dearest),
    }
    own = own.mutate(
        **{"own.days": shop.days_since(own["last"])},
        **{
            name: price.notnull().ifelse(ibis.rank().over(window) + 1, ibis.null("int64"))
            for name, window in ranks.items()
        },
    )
    on_that_day = visits.select(
        "customer",
        last_day=visits.day,
        **{"own.basket": visits.basket, "own.visits_since": visits.later},
    )
    return own.inner_join(on_that_day, ["customer", "last_day"])


def _customers(placed: ir.Table, visits: ir.Table, own: ir.Table, shop: Shop) -> ir.Table:
    repeats = (placed.day > placed.first_day).sum()
    sums = placed.group_by("customer").aggregate(
        total=placed.weight.sum(),
        last_day=placed.day.max(),
        spread=placed.price.std(how="pop"),
        first=placed.time.min(),
        last=placed.time.max(),
        **{
            "customer.purchases": placed.count(),
            "customer.week": shop.within(placed, 7).sum(),
            "customer.month": shop.within(placed, 30).sum(),
            "customer.repeats": repeats.cast("float64") / placed.count(),
            "customer.price": placed.price.mean(),
            "customer.channel": placed.channel.cast("float64").mean(),
        },
    )
    sums = sums.mutate(
        **{
            "customer.days": shop.days_since(sums["last"]),
            "customer.first_days": shop.days_since(sums["first"]),
        }
    ).drop("first", "last")
    days = visits.group_by("customer").aggregate(
        **{
            "customer.visits": visits.count(),
            "customer.basket": visits.basket.max(where=visits.later == 0),
        }
    )
    found = sums.inner_join(days, "customer")
    mine = own.inner_join(sums.select("customer", day=sums.last_day), "customer")
    articles = mine.group_by("customer").aggregate(
        last_articles=(mine.last_day == mine.day).sum(), **{"customer.articles": mine.count()}
    )
    return found.inner_join(articles, "customer")


def history_features(table: ir.Table) -> dict[str, ir.Value]:
    """Return the features of the families customer, own and match that are not columns yet.

    Parameters
    ----------
    table : pairs, with the columns of both tables of `History` and of `articles_expression`
    """
    counts = ("purchases", "articles", "visits", "basket", "week", "month")
    nothing = [f"customer.{one}" for one in counts]
    nothing += ["own.purchases", "own.units", "own.visits"]
    price, bought_at = table["article.price"], table["customer.price"]
    older = table["customer.age"] - table["article.buyer_age"]
    return {
        **{one: table[one].fill_null(0) for one in nothing},
        "own.share": over(table.weight, table.total).fill_null(0),
        "own.price_ratio": over(table["own.price"], bought_at),
        "own.price_change": over(price, table["own.price"]),
        "match.age": older,
        "match.age_distance": over(older.abs(), table["article.buyer_age_sd"]),
        "match.price": over(price, bought_at),
        "match.price_distance": over(price - bought_at, table.spread),
        "match.channel": table["article.channel"] - table["customer.channel"],
    }
