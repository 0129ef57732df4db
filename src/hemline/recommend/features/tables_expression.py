"""The tables of a shop as the features ask for them: one form for every engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemline.errors import ConfigError
from hemline.recommend.features.declared import ATTRIBUTES
from hemline.shop.histories import SECONDS_PER_DAY

if TYPE_CHECKING:
    import ibis.expr.types as ir


@dataclass(frozen=True)
class Shop:
    """Lazy tables of what was known just before a moment.

    Attributes
    ----------
    pairs : Ibis table of `customer`, `article`
        What is asked about.
    purchases : Ibis table of `customer`, `article`, `time`, `day`, `units`, `price`, `channel`
        A row for what is a row of schema.PURCHASES; prices as the histories have them, in
        float32, and null where not known, as is the channel.
    bought : the same of the customers in `pairs`, with `weight`
        (1 + days since) ** -decay.
    articles : Ibis table of `article` and the attributes that the shop has
    ages : Ibis table of `customer`, `age`, of those whose age is known
    as_of : int or None
        Seconds; None for undated purchases.
    """

    pairs: ir.Table
    purchases: ir.Table
    bought: ir.Table
    articles: ir.Table
    ages: ir.Table
    as_of: int | None

    @classmethod
    def of(
        cls,
        pairs: ir.Table,
        purchases: ir.Table,
        articles: ir.Table,
        customers: ir.Table | None,
        as_of: int | None,
        decay: float,
    ) -> Shop:
        """Take tables as a person has them; see `features_expression`.

        Raises
        ------
        ConfigError
            A column is missing.
        """
        _need(pairs, "pairs", ("customer", "article"))
        _need(purchases, "purchases", ("customer", "article"))
        _need(purchases, "purchases", ("time",) if as_of is not None else ())
        _need(articles, "articles", ("article",))
        pairs = pairs.select("customer", "article")
        cleaned = _purchases(purchases, as_of)
        bought = cleaned.semi_join(pairs.select("customer").distinct(), "customer")
        attributes = [one for one in ATTRIBUTES if one in articles.columns]
        return cls(
            pairs,
            cleaned,
            bought.mutate(weight=_weight(bought, as_of, decay)),
            articles.select("article", *attributes),
            _ages(cleaned if customers is None else customers),
            as_of,
        )

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes that the shop has."""
        return tuple(one for one in ATTRIBUTES if one in self.articles.columns)

    def days_since(self, time: ir.Value) -> ir.Value:
        """Return the days from a time to the moment, with their parts; null for undated data."""
        import ibis

        if self.as_of is None:
            return ibis.null("float64")
        return (self.as_of - time).cast("float64") / SECONDS_PER_DAY

    def within(self, purchases: ir.Table, days: int) -> ir.BooleanValue:
        """Tell which purchases were made within the last days; none of undated ones."""
        if self.as_of is None:
            return purchases["time"].isnull()  # a column, which a literal is not
        return purchases["time"] >= self.as_of - days * SECONDS_PER_DAY


def joined(table: ir.Table, *others: tuple[ir.Table, tuple[str, ...]]) -> ir.Table:
    """Add the columns of other tables by keys that both have; nulls where they have no row.

    All in one select: a projection after each join of a hundred columns would be a plan that
    takes longer to make than to run.
    """
    for number, (other, keys) in enumerate(others):
        named = {f"{one}_{number}": one for one in keys}
        other = other.rename(named)
        table = table.left_join(other, [table[one] == other[name] for name, one in named.items()])
    return table


def over(above: ir.Value, below: ir.Value) -> ir.Value:
    """Divide, into null where it is divided by 0 or less."""
    import ibis

    return above.cast("float64") / (below > 0).ifelse(below.cast("float64"), ibis.null("float64"))


def _need(table: ir.Table, name: str, columns: Sequence[str]) -> None:
    for one in columns:
        if one not in table.columns:
            raise ConfigError(
                f"the table of {name} has no column {one!r}",
                hint=f"it has {', '.join(table.columns)}: rename one with .rename({one}=…)",
            )


def _purchases(purchases: ir.Table, as_of: int | None) -> ir.Table:
    import ibis

    there = purchases.columns
    price = _known(purchases.price) if "price" in there else ibis.null("float64")
    channel = purchases.channel.cast("int64") if "channel" in there else ibis.null("int64")
    columns = {
        "customer": purchases.customer,
        "article": purchases.article,
        "time": ibis.literal(0, "int64") if as_of is None else purchases.time.cast("int64"),
        "price": price,
        "channel": (channel > 0).ifelse(channel, ibis.null("int64")),
    }
    if "quantity" in there:
        found = purchases.select(**columns, units=purchases.quantity.cast("int64"))
    else:  # identical rows are one purchase of several pieces, as in the ingest
        rows = purchases.select(**columns)
        found = rows.group_by(list(columns)).aggregate(units=rows.count())
    if as_of is not None:
        found = found.filter(found.time < as_of)
    day = (found.time / SECONDS_PER_DAY).floor().cast("int64")
    return found.mutate(day=day, price=found.price.cast("float32").cast("float64"))


def _known(value: ir.Value) -> ir.Value:
    """Return a number as float64, null in place of NaN."""
    import ibis

    number = value.cast("float64")
    return number.isnan().ifelse(ibis.null("float64"), number)


def _weight(bought: ir.Table, as_of: int | None, decay: float) -> ir.Value:
    import ibis

    if as_of is None:
        return ibis.literal(1).cast("float64")
    days = (as_of - bought.time).cast("float64") / SECONDS_PER_DAY
    return (1 + days).pow(-decay)


def _ages(customers: ir.Table) -> ir.Table:
    """Return who has an age, as the histories have it, in float32."""
    import ibis

    if "age" not in customers.columns:
        nobody = customers.select("customer", age=ibis.null("float64"))
        return nobody.filter(ibis.literal(False))
    ages = customers.select("customer", age=_known(customers.age))
    ages = ages.filter(ages.age.notnull())
    return ages.mutate(age=ages.age.cast("float32").cast("float64"))
