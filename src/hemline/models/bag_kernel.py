# mypy: disable-error-code="no-untyped-def"
"""Compiled: the sum of the rows of what a customer bought."""

from __future__ import annotations

import numpy as np
from numba import njit, types

_I64 = types.Array(types.int64, 1, "C", readonly=True)
_I32 = types.Array(types.int32, 1, "C", readonly=True)
_F32_2D = types.Array(types.float32, 2, "C", readonly=True)
_MASK = types.Array(types.boolean, 1, "C", readonly=True)


@njit(
    [types.void(_I64, _I32, _F32_2D, _MASK, types.float64, types.float32[:, ::1])],
    nogil=True,
    cache=True,
)
def sum_bags(bounds, articles, rows, known, power, out):
    """Write to `out` (n, f) the sum of the rows of each bag, divided by its size ** power.

    Articles that are not known are left out, and not counted. An empty bag is all zeros.
    """
    f = rows.shape[1]
    total = np.empty(f, np.float64)
    for row in range(len(bounds) - 1):
        total[:] = 0
        size = 0
        for at in range(bounds[row], bounds[row + 1]):
            one = articles[at]
            if not known[one]:
                continue
            size += 1
            for a in range(f):
                total[a] += rows[one, a]
        scale = size**-power if size else 0.0
        for a in range(f):
            out[row, a] = total[a] * scale
