"""What customers bought: the only thing that is known of a customer inside."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from hemline.blocks import block_bounds
from hemline.errors import DataError
from hemline.memory import release

SECONDS_PER_DAY = 86_400

BLOCK = 65_536
"""Customers of one step of a walk over all of them."""

COLUMNS: dict[str, type] = {
    "article": np.int32,
    "time": np.int64,
    "weight": np.float32,
    "price": np.float32,
    "channel": np.int8,
}


@dataclass(frozen=True)
class Histories:
    """Purchases of n customers: CSR arrays over customers, each row sorted by time.

    Row i is the slice `start[i]:stop[i]` of the purchase arrays; rows may be any view on
    them, so that a block of customers or a cut in time copies nothing.

    Attributes
    ----------
    start, stop : int64 (n,)
    article : int32 (m,)
        Positions of articles.
    time : int64 (m,)
        Seconds since 1970-01-01 UTC. Undated data has 0 everywhere.
    weight : float32 (m,)
        Quantity, or a rating in other people's data.
    price : float32 (m,)
        In the shop's currency; NaN where there is none.
    channel : int8 (m,)
        Sales channel; 0 where there is none.
    age : float32 (n,)
        Years; NaN where it is not known.
    n_articles : int
        Size of the catalogue.
    end : int, optional
        Seconds; no purchase lies at or after it. None: not known.
    """

    start: npt.NDArray[np.int64]
    stop: npt.NDArray[np.int64]
    article: npt.NDArray[np.int32]
    time: npt.NDArray[np.int64]
    weight: npt.NDArray[np.float32]
    price: npt.NDArray[np.float32]
    channel: npt.NDArray[np.int8]
    age: npt.NDArray[np.float32]
    n_articles: int
    end: int | None = None

    @classmethod
    def from_purchases(
        cls,
        customer: npt.ArrayLike,
        article: npt.ArrayLike,
        *,
        n_customers: int,
        n_articles: int,
        time: npt.ArrayLike | None = None,
        weight: npt.ArrayLike | None = None,
        price: npt.ArrayLike | None = None,
        channel: npt.ArrayLike | None = None,
        age: npt.ArrayLike | None = None,
    ) -> Histories:
        """Build histories from purchases in any order, all arrays of shape (m,), `age` (n,).

        Purchases of a customer at one instant keep the order of their articles, then the
        order in which they were given.
        """
        customer = np.asarray(customer, dtype=np.int64)
        m = len(customer)
        columns: dict[str, Any] = {
            "article": np.asarray(article, dtype=np.int32),
            "time": np.zeros(m, np.int64) if time is None else np.asarray(time, np.int64),
            "weight": np.ones(m, np.float32) if weight is None else np.asarray(weight, np.float32),
            "price": np.full(m, np.nan, np.float32)
            if price is None
            else np.asarray(price, np.float32),
            "channel": np.zeros(m, np.int8) if channel is None else np.asarray(channel, np.int8),
        }
        # compiled code trusts these numbers
        for name, given, size in (
            ("customer", customer, n_customers),
            ("article", columns["article"], n_articles),
        ):
            if m and not 0 <= given.min() <= given.max() < size:
                raise DataError(
                    f"{name} positions from {given.min()} to {given.max()} among {size}",
                    hint=f"a {name}'s position is 0 to n_{name}s - 1",
                )
        order = np.lexsort((columns["article"], columns["time"], customer))
        bounds = np.zeros(n_customers + 1, dtype=np.int64)
        np.cumsum(np.bincount(customer, minlength=n_customers), out=bounds[1:])
        return cls(
            start=bounds[:-1],
            stop=bounds[1:],
            age=np.full(n_customers, np.nan, np.float32)
            if age is None
            else np.asarray(age, np.float32),
            n_articles=n_articles,
            **{name: array[order] for name, array in columns.items()},
        )

    @classmethod
    def from_baskets(
        cls,
        baskets: Sequence[Iterable[int]],
        *,
        n_articles: int,
        time: int = 0,
        age: npt.ArrayLike | None = None,
    ) -> Histories:
        """Build histories of anonymous baskets: positions of articles, bought at `time`."""
        lists = [np.fromiter(basket, dtype=np.int32) for basket in baskets]
        customer = np.repeat(np.arange(len(lists)), [len(one) for one in lists])
        article = np.concatenate([*lists, np.zeros(0, np.int32)])
        return cls.from_purchases(
            customer,
            article,
            n_customers=len(lists),
            n_articles=n_articles,
            time=np.full(len(article), time, np.int64),
            age=age,
        )

    def __len__(self) -> int:
        return len(self.start)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Number of purchases of each customer, int64 (n,)."""
        return np.subtract(self.stop, self.start)

    @property
    def n_purchases(self) -> int:
        """Number of purchases in all rows."""
        return int(self.lengths.sum())

    def block(self, low: int, high: int) -> Histories:
        """Return the customers [low, high), sharing the purchase arrays."""
        return self.take(slice(low, high))

    def take(self, rows: slice | npt.NDArray[Any]) -> Histories:
        """Return the customers chosen by a slice, positions or a mask, sharing the arrays."""
        if isinstance(rows, slice) and rows == slice(0, len(self)):
            return self
        return replace(self, start=self.start[rows], stop=self.stop[rows], age=self.age[rows])

    def blocks(self, size: int = BLOCK) -> Iterator[Histories]:
        """Yield the customers in blocks, and let go of the files' pages behind each.

        A walk over histories that are mapped from files takes the memory of one block.
        """
        for low, high in block_bounds(len(self), size):
            block = self.block(low, high)
            yield block
            block.release()

    def release(self) -> None:
        """Give back the memory in which these rows were read, if they are mapped from files."""
        release(self.start, self.stop, self.age)
        held = self.stop > self.start
        if held.any():
            low, high = int(self.start[held].min()), int(self.stop[held].max())
            release(*(getattr(self, name)[low:high] for name in COLUMNS))
            release(self.start, self.stop)

    def before(self, as_of: int | None) -> Histories:
        """Return what was known just before `as_of` (seconds): no purchase at or after it.

        None, for undated data, keeps everything.
        """
        # each channel of a recipe cuts the histories that the recipe has cut already
        if as_of is None or (self.end is not None and self.end <= as_of):
            return self
        if self._ends_before(as_of):
            return replace(self, end=as_of)
        return replace(self, stop=self._first_at_or_after(as_of), end=as_of)

    def _ends_before(self, as_of: int) -> bool:
        return all(last is None or last < as_of for last in self._last_times())

    def _last_times(self) -> Iterator[int | None]:
        """Yield the latest purchase of each block of customers; None where there is none."""
        large = len(self) > BLOCK
        for block in self.blocks(BLOCK) if large else (self,):
            held = block.stop > block.start
            yield int(block.time[block.stop[held] - 1].max()) if held.any() else None

    def since(self, time: int) -> Histories:
        """Return the purchases at or after `time` (seconds)."""
        return replace(self, start=self._first_at_or_after(time))

    def _first_at_or_after(self, time: int) -> npt.NDArray[np.int64]:
        # bisection of all rows at once: as many steps as the longest row has bits
        low, high = self.start.copy(), self.stop.copy()
        while True:
            open_ = low < high
            if not open_.any():
                return low
            middle = (low + high) >> 1
            earlier = np.zeros(len(low), dtype=bool)
            earlier[open_] = self.time[middle[open_]] < time
            low = np.where(open_ & earlier, middle + 1, low)
            high = np.where(open_ & ~earlier, middle, high)

    def rows(self) -> npt.NDArray[np.int64]:
        """Return the place of every purchase of every row in the arrays, int64 (n_purchases,)."""
        lengths = self.lengths
        offsets = np.cumsum(lengths) - lengths
        within: npt.NDArray[np.int64] = np.arange(int(lengths.sum()), dtype=np.int64)
        within += np.repeat(self.start - offsets, lengths)
        return within

    def customers(self) -> npt.NDArray[np.int64]:
        """Return the row of every purchase, in the order of `rows`."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def compact(self) -> Histories:
        """Return the same histories with arrays that hold these rows alone, in order."""
        bounds = np.zeros(len(self) + 1, dtype=np.int64)
        np.cumsum(self.lengths, out=bounds[1:])
        if bounds[-1] == len(self.article) and np.array_equal(self.start, bounds[:-1]):
            return self
        rows = self.rows()
        arrays: dict[str, Any] = {name: getattr(self, name)[rows] for name in COLUMNS}
        return replace(self, start=bounds[:-1], stop=bounds[1:], **arrays)

    def matrix(self, values: npt.NDArray[np.float32] | None = None) -> sparse.csr_matrix:
        """Return customers x articles as float32 CSR; repeated purchases add up.

        Parameters
        ----------
        values : float32 (n_purchases,), optional
            One for each purchase in the order of `rows`; the weights when None.
        """
        compact = self.compact()
        data = compact.weight if values is None else values
        indptr = np.append(compact.start, compact.stop[-1:])
        shape = (len(self), self.n_articles)
        # copies: summing duplicates sorts in place, and the arrays may be mapped read-only
        found = sparse.csr_matrix(
            (data.astype(np.float32), compact.article.copy(), indptr if len(indptr) else [0]),
            shape=shape,
        )
        found.sum_duplicates()
        return found

    def last_time(self) -> int | None:
        """Return the time of the latest purchase, or None when there is none."""
        return max((last for last in self._last_times() if last is not None), default=None)

    def save(self, folder: Path) -> None:
        """Write one .npy file for each array, and the sizes as JSON."""
        folder.mkdir(parents=True, exist_ok=True)
        compact = self.compact()
        np.save(folder / "bounds.npy", np.append(compact.start, compact.stop[-1:]))
        np.save(folder / "age.npy", compact.age)
        for name in COLUMNS:
            np.save(folder / f"{name}.npy", getattr(compact, name))
        (folder / "histories.json").write_text(
            json.dumps({"version": 1, "n_customers": len(self), "n_articles": self.n_articles})
        )

    @classmethod
    def open(cls, folder: Path) -> Histories:
        """Map histories written by `save` into memory, without reading them."""
        sizes = json.loads((folder / "histories.json").read_text())
        arrays: dict[str, Any] = {
            # an empty file cannot be mapped
            name: np.load(folder / f"{name}.npy", mmap_mode="r" if sizes["n_customers"] else None)
            for name in ("bounds", "age", *COLUMNS)
        }
        bounds = arrays.pop("bounds")
        return cls(start=bounds[:-1], stop=bounds[1:], n_articles=sizes["n_articles"], **arrays)


def end_of_day(time: int) -> int:
    """Return the first second (UTC) of the day after that of `time`."""
    return (time // SECONDS_PER_DAY + 1) * SECONDS_PER_DAY
