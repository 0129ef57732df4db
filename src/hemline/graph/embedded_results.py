"""Answers of the embedded engine as a stream of Arrow batches."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import ladybug
import pyarrow as pa

from hemline.graph.results import plain, plain_type

BATCH = 65_536
"""Rows of a batch."""

BY_ROWS = 1_000_000
"""Of a longer answer the engine's copy is enough: it is not copied into Arrow as a whole."""

_SCALARS = {
    "STRING": pa.string(),
    "BOOL": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "DOUBLE": pa.float64(),
    "FLOAT": pa.float64(),
    **dict.fromkeys(
        ("INT8", "INT16", "INT32", "INT64", "INT128", "UINT8", "UINT16", "UINT32", "UINT64"),
        pa.int64(),
    ),
}


def stream(result: ladybug.QueryResult, then: Callable[[], None]) -> pa.RecordBatchReader:
    """Hand an answer over batch by batch, in the types that every store gives.

    `then` is called once nothing more is wanted of the engine.
    """
    names = result.get_column_names()
    if not names:  # a statement that writes answers nothing
        result.close()
        then()
        return pa.RecordBatchReader.from_batches(pa.schema([]), [])
    types = [_type(one) for one in result.get_column_data_types()]
    if result.get_num_tuples() > BY_ROWS and all(one is not None for one in types):
        schema = pa.schema(list(zip(names, types, strict=True)))
        return pa.RecordBatchReader.from_batches(schema, _by_rows(result, schema, then))
    try:
        table = result.get_as_arrow(BATCH)
    finally:
        result.close()
        then()
    schema = pa.schema([(name, plain_type(one.type)) for name, one in zip(names, table.schema)])  # noqa: B905
    return pa.RecordBatchReader.from_batches(schema, _by_chunks(table, schema))


def _by_chunks(table: pa.Table, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for batch in table.to_batches():
        yield pa.RecordBatch.from_arrays([plain(one) for one in batch.columns], schema=schema)


def _by_rows(
    result: ladybug.QueryResult, schema: pa.Schema, then: Callable[[], None]
) -> Iterator[pa.RecordBatch]:
    try:
        while result.has_next():
            columns: list[Any] = list(zip(*result.get_n(BATCH), strict=True))
            arrays = [pa.array(one, kind) for one, kind in zip(columns, schema.types, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)
    finally:
        result.close()
        then()


def _type(name: str) -> pa.DataType | None:
    inner = re.fullmatch(r"(\w+)\[\d*\]", name)
    if inner:
        found = _SCALARS.get(inner[1])
        return None if found is None else pa.list_(found)
    return _SCALARS.get(name)
