"""Ordered purchases, and others merged into them: a million rows in memory at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hemline import schema
from hemline.errors import DataError
from hemline.shop.checks import LARGEST_QUANTITY

Rows = dict[str, npt.NDArray[Any]]
"""The columns of schema.PURCHASES: price NaN and channel 128 where there is none, int64
quantities."""

KEYS: Final = ("customer", "time", "article", "price", "channel")
_KINDS: Final = {
    "customer": np.int32, "article": np.int32, "time": np.int64, "price": np.float64,
    "channel": np.int16, "quantity": np.int64,
}  # fmt: skip
_NONE = 128
"""As a channel: above all that there are, for nothing comes last."""


def rows_of(batch: pa.RecordBatch | pa.Table) -> Rows:
    """Return purchases, schema.PURCHASES, as arrays."""
    found = {}
    for name, kind in _KINDS.items():
        column = batch.column(name)
        if name == "channel":
            column = column.cast(pa.int16()).fill_null(_NONE)
        found[name] = column.to_numpy(zero_copy_only=False).astype(kind, copy=False)
    return found


def batch_of(rows: Rows) -> pa.RecordBatch:
    """Return arrays as purchases, schema.PURCHASES."""
    arrays = []
    for field in schema.PURCHASES:
        values = rows[field.name]
        if field.name == "price":
            arrays.append(pa.array(values, mask=np.isnan(values)))
        elif field.name == "channel":
            arrays.append(pa.array(values, mask=values == _NONE).cast(pa.int8()))
        else:
            arrays.append(pa.array(values).cast(field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema.PURCHASES)


def joined(parts: list[Rows]) -> Rows:
    """Put rows one after the other."""
    return {
        name: np.concatenate([np.zeros(0, kind), *(one[name] for one in parts)])
        for name, kind in _KINDS.items()
    }


def ordered(rows: Rows) -> tuple[Rows, npt.NDArray[np.int64]]:
    """Put rows into their order and add up equal ones.

    Returns
    -------
    rows : Rows of m
    place : int64 (n,)
        Of each given row among them.

    Raises
    ------
    DataError
        The pieces of equal purchases are too many.
    """
    keys = [_key(rows, name) for name in KEYS]
    order = np.lexsort(keys[::-1])
    first = np.ones(len(order), bool)
    if len(order):
        first[1:] = False
        for key in keys:
            first[1:] |= key[order[1:]] != key[order[:-1]]
    group = np.cumsum(first) - 1
    place = np.empty(len(order), np.int64)
    place[order] = group
    found = {name: values[order[first]] for name, values in rows.items()}
    if len(order):
        found["quantity"] = np.add.reduceat(rows["quantity"][order], np.flatnonzero(first))
    if (found["quantity"] > LARGEST_QUANTITY).any():
        raise DataError(
            "the purchases cannot be added up",
            hint="equal purchases may have 2,147,483,647 pieces together",
        )
    return found, place


def _key(rows: Rows, name: str) -> npt.NDArray[Any]:
    values = rows[name]
    return np.where(np.isnan(values), np.inf, values) if name == "price" else values


class Merging:
    """Merges new purchases into ordered ones, in one pass over the ordered ones.

    Parameters
    ----------
    new : Rows of m
        Ordered, none twice, by the new positions.
    customer, article : int32 (n,)
        The new position of every old one, ascending.

    Attributes
    ----------
    there : int64 (m,)
        How many pieces of each new purchase were there before; known when all is merged.
    """

    def __init__(
        self, new: Rows, customer: npt.NDArray[np.int32], article: npt.NDArray[np.int32]
    ) -> None:
        self.new = new
        self.customer, self.article = customer, article
        self.there = np.zeros(len(new["customer"]), np.int64)
        last = max(int(customer[-1]) if len(customer) else -1, int(new["customer"].max(initial=-1)))
        self._concerned = np.zeros(last + 1, bool)
        self._concerned[new["customer"]] = True
        self._done = 0

    def batches(self, old: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield all purchases in their order."""
        held: Rows | None = None
        for batch in old:
            if not batch.num_rows:
                continue
            rows = self._moved(rows_of(batch))
            if held is not None:
                rows = joined([held, rows])
            # the last customer may go on in the next batch
            cut = int(np.searchsorted(rows["customer"], rows["customer"][-1]))
            held = {name: values[cut:] for name, values in rows.items()}
            if cut:
                yield batch_of(
                    self._merged(
                        {name: values[:cut] for name, values in rows.items()},
                        int(held["customer"][0]),
                    )
                )
        rest = self._merged(held or joined([]), len(self._concerned))
        if len(rest["customer"]):
            yield batch_of(rest)

    def _moved(self, rows: Rows) -> Rows:
        return rows | {
            "customer": self.customer[rows["customer"]],
            "article": self.article[rows["article"]],
        }

    def _merged(self, rows: Rows, below: int) -> Rows:
        """Merge with whole customers the new purchases of all that are `below` and not done."""
        low = self._done
        high = low + int(np.searchsorted(self.new["customer"][low:], below))
        self._done = high
        if low == high:
            return rows
        mine = self._concerned[rows["customer"]]
        some = {name: values[mine] for name, values in rows.items()}
        fresh = {name: values[low:high] for name, values in self.new.items()}
        both, place = ordered(joined([some, fresh]))
        n = len(some["customer"])
        before = np.zeros(len(both["customer"]), np.int64)
        before[place[:n]] = some["quantity"]
        self.there[low:high] = before[place[n:]]
        rest = {name: values[~mine] for name, values in rows.items()}
        # whole customers are on one side or the other, so that their number alone decides
        customer = np.concatenate([rest["customer"], both["customer"]])
        order = np.argsort(customer, kind="stable")
        return {name: np.concatenate([rest[name], both[name]])[order] for name in _KINDS}
