# mypy: disable-error-code="no-untyped-def"
"""Compiled: the best of several ordered lists, each weighed by the customer.

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
_F32 = types.Array(types.float32, 1, "C", readonly=True)
_F64 = types.Array(types.float64, 1, "C", readonly=True)
_I32_2D = types.Array(types.int32, 2, "C", readonly=True)
_MASK_2D = types.Array(types.boolean, 2, "C", readonly=True)
_TASTE = (_I64, _I32, _F64)
_LISTS = (_I64, _I32, _F32)


@njit(
    [
        types.int64(
            _I64, _I64, _I32, _I64, types.int64, _F64, _I32, types.int64,
            types.int64[::1], types.int32[::1], types.float64[::1],
        )
    ],
    nogil=True,
    cache=True,
)  # fmt: skip
def shares(start, stop, article, time, as_of, fading, code, n_codes, bounds, group, share):
    """Write the share of each code in each row's purchases, faded by age; return how many.

    Row i is `group[bounds[i]:bounds[i + 1]]`, in the order of the latest purchase; -1 is no code.
    """
    sums = np.zeros(max(n_codes, 1), np.float64)
    n = 0
    last_age = len(fading) - 1
    for row in range(len(start)):
        first = n
        total = 0.0
        for place in range(stop[row] - 1, start[row] - 1, -1):
            much = fading[min(max(as_of - 1 - time[place], 0) // SECONDS_PER_DAY, last_age)]
            if much == 0:
                break
            one = code[article[place]]
            if one < 0:
                continue
            if sums[one] == 0:
                group[n] = one
                n += 1
            sums[one] += much
            total += much
        for at in range(first, n):
            share[at] = sums[group[at]] / total
            sums[group[at]] = 0
        bounds[row + 1] = n
    return n


@njit(
    [
        types.void(
            *_TASTE, *_LISTS, _MASK_2D, _I64, _I32, types.int32[:, ::1], types.float32[:, ::1]
        )
    ],
    nogil=True,
    cache=True,
)
def best_of_lists(
    bounds, group, weight, indptr, article, value, among, out_bounds, excluded, out_articles,
    out_scores,
):  # fmt: skip
    """Write the articles with the largest weight x value, above 0, of each row's lists.

    Row i has the lists `group[bounds[i]:bounds[i + 1]]`, of which no two hold the same article;
    list g is `article[indptr[g]:indptr[g + 1]]` with falling `value`. `among`, `out_bounds` and
    `excluded` as `among`, `bounds` and `excluded` in `top_k_rows`.
    """
    n, k = out_articles.shape
    heap = np.empty(k, np.int64)
    masked = among.shape[0] > 0
    out_of_it = np.full(among.shape[1], -1, np.int32)
    for row in range(n):
        if len(out_bounds) > 0:
            for at in range(out_bounds[row], out_bounds[row + 1]):
                out_of_it[excluded[at]] = row
        mask_row = min(row, among.shape[0] - 1)
        size = 0
        least = np.float32(0)
        for entry in range(bounds[row], bounds[row + 1]):
            much = weight[entry]
            for at in range(indptr[group[entry]], indptr[group[entry] + 1]):
                score = np.float32(much * value[at])
                # an equal score may still win by its position
                if score < least or score == 0:
                    break
                one = article[at]
                if (masked and not among[mask_row, one]) or out_of_it[one] == row:
                    continue
                size = offer(heap, size, k, pack(score, one))
                if size == k:
                    least = np.int32(heap[0] >> 32).view(np.float32)
        drain(heap, size, out_articles[row], out_scores[row])


@njit(
    [types.void(*_TASTE, *_LISTS, _I32, _I32_2D, types.float32[:, ::1])],
    nogil=True,
    cache=True,
)
def score_of_lists(bounds, group, weight, indptr, by_position, value, code, candidates, out):
    """Write weight x value of each candidate in each row's lists, 0 where it stands in none.

    `by_position` and `value` are the lists in the order of positions. An article stands in list
    `code[article]` alone; an empty `code`: the row has one list at most.
    """
    weight_of = np.zeros(len(indptr), np.float64)
    for row in range(len(bounds) - 1):
        for entry in range(bounds[row], bounds[row + 1]):
            weight_of[group[entry]] = weight[entry]
        single = group[bounds[row]] if bounds[row + 1] > bounds[row] else -1
        for at in range(candidates.shape[1]):
            one = candidates[row, at]
            out[row, at] = 0
            if one < 0:
                continue
            own = code[one] if len(code) > 0 else single
            if own < 0 or weight_of[own] == 0:
                continue
            low, high = indptr[own], indptr[own + 1]
            while low < high:
                middle = (low + high) >> 1
                if by_position[middle] < one:
                    low = middle + 1
                else:
                    high = middle
            if low < indptr[own + 1] and by_position[low] == one:
                out[row, at] = weight_of[own] * value[low]
        for entry in range(bounds[row], bounds[row + 1]):
            weight_of[group[entry]] = 0
