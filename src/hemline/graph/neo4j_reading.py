"""A shop that lives in Neo4j, read back into tables: streamed, in bounded memory.

One record a customer, with all purchases in it as lists: ten times as fast as a record a
purchase. Attributes are put together from the nodes that a product leads to.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hemline.blocks import Progress, silent
from hemline.errors import DataError, EmptyTableError
from hemline.graph.model import quoted
from hemline.graph.neo4j_server import Server
from hemline.schema import GRAPH, Relationship

FILES: Final = {
    "articles": "articles.parquet",
    "customers": "customers.parquet",
    "purchases": "purchases.parquet",
}
_ROWS: Final = 1 << 18
_TYPES: Final = {"string": pa.string(), "int": pa.int64(), "float": pa.float64()}
_PURCHASES: Final = pa.schema(
    [
        ("customer_id", pa.string()),
        ("article_id", pa.string()),
        ("time", pa.timestamp("s")),
        ("price", pa.float64()),
        ("channel", pa.int64()),
        ("quantity", pa.int64()),
    ]
)
_LABELS: Final = {one.name: one for one in GRAPH.labels}


@dataclass
class ShopInGraph:
    """What was read.

    `ambiguous` counts, for each attribute, the products that lead to more than one value of it:
    the lowest key was taken.
    """

    articles: int = 0
    customers: int = 0
    purchases: int = 0
    vectors: int = 0
    ambiguous: dict[str, int] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """Say what was read."""
        found = [
            f"{self.articles:,} products ({self.vectors:,} with a vector), "
            f"{self.customers:,} customers, {self.purchases:,} purchases"
        ]
        found += [
            f"{n:,} products have more than one {name}; the lowest was taken"
            for name, n in self.ambiguous.items()
        ]
        return found


def read_shop(
    server: Server,
    out: Path,
    *,
    names: Mapping[str, Mapping[str, str]] | None = None,
    progress: Progress = silent,
) -> ShopInGraph:
    """Write articles.parquet, customers.parquet, purchases.parquet and vectors/ into a folder.

    Parameters
    ----------
    names : dict, optional
        "articles", "customers", "purchases" -> Hemline's column -> how it is to be called.
    progress : Progress
        Called with (customers and purchases read, of all).

    Raises
    ------
    EmptyTableError
        The database has no purchases in this model.
    DataError
        A property has values of another type than the model's.
    """
    found = ShopInGraph()
    purchases = _number(server, "MATCH (:Customer)-[r:PURCHASED]->() RETURN count(r) AS n")
    customers = _number(server, "MATCH (c:Customer) RETURN count(c) AS n")
    if not purchases:
        raise EmptyTableError(
            f"{server.uri} has no (:Customer)-[:PURCHASED]->(:Product)",
            hint="`hemline graph schema` shows the model that is read",
        )
    names = names or {}
    _write_articles(server, out, names.get("articles", {}), found)
    _write_customers(server, out, names, found, _Told(progress, purchases + customers))
    found.vectors = _write_vectors(server, out / "vectors")
    return found


class _Told:
    def __init__(self, progress: Progress, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def __call__(self, n: int) -> None:
        self.done += n
        self.progress(min(self.done, self.total), self.total)


def _number(server: Server, query: str) -> int:
    return int(server.read(query)[0]["n"])


# --- products -------------------------------------------------------------------------------


def _write_articles(
    server: Server, out: Path, names: Mapping[str, str], found: ShopInGraph
) -> None:
    product = _LABELS["Product"]
    own = [one for one in (product.key, *product.properties) if one.type != "vector"]
    ways = [one for one in GRAPH.relationships if one.source == "articles"]
    first = [one for one in ways if one.start == "Product"]
    attributes = _Attributes(server, [one for one in ways if one.start != "Product"])
    columns = {one.column: pa.string() for one in own}
    for edge in first:
        columns |= dict.fromkeys(attributes.columns(edge.end), pa.string())
    returned = [f"p.{quoted(one.name)}" for one in own] + [_ends("p", edge) for edge in first]
    query = f"MATCH (p:Product) RETURN {', '.join(returned)}"
    with _File(out / FILES["articles"], pa.schema(list(columns.items())), names) as file:
        for record in server.stream(query):
            row = {one.column: _text(value) for one, value in zip(own, record, strict=False)}
            for edge, keys in zip(first, record[len(own) :], strict=True):
                row |= attributes.of(edge.end, _one(keys, edge.end, found))
                for name in attributes.ambiguous(edge.end, row):
                    found.ambiguous[name] = found.ambiguous.get(name, 0) + 1
            file.add([row.get(name) for name in columns])
            found.articles += 1


def _ends(node: str, edge: Relationship) -> str:
    key = quoted(_LABELS[edge.end].key.name)
    way = f"({node})-[:{quoted(edge.name)}]->(b:{quoted(edge.end)})"
    return f"[{way} | b.{key}]"


def _one(keys: list[Any], label: str, found: ShopInGraph | None = None) -> str | None:
    """Return the one key, or the lowest of several."""
    texts = sorted({str(one) for one in keys if one is not None})
    if len(texts) > 1 and found is not None:
        found.ambiguous[label] = found.ambiguous.get(label, 0) + 1
    return texts[0] if texts else None


class _Attributes:
    """What the nodes are called that products lead to, and where those lead: a few thousand."""

    def __init__(self, server: Server, further: list[Relationship]) -> None:
        self.server, self.further = server, further
        self.rows: dict[str, dict[str, dict[str, str | None]]] = {}
        self.several: dict[str, set[str]] = {}

    def columns(self, label: str) -> list[str]:
        """Return the columns that a label and those it leads to fill."""
        one = _LABELS[label]
        found = [one.key.column, *(named.column for named in one.properties)]
        for edge in self.further:
            if edge.start == label:
                found += self.columns(edge.end)
        return found

    def of(self, label: str, key: str | None) -> dict[str, str | None]:
        """Return the values of those columns for a node."""
        if label not in self.rows:
            self.rows[label] = self._read(label)
        return {} if key is None else self.rows[label].get(key, {})

    def ambiguous(self, label: str, row: Mapping[str, Any]) -> list[str]:
        """Return the labels of which a product's node leads to several."""
        key = row.get(_LABELS[label].key.column)
        return [
            edge.end
            for edge in self.further
            if edge.start == label and key in self.several.get(edge.table, ())
        ]

    def _read(self, label: str) -> dict[str, dict[str, str | None]]:
        one = _LABELS[label]
        own = (one.key, *one.properties)
        further = [edge for edge in self.further if edge.start == label]
        returned = [f"n.{quoted(named.name)}" for named in own]
        returned += [_ends("n", edge) for edge in further]
        rows: dict[str, dict[str, str | None]] = {}
        for record in self.server.stream(f"MATCH (n:{quoted(label)}) RETURN {', '.join(returned)}"):
            values = {named.column: _text(v) for named, v in zip(own, record, strict=False)}
            key = values[one.key.column]
            if key is None:
                continue
            for edge, keys in zip(further, record[len(own) :], strict=True):
                if len(set(keys)) > 1:
                    self.several.setdefault(edge.table, set()).add(key)
                values |= self.of(edge.end, _one(keys, edge.end))
            rows[key] = values
        return rows


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


