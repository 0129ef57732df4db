# mypy: disable-error-code="no-untyped-def"
"""Compiled: a customer's own articles in order."""

from __future__ import annotations

import numpy as np
from numba import njit, types

DAY, PRICE, COUNT = 0, 1, 2
SECONDS_PER_DAY = 86_400

_I64 = types.Array(types.int64, 1, "C", readonly=True)
_I32 = types.Array(types.int32, 1, "C", readonly=True)
_F32 = types.Array(types.float32, 1, "C", readonly=True)
_I32_2D = types.Array(types.int32, 2, "C", readonly=True)
_MASK_2D = types.Array(types.boolean, 2, "C", readonly=True)
_OWN = (types.int64[::1], types.int64[::1], types.float32[::1], types.int64[::1])
_PURCHASES = (_I64, _I64, _I32, _I64, _F32, _I64)


@njit(
    [types.int64(_I64, types.int64, types.float32, types.int64, types.int64, types.float32,
                 types.int64, types.boolean)],
    nogil=True,
    cache=True,
)  # fmt: skip
def _compare(order, day, price, count, other_day, other_price, other_count, counting):
    """Return 1 when the first is better, -1 when the second is, 0 when neither."""
    for at in range(len(order)):
        if order[at] == DAY and day != other_day:
            return 1 if day > other_day else -1
        if order[at] == PRICE and price != other_price:
            return 1 if price > other_price else -1
        if counting and order[at] == COUNT and count != other_count:
            return 1 if count > other_count else -1
    return 0


@njit(
    [types.boolean(_I64, *_OWN, types.int64, types.int64)],
    nogil=True,
    cache=True,
)
def _worse(order, article, day, price, count, i, j):
    """Return whether own article i stands after own article j."""
    found = _compare(order, day[i], price[i], count[i], day[j], price[j], count[j], True)
    return found < 0 or (found == 0 and article[i] > article[j])


@njit([types.void(types.int64[::1], types.int64, types.int64, _I64, *_OWN)], nogil=True, cache=True)
def _sink(ranked, at, size, order, article, day, price, count):
    while True:
        child = 2 * at + 1
        if child >= size:
            return
        if child + 1 < size and _worse(
            order, article, day, price, count, ranked[child + 1], ranked[child]
        ):
            child += 1
        if not _worse(order, article, day, price, count, ranked[child], ranked[at]):
            return
        ranked[at], ranked[child] = ranked[child], ranked[at]
        at = child


@njit(
    [
        types.int64(
            types.int64, types.int64, _I32, _I64, _F32, _I64, types.int64[::1], types.int64[::1],
            *_OWN,
        )
    ],
    nogil=True,
    cache=True,
)  # fmt: skip
def _own_order(first, last, article, time, price, order, keys, ranked, own, day, dear, count):
    """Gather the distinct articles of [first, last) and rank them; return how many.

    An article is as good as its best purchase by day and price, in the order asked for.
    """
    length = last - first
    for at in range(length):
        keys[at] = (np.int64(article[first + at]) << 32) | at
    if length > 48:
        keys[:length].sort()
    else:
        for place in range(1, length):
            key, hole = keys[place], place
            while hole > 0 and keys[hole - 1] > key:
                keys[hole] = keys[hole - 1]
                hole -= 1
            keys[hole] = key
    size = 0
    for place in range(length):
        this = keys[place] >> 32
        at = first + (keys[place] & 0xFFFFFFFF)
        on = time[at] // SECONDS_PER_DAY
        paid = price[at]
        if np.isnan(paid):
            paid = np.float32(-np.inf)
        if size == 0 or own[size - 1] != this:
            own[size], day[size], dear[size], count[size] = this, on, paid, 1
            size += 1
            continue
        best = size - 1
        count[best] += 1
        if _compare(order, on, paid, 0, day[best], dear[best], 0, False) > 0:
            day[best], dear[best] = on, paid
    # heapsort: the worst on top, moved to the end
    for at in range(size):
        ranked[at] = at
    for at in range(size // 2 - 1, -1, -1):
        _sink(ranked, at, size, order, own, day, dear, count)
    for end in range(size - 1, 0, -1):
        ranked[0], ranked[end] = ranked[end], ranked[0]
        _sink(ranked, 0, end, order, own, day, dear, count)
    return size


@njit(
    [
        types.void(
            *_PURCHASES, _MASK_2D, _I64, _I32, types.int32[:, ::1], types.float32[:, ::1]
        )
    ],
    nogil=True,
    cache=True,
)  # fmt: skip
def own_articles(
    start, stop, article, time, price, order, among, bounds, excluded, out_articles, out_scores
):
    """Write each row's own articles, best first, with 1 / rank as score.

    The rank is that among all own articles, also those that `among` or `excluded` (see
    `top_k_rows`) leave out.
    """
    n, k = out_articles.shape
    longest = 1
    for row in range(n):
        longest = max(longest, stop[row] - start[row])
    keys, ranked, own = (
        np.empty(longest, np.int64),
        np.empty(longest, np.int64),
        np.empty(longest, np.int64),
    )
    day, count = np.empty(longest, np.int64), np.empty(longest, np.int64)
    dear = np.empty(longest, np.float32)
    masked = among.shape[0] > 0
    for row in range(n):
        found = _own_order(
            start[row], stop[row], article, time, price, order, keys, ranked, own, day, dear, count
        )
        size = 0
        for rank in range(found):
            if size == k:
                break
            one = own[ranked[rank]]
            if masked and not among[min(row, among.shape[0] - 1), one]:
                continue
            if len(bounds) > 0:
                out = False
                for at in range(bounds[row], bounds[row + 1]):
                    if excluded[at] == one:
                        out = True
                        break
                if out:
                    continue
            out_articles[row, size] = one
            out_scores[row, size] = 1 / (rank + 1)
            size += 1
        for at in range(size, k):
            out_articles[row, at] = -1
            out_scores[row, at] = -np.inf


@njit([types.void(*_PURCHASES, _I32_2D, types.float32[:, ::1])], nogil=True, cache=True)
def score_own(start, stop, article, time, price, order, candidates, out):
    """Write 1 / rank of each candidate among the row's own articles; 0 for any other."""
    n = len(start)
    longest = 1
    for row in range(n):
        longest = max(longest, stop[row] - start[row])
    keys, ranked, own = (
        np.empty(longest, np.int64),
        np.empty(longest, np.int64),
        np.empty(longest, np.int64),
    )
    day, count = np.empty(longest, np.int64), np.empty(longest, np.int64)
    dear = np.empty(longest, np.float32)
    rank_of = np.empty(longest, np.int64)
    for row in range(n):
        found = _own_order(
            start[row], stop[row], article, time, price, order, keys, ranked, own, day, dear, count
        )
        for rank in range(found):
            rank_of[ranked[rank]] = rank
        for at in range(candidates.shape[1]):
            out[row, at] = 0
            # the own articles ascend
            place = np.searchsorted(own[:found], candidates[row, at])
            if place < found and own[place] == candidates[row, at]:
                out[row, at] = 1 / (rank_of[place] + 1)
