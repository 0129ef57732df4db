# mypy: disable-error-code="no-untyped-def"
"""Compiled: the proposals of several channels joined into distinct candidates."""

from __future__ import annotations

import numpy as np
from numba import njit, types

_I64 = types.Array(types.int64, 1, "C", readonly=True)
_I32_2D = types.Array(types.int32, 2, "C", readonly=True)
_F32_2D = types.Array(types.float32, 2, "C", readonly=True)


@njit([types.void(_I32_2D, types.int64, types.int64[::1])], nogil=True, cache=True)
def count_distinct(articles, n_articles, counts):
    """Write the number of distinct articles of each row of `articles`; -1 is none."""
    seen = np.full(n_articles, -1, np.int32)
    for row in range(len(articles)):
        n = 0
        for at in range(articles.shape[1]):
            one = articles[row, at]
            if one >= 0 and seen[one] != row:
                seen[one] = row
                n += 1
        counts[row] = n


@njit(
    [
        types.void(
            _I32_2D, _F32_2D, _I64, types.int64, _I64, types.int32[::1], types.int16[:, ::1],
            types.float32[:, ::1],
        )
    ],
    nogil=True,
    cache=True,
)  # fmt: skip
def join_rows(articles, scores, offsets, n_articles, bounds, article, rank, score):
    """Write the distinct articles of each row, with rank and score of each channel.

    Channel j has the columns `offsets[j]:offsets[j + 1]`; `rank` comes as zeros, `score` as NaN.
    """
    # where an article of this row stands; an earlier row's place lies before this row's first
    place = np.full(n_articles, -1, np.int64)
    for row in range(len(articles)):
        first = bounds[row]
        free = first
        for channel in range(len(offsets) - 1):
            for at in range(offsets[channel], offsets[channel + 1]):
                one = articles[row, at]
                if one < 0:
                    break
                found = place[one]
                if found < first:
                    found = free
                    place[one] = found
                    article[found] = one
                    free += 1
                rank[found, channel] = at - offsets[channel] + 1
                score[found, channel] = scores[row, at]
