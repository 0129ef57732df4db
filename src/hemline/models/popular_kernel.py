# mypy: disable-error-code="no-untyped-def"
"""Compiled: walking down an order of articles."""

from __future__ import annotations

import numpy as np
from numba import njit, types

_I64 = types.Array(types.int64, 1, "C", readonly=True)
_I32 = types.Array(types.int32, 1, "C", readonly=True)
_I32_2D = types.Array(types.int32, 2, "C", readonly=True)
_F32_2D = types.Array(types.float32, 2, "C", readonly=True)
_MASK_2D = types.Array(types.boolean, 2, "C", readonly=True)


@njit(
    [
        types.void(
            _I32_2D,
            _F32_2D,
            _I32,
            _MASK_2D,
            _I64,
            _I32,
            types.int32[:, ::1],
            types.float32[:, ::1],
        )
    ],
    nogil=True,
    cache=True,
)
def first_of_order(order, score, which, among, bounds, excluded, out_articles, out_scores):
    """Write to each row the first allowed articles of `order[which[row]]`.

    `among`, `bounds` and `excluded` as in `top_k_rows`.
    """
    n, k = out_articles.shape
    n_articles = order.shape[1]
    out_of_it = np.zeros(n_articles, np.bool_)
    for row in range(n):
        if len(bounds) > 0:
            for at in range(bounds[row], bounds[row + 1]):
                out_of_it[excluded[at]] = True
        masked = among.shape[0] > 0
        mask_row = min(row, among.shape[0] - 1)
        size = 0
        for at in range(n_articles):
            if size == k:
                break
            one = order[which[row], at]
            if out_of_it[one] or (masked and not among[mask_row, one]):
                continue
            out_articles[row, size] = one
            out_scores[row, size] = score[which[row], at]
            size += 1
        for at in range(size, k):
            out_articles[row, at] = -1
            out_scores[row, at] = -np.inf
        if len(bounds) > 0:
            for at in range(bounds[row], bounds[row + 1]):
                out_of_it[excluded[at]] = False
