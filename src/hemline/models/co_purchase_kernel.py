# mypy: disable-error-code="no-untyped-def"
"""Compiled: pairs of purchases of one customer within some days, counted by article.

Numba's cache does not see that a function called from another module has changed: whoever
edits this file removes the `__pycache__` folders of `hemline/models`.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types

from hemline.models.topk_kernel import drain, offer, pack

SECONDS_PER_DAY = 86_400

_I64 = types.Array(types.int64, 1, "C", readonly=True)
_I32 = types.Array(types.int32, 1, "C", readonly=True)
_F64 = types.Array(types.float64, 1, "C", readonly=True)


@njit(
    [types.void(_I64, _I64, _I32, types.int64[::1], types.int64[::1], types.int32[::1])],
    nogil=True,
    cache=True,
)
def places_by_article(start, stop, article, at, place, customer):
    """Write where the purchases of article a stand, and whose they are, from `at[a]` on.

    Customers ascend. `at` is moved to the end of each article's purchases.
    """
    for row in range(len(start)):
        for one in range(start[row], stop[row]):
            free = at[article[one]]
            place[free] = one
            customer[free] = row
            at[article[one]] = free + 1


@njit(
    [types.int64(types.int64, types.int64)],
    nogil=True,
    cache=True,
)
def _day(time, as_of):
    """Return the whole days from a purchase to `as_of`: 0 a second before."""
    return (as_of - 1 - time) // SECONDS_PER_DAY


@njit(
    [
        types.Tuple((types.int32[::1], types.float32[::1]))(
            _I64, _I64, _I32, _I64, types.int64, _F64, types.int64,
            _I64, _I64, _I32, types.float64, types.int64, types.int64, types.int64,
            types.int64[::1],
        )
    ],
    nogil=True,
    cache=True,
)  # fmt: skip
def count_pairs(
    start, stop, article, time, as_of, fading, window,
    bounds, place, customer, share, keep, low, high, lengths,
):  # fmt: skip
    """Return articles and values of rows [low, high), the largest first, row after row.

    Row p, article r: over all purchases of p and of r by one customer, on days at most `window`
    apart, the sum of `fading[age of the later]`, p not r; divided by the sum of the row to the
    power `share`. A weight of 0 ends what is looked at: weights fall.
    """
    n_articles = len(bounds) - 1
    sums = np.zeros(n_articles, np.float64)
    touched = np.empty(n_articles + 1, np.int32)
    heap = np.empty(max(1, min(keep, n_articles)), np.int64)
    found_articles = np.empty(1024, np.int32)
    found_values = np.empty(1024, np.float32)
    last_age = len(fading) - 1
    length = 0
    for one in range(low, high):
        n_touched = 0
        total = 0.0
        for at in range(bounds[one], bounds[one + 1]):
            here = place[at]
            row = customer[at]
            age = _day(time[here], as_of)
            # those before it: this purchase is the later of the two
            much = fading[min(max(age, 0), last_age)]
            if much > 0:
                before = here - 1
                while before >= start[row] and _day(time[before], as_of) - age <= window:
                    other = article[before]
                    old = sums[other]
                    touched[n_touched] = other
                    # no branch: which articles are new has no order
                    n_touched += old == 0
                    sums[other] = old + much
                    total += much
                    before -= 1
            after = here + 1
            while after < stop[row]:
                later = _day(time[after], as_of)
                if age - later > window:
                    break
                much = fading[min(max(later, 0), last_age)]
                if much > 0:
                    other = article[after]
                    old = sums[other]
                    touched[n_touched] = other
                    n_touched += old == 0
                    sums[other] = old + much
                    total += much
                after += 1
        total -= sums[one]
        sums[one] = 0
        divisor = total**share if total > 0 else 1.0
        size = 0
        for at in range(n_touched):
            other = touched[at]
            value = np.float32(sums[other] / divisor)
            sums[other] = 0
            if value > 0:
                size = offer(heap, size, len(heap), pack(value, other))
        lengths[one] = size
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
