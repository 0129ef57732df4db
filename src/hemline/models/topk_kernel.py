# mypy: disable-error-code="no-untyped-def"
"""Compiled: the k best of many scores, ties by lower position.

A candidate is one integer: its score in the upper half, turned so that it orders as
integers do, and the complement of its position in the lower. A heap of the k largest
integers is then a heap of the k best candidates, ties and all.

Numba's cache does not see that a function called from another module has changed: whoever
edits this file removes the `__pycache__` folders of `hemline/models`.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types

_F32_2D = types.Array(types.float32, 2, "C", readonly=True)
_MASK_2D = types.Array(types.boolean, 2, "C", readonly=True)
_I64 = types.Array(types.int64, 1, "C", readonly=True)
_I32 = types.Array(types.int32, 1, "C", readonly=True)
_HEAP = types.int64[::1]


@njit([types.int64(types.float32, types.int64)], nogil=True, cache=True)
def pack(score, position):
    """Return the integer of a candidate; a better candidate has a larger one."""
    # adding 0 makes -0 equal to 0
    bits = np.int64(np.float32(score + np.float32(0)).view(np.int32))
    if bits < 0:
        bits ^= 0x7FFFFFFF
    return (bits << 32) | (0xFFFFFFFF - position)


@njit([types.void(_HEAP, types.int64, types.int64)], nogil=True, cache=True)
def _settle(heap, size, key):
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= key:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = key


@njit([types.int64(_HEAP, types.int64, types.int64, types.int64)], nogil=True, cache=True)
def offer(heap, size, k, key):
    """Put `key` on the heap of the at most `k` largest, return its size; heap[0] is the least."""
    if size < k:
        at = size
        size += 1
        while at > 0 and heap[(at - 1) >> 1] > key:
            heap[at] = heap[(at - 1) >> 1]
            at = (at - 1) >> 1
        heap[at] = key
    elif k > 0 and key > heap[0]:
        _settle(heap, size, key)
    return size


@njit(
    [types.void(_HEAP, types.int64, types.int32[::1], types.float32[::1])], nogil=True, cache=True
)
def drain(heap, size, articles, scores):
    """Write the heap's candidates, best first, and pad with -1 and -inf; the heap is used up."""
    for at in range(size, len(articles)):
        articles[at] = -1
        scores[at] = -np.inf
    while size > 0:
        key = heap[0]
        size -= 1
        articles[size] = 0xFFFFFFFF - (key & 0xFFFFFFFF)
        bits = key >> 32
        if bits < 0:
            bits ^= 0x7FFFFFFF
        scores[size] = np.int32(bits).view(np.float32)
        if size > 0:
            _settle(heap, size, heap[size])


@njit(
    [
        types.void(
            _F32_2D, _MASK_2D, _I64, _I32, types.int64, types.int32[:, ::1], types.float32[:, ::1]
        )
    ],
    nogil=True,
    cache=True,
)
def top_k_rows(scores, among, bounds, excluded, k, out_articles, out_scores):
    """Write the `k` best of every row of `scores`; -inf and NaN are no candidates.

    `among` has no row (everything), one, or one for each row. Row i may not have
    `excluded[bounds[i]:bounds[i + 1]]`; an empty `bounds` excludes nothing.
    """
    n, n_articles = scores.shape
    heap = np.empty(max(k, 1), np.int64)
    out_of_it = np.zeros(n_articles, np.bool_)
    for row in range(n):
        if len(bounds) > 0:
            for at in range(bounds[row], bounds[row + 1]):
                out_of_it[excluded[at]] = True
        line = scores[row]
        masked = among.shape[0] > 0
        mask_row = min(row, among.shape[0] - 1)
        size = 0
        least = np.float32(-np.inf)
        for one in range(n_articles):
            # later positions lose ties, so only a higher score gets in
            if not line[one] > least or (masked and not among[mask_row, one]) or out_of_it[one]:
                continue
            size = offer(heap, size, k, pack(line[one], one))
            if size == k:
                bits = heap[0] >> 32
                if bits < 0:
                    bits ^= 0x7FFFFFFF
                least = np.int32(bits).view(np.float32)
        drain(heap, size, out_articles[row], out_scores[row])
        if len(bounds) > 0:
            for at in range(bounds[row], bounds[row + 1]):
                out_of_it[excluded[at]] = False
