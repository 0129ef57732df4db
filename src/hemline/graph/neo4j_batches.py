"""Sorted rows in batches that are the same ones again after a small change.

A batch holds all rows of an interval of keys. Where it ends is decided by the keys
themselves (content-defined chunking, as rsync and backup programs do it), so that a new
customer moves the bounds of one batch and not of all that follow: a digest of each then
tells which have changed.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hemline.errors import GraphError

_HASHES = 1 << 32


@dataclass(frozen=True)
class Batch:
    """The rows of the keys in (low, high]; `high` is None in the last batch, which has no end.

    Attributes
    ----------
    rows : Table
        The key is the first column.
    digest : str
        Of the interval's content.
    """

    low: str
    high: str | None
    rows: pa.Table
    digest: str

    def tuples(self) -> list[tuple[Any, ...]]:
        """Return the rows as tuples of Python values."""
        return list(zip(*(one.to_pylist() for one in self.rows.columns), strict=True))


def cut(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, rows: int, what: str
) -> Iterator[Batch]:
    """Cut rows that ascend by their first column into batches of about `rows`, at most twice it.

    A key's rows stay together however many they are. The last batch is always there, if
    empty: together they cover every key there can be.

    Raises
    ------
    GraphError
        The rows do not ascend by their key; `what` names them.
    """
    cutter = _Cutter(schema, rows)
    last: str | None = None
    for batch in batches:
        if not batch.num_rows:
            continue
        decoded = _decoded(batch, schema)
        starts, keys = _groups(decoded.column(0))
        begin = 0
        for place, (at, key) in enumerate(zip(starts, keys, strict=True)):
            if last is not None and key < last:
                raise GraphError(f"{what}: {key!r} stands after {last!r}; rows ascend by their key")
            if key != last:
                if last is not None and cutter.ends(last):
                    cutter.held.append(decoded.slice(begin, at - begin))
                    begin = at
                    yield cutter.batch(last)
                last = key
            end = starts[place + 1] if place + 1 < len(starts) else decoded.num_rows
            cutter.count(end - at)
        cutter.held.append(decoded.slice(begin))
    yield cutter.batch(None)


class _Cutter:
    def __init__(self, schema: pa.Schema, rows: int) -> None:
        self.schema, self.wanted = schema, max(1, rows)
        self.low = ""
        self.held: list[pa.RecordBatch] = []
        self.rows = self.group = 0

    def count(self, rows: int) -> None:
        """Count rows of the key that is being read."""
        self.rows += rows
        self.group += rows

    def ends(self, key: str) -> bool:
        """Tell whether the batch ends after this key, whose rows are complete."""
        group, self.group = self.group, 0
        if self.rows >= 2 * self.wanted:
            return True
        if 2 * self.rows < self.wanted:
            return False
        # on average another half of the wanted rows pass until a key is hit
        return zlib.crc32(key.encode()) * self.wanted < _HASHES * 2 * group

    def batch(self, high: str | None) -> Batch:
        table = pa.Table.from_batches(self.held, schema=self.schema).combine_chunks()
        found = Batch(self.low, high, table, digest(table))
        self.low, self.held, self.rows = high or "", [], 0
        return found


def digest(table: pa.Table) -> str:
    """Return a digest of a table's columns and values, however they lie in memory."""
    found = hashlib.blake2b(digest_size=16)
    for field in table.schema:
        found.update(f"{field.name} {field.type} {table.num_rows};".encode())
        column = table.column(field.name).combine_chunks()
        for part in _content(column):
            found.update(part)
    return found.hexdigest()


def _content(column: pa.Array) -> Iterator[Any]:
    """Yield the bytes that a column's values are, and which of them are there."""
    yield np.packbits(pc.is_valid(column).to_numpy(zero_copy_only=False)).data
    if pa.types.is_list(column.type):
        lengths = pc.fill_null(pc.list_value_length(column), -1)
        yield np.ascontiguousarray(lengths.to_numpy()).data
        yield from _content(column.flatten())
    elif pa.types.is_string(column.type):
        filled = pc.fill_null(column, "")
        yield np.ascontiguousarray(pc.binary_length(filled).to_numpy()).data
        _, ends, data = filled.buffers()
        if data is not None and len(filled):
            at = np.frombuffer(ends, np.int32)[filled.offset : filled.offset + len(filled) + 1]
            yield memoryview(data)[int(at[0]) : int(at[-1])]
    else:
        if pa.types.is_temporal(column.type):
            column = column.cast(pa.int32() if column.type.bit_width == 32 else pa.int64())
        values = pc.fill_null(column, pa.scalar(0, column.type))
        yield np.ascontiguousarray(values.to_numpy(zero_copy_only=False)).data


def _decoded(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = []
    for field in schema:
        column = batch.column(field.name)
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        columns.append(column if column.type == field.type else column.cast(field.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _groups(keys: pa.Array) -> tuple[list[int], list[str]]:
    """Return where each run of one key begins, and the keys."""
    changed = np.ones(len(keys), bool)
    if len(keys) > 1:
        changed[1:] = pc.not_equal(keys[1:], keys[:-1]).to_numpy(zero_copy_only=False)
    starts = np.flatnonzero(changed)
    return starts.tolist(), keys.take(pa.array(starts)).to_pylist()
