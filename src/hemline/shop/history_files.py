"""Ordered purchases on their way into files: the table, and the histories beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from hemline import schema
from hemline.blocks import block_bounds
from hemline.shop.histories import COLUMNS
from hemline.shop.writing import ROW_GROUP, ArrayFile, of_length


@dataclass(frozen=True)
class Totals:
    """What was written: rows, pieces, the first and last second, who and what took part."""

    rows: int
    pieces: int
    first: int
    last: int
    customers: int
    articles: int


def write_purchases(
    folder: Path,
    batches: Iterable[pa.RecordBatch],
    age: npt.NDArray[np.float32] | None,
    n_articles: int,
    progress: Callable[[int], None] = lambda done: None,
) -> Totals:
    """Write purchases.parquet and histories/ in one pass, with a million rows in memory.


    Parameters
    ----------
    batches : batches of schema.PURCHASES
        Ascending by customer, time, article, price, channel.
    age : float32 (n_customers,), optional
        Years; NaN where it is not known. None reads them from the folder's customers.parquet.
    progress : function
        Called with the number of rows written so far.
    """
    histories = folder / "histories"
    histories.mkdir()
    sold = np.zeros(n_articles, dtype=bool)
    pieces, first, last = 0, np.iinfo(np.int64).max, np.iinfo(np.int64).min
    with ExitStack() as files:
        table = files.enter_context(
            pq.ParquetWriter(folder / "purchases.parquet", schema.PURCHASES)
        )
        arrays = {
            name: files.enter_context(ArrayFile(histories / f"{name}.npy", kind))
            for name, kind in COLUMNS.items()
        }
        bounds = _Bounds(files.enter_context(ArrayFile(histories / "bounds.npy", np.int64)))
        ages = files.enter_context(ArrayFile(histories / "age.npy", np.float32))
        for part in of_length(schema.PURCHASES, batches, ROW_GROUP):
            table.write_table(part, row_group_size=ROW_GROUP)
            for name, values in _arrays(part).items():
                arrays[name].append(values)
            bounds.append(part.column("customer").to_numpy())
            sold[part.column("article").to_numpy()] = True
            time = part.column("time").to_numpy()
            first, last = min(first, int(time.min())), max(last, int(time.max()))
            progress(arrays["time"].length)
            pieces += int(part.column("quantity").to_numpy().sum(dtype=np.int64))
        for one in _ages(folder / "customers.parquet") if age is None else (age,):
            ages.append(one)
        n_customers = ages.length
        bounds.end(n_customers)
    (histories / "histories.json").write_text(
        json.dumps({"version": 1, "n_customers": n_customers, "n_articles": n_articles})
    )
    return Totals(bounds.rows, pieces, first, last, bounds.buyers, int(sold.sum()))


def _ages(path: Path) -> Iterator[npt.NDArray[np.float32]]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=["age"]):
            yield batch.column(0).to_numpy(zero_copy_only=False)


class _Bounds:
    """Where each customer's purchases begin, written while they pass by, in order."""

    def __init__(self, file: ArrayFile) -> None:
        self.file = file
        self.rows = self.buyers = 0

    def append(self, customer: npt.NDArray[np.int32]) -> None:
        """Take the customers of further purchases, ascending, also over several calls."""
        following, last = self.file.length, int(customer[-1])
        if last >= following:
            new = np.arange(following, last + 1)
            self.file.append(self.rows + np.searchsorted(customer, new))
        # a customer begun before this part has a bound already
        self.buyers += int((np.diff(customer) > 0).sum()) + (int(customer[0]) >= following)
        self.rows += len(customer)

    def end(self, n_customers: int) -> None:
        """Write the bounds of those who follow without a purchase, and the end."""
        for low, high in block_bounds(n_customers + 1 - self.file.length, ROW_GROUP):
            self.file.append(np.full(high - low, self.rows))


def _arrays(part: pa.Table) -> dict[str, npt.NDArray[Any]]:
    """Return the columns of histories: no price is NaN, no channel is 0."""
    price = part.column("price").to_numpy(zero_copy_only=False)
    return {
        "article": part.column("article").to_numpy(),
        "time": part.column("time").to_numpy(),
        "weight": part.column("quantity").to_numpy().astype(np.float32),
        "price": price.astype(np.float32),
        "channel": part.column("channel").fill_null(0).to_numpy(),
    }
