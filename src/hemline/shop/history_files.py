"""Ordered purchases on their way into files: the table, and the histories beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from hemline import schema
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
    age: npt.NDArray[np.float32],
    n_articles: int,
    progress: Callable[[int], None] = lambda done: None,
) -> Totals:
    """Write purchases.parquet and histories/ in one pass, with a million rows in memory.

    Parameters
    ----------
    batches : batches of schema.PURCHASES
        Ascending by customer, time, article, price, channel.
    age : float32 (n_customers,)
        Years; NaN where it is not known.
    progress : function
        Called with the number of rows written so far.
    """
    histories = folder / "histories"
    histories.mkdir()
    lengths = np.zeros(len(age), np.int64)
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
        for part in of_length(schema.PURCHASES, batches, ROW_GROUP):
            table.write_table(part, row_group_size=ROW_GROUP)
            for name, values in _arrays(part).items():
                arrays[name].append(values)
            customer = part.column("customer").to_numpy()
            low = int(customer[0])
            counted = np.bincount(customer - low)
            lengths[low : low + len(counted)] += counted
            sold[part.column("article").to_numpy()] = True
            time = part.column("time").to_numpy()
            first, last = min(first, int(time.min())), max(last, int(time.max()))
            progress(arrays["time"].length)
            pieces += int(part.column("quantity").to_numpy().sum(dtype=np.int64))
    bounds = np.zeros(len(age) + 1, np.int64)
    np.cumsum(lengths, out=bounds[1:])
    np.save(histories / "bounds.npy", bounds)
    np.save(histories / "age.npy", age)
    (histories / "histories.json").write_text(
        json.dumps({"version": 1, "n_customers": len(age), "n_articles": n_articles})
    )
    buyers = int((lengths > 0).sum())
    return Totals(int(bounds[-1]), pieces, first, last, buyers, int(sold.sum()))


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
