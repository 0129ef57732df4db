# mypy: disable-error-code="no-untyped-def"
"""Compiled: the vectors of one side of a matrix of confidences from those of the other.

Both read the vectors in the space of `foldin_kernel`, where the sum of their squares is the
unit matrix and conjugate gradients need three or four steps.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types

from hemline.models.foldin_kernel import solve_by_gradients, solve_directly

_I64 = types.Array(types.int64, 1, "C", readonly=True)
_I32 = types.Array(types.int32, 1, "C", readonly=True)
_F32 = types.Array(types.float32, 1, "C", readonly=True)
_F32_2D = types.Array(types.float32, 2, "C", readonly=True)
_OUT = types.float32[:, ::1]

SMALL_LOSS = np.float32(1e-7)
"""What a row's loss may miss of its least, against how far the vector lowers it."""

# sums may be taken in another order (lanes), but nothing else is relaxed
_FAST = {"reassoc", "contract", "nsz"}


@njit(
    [types.float64(_I64, _I32, _F32, _F32_2D, types.int64, types.int64, _OUT)],
    nogil=True,
    cache=True,
    fastmath=_FAST,
)
def solve_rows(indptr, index, data, whitened, low, high, out):
    """Write the best vectors of rows [low, high) to `out`, in the space of `whitened`.

    Returns their loss: confidences times squared errors, and all that the whitening holds
    (the squares of the scores of what was not bought, the regularization of these rows).
    """
    f = whitened.shape[1]
    longest = 1
    for row in range(low, high):
        longest = max(longest, indptr[row + 1] - indptr[row])
    rows = np.empty((longest + 4, f), np.float32)
    c = np.empty(longest + 4, np.float32)
    d = np.empty(longest + 4, np.float32)
    k = np.empty((f, f), np.float64)
    x, r, p, q = (
        np.empty(f, np.float32),
        np.empty(f, np.float32),
        np.empty(f, np.float32),
        np.empty(f, np.float32),
    )
    wide = np.empty(f, np.float64)
    loss = 0.0
    for row in range(low, high):
        first = indptr[row]
        n = indptr[row + 1] - first
        # no eigenvalue is above the largest confidence: so the residual bounds the loss
        largest = np.float32(1)
        for i in range(n):
            one = data[first + i]
            largest = max(largest, abs(one))
            c[i] = max(one, np.float32(0))
            d[i] = abs(one) - np.float32(1)
            loss += abs(one)
            source = whitened[index[first + i]]
            target = rows[i]
            for a in range(f):
                target[a] = source[a]
        for i in range(n, n + 4):
            c[i] = 0
            d[i] = 0
            for a in range(f):
                rows[i, a] = 0
        gain = solve_by_gradients(rows, c, d, n, f, SMALL_LOSS / largest, x, r, p, q)
        if gain < 0:
            solve_directly(rows, c, d, n, f, k, wide)
            gain = 0.0
            for i in range(n):
                score = 0.0
                for a in range(f):
                    score += wide[a] * rows[i, a]
                gain += c[i] * score
            for a in range(f):
                x[a] = wide[a]
        loss -= gain
        for a in range(f):
            out[row, a] = x[a]
    return loss


@njit(
    [types.void(_I64, _I32, _F32, _F32_2D, types.int64, types.int64, _OUT)],
    nogil=True,
    cache=True,
    fastmath=_FAST,
)
def multiply_rows(indptr, index, data, vectors, low, high, out):
    """Write rows [low, high) of the matrix times `vectors` to `out`; what is negative is 0."""
    f = vectors.shape[1]
    total = np.empty(f, np.float32)
    for row in range(low, high):
        for a in range(f):
            total[a] = 0
        for at in range(indptr[row], indptr[row + 1]):
            source = vectors[index[at]]
            c = max(data[at], np.float32(0))
            for a in range(f):
                total[a] += c * source[a]
        for a in range(f):
            out[row, a] = total[a]
