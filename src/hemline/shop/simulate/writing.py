"""The simulated shop's files: CSV as Kaggle has them, or Parquet."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from hemline.blocks import Progress, block_bounds, map_blocks
from hemline.shop.simulate.customers import BLOCK as CUSTOMER_BLOCK
from hemline.shop.simulate.customers import Customers, hex_ids
from hemline.shop.simulate.market import price_table
from hemline.shop.simulate.purchases import Rows, Shoppers

TRANSACTIONS = pa.schema(
    [
        ("t_dat", pa.date32()),
        ("customer_id", pa.string()),
        ("article_id", pa.string()),
        ("price", pa.float64()),
        ("sales_channel_id", pa.int64()),
    ]
)
RECORD = np.dtype([("customer", "<i4"), ("article", "<i4"), ("price", "<i2"), ("channel", "i1")])
SLAB_ROWS = 1 << 20
"""Rows written to CSV at once."""

T = TypeVar("T")


class Table:
    """One file being written, as CSV or Parquet by its ending, a table at a time.

    Nothing is quoted in CSV: ids, dates and numbers have no commas.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.writer: pq.ParquetWriter | pyarrow.csv.CSVWriter
        self.schema = schema
        self.csv = path.suffix == ".csv"
        if self.csv:
            shown = pa.schema([(one.name, _shown(one)) for one in schema])
            options = pyarrow.csv.WriteOptions(quoting_style="none", quoting_header="none")
            self.writer = pyarrow.csv.CSVWriter(path, shown, write_options=options)
            self.schema = shown
        else:
            # without Arrow's own note of the schema a dictionary reads back as plain strings
            self.writer = pq.ParquetWriter(
                path, schema, compression="zstd", compression_level=1, store_schema=False
            )

    def __enter__(self) -> Table:
        return self

    def __exit__(self, *_: object) -> None:
        self.writer.close()

    def write(self, table: pa.Table) -> None:
        """Append a table; it becomes one row group."""
        if self.csv:
            columns = [_as_text(table.column(one.name), one.type) for one in self.schema]
            table = pa.table(columns, schema=self.schema)
            self.writer.write_table(table)
        else:
            self.writer.write_table(table, row_group_size=max(1, table.num_rows))


def _shown(field: pa.Field) -> pa.DataType:
    # Kaggle's FN, Active and age are floats with a decimal: 1.0, 24.0
    return pa.string() if field.name in ("FN", "Active", "age") else field.type


