"""Parquet files that are the same bytes however the rows arrived."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP = 1 << 20
"""Rows of a row group; the bytes of a file depend on it."""


def write_parquet(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Write batches of any length in row groups of one length; return the number of rows."""
    n = 0
    with pq.ParquetWriter(path, schema) as writer:
        for table in of_length(schema, batches, ROW_GROUP):
            writer.write_table(table, row_group_size=ROW_GROUP)
            n += table.num_rows
    return n


def of_length(
    schema: pa.Schema, batches: Iterable[pa.RecordBatch], rows: int
) -> Iterator[pa.Table]:
    """Yield the rows of the batches, `rows` at a time, as tables of one chunk a column."""
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        held.append(batch)
        count += batch.num_rows
        while count >= rows:
            table = pa.Table.from_batches(held)
            yield _fitted(table.slice(0, rows), schema)
            rest = table.slice(rows)
            held, count = rest.to_batches(), rest.num_rows
    if count:
        yield _fitted(pa.Table.from_batches(held), schema)


def _fitted(table: pa.Table, schema: pa.Schema) -> pa.Table:
    return table.select(schema.names).cast(schema).combine_chunks()


class ArrayFile:
    """A one-dimensional .npy file that is written a piece at a time."""

    def __init__(self, path: Path, dtype: npt.DTypeLike) -> None:
        self.path = path
        self.dtype = np.dtype(dtype)
        self.length = 0
        self.file: IO[bytes] = path.open("wb")
        self._head()

    def append(self, values: npt.NDArray[Any]) -> None:
        """Write further values."""
        self.file.write(np.ascontiguousarray(values, self.dtype).data)
        self.length += len(values)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            # NumPy leaves room in the header for a length that grows
            self.file.seek(0)
            self._head()
        self.file.close()

    def _head(self) -> None:
        described = np.lib.format.dtype_to_descr(self.dtype)
        head = {"descr": described, "fortran_order": False, "shape": (self.length,)}
        np.lib.format.write_array_header_1_0(self.file, head)
