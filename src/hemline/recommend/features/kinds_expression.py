"""What a customer did with the like of an article, as Ibis expressions.

The families attributes, product and pairs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemline.config.channel_models import CoPurchase
from hemline.config.features import Features as Settings
from hemline.models.pairs_expression import co_purchase_expression
from hemline.recommend.features.declared import ATTRIBUTES
from hemline.recommend.features.history_expression import History
from hemline.recommend.features.tables_expression import Shop, over
from hemline.shop.histories import SECONDS_PER_DAY

if TYPE_CHECKING:
    import ibis.expr.types as ir

_CODE = "product_code"


Joinable = tuple["ir.Table", tuple[str, ...]]
"""A table, and by which of its columns it is joined to the pairs."""


def attribute_table(shop: Shop, attribute: str) -> Joinable:
    """Count what each customer bought of each value of an attribute."""
    name = ATTRIBUTES[attribute]
    coded = _coded(shop.bought, shop, attribute)
    kinds = coded.group_by("customer", attribute).aggregate(
        **{
            f"{name}.share": coded.weight.sum(),
            f"{name}.days": shop.days_since(coded.time.max()),
            f"{name}.purchases": coded.count(),
        }
    )
    return kinds, ("customer", attribute)


def attribute_columns(table: ir.Table, shop: Shop) -> dict[str, ir.Value]:
    """Return shares and purchases of each attribute; `table` has the codes and `total`."""
    import ibis

    found = {}
    for attribute in shop.attributes:
        share, purchases = (f"{ATTRIBUTES[attribute]}.{one}" for one in ("share", "purchases"))
        # of an article without a code no share is known, nor of a customer without purchases
        part = over(table[share].fill_null(0), table.total)
        found[share] = table[attribute].notnull().ifelse(part, ibis.null("float64"))
        found[purchases] = table[purchases].fill_null(0)
    return found


def product_tables(shop: Shop, history: History) -> tuple[Joinable, ...]:
    """Return what each customer bought of each product code, whatever the colour."""
    own = _coded(history.own.select("customer", "article", "last"), shop, _CODE)
    keys = ("customer", _CODE)
    return (_latest_two(own), keys), (_last_price(_coded(shop.bought, shop, _CODE)), keys)


def product_columns(table: ir.Table, shop: Shop) -> dict[str, ir.Value]:
    """Return the features of the family product that are not columns yet."""
    articles = table["product.articles"].fill_null(0)
    itself = (articles > 0) & (table["own.purchases"].fill_null(0) > 0)  # some are of no code
    # the candidate itself is left out of those whose last purchase is looked at
    is_latest = (table.latest == table.article).fill_null(False)
    other = is_latest.ifelse(table.second_last, table.latest_last)
    return {
        "product.articles": articles,
        "product.others": articles - itself.cast("int64"),
        "product.other_days": shop.days_since(other),
    }


def _latest_two(own: ir.Table) -> ir.Table:
    """Return of each customer and code the article bought last, and when it and another were."""
    import ibis

    lately = ibis.window(
        group_by=("customer", "product_code"), order_by=[own["last"].desc(), own.article.desc()]
    )
    placed = own.mutate(place=ibis.row_number().over(lately))
    return placed.group_by("customer", "product_code").aggregate(
        latest=placed.article.max(where=placed.place == 0),
        latest_last=placed["last"].max(where=placed.place == 0),
        second_last=placed["last"].max(where=placed.place == 1),
        **{"product.articles": placed.count()},
    )


def _last_price(coded: ir.Table) -> ir.Table:
    """Return what each customer last paid for an article of each product code."""
    import ibis

    paid = coded.filter(coded.price.notnull())
    lately = ibis.window(
        group_by=("customer", "product_code"),
        order_by=[paid.time.desc(), paid.article.desc(), paid.price.desc()],
    )
    placed = paid.mutate(place=ibis.row_number().over(lately))
    last = placed.filter(placed.place == 0)
    return last.select("customer", "product_code", **{"product.price": last.price})


def _coded(table: ir.Table, shop: Shop, attribute: str) -> ir.Table:
    codes = shop.articles.select("article", attribute)
    return table.inner_join(codes.filter(codes[attribute].notnull()), "article")


def pairs_table(shop: Shop, history: History, settings: Settings) -> Joinable:
    """Add up what is bought together with the last basket, and with all the customer bought."""
    wide = CoPurchase(window_days=settings.pairs_days, per_article=settings.pairs_kept)
    sold = shop.purchases
    if shop.as_of is not None:
        sold = sold.filter(sold.time >= shop.as_of - settings.pairs_days * SECONDS_PER_DAY)
    links = co_purchase_expression(sold.select("customer", "article", "time"), shop.as_of, wide)
    customers = history.customers
    mine = history.own.select("customer", "article", "weight", "last_day")
    mine = mine.inner_join(
        customers.select("customer", "total", "last_articles", the_last=customers.last_day),
        "customer",
    )
    linked = mine.inner_join(links, "article").drop("article")
    asked = shop.pairs.select("customer", other=shop.pairs.article).distinct()
    linked = linked.semi_join(asked, ["customer", "other"])
    in_basket = (linked.last_day == linked.the_last).cast("float64")
    sums = linked.group_by("customer", "other").aggregate(
        **{
            "pairs.basket": (in_basket * linked.value / linked.last_articles).sum(),
            "pairs.history": (linked.weight * linked.value / linked.total).sum(),
        }
    )
    return sums.rename(article="other"), ("customer", "article")