def _as_text(column: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    if wanted != pa.string() or not pa.types.is_floating(column.type):
        return column.cast(wanted)
    return pc.binary_join_element_wise(column.cast(pa.int64()).cast(pa.string()), "0", ".")


def write_articles(path: Path, articles: pa.Table) -> None:
    """Write the product table; in CSV a text with a comma is quoted."""
    if path.suffix != ".csv":
        with Table(path, articles.schema) as out:
            out.write(articles)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(articles.column_names)
        writer.writerows(zip(*(one.to_pylist() for one in articles.columns), strict=True))


def write_customers(path: Path, customers: Customers) -> None:
    """Write the customer table in blocks."""
    with Table(path, customers.table(0, 0).schema) as out:
        for low, high in block_bounds(len(customers), 4 * CUSTOMER_BLOCK):
            out.write(customers.table(low, high))


class TransactionWriter:
    """Writes purchases block by block (Parquet) or in the order of their days (CSV).

    Parquet has a row group for each block of customers, by day within it. CSV is sorted by
    day as Kaggle's is: the blocks are kept in a file of 11 bytes a row beside it meanwhile.
    """

    def __init__(self, shoppers: Shoppers, article_ids: list[str]) -> None:
        self.shoppers = shoppers
        self.article_ids = pa.array(article_ids)
        self.prices = pa.array(price_table())
        self.start = np.datetime64(shoppers.market.start, "D")

    def table(self, rows: Rows) -> pa.Table:
        """Return rows as a table with the columns of H&M's file; strings as dictionaries."""
        numbers, at = np.unique(rows.customer, return_inverse=True)
        ids = hex_ids(self.shoppers.seed, numbers, len(self.shoppers.customers))
        days = (self.start + rows.day.astype("timedelta64[D]")).astype("datetime64[D]")
        columns = [
            pa.array(days, type=pa.date32()),
            pa.DictionaryArray.from_arrays(pa.array(at.astype(np.int32)), ids),
            pa.DictionaryArray.from_arrays(pa.array(rows.article), self.article_ids),
            self.prices.take(pa.array(rows.price)),
            pa.array(rows.channel.astype(np.int64)),
        ]
        return pa.table(columns, names=TRANSACTIONS.names)

    def write(self, path: Path, threads: int, progress: Progress) -> int:
        """Draw and write all purchases; return how many rows there are."""
        if path.suffix == ".csv":
            return self._by_day(path, threads, progress)
        written = 0
        first = self.table(_rows_of(np.empty(0, RECORD), np.empty(0, np.int16)))
        with Table(path, first.schema) as out:
            drawn = self._blocks(threads, lambda rows: self.table(rows))
            for done, table in enumerate(drawn, 1):
                if table.num_rows:
                    out.write(table)
                written += table.num_rows
                progress(done, self.shoppers.n_blocks)
        return written

    def _blocks(self, threads: int, use: Callable[[Rows], T]) -> Iterator[T]:
        def one(low: int, _: int) -> T:
            return use(self.shoppers.block(low))

        return map_blocks(one, self.shoppers.n_blocks, 1, threads)

    def _by_day(self, path: Path, threads: int, progress: Progress) -> int:
        spill = path.with_suffix(".spill")
        blocks = self.shoppers.n_blocks
        bounds = self._spill(spill, threads, lambda done: progress(done, 2 * blocks))
        written = int(bounds[-1, -1])
        spilled = np.memmap(spill, dtype=RECORD, mode="r") if written else np.empty(0, RECORD)
        slabs = _slabs(np.diff(bounds, axis=1).sum(axis=0))

        def slab(low: int, _: int) -> pa.Table:
            return self.table(_days(spilled, bounds, *slabs[low]))

        with Table(path, TRANSACTIONS) as out:
            for done, table in enumerate(map_blocks(slab, len(slabs), 1, threads), 1):
                out.write(table)
                progress(blocks + blocks * done // len(slabs), 2 * blocks)
        spill.unlink()
        return written

    def _spill(
        self, path: Path, threads: int, progress: Callable[[int], None]
    ) -> npt.NDArray[np.int64]:
        """Draw all blocks into a file of records; return where each block's days begin in it."""
        days = self.shoppers.market.days
        bounds = np.zeros((self.shoppers.n_blocks, days + 1), dtype=np.int64)
        written = 0
        with path.open("wb") as file:
            for block, rows in enumerate(self._blocks(threads, lambda rows: rows)):
                record = np.empty(len(rows), dtype=RECORD)
                for name in ("customer", "article", "price", "channel"):
                    record[name] = getattr(rows, name)
                record.tofile(file)
                bounds[block] = written + np.searchsorted(rows.day, np.arange(days + 1))
                written += len(rows)
                progress(block + 1)
        return bounds


def _days(
    spilled: npt.NDArray[np.void], bounds: npt.NDArray[np.int64], first: int, last: int
) -> Rows:
    """Gather the rows of days [first, last) from all blocks, ascending by day."""
    parts, days = [np.empty(0, RECORD)], [np.empty(0, np.int16)]
    for day in range(first, last):
        pieces = [spilled[a:b] for a, b in bounds[:, day : day + 2].tolist() if b > a]
        parts += pieces
        days.append(np.full(sum(map(len, pieces)), day, dtype=np.int16))
    return _rows_of(np.concatenate(parts), np.concatenate(days))


def _rows_of(record: npt.NDArray[np.void], day: npt.NDArray[np.int16]) -> Rows:
    return Rows(
        record["customer"].astype(np.int32),
        record["article"].astype(np.int32),
        day,
        record["price"].astype(np.int16),
        record["channel"].astype(np.int8),
    )


def _slabs(per_day: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Cut the days into runs of about SLAB_ROWS rows."""
    group = np.cumsum(per_day) // SLAB_ROWS
    cuts = [0, *(np.flatnonzero(np.diff(group)) + 1).tolist(), len(per_day)]
    return list(pairwise(cuts))