# --- customers and their purchases ----------------------------------------------------------


def _write_customers(
    server: Server,
    out: Path,
    names: Mapping[str, Mapping[str, str]],
    found: ShopInGraph,
    told: _Told,
) -> None:
    label = _LABELS["Customer"]
    own = (label.key, *label.properties)
    schema = pa.schema([(one.column, _TYPES[one.type]) for one in own])
    returned = [f"c.{quoted(one.name)}" for one in own]
    query = (
        f"MATCH (c:Customer) RETURN {', '.join(returned)}, "
        f"[(c)-[r:PURCHASED]->(p:Product) | [p.code, {_moment(server)}, r.price, r.channel, "
        "coalesce(r.quantity, 1)]]"
    )
    with (
        _File(out / FILES["customers"], schema, names.get("customers", {})) as customers,
        _File(out / FILES["purchases"], _PURCHASES, names.get("purchases", {})) as purchases,
    ):
        for record in server.stream(query):
            row = list(record)
            bought = row.pop()
            row[0] = str(row[0])
            customers.add(row)
            for code, moment, price, channel, quantity in bought:
                purchases.add([row[0], str(code), moment, price, channel, quantity])
            found.customers += 1
            found.purchases += len(bought)
            told(1 + len(bought))


def _moment(server: Server) -> str:
    """Return the expression for the second of a purchase: dates are their midnight, in UTC."""
    with_time = server.read(
        "MATCH (:Customer)-[r:PURCHASED]->() RETURN r.time IS NOT NULL AS yes LIMIT 1"
    )
    day = "datetime({date: date(r.date), timezone: 'UTC'}).epochSeconds"
    if not with_time[0]["yes"]:
        return day
    time = "datetime({datetime: r.time, timezone: 'UTC'}).epochSeconds"
    return f"CASE WHEN r.time IS NULL THEN {day} ELSE {time} END"


