# mypy: disable-error-code="no-untyped-def"
"""Compiled: counting paths article - customer - article, and adding counts up."""

from __future__ import annotations

import numpy as np
from numba import njit, types

from hemline.models.topk_kernel import drain, offer, pack

_I64 = types.Array(types.int64, 1, "C", readonly=True)
_I32 = types.Array(types.int32, 1, "C", readonly=True)
_F32 = types.Array(types.float32, 1, "C", readonly=True)
_I32_2D = types.Array(types.int32, 2, "C", readonly=True)
_MASK_2D = types.Array(types.boolean, 2, "C", readonly=True)


@njit(
    [types.void(_I64, _I32, _I32, types.int64[::1], types.int32[::1], types.int32[::1])],
    nogil=True,
    cache=True,
)
def turn(indptr, article, times, at, buyer, bought):
    """Write the buyers of article a, and how often each bought it, from `at[a]` on.

    Customers ascend. `at` is moved to the end of each article's buyers.
    """
    for row in range(len(indptr) - 1):
        for place in range(indptr[row], indptr[row + 1]):
            one = article[place]
            buyer[at[one]] = row
            bought[at[one]] = times[place]
            at[one] += 1


def _count_paths(
    indptr, article, times, bounds, buyer, bought, per_article, low, high, sums, lengths
):
    """Return articles and counts of rows [low, high) of C, the largest first, row after row.

    C[p, r] is the number of pairs (purchase of p, purchase of r) by one customer, p not r.
    `sums` (n_articles,) is zero and is left so; its type is wide enough for any count.
    """
    n_articles = len(sums)
    touched = np.empty(n_articles + 1, np.int32)
    heap = np.empty(max(1, min(per_article, n_articles)), np.int64)
    found_articles = np.empty(1024, np.int32)
    found_counts = np.empty(1024, np.float32)
    total = 0
    for one in range(low, high):
        n_touched = 0
        for at in range(bounds[one], bounds[one + 1]):
            row = buyer[at]
            # in the type of the sums, so that the product is as wide as they are
            often = sums[one] * 0 + bought[at]
            for place in range(indptr[row], indptr[row + 1]):
                other = article[place]
                old = sums[other]
                touched[n_touched] = other
                # no branch: every other article of a customer is new, in no order
                n_touched += old == 0
                sums[other] = old + often * times[place]
        sums[one] = 0
        size = 0
        least = np.int64(0)
        for at in range(n_touched):
            other = touched[at]
            count = np.int64(sums[other])
            sums[other] = 0
            if count >= least and count > 0:
                size = offer(heap, size, len(heap), pack(np.float32(count), other))
                if size == len(heap) and count < 1 << 24:
                    # below 2^24 a count and its float32 are the same
                    worst = np.int32(heap[0] >> 32).view(np.float32)
                    least = np.int64(worst)
        lengths[one] = size
        if total + size > len(found_articles):
            room = max(2 * len(found_articles), total + size)
            wider_articles = np.empty(room, np.int32)
            wider_counts = np.empty(room, np.float32)
            wider_articles[:total] = found_articles[:total]
            wider_counts[:total] = found_counts[:total]
            found_articles, found_counts = wider_articles, wider_counts
        drain(heap, size, found_articles[total : total + size], found_counts[total : total + size])
        total += size
    return found_articles[:total].copy(), found_counts[:total].copy()


_RESULT = types.Tuple((types.int32[::1], types.float32[::1]))
_GIVEN = (_I64, _I32, _I32, _I64, _I32, _I32, types.int64, types.int64, types.int64)
count_paths = njit(
    [
        _RESULT(*_GIVEN, types.int32[::1], types.int64[::1]),
        _RESULT(*_GIVEN, types.int64[::1], types.int64[::1]),
    ],
    nogil=True,
    cache=True,
)(_count_paths)


@njit(
    [types.int64(types.int64, types.int64, _I32, _I64, _I32, _F32, types.float64[::1],
                 types.int32[::1])],
    nogil=True,
    cache=True,
)  # fmt: skip
def _add_up(first, last, article, indptr, also, count, sums, touched):
    n_touched = 0
    for place in range(first, last):
        bought = article[place]
        for at in range(indptr[bought], indptr[bought + 1]):
            other = also[at]
            old = sums[other]
            touched[n_touched] = other
            n_touched += old == 0
            sums[other] = old + count[at]
    return n_touched


@njit(
    [
        types.void(
            _I64, _I64, _I32, _I64, _I32, _F32, _MASK_2D, _I64, _I32,
            types.int32[:, ::1], types.float32[:, ::1],
        )
    ],
    nogil=True,
    cache=True,
)  # fmt: skip
def best_sums(
    start, stop, article, indptr, also, count, among, bounds, excluded, out_articles, out_scores
):
    """Write the articles with the largest sums of counts over each row's purchases.

    `among`, `bounds` and `excluded` as in `top_k_rows`.
    """
    n, k = out_articles.shape
    n_articles = len(indptr) - 1
    sums = np.zeros(n_articles, np.float64)
    touched = np.empty(n_articles + 1, np.int32)
    heap = np.empty(k, np.int64)
    masked = among.shape[0] > 0
    for row in range(n):
        n_touched = _add_up(start[row], stop[row], article, indptr, also, count, sums, touched)
        if len(bounds) > 0:
            for at in range(bounds[row], bounds[row + 1]):
                sums[excluded[at]] = 0
        size = 0
        for at in range(n_touched):
            one = touched[at]
            if sums[one] > 0 and not (masked and not among[min(row, among.shape[0] - 1), one]):
                size = offer(heap, size, k, pack(np.float32(sums[one]), one))
            sums[one] = 0
        drain(heap, size, out_articles[row], out_scores[row])


@njit(
    [types.void(_I64, _I64, _I32, _I64, _I32, _F32, _I32_2D, types.float32[:, ::1])],
    nogil=True,
    cache=True,
)
def score_sums(start, stop, article, indptr, also, count, candidates, out):
    """Write the sum of counts of each candidate over the row's purchases."""
    n_articles = len(indptr) - 1
    sums = np.zeros(n_articles, np.float64)
    touched = np.empty(n_articles + 1, np.int32)
    for row in range(len(start)):
        n_touched = _add_up(start[row], stop[row], article, indptr, also, count, sums, touched)
        for at in range(candidates.shape[1]):
            out[row, at] = sums[candidates[row, at]] if candidates[row, at] >= 0 else 0
        for at in range(n_touched):
            sums[touched[at]] = 0
