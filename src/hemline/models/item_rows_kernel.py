# mypy: disable-error-code="no-untyped-def"
"""Compiled: rows of articles by articles, made of the purchases, and added up over histories.

Sums are float64, taken in the order of the customers and of the purchases, so that they do not
depend on blocks. A history's purchases come with a weight each.

Numba's cache does not see that a function called from another module has changed: whoever
edits this file removes the `__pycache__` folders of `hemline/models`.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types

from hemline.models.topk_kernel import drain, offer, pack

PRODUCT, JACCARD, LIFT, COSINE, INCLUSION, MUTUAL, LEXICOGRAPHER = range(7)
"""What becomes of the sum of products of two articles."""

_I64 = types.Array(types.int64, 1, "C", readonly=True)
_I32 = types.Array(types.int32, 1, "C", readonly=True)
_F32 = types.Array(types.float32, 1, "C", readonly=True)
_F64 = types.Array(types.float64, 1, "C", readonly=True)
_F32_2D = types.Array(types.float32, 2, "C", readonly=True)
_I32_2D = types.Array(types.int32, 2, "C", readonly=True)
_MASK_2D = types.Array(types.boolean, 2, "C", readonly=True)
_MATRIX = (_I64, _I32, _F32)
_HISTORY = (_I64, _I64, _I32, _F64)


@njit(
    [types.void(*_MATRIX, types.int64[::1], types.int32[::1], types.float32[::1])],
    nogil=True,
    cache=True,
)
def turn_values(indptr, article, value, at, buyer, bought):
    """Write the buyers of article a and their values from `at[a]` on, customers ascending.

    `at` is moved to the end of each article's buyers.
    """
    for row in range(len(indptr) - 1):
        for place in range(indptr[row], indptr[row + 1]):
            one = article[place]
            buyer[at[one]] = row
            bought[at[one]] = value[place]
            at[one] += 1


@njit(
    [types.float64(types.int64, types.float64, types.float64, types.float64, types.float64)],
    nogil=True,
    cache=True,
)
def similarity(kind, both, one, other, total):
    """Return the similarity of two articles bought by `one` and `other`, `both` by `both`."""
    if kind == JACCARD:
        return both / (one + other - both)
    if kind == LIFT:
        return both / (one * other)
    if kind == COSINE:
        return both / math.sqrt(one * other)
    if kind == INCLUSION:
        return both / min(one, other)
    if kind == MUTUAL:
        return math.log2(total * both / (one * other))
    if kind == LEXICOGRAPHER:
        return both * math.log2(total * both / (one * other))
    return both


_ROWS = types.Tuple((types.int32[::1], types.float32[::1]))


@njit(
    [
        _ROWS(*_MATRIX, *_MATRIX, _F64, types.int64, types.float64, types.float64, types.int64,
              types.int64, types.int64, types.int64[::1])
    ],
    nogil=True,
    cache=True,
)  # fmt: skip
def path_rows(
    indptr, article, value, bounds, buyer, bought, alone, kind, total, threshold, keep, low, high,
    lengths,
):  # fmt: skip
    """Return articles and values of rows [low, high) of X'X, the largest first, row after row.

    X is `indptr, article, value`, turned `bounds, buyer, bought`; `alone` is the diagonal of
    X'X. Of each row at most `keep` are returned; sums below `threshold` are no entries.
    """
    n_articles = len(bounds) - 1
    sums = np.zeros(n_articles, np.float64)
    seen = np.zeros(n_articles, np.bool_)
    touched = np.empty(n_articles + 1, np.int32)
    heap = np.empty(max(1, min(keep, n_articles)), np.int64)
    found_articles = np.empty(1024, np.int32)
    found_values = np.empty(1024, np.float32)
    length = 0
    for one in range(low, high):
        n_touched = 0
        for at in range(bounds[one], bounds[one + 1]):
            row = buyer[at]
            often = np.float64(bought[at])
            for place in range(indptr[row], indptr[row + 1]):
                other = article[place]
                touched[n_touched] = other
                # no branch: which articles are new has no order
                n_touched += not seen[other]
                seen[other] = True
                sums[other] += often * value[place]
        size = 0
        for at in range(n_touched):
            other = touched[at]
            both = sums[other]
            sums[other] = 0
            seen[other] = False
            if both < threshold or both == 0:
                continue
            alike = np.float32(similarity(kind, both, alone[one], alone[other], total))
            if alike != 0:
                size = offer(heap, size, len(heap), pack(alike, other))
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


@njit(
    [types.void(*_MATRIX, *_MATRIX, types.int64, types.int64, types.float32[:, ::1])],
    nogil=True,
    cache=True,
)
def add_path_rows(indptr, article, value, bounds, buyer, bought, low, high, out):
    """Add rows [low, high) of X'X to `out` (high - low, n_articles)."""
    n_articles = out.shape[1]
    sums = np.empty(n_articles, np.float64)
    for one in range(low, high):
        for other in range(n_articles):
            sums[other] = 0
        for at in range(bounds[one], bounds[one + 1]):
            row = buyer[at]
            often = np.float64(bought[at])
            for place in range(indptr[row], indptr[row + 1]):
                sums[article[place]] += often * value[place]
        line = out[one - low]
        for other in range(n_articles):
            line[other] += np.float32(sums[other])