class _File:
    """A Parquet file that is written some hundred thousand rows at a time."""

    def __init__(self, path: Path, schema: pa.Schema, names: Mapping[str, str]) -> None:
        self.path, self.schema = path, schema
        self.rows: list[list[Any]] = []
        renamed = [one.with_name(names.get(one.name, one.name)) for one in schema]
        self.written = pa.schema(renamed)
        self.writer = pq.ParquetWriter(path, self.written)

    def add(self, row: list[Any]) -> None:
        self.rows.append(row)
        if len(self.rows) >= _ROWS:
            self.flush()

    def flush(self) -> None:
        columns = zip(*self.rows, strict=True) if self.rows else [[] for _ in self.schema]
        arrays = [
            _array(values, one, self.path.stem)
            for values, one in zip(columns, self.schema, strict=True)
        ]
        self.writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self.written))
        self.rows = []

    def __enter__(self) -> _File:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self.flush()
        self.writer.close()


def _array(values: Any, one: pa.Field, table: str) -> pa.Array:
    try:
        if pa.types.is_timestamp(one.type):
            return pa.array(values, pa.int64()).cast(one.type)
        return pa.array(values, one.type)
    except (pa.ArrowException, TypeError, OverflowError) as error:
        wrong = next((v for v in values if not _fits(v, one.type)), None)
        raise DataError(
            f"{table}, {one.name}: {wrong!r} in the database is not of type {one.type}: {error}",
            hint="convert it there, as in SET c.age = toFloat(c.age)",
        ) from None


def _fits(value: Any, kind: pa.DataType) -> bool:
    try:
        pa.array([value], pa.int64() if pa.types.is_timestamp(kind) else kind)
    except (pa.ArrowException, TypeError, OverflowError):
        return False
    return True


# --- vectors --------------------------------------------------------------------------------


def _write_vectors(server: Server, out: Path) -> int:
    """Write the products' embeddings as a folder of vectors; nothing where there are none."""
    (found,) = server.read(
        "MATCH (p:Product) WHERE p.embedding IS NOT NULL "
        "RETURN count(p) AS n, min(size(p.embedding)) AS low, max(size(p.embedding)) AS high"
    )
    if not found["n"]:
        return 0
    if found["low"] != found["high"]:
        raise DataError(
            f"{server.uri}: embeddings have from {found['low']} to {found['high']} numbers",
            hint="vectors of one model have one length; remove those of the other",
        )
    out.mkdir()
    shape = (found["n"], found["low"])
    vectors = np.lib.format.open_memmap(
        out / "vectors.npy", mode="w+", dtype=np.float32, shape=shape
    )
    rows = _vectors(server)
    with (out / "article_ids.txt").open("w", encoding="utf-8") as ids:
        for place in range(found["n"]):
            code, vector = next(rows)
            vectors[place] = vector
            ids.write(f"{code}\n")
    rows.close()
    vectors.flush()
    return int(found["n"])


def _vectors(server: Server) -> Generator[Any]:
    yield from server.stream(
        "MATCH (p:Product) WHERE p.embedding IS NOT NULL RETURN p.code, p.embedding", fetch=200
    )
