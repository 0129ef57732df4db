"""Purchases as pairs: one entry for each distinct (customer, article), repeats merged."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse

from hemline.blocks import map_blocks
from hemline.shop.histories import Histories
from hemline.shop.pairs_kernel import LAST, MAX, SUM, close_gaps, merge_rows

BLOCK = 65_536

Repeats = Literal["sum", "max", "last"]


def span(histories: Histories) -> Histories:
    """Return the same rows over purchase arrays that hold little else.

    A block of a large shop shares the arrays of all of it; whoever derives something from
    every element of `time` or `weight` must not do so for the whole shop. Rows that lie
    close together become a view, scattered ones are copied.
    """
    held = histories.stop > histories.start
    if not held.any():
        return histories.compact()
    low = int(histories.start[held].min())
    high = int(histories.stop[held].max())
    if high - low > 2 * histories.n_purchases:
        return histories.compact()
    return Histories(
        # an empty row may lie anywhere
        start=np.where(held, histories.start - low, 0),
        stop=np.where(held, histories.stop - low, 0),
        article=histories.article[low:high],
        time=histories.time[low:high],
        weight=histories.weight[low:high],
        price=histories.price[low:high],
        channel=histories.channel[low:high],
        age=histories.age,
        n_articles=histories.n_articles,
    )


def merge(
    histories: Histories,
    values: npt.NDArray[np.float32] | None = None,
    repeats: Repeats = "sum",
    threads: int = 0,
) -> sparse.csr_matrix:
    """Return customers x articles as float32 CSR, sorted, one entry for each distinct pair.

    Parameters
    ----------
    histories : Histories of n customers
    values : float32 (m,), optional
        One for each element of the purchase arrays of `histories`; ones when None.
    repeats : "sum", "max" or "last"
        What becomes of several purchases of one article by one customer; the last is the
        latest, and of one instant the one that stands last.
    threads : int
        0: one for each processor. The result does not depend on it.
    """
    how = {"sum": SUM, "max": MAX, "last": LAST}[repeats]
    n = len(histories)
    start, stop = np.ascontiguousarray(histories.start), np.ascontiguousarray(histories.stop)
    lengths = stop - start
    offset = np.zeros(n + 1, np.int64)
    np.cumsum(lengths, out=offset[1:])
    wide_article = np.empty(offset[-1], np.int32)
    wide_value = np.empty(offset[-1], np.float32)
    counts = np.zeros(n, np.int64)
    value = np.zeros(0, np.float32) if values is None else np.ascontiguousarray(values)

    def merge_block(low: int, high: int) -> None:
        merge_rows(
            start, stop, histories.article, value, how, offset, low, high,
            wide_article, wide_value, counts,
        )  # fmt: skip

    for _ in map_blocks(merge_block, n, BLOCK, threads):
        pass
    indptr = np.zeros(n + 1, np.int64)
    np.cumsum(counts, out=indptr[1:])
    if indptr[-1] == offset[-1]:  # nobody bought anything twice
        article, data = wide_article, wide_value
    else:
        article = np.empty(indptr[-1], np.int32)
        data = np.empty(indptr[-1], np.float32)

        def copy_block(low: int, high: int) -> None:
            close_gaps(offset, indptr, wide_article, wide_value, low, high, 0, article, data)

        for _ in map_blocks(copy_block, n, BLOCK, threads):
            pass
    return csr(data, article, indptr, (n, histories.n_articles))


def csr(
    data: npt.NDArray[np.float32],
    article: npt.NDArray[np.int32],
    indptr: npt.NDArray[np.int64],
    shape: tuple[int, int],
) -> sparse.csr_matrix:
    """Make a CSR matrix of sorted, distinct entries; int32 indices while they suffice."""
    kind = np.int32 if indptr[-1] < np.iinfo(np.int32).max else np.int64
    found = sparse.csr_matrix((data, article, indptr.astype(kind)), shape=shape)
    found.has_sorted_indices = True
    found.has_canonical_format = True
    return found