@njit(
    [types.int64(types.int64, types.int64, _I32, _F64, *_MATRIX, types.float64[::1],
                 types.boolean[::1], types.int32[::1])],
    nogil=True,
    cache=True,
)  # fmt: skip
def _add_up(first, last, article, weight, indptr, other, value, sums, seen, touched):
    n_touched = 0
    for place in range(first, last):
        bought = article[place]
        much = weight[place]
        for at in range(indptr[bought], indptr[bought + 1]):
            one = other[at]
            touched[n_touched] = one
            n_touched += not seen[one]
            seen[one] = True
            sums[one] += much * value[at]
    return n_touched


@njit(
    [
        types.void(*_HISTORY, *_MATRIX, _MASK_2D, _I64, _I32, types.int32[:, ::1],
                   types.float32[:, ::1])
    ],
    nogil=True,
    cache=True,
)  # fmt: skip
def best_weighted(
    start, stop, article, weight, indptr, other, value, among, bounds, excluded, out_articles,
    out_scores,
):  # fmt: skip
    """Write the articles with the largest sums, above 0, of weight x row over each history.

    `among`, `bounds` and `excluded` as in `top_k_rows`.
    """
    n, k = out_articles.shape
    n_articles = len(indptr) - 1
    sums = np.zeros(n_articles, np.float64)
    seen = np.zeros(n_articles, np.bool_)
    touched = np.empty(n_articles + 1, np.int32)
    heap = np.empty(k, np.int64)
    masked = among.shape[0] > 0
    for row in range(n):
        n_touched = _add_up(
            start[row], stop[row], article, weight, indptr, other, value, sums, seen, touched
        )
        if len(bounds) > 0:
            for at in range(bounds[row], bounds[row + 1]):
                sums[excluded[at]] = 0
        size = 0
        for at in range(n_touched):
            one = touched[at]
            total = np.float32(sums[one])
            if total > 0 and not (masked and not among[min(row, among.shape[0] - 1), one]):
                size = offer(heap, size, k, pack(total, one))
            sums[one] = 0
            seen[one] = False
        drain(heap, size, out_articles[row], out_scores[row])


@njit(
    [types.void(*_HISTORY, *_MATRIX, _I32_2D, types.float32[:, ::1])],
    nogil=True,
    cache=True,
)
def add_weighted_some(start, stop, article, weight, indptr, other, value, candidates, out):
    """Add to `out` the sum of weight x row of each candidate; what is -1 stays as it is."""
    n_articles = len(indptr) - 1
    sums = np.zeros(n_articles, np.float64)
    seen = np.zeros(n_articles, np.bool_)
    touched = np.empty(n_articles + 1, np.int32)
    for row in range(len(start)):
        n_touched = _add_up(
            start[row], stop[row], article, weight, indptr, other, value, sums, seen, touched
        )
        for at in range(candidates.shape[1]):
            if candidates[row, at] >= 0:
                out[row, at] += np.float32(sums[candidates[row, at]])
        for at in range(n_touched):
            sums[touched[at]] = 0
            seen[touched[at]] = False


@njit(
    [types.void(*_HISTORY, *_MATRIX, types.float32[:, ::1])],
    nogil=True,
    cache=True,
)
def add_weighted_all(start, stop, article, weight, indptr, other, value, out):
    """Add to `out` (n, n_articles) the sums of weight x row of all articles."""
    n_articles = len(indptr) - 1
    sums = np.zeros(n_articles, np.float64)
    seen = np.zeros(n_articles, np.bool_)
    touched = np.empty(n_articles + 1, np.int32)
    for row in range(len(start)):
        n_touched = _add_up(
            start[row], stop[row], article, weight, indptr, other, value, sums, seen, touched
        )
        for at in range(n_touched):
            one = touched[at]
            out[row, one] += np.float32(sums[one])
            sums[one] = 0
            seen[one] = False


@njit(
    [types.void(*_HISTORY, _F32_2D, types.float32[:, ::1])],
    nogil=True,
    cache=True,
    fastmath={"contract"},
)
def weighted_sums(start, stop, article, weight, matrix, out):
    """Write to `out` (n, width) the sum of weight x row of a dense matrix over each history.

    Positions below 0 have no row.
    """
    width = matrix.shape[1]
    sums = np.empty(width, np.float32)
    for row in range(len(start)):
        for one in range(width):
            sums[one] = 0
        for place in range(start[row], stop[row]):
            if article[place] < 0:
                continue
            line = matrix[article[place]]
            much = np.float32(weight[place])
            for one in range(width):
                sums[one] += much * line[one]
        for one in range(width):
            out[row, one] = sums[one]


@njit(
    [types.void(*_MATRIX, _F32_2D, types.int64, types.int64, types.boolean,
                types.float32[:, ::1])],
    nogil=True,
    cache=True,
    fastmath={"contract"},
)  # fmt: skip
def sparse_times_dense(indptr, column, value, dense, low, high, add, out):
    """Write rows [low, high) of sparse x dense to those of `out`, or add them to it."""
    width = dense.shape[1]
    sums = np.empty(width, np.float32)
    for row in range(low, high):
        for one in range(width):
            sums[one] = out[row, one] if add else 0
        for place in range(indptr[row], indptr[row + 1]):
            line = dense[column[place]]
            much = value[place]
            for one in range(width):
                sums[one] += much * line[one]
        for one in range(width):
            out[row, one] = sums[one]
