# mypy: disable-error-code="no-untyped-def"
"""Compiled: rows of articles added up over a history whose purchases fade with their age.

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
_PURCHASES = (_I64, _I64, _I32, _I64, types.int64, _F64)
_ROWS = (_I64, _I32, _F32, _I32_2D)


@njit(
    [
        types.int64(
            types.int64, types.int64, _I32, _I64, types.int64, _F64, *_ROWS, types.int64,
            types.int64[::1], types.float64[::1], types.int32[::1],
        )
    ],
    nogil=True,
    cache=True,
)  # fmt: skip
def _add_up(
    first, last, article, time, as_of, fading, indptr, other, value, codes, row, seen, sums, touched
):
    """Add up the rows of the purchases [first, last); return how many articles have a sum.

    All values are above 0, so that a sum of 0 is none.
    """
    n_touched = 0
    n_codes = codes.shape[1]
    for place in range(first, last):
        bought = article[place]
        for c in range(n_codes):
            if codes[bought, c] >= 0:
                seen[codes[bought, c]] = row
    # the latest first: what has faded to nothing ends the walk
    for place in range(last - 1, first - 1, -1):
        age = min(max(as_of - 1 - time[place], 0) // SECONDS_PER_DAY, len(fading) - 1)
        much = fading[age]
        if much == 0:
            break
        bought = article[place]
        for at in range(indptr[bought], indptr[bought + 1]):
            one = other[at]
            old = sums[one]
            touched[n_touched] = one
            # no branch: which articles are new has no order
            n_touched += old == 0
            sums[one] = old + much * value[at]
    if n_codes == 0:
        return n_touched
    kept = 0
    for at in range(n_touched):
        one = touched[at]
        fits = True
        for c in range(n_codes):
            fits &= codes[one, c] >= 0 and seen[max(codes[one, c], 0)] == row
        if fits:
            touched[kept] = one
            kept += 1
        else:
            sums[one] = 0
    return kept


@njit(
    [
        types.void(
            *_PURCHASES, *_ROWS, types.int64, _MASK_2D, _I64, _I32,
            types.int32[:, ::1], types.float32[:, ::1],
        )
    ],
    nogil=True,
    cache=True,
)  # fmt: skip
def best_of_rows(
    start, stop, article, time, as_of, fading, indptr, other, value, codes, n_codes, among, bounds,
    excluded, out_articles, out_scores,
):  # fmt: skip
    """Write the articles with the largest sums over each history.

    A purchase of age a days (a second before `as_of` is age 0) has the weight `fading[a]`, the
    last one for all that are older; weights fall. An article must share each of its `codes`
    (n_articles, c), all below `n_codes`, with some purchase. `among`, `bounds` and `excluded`
    as in `top_k_rows`.
    """
    n, k = out_articles.shape
    n_articles = len(indptr) - 1
    sums = np.zeros(n_articles, np.float64)
    touched = np.empty(n_articles + 1, np.int32)
    seen = np.full(max(n_codes, 1), -1, np.int64)
    heap = np.empty(k, np.int64)
    masked = among.shape[0] > 0
    for row in range(n):
        n_touched = _add_up(
            start[row], stop[row], article, time, as_of, fading, indptr, other, value, codes, row,
            seen, sums, touched,
        )  # fmt: skip
        if len(bounds) > 0:
            for at in range(bounds[row], bounds[row + 1]):
                sums[excluded[at]] = 0
        size = 0
        mask_row = min(row, among.shape[0] - 1)
        for at in range(n_touched):
            one = touched[at]
            total = np.float32(sums[one])
            if total > 0 and not (masked and not among[mask_row, one]):
                size = offer(heap, size, k, pack(total, one))
            sums[one] = 0
        drain(heap, size, out_articles[row], out_scores[row])


@njit(
    [types.void(*_PURCHASES, *_ROWS, types.int64, _I32_2D, types.float32[:, ::1])],
    nogil=True,
    cache=True,
)
def score_of_rows(
    start, stop, article, time, as_of, fading, indptr, other, value, codes, n_codes, candidates, out
):
    """Write the sum of each candidate over each history, 0 where there is none."""
    n_articles = len(indptr) - 1
    sums = np.zeros(n_articles, np.float64)
    touched = np.empty(n_articles + 1, np.int32)
    seen = np.full(max(n_codes, 1), -1, np.int64)
    for row in range(len(start)):
        n_touched = _add_up(
            start[row], stop[row], article, time, as_of, fading, indptr, other, value, codes, row,
            seen, sums, touched,
        )  # fmt: skip
        for at in range(candidates.shape[1]):
            out[row, at] = sums[candidates[row, at]] if candidates[row, at] >= 0 else 0
        for at in range(n_touched):
            sums[touched[at]] = 0
