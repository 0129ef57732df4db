"""What makes a value usable, as Ibis expressions that any engine can run."""

from __future__ import annotations

import datetime as dt

import ibis
import ibis.expr.types as ir

from hemline.errors import DataError
from hemline.shop import rejects as why
from hemline.shop.ids import MAX_ID_BYTES
from hemline.shop.rejects import verdict

FIRST_SECOND = -62_135_596_800
LAST_SECOND = 253_402_300_799
"""The years 1 to 9999, which a calendar can show."""

LARGEST_QUANTITY = 2**31 - 1


def as_text(column: ir.Column, what: str) -> ir.StringColumn:
    """Return a column as text, empty as null; whole numbers without a decimal point.

    Raises
    ------
    DataError
        The column has a type that names nothing, such as a list or a date.
    """
    kind = column.type()
    if kind.is_string():
        return column.nullif("")
    if kind.is_integer():
        return column.cast("string")
    if kind.is_floating() or kind.is_decimal():  # numbers with gaps, as pandas keeps them
        whole = column.try_cast("int64")
        present = column.nullif(float("nan")) if kind.is_floating() else column
        return ibis.ifelse(whole == column, whole.cast("string"), present.cast("string"))
    raise _unfit(what, kind, "text or whole numbers")


def as_number(column: ir.Column, what: str) -> tuple[ir.FloatingColumn, ir.BooleanColumn]:
    """Return a column as float64, and where it holds something that is no finite number.

    Nothing and NaN are null and not bad.
    """
    kind = column.type()
    if kind.is_string():
        present = column.nullif("").notnull()
        number = column.try_cast("float64")
    elif kind.is_numeric():
        present = column.notnull()
        number = column.cast("float64")
    else:
        raise _unfit(what, kind, "numbers")
    missing = ~present | number.isnan().fill_null(False)
    good = number.isinf().fill_null(True) == ibis.literal(False)
    # adding nothing turns -0.0 into 0.0: the same price must be the same group
    return ibis.ifelse(good & ~missing, number + 0.0, ibis.null("float64")), ~good & ~missing


def as_whole(
    column: ir.Column, what: str, most: int, least: int = 0
) -> tuple[ir.IntegerColumn, ir.BooleanColumn]:
    """Return a column as int64 of `least` to `most`, and where it holds something else."""
    number, bad = as_number(column, what)
    fits = number.between(least, most) & (number == number.floor())
    return (
        ibis.ifelse(fits, number.cast("int64"), ibis.null("int64")),
        bad | ~fits.fill_null(True),
    )


def as_seconds(column: ir.Column, what: str) -> ir.IntegerColumn:
    """Return dates or moments as int64 seconds since 1970 UTC, null where there is none.

    Text is ISO 8601; without a zone it is taken as UTC, a date as its midnight.
    """
    kind = column.type()
    if kind.is_string():
        # ten characters are a date, which is parsed three times as fast as a moment
        moment = ibis.ifelse(
            column.length() == 10,
            column.try_cast("date").cast("timestamp"),
            column.try_cast("timestamp('UTC')").cast("timestamp"),
        )
    elif kind.is_date() or kind.is_timestamp():
        moment = column.cast("timestamp")
    else:
        raise _unfit(what, kind, "dates, timestamps or text such as 2020-09-22")
    seconds = moment.epoch_seconds().cast("float64").floor()
    in_range = seconds.between(FIRST_SECOND, LAST_SECOND)
    return ibis.ifelse(in_range, seconds, ibis.null("float64")).cast("int64")


def usable_id(text: ir.StringColumn) -> ir.BooleanColumn:
    """Say whether an id has no control character and fits into 256 bytes."""
    wide = (text.length() > MAX_ID_BYTES // 4) & text.re_search(r"[^\x00-\x7f]")
    unusable = (text.length() > MAX_ID_BYTES) | wide | text.re_search(r"[\x00-\x1f\x7f]")
    return ~unusable


def checked_purchases(raw: ibis.Table, until: dt.date | None) -> ibis.Table:
    """Return purchases with typed columns and a `verdict` on each row; `row`, `text` stay.

    Whether ids are known is not asked here. The date comes first, since rows after `until`
    are not looked at any further.
    """
    names, no = raw.columns, ibis.literal(False)
    price, channel, quantity = ibis.null("float64"), ibis.null("int64"), ibis.literal(1)
    bad_price = bad_channel = bad_quantity = no
    if "price" in names:
        price, bad_price = as_number(raw.price, "price")
    if "channel" in names:
        channel, bad_channel = as_whole(raw.channel, "channel", 127)
    if "quantity" in names:
        quantity, bad_quantity = as_whole(raw.quantity, "quantity", LARGEST_QUANTITY, 1)
    typed = raw.select(
        customer_id=as_text(raw.customer_id, "customer_id"),
        article_id=as_text(raw.article_id, "article_id"),
        time=as_seconds(raw.time, "time"),
        price=price,
        bad_price=bad_price,
        channel=channel.cast("int8"),
        bad_channel=bad_channel,
        # a purchase whose quantity is left open is one piece
        quantity=ibis.coalesce(quantity, 1).cast("int32"),
        bad_quantity=bad_quantity,
        **{name: raw[name] for name in ("row", "text") if name in names},
    )
    late = [(typed.time >= _end_of(until), why.AFTER_UNTIL)] if until else []
    judged = ibis.cases(
        (typed.time.isnull(), verdict(why.UNPARSABLE_DATE)),
        *late,
        (typed.customer_id.isnull() | typed.article_id.isnull(), verdict(why.EMPTY_ID)),
        (typed.bad_price, verdict(why.UNPARSABLE_PRICE)),
        (typed.price < 0, verdict(why.NEGATIVE_PRICE)),
        (typed.bad_channel, verdict(why.UNPARSABLE_CHANNEL)),
        (typed.bad_quantity, verdict(why.UNPARSABLE_QUANTITY)),
        else_=why.TAKEN,
    )
    return typed.mutate(verdict=judged.cast("int8")).drop(
        "bad_price", "bad_channel", "bad_quantity"
    )


def _end_of(day: dt.date) -> int:
    return (day - dt.date(1970, 1, 1)).days * 86_400 + 86_400


def _unfit(what: str, kind: object, wanted: str) -> DataError:
    return DataError(
        f"column {what!r} holds {kind}, which is not {wanted}",
        hint="convert the column, or map another one in [columns]",
    )
