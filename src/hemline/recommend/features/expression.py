"""The features as Ibis expressions, for purchases that are tables of an engine or a warehouse.

The same numbers as `Features.compute`, by the same names, on DuckDB and on Spark alike. The
compiled function is what Hemline trains and recommends with; this is for whoever wants the
features of many pairs where the purchases lie: for another model, a report, a feature store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemline.config.features import Features as Settings
from hemline.recommend.features import declared
from hemline.recommend.features.articles_expression import articles_expression
from hemline.recommend.features.declared import ATTRIBUTES, Feature, attribute_features
from hemline.recommend.features.history_expression import History, history_features
from hemline.recommend.features.kinds_expression import (
    attribute_columns,
    attribute_table,
    pairs_table,
    product_columns,
    product_tables,
)
from hemline.recommend.features.tables_expression import Shop, joined

if TYPE_CHECKING:
    import ibis.expr.types as ir


def relational_features() -> tuple[Feature, ...]:
    """Return the features that follow from the tables of a shop, in their order.

    The others do not: ranks, scores and flags of the channels are what models say, and so is the
    likeness of photos (`visual`).
    """
    of_attributes = (one for name in ATTRIBUTES for one in attribute_features(name))
    fixed = (one for one in declared.FIXED if one.family != "visual")
    return (*fixed, *of_attributes)


def features_expression(
    pairs: ir.Table,
    purchases: ir.Table,
    articles: ir.Table,
    customers: ir.Table | None = None,
    *,
    as_of: int | None,
    settings: Settings | None = None,
) -> ir.Table:
    """Return what is known of pairs of a customer and an article just before a moment.

    Nothing is computed: the table is an expression of the engine that the four tables are of.
    Customers and articles are told by positions or by ids of any kind that has an order; the
    answer is that of the block function where ids are in the order of the positions, as they
    are in a run.

    Parameters
    ----------
    pairs : Ibis table of `customer`, `article`
        One row of the answer for each.
    purchases : Ibis table of `customer`, `article`, and where the shop has it `time`
        (seconds since 1970), `price`, `channel`, `quantity`
        As schema.PURCHASES; without `quantity` identical rows are one purchase of so many
        pieces. Those at or after `as_of` are not looked at.
    articles : Ibis table of `article`, and any of the attributes of `hemline features`
        Every article that is bought or asked about; the names are the columns of
        schema.ARTICLES.
    customers : Ibis table of `customer`, `age`, optional
        Years; null or NaN where it is not known.
    as_of : int or None
        Seconds; None for undated purchases.
    settings : config.Features, optional
        Its `leave_out`, `decay`, `pairs_days` and `pairs_kept`.

    Returns
    -------
    Ibis table of `customer`, `article` and the features, counts int64 and all else float64
        Those of `relational_features` that the tables have the columns for; null where
        `Features.compute` has NaN.

    Raises
    ------
    ConfigError
        A table lacks a column.
    """
    settings = settings or Settings()
    shop = Shop.of(pairs, purchases, articles, customers, as_of, settings.decay)
    wanted = _wanted(shop, settings)
    history = History.of(shop)
    with_pairs = any(one.startswith("pairs.") for one in wanted)
    product = product_tables(shop, history) if "product_code" in shop.attributes else ()
    ages = shop.ages.rename({"customer.age": "age"})
    table = joined(
        shop.pairs,
        (articles_expression(shop), ("article",)),
        (history.customers.drop("last_day", "last_articles"), ("customer",)),
        (ages, ("customer",)),
        (history.own.drop("last", "last_day"), ("customer", "article")),
        *product,
        *(attribute_table(shop, one) for one in shop.attributes),
        *((pairs_table(shop, history, settings),) if with_pairs else ()),
    )
    columns = {
        **history_features(table),
        **(product_columns(table, shop) if product else {}),
        **attribute_columns(table, shop),
        **{one: table[one].fill_null(0) for one in wanted if one.startswith("pairs.")},
    }
    return table.select(
        "customer",
        "article",
        **{one: columns[one] if one in columns else table[one] for one in wanted},
    )


def _wanted(shop: Shop, settings: Settings) -> list[str]:
    """Return the names of the features to give, as `Features.narrow` would."""
    there = set(shop.attributes)
    there |= {"time"} if shop.as_of is not None else set()
    there |= {"pairs"} if settings.pairs_days else set()
    unwanted = set(settings.leave_out)
    return [
        one.name
        for one in relational_features()
        if set(one.needs) <= there and not {one.name, one.family} & unwanted
    ]
