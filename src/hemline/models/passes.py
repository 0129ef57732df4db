"""Sums over pairs of articles of a shop whose purchases do not fit into memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hemline.blocks import Progress, available_threads, map_blocks, silent
from hemline.models.base import Float32, Int32
from hemline.shop.histories import Histories

IN_MEMORY: Final = 1 << 25
"""Up to so many purchases are turned around in memory, which is faster: 1 GB."""

MEMORY: Final = 1 << 30
"""Bytes that the sums of all threads may take together."""


def sums_in_passes(
    train: Histories,
    add: Callable[[Histories, int, int, npt.NDArray[Any], npt.NDArray[np.float64]], None],
    kind: npt.DTypeLike,
    keep: int,
    *,
    share: float = 0.0,
    threads: int = 0,
    progress: Progress = silent,
) -> tuple[npt.NDArray[np.int64], Int32, Float32]:
    """Return the largest sums of each article's row, reading all histories for each few rows.

    The rows of some articles are held as they are, one number for every other article, and the
    histories stream past them from their files. The memory is the same for any number of
    customers; what is paid for it is that the histories are read as many times as the rows
    are held in parts.

    Parameters
    ----------
    train : Histories
    add : function
        `add(block, low, high, sums, totals)` adds the pairs of a block of customers to the rows
        [low, high) of the sums, `kind` (high - low, n_articles), and to their `totals`,
        float64 (high - low,), if they have any. It lets go of the interpreter lock.
    keep : int
        Sums kept of each row: the largest above 0, ties by lower position. What an article has
        with itself is left out.
    share : float
        Each sum is divided by its row's total to the power of it.

    Returns
    -------
    indptr : int64 (n_articles + 1,)
    article : int32 (nnz,)
    value : float32 (nnz,)
    """
    from hemline.models.passes_kernel import best_of_rows

    n = train.n_articles
    workers = available_threads(threads)
    fitting = MEMORY // (workers * max(n, 1) * np.dtype(kind).itemsize)
    rows = int(max(1, min(fitting, -(-n // workers))))
    lengths = np.zeros(n, np.int64)

    free: list[npt.NDArray[Any]] = []  # as many as there are threads; left as zeros

    def block(low: int, high: int) -> tuple[Int32, Float32]:
        whole = free.pop() if free else np.zeros((rows, n), kind)
        sums, totals = whole[: high - low], np.zeros(high - low)
        for part in train.blocks():
            add(part, low, high, sums, totals)
        found = best_of_rows(sums, totals, share, keep, low, lengths[low:high])
        free.append(whole)
        return found  # type: ignore[no-any-return]

    parts = []
    for part in map_blocks(block, n, rows, threads):
        parts.append(part)
        progress(min(len(parts) * rows, n), n)
    return (
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        np.concatenate([np.zeros(0, np.int32), *(one for one, _ in parts)]),
        np.concatenate([np.zeros(0, np.float32), *(one for _, one in parts)]),
    )
