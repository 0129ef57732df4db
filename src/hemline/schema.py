"""Every table and column, once. Whatever reads or writes a table asks here."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from hemline.errors import RunError

FORMAT_VERSION: Final = 1
"""Of everything in a run folder; a run of another version is made anew."""

ARTICLES: Final = pa.schema(
    [
        pa.field("article_id", pa.string(), nullable=False),
        ("product_code", pa.string()),
        ("prod_name", pa.string()),
        ("product_type_no", pa.string()),
        ("product_type_name", pa.string()),
        ("product_group_name", pa.string()),
        ("graphical_appearance_no", pa.string()),
        ("graphical_appearance_name", pa.string()),
        ("colour_group_code", pa.string()),
        ("colour_group_name", pa.string()),
        ("perceived_colour_value_id", pa.string()),
        ("perceived_colour_value_name", pa.string()),
        ("perceived_colour_master_id", pa.string()),
        ("perceived_colour_master_name", pa.string()),
        ("department_no", pa.string()),
        ("department_name", pa.string()),
        ("index_code", pa.string()),
        ("index_name", pa.string()),
        ("index_group_no", pa.string()),
        ("index_group_name", pa.string()),
        ("section_no", pa.string()),
        ("section_name", pa.string()),
        ("garment_group_no", pa.string()),
        ("garment_group_name", pa.string()),
        ("detail_desc", pa.string()),
    ]
)
"""One row an article, ascending by id: the row number is the article's position."""

CUSTOMERS: Final = pa.schema(
    [
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("fn", pa.int8(), nullable=False),
        pa.field("active", pa.int8(), nullable=False),
        pa.field("club_member_status", pa.string(), nullable=False),
        pa.field("fashion_news_frequency", pa.string(), nullable=False),
        ("age", pa.float32()),
        ("postal_code", pa.string()),
    ]
)
"""One row a customer, ascending by id: the row number is the customer's position."""

CUSTOMER_NULLS: Final = {
    "fn": 0,
    "active": 0,
    "club_member_status": "NOT_ACTIVE",
    "fashion_news_frequency": "NONE",
    "postal_code": "NONE",
}
"""What a null means, as the sources treat it. A missing age stays missing."""

PURCHASES: Final = pa.schema(
    [
        pa.field("customer", pa.int32(), nullable=False),
        pa.field("article", pa.int32(), nullable=False),
        pa.field("time", pa.int64(), nullable=False),
        ("price", pa.float64()),
        ("channel", pa.int8()),
        pa.field("quantity", pa.int32(), nullable=False),
    ]
)
"""Positions, seconds, currency; ascending by customer, time, article, price, channel.

Identical rows of the source are one row here, with how often it stood there as `quantity`.
"""

REJECTS: Final = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),
        ("line", pa.int64()),
        pa.field("reason", pa.string(), nullable=False),
        ("text", pa.string()),
    ]
)
"""Rows that were not taken, with why: `line` counts from 1, the header included."""

RECOMMENDATIONS: Final = pa.schema(
    [
        pa.field("customer_id", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("rank", pa.int16(), nullable=False),
        pa.field("article_id", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("score", pa.float32(), nullable=False),
        pa.field("channel", pa.dictionary(pa.int32(), pa.string()), nullable=False),
    ]
)
"""Ascending by customer, then rank (1 is best)."""


def read(path: Path, schema: pa.Schema, columns: list[str] | None = None) -> pa.Table:
    """Read a Parquet file and check it against its schema.

    Raises
    ------
    RunError
        The file is missing, or its columns or types are not those of `schema`.
    """
    try:
        found = pq.read_schema(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise RunError(f"{path} cannot be read: {error}", hint="run the stage again") from None
    for field in schema:
        at = found.get_field_index(field.name)
        if at < 0 or found.field(at).type != field.type:
            has = "no such column" if at < 0 else str(found.field(at).type)
            raise RunError(
                f"{path}, column {field.name!r}: expected {field.type}, found {has}",
                hint="it was written by something else; run the stage again",
            )
    return pq.read_table(path, columns=columns)
