# mypy: disable-error-code="no-untyped-def"
"""Compiled: products of customer vectors with article vectors.

One sum is always taken in the same order, wherever its row and column lie in a block, so
that a customer alone is scored bit for bit as within a batch; a BLAS does not promise that.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types

TILE = 128
"""Articles in a tile: 64 factors x 128 float32 fill 32 KiB and stay in the first cache."""
ROWS = 4
"""Customers that share one reading of a tile."""

_F32 = types.Array(types.float32, 1, "C", readonly=True)
_F32_2D = types.Array(types.float32, 2, "C", readonly=True)
_I32_2D = types.Array(types.int32, 2, "C", readonly=True)


@njit(
    [types.void(_F32_2D, _F32, types.float32[:, ::1])],
    nogil=True,
    cache=True,
    fastmath={"contract"},
)
def score_all(vectors, tiles, out):
    """Write vectors (n, f) times all articles to `out` (n, n_articles).

    `tiles` (t x f x TILE,) holds the article vectors turned, tile after tile. It is flat,
    and so are the sums: with all offsets constant the compiler sees that they do not overlap.
    """
    n, f = vectors.shape
    n_articles = out.shape[1]
    sums = np.empty(ROWS * TILE, np.float32)
    x = np.zeros((ROWS, f), np.float32)
    for low in range(0, n, ROWS):
        rows = min(ROWS, n - low)
        for row in range(ROWS):
            for a in range(f):
                x[row, a] = vectors[low + row, a] if row < rows else 0
        for first in range(0, n_articles, TILE):
            for one in range(ROWS * TILE):
                sums[one] = 0
            at = first * f
            whole = f - f % 4
            for a in range(0, whole, 4):
                p0, p1, p2, p3 = x[0, a], x[0, a + 1], x[0, a + 2], x[0, a + 3]
                q0, q1, q2, q3 = x[1, a], x[1, a + 1], x[1, a + 2], x[1, a + 3]
                r0, r1, r2, r3 = x[2, a], x[2, a + 1], x[2, a + 2], x[2, a + 3]
                s0, s1, s2, s3 = x[3, a], x[3, a + 1], x[3, a + 2], x[3, a + 3]
                for one in range(TILE):
                    y0, y1 = tiles[at + one], tiles[at + TILE + one]
                    y2, y3 = tiles[at + 2 * TILE + one], tiles[at + 3 * TILE + one]
                    sums[one] = sums[one] + p0 * y0 + p1 * y1 + p2 * y2 + p3 * y3
                    sums[TILE + one] = sums[TILE + one] + q0 * y0 + q1 * y1 + q2 * y2 + q3 * y3
                    sums[2 * TILE + one] = (
                        sums[2 * TILE + one] + r0 * y0 + r1 * y1 + r2 * y2 + r3 * y3
                    )
                    sums[3 * TILE + one] = (
                        sums[3 * TILE + one] + s0 * y0 + s1 * y1 + s2 * y2 + s3 * y3
                    )
                at += 4 * TILE
            for a in range(whole, f):
                for row in range(ROWS):
                    factor = x[row, a]
                    for one in range(TILE):
                        sums[row * TILE + one] += factor * tiles[at + one]
                at += TILE
            width = min(TILE, n_articles - first)
            for row in range(rows):
                for one in range(width):
                    out[low + row, first + one] = sums[row * TILE + one]


@njit(
    [types.void(_F32_2D, _F32_2D, _I32_2D, types.float32[:, ::1])],
    nogil=True,
    cache=True,
    fastmath={"contract"},
)
def score_some(vectors, factors, candidates, out):
    """Write the score of each candidate of each row; what is -1 stays as it is."""
    n, f = vectors.shape
    for row in range(n):
        x = vectors[row]
        for at in range(candidates.shape[1]):
            one = candidates[row, at]
            if one < 0:
                continue
            y = factors[one]
            total = np.float32(0)
            for a in range(f):
                total += x[a] * y[a]
            out[row, at] = total
