"""What customers bought in a period: what lists are judged by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hemline.shop.histories import Histories


@dataclass(frozen=True)
class Truth:
    """What n customers bought in a period: CSR of distinct articles, ascending in a row.

    Attributes
    ----------
    bounds : int64 (n + 1,)
        Row i is the slice `bounds[i]:bounds[i + 1]` of `articles`.
    articles : int32 (m,)
        Positions of articles; no article twice in a row.
    """

    bounds: npt.NDArray[np.int64]
    articles: npt.NDArray[np.int32]

    @classmethod
    def of(cls, histories: Histories) -> Truth:
        """Collect the distinct articles of every row of `histories`."""
        return cls.from_pairs(
            histories.customers(), histories.article[histories.rows()], n_customers=len(histories)
        )

    @classmethod
    def from_pairs(
        cls, customer: npt.ArrayLike, article: npt.ArrayLike, *, n_customers: int
    ) -> Truth:
        """Collect pairs in any order, integers (m,); a pair given twice counts once."""
        keys = pair_keys(np.asarray(customer), np.asarray(article))
        keys.sort()  # ten times as fast as np.unique on tens of millions
        keys = keys[np.diff(keys, prepend=-1) > 0]
        bounds = np.searchsorted(keys, np.arange(n_customers + 1, dtype=np.int64) << 32)
        return cls(bounds.astype(np.int64), (keys & 0xFFFFFFFF).astype(np.int32))

    @classmethod
    def from_lists(cls, lists: Sequence[Iterable[int]]) -> Truth:
        """Collect one list of articles a customer.

        >>> Truth.from_lists([[7, 3, 7], []]).articles.tolist()
        [3, 7]
        """
        rows = [np.fromiter(one, dtype=np.int64) for one in lists]
        customer = np.repeat(np.arange(len(rows)), [len(one) for one in rows])
        return cls.from_pairs(
            customer, np.concatenate([*rows, np.zeros(0, np.int64)]), n_customers=len(rows)
        )

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Number of distinct articles of each customer, int64 (n,)."""
        return np.diff(self.bounds)

    @property
    def buyers(self) -> npt.NDArray[np.int64]:
        """Rows with at least one article, ascending."""
        return np.flatnonzero(self.counts)

    def take(self, rows: npt.NDArray[np.int64]) -> Truth:
        """Return the chosen rows, in the order of `rows` (positions)."""
        counts = self.counts[rows]
        bounds = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum(counts, out=bounds[1:])
        places = np.arange(bounds[-1]) + np.repeat(self.bounds[rows] - bounds[:-1], counts)
        return Truth(bounds, self.articles[places])

    def keys(self) -> npt.NDArray[np.int64]:
        """Return every pair as one number, ascending, int64 (m,)."""
        return pair_keys(np.repeat(np.arange(len(self)), self.counts), self.articles)


def pair_keys(customer: npt.NDArray[Any], article: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return pairs as numbers that sort by customer, then article, int64 (m,)."""
    keys: npt.NDArray[np.int64] = (customer.astype(np.int64) << 32) | article.astype(np.int64)
    return keys


def stand_in(held: npt.NDArray[np.int64], keys: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Tell which of `keys` stand in `held`, which is ascending: bool, one for each key."""
    if not len(held):
        return np.zeros(len(keys), dtype=bool)
    found: npt.NDArray[np.bool_] = (
        held[np.minimum(np.searchsorted(held, keys), len(held) - 1)] == keys
    )
    return found
