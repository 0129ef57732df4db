"""What a Neo4j server answers as Arrow, and what a query's parameters are to its driver."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from hemline.errors import QueryError

FIRST: Final = 10_000
"""Rows that are looked at to find the types of the columns."""

MOST: Final = 100_000
"""Rows that are looked at where a column has had no value yet."""

_PLAIN: Final = frozenset({int, float, str, bool, bytes, type(None)})
_INT64: Final = 1 << 63


def to_driver(parameters: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return parameters as the driver takes them: exact decimals become float.

    Raises
    ------
    QueryError
        A value is of a kind that cannot be sent; says which parameter.
    """
    return {name: _sent(value, str(name)) for name, value in (parameters or {}).items()}


def _sent(value: Any, name: str) -> Any:
    if value is None or isinstance(value, bool | float | str | bytes):
        return value
    if isinstance(value, int):
        if not -_INT64 <= value < _INT64:
            raise QueryError(f"parameter {name}: {value} is no integer of 64 bits")
        return value
    if isinstance(value, dt.date | dt.time | dt.timedelta):
        return value
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, uuid.UUID | Path):
        return str(value)
    if isinstance(value, pa.Scalar):
        return _sent(value.as_py(), name)
    if isinstance(value, np.generic | np.ndarray):
        return _sent(value.tolist(), name)
    if isinstance(value, pa.Array | pa.ChunkedArray):
        return _sent(value.to_pylist(), name)
    if isinstance(value, Mapping):
        return {str(key): _sent(one, f"{name}.{key}") for key, one in value.items()}
    if isinstance(value, Sequence | set | frozenset):
        return [_sent(one, name) for one in value]
    raise QueryError(
        f"parameter {name}: a {type(value).__name__} cannot be sent to the server",
        hint="text, numbers, dates, None, lists and maps can",
    )


def reader(
    names: Sequence[str], rows: Iterator[Any], done: Callable[[bool], None], step: int
) -> pa.RecordBatchReader:
    """Return records as a stream of Arrow batches; `done` is told whether all of them were read.

    The first rows, which are fetched at once, decide the types of the columns.

    Raises
    ------
    QueryError
        A column holds values that are not of one type.
    """
    held = list(islice(rows, max(FIRST, step)))
    columns = _columns(names, held)
    while len(held) < MOST and any(pa.types.is_null(one.type) for one in columns):
        more = list(islice(rows, step))
        if not more:
            break
        held += more
        columns = _columns(names, held)
    schema = pa.schema(
        [pa.field(*one) for one in zip(names, (c.type for c in columns), strict=True)]
    )
    first = pa.RecordBatch.from_arrays(columns, schema=schema)
    if len(held) < FIRST:
        done(True)

    def batches() -> Iterator[pa.RecordBatch]:
        whole = False
        try:
            if names:
                yield first
            seen = first.num_rows
            while part := list(islice(rows, step)):
                yield pa.RecordBatch.from_arrays(_columns(names, part, schema, seen), schema=schema)
                seen += len(part)
            whole = True
        finally:
            done(whole)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _columns(
    names: Sequence[str], rows: list[Any], schema: pa.Schema | None = None, seen: int = 0
) -> list[pa.Array]:
    values = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    found = []
    for place, name in enumerate(names):
        kind = None if schema is None else schema.field(place).type
        try:
            found.append(pa.array(_plain_column(values[place]), kind))
        except (pa.ArrowException, TypeError, OverflowError) as error:
            where = f" after row {seen:,}" if seen else ""
            raise QueryError(
                f"column {name!r} holds values of more than one type{where}: {error}",
                hint="make them one with toString(), toFloat() or coalesce()",
            ) from None
    return found


def _plain_column(values: Sequence[Any]) -> Sequence[Any]:
    if {type(one) for one in values} <= _PLAIN:
        return values
    return [plain(one) for one in values]


def plain(value: Any) -> Any:
    """Return a value of the driver as Python has it: a date, a list, a dict of properties.

    A length of time, a time of day and a point, for which Arrow tables have no common type,
    become text and a list of coordinates; a path a dict of its nodes and relationships.
    """
    if type(value) in _PLAIN:
        return value
    if isinstance(value, list | tuple) and not hasattr(value, "srid"):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return _of_driver(value)


def _of_driver(value: Any) -> Any:
    from neo4j import graph, spatial, time

    if isinstance(value, time.Date):
        return value.to_native()
    if isinstance(value, time.DateTime):
        native = value.to_native()
        return native if native.tzinfo is None else native.astimezone(dt.UTC).replace(tzinfo=None)
    if isinstance(value, time.Time | time.Duration):
        return value.iso_format()
    if isinstance(value, spatial.Point):
        return [float(one) for one in value]
    if isinstance(value, graph.Path):
        return {
            "nodes": [plain(one) for one in value.nodes],
            "relationships": [plain(one) for one in value.relationships],
        }
    if isinstance(value, graph.Node | graph.Relationship):
        return {key: plain(one) for key, one in value.items()}
    return value
