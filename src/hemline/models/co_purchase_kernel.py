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
_OLDEST = (1 << 24) - 1
_FIRST, _LAST = 1 << 57, 1 << 58
"""Of a customer's purchases. A purchase is one number: article, age << 32, and these bits.

What is read of a purchase lies in one place, since where it lies cannot be foreseen.
"""

_I64 = types.Array(types.int64, 1, "C", readonly=True)
_I32 = types.Array(types.int32, 1, "C", readonly=True)
_F64 = types.Array(types.float64, 1, "C", readonly=True)


@njit(
    [types.void(_I64, _I64, _I32, _I64, types.int64, types.int64[::1], types.int64[::1])],
    nogil=True,
    cache=True,
)
def pack_purchases(start, stop, article, time, as_of, packed, counts):
    """Write the purchases of all rows, row after row, and count those of each article.

    The age is in whole days, 0 a second before `as_of`.
    """
    free = 0
    for row in range(len(start)):
        for at in range(start[row], stop[row]):
            age = min(max(as_of - 1 - time[at], 0) // SECONDS_PER_DAY, _OLDEST)
            one = np.int64(article[at]) | (age << 32)
            if at == start[row]:
                one |= _FIRST
            if at == stop[row] - 1:
                one |= _LAST
            packed[free] = one
            free += 1
            counts[article[at]] += 1


@njit([types.void(_I64, types.int64[::1], types.int64[::1])], nogil=True, cache=True)
def places_by_article(packed, at, place):
    """Write where the purchases of article a stand from `at[a]` on; `at` is moved to their end."""
    for one in range(len(packed)):
        article = packed[one] & 0xFFFFFFFF
        place[at[article]] = one
        at[article] += 1


@njit([types.int64(types.int64)], nogil=True, cache=True)
def _age(purchase):
    return (purchase >> 32) & _OLDEST


@njit(
    [
        types.Tuple((types.int32[::1], types.float32[::1]))(
            _I64, _F64, types.int64, _I64, _I64, types.float64, types.int64, types.int64,
            types.int64, types.int64[::1],
        )
    ],
    nogil=True,
    cache=True,
)  # fmt: skip
def count_pairs(packed, fading, window, bounds, place, share, keep, low, high, lengths):
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
            purchase = packed[here]
            age = _age(purchase)
            # those before it: this purchase is the later of the two
            much = fading[min(age, last_age)]
            if much > 0 and not purchase & _FIRST:
                before = here - 1
                while True:
                    found = packed[before]
                    if _age(found) - age > window:
                        break
                    other = found & 0xFFFFFFFF
                    old = sums[other]
                    touched[n_touched] = other
                    # no branch: which articles are new has no order
                    n_touched += old == 0
                    sums[other] = old + much
                    total += much
                    if found & _FIRST:
                        break
                    before -= 1
            if purchase & _LAST:
                continue
            after = here + 1
            while True:
                found = packed[after]
                later = _age(found)
                if age - later > window:
                    break
                much = fading[min(later, last_age)]
                if much > 0:
                    other = found & 0xFFFFFFFF
                    old = sums[other]
                    touched[n_touched] = other
                    n_touched += old == 0
                    sums[other] = old + much
                    total += much
                if found & _LAST:
                    break
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
