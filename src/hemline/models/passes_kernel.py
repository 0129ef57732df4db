# mypy: disable-error-code="no-untyped-def"
"""Compiled: pairs of one customer's purchases added to the rows of a few articles.

Numba's cache does not see that a function called from another module has changed: whoever
edits this file removes the `__pycache__` folders of `hemline/models`.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types

from hemline.models.topk_kernel import drain, offer, pack

SECONDS_PER_DAY = 86_400
_OLDEST = (1 << 24) - 1

_I64 = types.Array(types.int64, 1, "C", readonly=True)
_I32 = types.Array(types.int32, 1, "C", readonly=True)
_F64 = types.Array(types.float64, 1, "C", readonly=True)
_RANGE = (types.int64, types.int64)


def _add_paths(start, stop, article, low, high, sums):
    """Add 1 to `sums[p - low, r]` for every pair of purchases p, r of one row, p in [low, high)."""
    for row in range(len(start)):
        first, last = start[row], stop[row]
        for at in range(first, last):
            one = article[at] - low
            if 0 <= one < high - low:
                for other in range(first, last):
                    sums[one, article[other]] += 1


add_paths = njit(
    [types.void(_I64, _I64, _I32, *_RANGE, types.int32[:, ::1]),
     types.void(_I64, _I64, _I32, *_RANGE, types.int64[:, ::1])],
    nogil=True,
    cache=True,
)(_add_paths)  # fmt: skip


@njit([types.void(_I64, _I64, _I32, types.float64[::1])], nogil=True, cache=True)
def count_steps(start, stop, article, steps):
    """Add to `steps` (n_articles,) how many paths begin at each article: no sum is larger."""
    for row in range(len(start)):
        length = stop[row] - start[row]
        for at in range(start[row], stop[row]):
            steps[article[at]] += length


@njit([types.int64(types.int64, types.int64)], nogil=True, cache=True)
def _age(time, as_of):
    return min(max(as_of - 1 - time, 0) // SECONDS_PER_DAY, _OLDEST)


@njit(
    [
        types.void(
            _I64, _I64, _I32, _I64, types.int64, _F64, types.int64, *_RANGE,
            types.float64[:, ::1], types.float64[::1],
        )
    ],
    nogil=True,
    cache=True,
)  # fmt: skip
def add_pairs(start, stop, article, time, as_of, fading, window, low, high, sums, totals):
    """Add `fading[age of the later]` to `sums[p - low, r]` for the pairs of each row's purchases.

    Only pairs on days at most `window` apart; what an article has with itself is not in its
    total. The order of the additions is that of `co_purchase_kernel.count_pairs`, to the bit.
    """
    last_age = len(fading) - 1
    for row in range(len(start)):
        first, last = start[row], stop[row]
        for here in range(first, last):
            one = article[here] - low
            if not 0 <= one < high - low:
                continue
            age = _age(time[here], as_of)
            much = fading[min(age, last_age)]
            if much > 0:
                for before in range(here - 1, first - 1, -1):
                    if _age(time[before], as_of) - age > window:
                        break
                    sums[one, article[before]] += much
                    totals[one] += much
            for after in range(here + 1, last):
                later = _age(time[after], as_of)
                if age - later > window:
                    break
                much = fading[min(later, last_age)]
                if much > 0:
                    sums[one, article[after]] += much
                    totals[one] += much


def _best_of_rows(sums, totals, share, keep, first, lengths):
    """Return articles and sums of every row, the largest first, row after row.

    Row i belongs to article `first + i`, whose sum with itself is left out, of the total, too.
    A sum is divided by the total to the power `share`, or by nothing where the total is 0.
    `sums` is zero afterwards.
    """
    n_rows, n_articles = sums.shape
    heap = np.empty(max(1, min(keep, n_articles)), np.int64)
    found_articles = np.empty(1024, np.int32)
    found_values = np.empty(1024, np.float32)
    length = 0
    for row in range(n_rows):
        itself = first + row
        total = totals[row] - sums[row, itself]
        divisor = total**share if total > 0 else 1.0
        size = 0
        for other in range(n_articles):
            if sums[row, other] > 0 and other != itself:
                value = np.float32(sums[row, other] / divisor)
                if value > 0:
                    size = offer(heap, size, len(heap), pack(value, np.int32(other)))
        sums[row, :] = 0  # while it is at hand
        lengths[row] = size
        if length + size > len(found_articles):
            room = max(2 * len(found_articles), length + size)
            wider_articles = np.empty(room, np.int32)
            wider_values = np.empty(room, np.float32)
            wider_articles[:length] = found_articles[:length]
            wider_values[:length] = found_values[:length]
            found_articles, found_values = wider_articles, wider_values
        drain(
            heap, size, found_articles[length : length + size], found_values[length : length + size]
        )
        length += size
    return found_articles[:length].copy(), found_values[:length].copy()


_RESULT = types.Tuple((types.int32[::1], types.float32[::1]))
_GIVEN = (_F64, types.float64, types.int64, types.int64, types.int64[::1])
best_of_rows = njit(
    [_RESULT(types.Array(kind, 2, "C"), *_GIVEN)
     for kind in (types.int32, types.int64, types.float64)],
    nogil=True,
    cache=True,
)(_best_of_rows)  # fmt: skip
