"""The customer table: what is filled in, what is dropped, who is added."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from hemline import schema
from hemline.engines.base import Engine
from hemline.shop.checks import as_number, as_text, as_whole

OLDEST = 120
"""An age above it is taken for a slip, and dropped."""

_DROPPED = "dropped_"
_FLAGS = ("fn", "active")
_TEXTS = ("club_member_status", "fashion_news_frequency", "postal_code")


def typed_customers(raw: ibis.Table) -> dict[str, ir.Value]:
    """Return the columns of schema.CUSTOMERS that a shop's table has, typed, still with nulls.

    `dropped_…` says where a value of `fn`, `active` or `age` was there but no use.
    """
    columns: dict[str, ir.Value] = {"customer_id": as_text(raw.customer_id, "customer_id")}
    for name in _FLAGS:
        if name in raw.columns:
            value, bad = as_whole(raw[name], name, 127)
            columns |= {name: value.cast("int8"), _DROPPED + name: bad}
    if "age" in raw.columns:
        age, bad = as_number(raw.age, "age")
        fits = age.between(0, OLDEST)
        columns["age"] = ibis.ifelse(fits, age, ibis.null("float64")).cast("float32")
        columns[_DROPPED + "age"] = bad | ~fits.fill_null(True)
    return columns | {name: as_text(raw[name], name) for name in _TEXTS if name in raw.columns}


def count_dropped(engine: Engine, kept: ibis.Table) -> dict[str, int]:
    """Return how many values of each column were there but no use."""
    dropped = [name for name in kept.columns if name.startswith(_DROPPED)]
    if not dropped:
        return {}
    (found,) = engine.rows(kept.aggregate(**{name: kept[name].sum() for name in dropped}))
    return {name.removeprefix(_DROPPED): int(n) for name, n in found.items() if n}


def customer_rows(numbered: ibis.Table, kept: ibis.Table | None) -> ibis.Table:
    """Return the customer table, schema.CUSTOMERS, by ascending id.

    Parameters
    ----------
    numbered : ibis.Table
        customer_id, position: all customers, also those that only the purchases know.
    kept : ibis.Table or None
        The rows of the shop's own table.
    """
    table = numbered if kept is None else numbered.left_join(kept, "customer_id")
    columns: dict[str, ir.Value] = {"customer_id": table.customer_id}
    for field in schema.CUSTOMERS:
        if field.name in schema.CUSTOMER_NULLS:
            default = schema.CUSTOMER_NULLS[field.name]
            kind = "int8" if isinstance(default, int) else "string"
            filled = ibis.literal(default, kind)
            if kept is not None and field.name in kept.columns:
                filled = table[field.name].fill_null(filled)
            columns[field.name] = filled
    known = kept is not None and "age" in kept.columns
    columns["age"] = table.age if known else ibis.null("float32")
    return table.order_by("position").select(**columns)
