"""Rows in blocks, blocks over threads: how every compiled kernel is driven.

Kernels are serial functions over a range of rows, compiled with `nogil=True`; threads
are made here and only here. A result never depends on how many threads there are,
because a block's result depends on its rows alone and blocks are returned in order.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

T = TypeVar("T")

Progress: TypeAlias = Callable[[int, int], None]
"""Called with (done, total) while a stage works; who shows it is the command line's affair."""


def silent(done: int, total: int) -> None:
    """Show no progress."""


@dataclass(frozen=True)
class Part:
    """Progress of one of several equal parts, told as progress of the whole."""

    progress: Progress
    part: int
    parts: int

    def __call__(self, done: int, total: int) -> None:
        """Tell what is done of the part."""
        scale = 1000
        self.progress(self.part * scale + done * scale // max(total, 1), self.parts * scale)


def available_threads(threads: int = 0) -> int:
    """Return `threads`, or the number of processors this process may use when it is 0."""
    if threads > 0:
        return threads
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


def block_bounds(n_rows: int, block: int) -> list[tuple[int, int]]:
    """Return the [low, high) bounds that cut `n_rows` rows into blocks of at most `block`."""
    return [(low, min(low + block, n_rows)) for low in range(0, n_rows, block)]


def map_blocks(
    function: Callable[[int, int], T], n_rows: int, block: int, threads: int = 0
) -> Iterator[T]:
    """Yield `function(low, high)` for every block of rows, in order of the rows.

    At most two blocks per thread are in flight, so that memory is bounded by the blocks
    and not by the rows, however slowly the results are taken.
    """
    bounds = block_bounds(n_rows, block)
    workers = min(available_threads(threads), max(1, len(bounds)))
    if workers == 1:
        for low, high in bounds:
            yield function(low, high)
        return
    with ThreadPoolExecutor(workers) as pool:
        ahead = 2 * workers
        futures = [pool.submit(function, low, high) for low, high in bounds[:ahead]]
        following = ahead
        while futures:
            result = futures.pop(0).result()
            if following < len(bounds):
                futures.append(pool.submit(function, *bounds[following]))
                following += 1
            yield result
