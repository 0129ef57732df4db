"""Every table, column, node label and relationship, once. Whatever reads or writes asks here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

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
        ("customer_id", pa.string()),
        ("article_id", pa.string()),
        ("time", pa.int64()),
        ("price", pa.float64()),
        ("channel", pa.int8()),
        ("quantity", pa.int32()),
    ]
)
"""Rows that were not taken, with why: `line` counts from 1, the header included.

Of a purchase that wants nothing but a row of its article, and of no other, the last six columns
say what it is: it is taken when the article comes.
"""

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


GraphType = Literal["string", "int", "float", "date", "timestamp", "vector"]


@dataclass(frozen=True)
class Property:
    """A property of a node or an edge, its type, and the column that it is taken from."""

    name: str
    type: GraphType
    column: str


@dataclass(frozen=True)
class Label:
    """A kind of node: its key, the other properties, and the table that the nodes come from."""

    name: str
    key: Property
    properties: tuple[Property, ...]
    table: Literal["articles", "customers", "ages"]


@dataclass(frozen=True)
class Relationship:
    """A kind of edge: its ends, its properties, and what the edges come from.

    From "articles" or "customers" an edge joins the keys that stand in one row.
    """

    name: str
    start: str
    end: str
    properties: tuple[Property, ...] = ()
    source: Literal["articles", "customers", "purchases", "neighbours", "recommendations"] = (
        "articles"
    )

    @property
    def table(self) -> str:
        """Name of the file of its edges: a name may join more than one pair of labels."""
        return f"{self.start}-{self.name}-{self.end}"


AGE_GROUPS: Final = ((16, 25), (26, 35), (36, 45), (46, 55), (56, 65), (65, 99))
"""First and last year of age of each group, as the talk has them.

65 is in two of them: a customer of 65 is in 56-65 alone, the first that takes them, as in the
age bands of the popular articles. A customer without an age is in none.
"""


def _text(name: str, column: str) -> Property:
    return Property(name, "string", column)


def _named(name: str, key: str, column: str, named: str) -> Label:
    return Label(name, _text(key, column), (_text("name", named),), "articles")


@dataclass(frozen=True)
class Graph:
    """The whole model: every label and relationship a shop may have."""

    labels: tuple[Label, ...]
    relationships: tuple[Relationship, ...]


GRAPH: Final = Graph(
    labels=(
        Label(
            "Product",
            _text("code", "article_id"),
            (
                _text("name", "prod_name"),
                _text("product_code", "product_code"),
                _text("description", "detail_desc"),
                Property("embedding", "vector", "embedding"),
            ),
            "articles",
        ),
        _named("ColourGroup", "code", "colour_group_code", "colour_group_name"),
        _named(
            "PerceivedColourValue", "id", "perceived_colour_value_id", "perceived_colour_value_name"
        ),
        _named(
            "PerceivedColourMaster",
            "id",
            "perceived_colour_master_id",
            "perceived_colour_master_name",
        ),
        _named("ProductType", "number", "product_type_no", "product_type_name"),
        # the data gives product groups no number: the name is all there is
        Label("ProductGroup", _text("name", "product_group_name"), (), "articles"),
        _named(
            "GraphicalAppearance", "number", "graphical_appearance_no", "graphical_appearance_name"
        ),
        _named("Department", "number", "department_no", "department_name"),
        _named("Section", "number", "section_no", "section_name"),
        _named("Index", "code", "index_code", "index_name"),
        _named("IndexGroup", "number", "index_group_no", "index_group_name"),
        _named("GarmentGroup", "number", "garment_group_no", "garment_group_name"),
        Label(
            "Customer",
            _text("id", "customer_id"),
            (
                Property("fn", "int", "fn"),
                Property("active", "int", "active"),
                _text("club_member_status", "club_member_status"),
                _text("fashion_news_frequency", "fashion_news_frequency"),
                Property("age", "float", "age"),
                _text("postal_code", "postal_code"),
            ),
            "customers",
        ),
        Label(
            "AgeGroup",
            _text("id", "age"),
            (
                _text("name", "age"),
                Property("lower", "int", "age"),
                Property("upper", "int", "age"),
            ),
            "ages",
        ),
    ),
    relationships=(
        Relationship("HAS_COLOUR", "Product", "ColourGroup"),
        Relationship("HAS_COLOUR_VALUE", "Product", "PerceivedColourValue"),
        Relationship("HAS_MASTER_COLOUR", "Product", "PerceivedColourMaster"),
        Relationship("SUBSET_OF", "Product", "ProductType"),
        Relationship("SUBSET_OF", "ProductType", "ProductGroup"),
        Relationship("HAS_APPEARANCE_TYPE", "Product", "GraphicalAppearance"),
        Relationship("FROM_DEPARTMENT", "Product", "Department"),
        Relationship("FROM_SECTION", "Department", "Section"),
        Relationship("HAS_INDEX", "Product", "Index"),
        Relationship("HAS_GROUP", "Index", "IndexGroup"),
        # 20 garment groups span indexes, so they hang from the product
        Relationship("HAS_GARMENT_GROUP", "Product", "GarmentGroup"),
        Relationship("IS_AGE_GROUP", "Customer", "AgeGroup", source="customers"),
        Relationship(
            "PURCHASED",
            "Customer",
            "Product",
            (
                Property("date", "date", "time"),
                Property("year", "int", "time"),
                Property("month", "int", "time"),
                Property("time", "timestamp", "time_of_day"),
                Property("price", "float", "price"),
                Property("channel", "int", "channel"),
                Property("quantity", "int", "quantity"),
            ),
            "purchases",
        ),
        Relationship(
            "SIMILAR", "Product", "Product", (Property("score", "float", "score"),), "neighbours"
        ),
        Relationship(
            "RECOMMENDED",
            "Customer",
            "Product",
            (
                Property("rank", "int", "rank"),
                Property("score", "float", "score"),
                _text("channel", "channel"),
            ),
            "recommendations",
        ),
    ),
)
"""The shop as a graph; what a shop has of it follows from its columns (graph/model.py)."""

HIERARCHY: Final = (
    ("product_code", "department_no"),
    ("department_no", "section_no"),
    ("section_no", "index_code"),
    ("index_code", "index_group_no"),
    ("product_type_no", "product_group_name"),
)
"""Columns of the product table of which the left should lie within one value of the right."""


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
