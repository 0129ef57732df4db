# mypy: disable-error-code="no-untyped-def"
"""Compiled: products of customer vectors with article vectors.

One sum is always taken in the same order, wherever its row and column lie in a block, so
that a customer alone is scored bit for bit as within a batch; a BLAS does not promise that.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types

TILE = 256
"""Articles in a tile: 64 factors x 256 float32 fill 64 KiB and stay in the cache."""

_F32_2D = types.Array(types.float32, 2, "C", readonly=True)
_F32_3D = types.Array(types.float32, 3, "C", readonly=True)
_I32_2D = types.Array(types.int32, 2, "C", readonly=True)


@njit(
    [types.void(_F32_2D, _F32_3D, types.float32[:, ::1])],
    nogil=True,
    cache=True,
    fastmath={"contract"},
)
def score_all(vectors, tiles, out):
    """Write vectors (n, f) times all articles to `out` (n, n_articles); tiles (t, f, TILE)."""
    n, f = vectors.shape
    n_articles = out.shape[1]
    sums = np.empty(TILE, np.float32)
    for tile in range(tiles.shape[0]):
        part = tiles[tile]
        first = tile * TILE
        width = min(TILE, n_articles - first)
        for row in range(n):
            x = vectors[row]
            for one in range(TILE):
                sums[one] = 0
            whole = f - f % 4
            for a in range(0, whole, 4):
                x0, x1, x2, x3 = x[a], x[a + 1], x[a + 2], x[a + 3]
                y0, y1, y2, y3 = part[a], part[a + 1], part[a + 2], part[a + 3]
                for one in range(TILE):
                    sums[one] = (
                        sums[one] + x0 * y0[one] + x1 * y1[one] + x2 * y2[one] + x3 * y3[one]
                    )
            for a in range(whole, f):
                x0, y0 = x[a], part[a]
                for one in range(TILE):
                    sums[one] += x0 * y0[one]
            line = out[row]
            for one in range(width):
                line[first + one] = sums[one]


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
