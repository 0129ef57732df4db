# mypy: disable-error-code="no-untyped-def"
"""Compiled: a customer's vector and bias from the history, the articles' being given."""

from __future__ import annotations

import numpy as np
from numba import njit, types

_I64 = types.Array(types.int64, 1, "C", readonly=True)
_I32 = types.Array(types.int32, 1, "C", readonly=True)
_F32 = types.Array(types.float32, 1, "C", readonly=True)
_F32_2D = types.Array(types.float32, 2, "C", readonly=True)
_F64 = types.Array(types.float64, 1, "C", readonly=True)
_F64_2D = types.Array(types.float64, 2, "C", readonly=True)
_MASK = types.Array(types.boolean, 1, "C", readonly=True)


@njit(types.void(types.float64[:, ::1], types.float64[::1]), nogil=True, cache=True)
def solve_in_place(matrix, right):
    """Solve matrix x = right by Cholesky; x is left in `right`. Lower triangles are read."""
    n = len(right)
    for i in range(n):
        for j in range(i + 1):
            total = matrix[i, j]
            for a in range(j):
                total -= matrix[i, a] * matrix[j, a]
            if i == j:
                matrix[i, i] = np.sqrt(total)
            else:
                matrix[i, j] = total / matrix[j, j]
    for i in range(n):
        total = right[i]
        for a in range(i):
            total -= matrix[i, a] * right[a]
        right[i] = total / matrix[i, i]
    for i in range(n - 1, -1, -1):
        total = right[i]
        for a in range(i + 1, n):
            total -= matrix[a, i] * right[a]
        right[i] = total / matrix[i, i]


@njit(
    [
        types.void(
            _I64, _I32, _F32, _F32_2D, _MASK, _F64, _F64_2D, _F64_2D, _F64, types.float64,
            types.float64, types.float64, types.int64, types.float32[:, ::1],
        )
    ],
    nogil=True,
    cache=True,
)  # fmt: skip
def fold_in(
    bounds, articles, targets, vectors, known, mean, prior, gram, pull, negatives, low_end,
    high_end, steps, out,
):  # fmt: skip
    """Write (u, b, 1) of each customer to `out` (n, f + 2); zeros where nothing is known.

    `vectors` (n_articles, f + 2) are (v, 1, bias). Gauss-Newton steps from `mean` (f + 1,) for

        sum (t - y)^2 + negatives m E(w) + (w - mean)' prior (w - mean),  w = (u, b)

    over the m known articles of the history. E is the mean squared prediction of an article
    drawn by chance, linear in y around `mean`: its matrix is `gram`, its slope there `pull`.
    """
    d = len(mean)
    span = high_end - low_end
    matrix = np.empty((d, d))
    right = np.empty(d)
    w = np.empty(d)
    for row in range(len(bounds) - 1):
        m = 0
        for at in range(bounds[row], bounds[row + 1]):
            if known[articles[at]]:
                m += 1
        out[row, :] = 0
        if m == 0:
            continue
        w[:] = mean
        for _ in range(steps):
            for i in range(d):
                right[i] = negatives * m * pull[i]
                for j in range(d):
                    change = w[j] - mean[j]
                    full = prior[i, j] + negatives * m * gram[i, j]
                    right[i] -= full * change
                    matrix[i, j] = full
            for at in range(bounds[row], bounds[row + 1]):
                one = articles[at]
                if not known[one]:
                    continue
                x = vectors[one]
                z = np.float64(x[d])
                for i in range(d):
                    z += w[i] * x[i]
                s = 1.0 / (1.0 + np.exp(-z))
                slope = span * s * (1.0 - s)
                error = targets[at] - (low_end + span * s)
                for i in range(d):
                    g = slope * x[i]
                    right[i] += g * error
                    for j in range(i + 1):
                        matrix[i, j] += g * slope * x[j]
            solve_in_place(matrix, right)
            for i in range(d):
                w[i] += right[i]
        for i in range(d):
            out[row, i] = w[i]
        out[row, d] = 1
