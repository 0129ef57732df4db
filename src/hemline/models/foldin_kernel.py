# mypy: disable-error-code="no-untyped-def"
"""Compiled: customer vectors from histories, to the precision of float32.

With Y the article vectors, C the confidences and A = Y'Y + lambda I = L L', let
W = Y L'^-1. In that space the vector of a customer with articles u is

    x' = (I + W_u' D W_u)^-1 W_u' c,    D = C - I                                     (1)

(Hu, Koren and Volinsky 2008, equation 4, times L'), and x = L'^-1 x'. W_u' W_u has no
eigenvalue above 1, few that are near it, and no more than the customer has articles: the
matrix of (1) is well conditioned, positive definite also where confidences below 1 make D
negative, and conjugate gradients need few steps, each as cheap as reading W_u once. Where
confidences are so large that they need many, (1) is solved directly. (The system of as
many unknowns as the customer has articles, by the push-through identity, was slower at
every length.)

A negative confidence is, as in `implicit`, one of its absolute value that the article is
not wanted: c is 0 for it, D is |C| - I.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types

_I64 = types.Array(types.int64, 1, "C", readonly=True)
_I32 = types.Array(types.int32, 1, "C", readonly=True)
_F32 = types.Array(types.float32, 1, "C", readonly=True)
_F32_2D = types.Array(types.float32, 2, "C", readonly=True)
_F64_2D = types.Array(types.float64, 2, "C", readonly=True)
_MASK = types.Array(types.boolean, 1, "C", readonly=True)

STEPS = 24
"""Steps after which solving (1) directly is quicker than going on."""
SMALL_RESIDUAL = np.float32(1e-13)
"""Squared, against the right-hand side: where float32 has nothing more to give."""

# sums may be taken in another order (lanes), but nothing else is relaxed
_FAST = {"reassoc", "contract", "nsz"}


@njit(nogil=True, cache=True, fastmath=_FAST, inline="always")
def solve_by_gradients(rows, c, d, n, f, small, out, r, p, q):
    """Solve (1) by conjugate gradients for the n rows of `rows`, until the residual is `small`.

    Rows n to n + 3 are zeros, so that four can always be taken at once. Returns c'W x', by
    which x' lowers the loss of the row; -1 where the steps did not suffice.
    """
    for a in range(f):
        out[a] = 0
        r[a] = 0
    for i in range(0, n, 4):
        w0, w1, w2, w3 = rows[i], rows[i + 1], rows[i + 2], rows[i + 3]
        c0, c1, c2, c3 = c[i], c[i + 1], c[i + 2], c[i + 3]
        for a in range(f):
            r[a] += c0 * w0[a] + c1 * w1[a] + c2 * w2[a] + c3 * w3[a]
    square = np.float32(0)
    for a in range(f):
        p[a] = r[a]
        square += r[a] * r[a]
    enough = square * small
    gain = 0.0
    if square == 0:
        return gain
    for _ in range(STEPS):
        for a in range(f):
            q[a] = p[a]
        for i in range(0, n, 4):
            w0, w1, w2, w3 = rows[i], rows[i + 1], rows[i + 2], rows[i + 3]
            s0, s1, s2, s3 = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
            for a in range(f):
                s0 += w0[a] * p[a]
                s1 += w1[a] * p[a]
                s2 += w2[a] * p[a]
                s3 += w3[a] * p[a]
            s0 *= d[i]
            s1 *= d[i + 1]
            s2 *= d[i + 2]
            s3 *= d[i + 3]
            for a in range(f):
                q[a] += s0 * w0[a] + s1 * w1[a] + s2 * w2[a] + s3 * w3[a]
        curve = np.float32(0)
        for a in range(f):
            curve += p[a] * q[a]
        step = square / curve
        gain += np.float64(step) * np.float64(square)
        next_square = np.float32(0)
        for a in range(f):
            out[a] += step * p[a]
            r[a] -= step * q[a]
            next_square += r[a] * r[a]
        if next_square <= enough:
            return gain
        ratio = next_square / square
        square = next_square
        for a in range(f):
            p[a] = r[a] + ratio * p[a]
    return -1.0


@njit(nogil=True, cache=True, fastmath=_FAST, inline="always")
def solve_directly(rows, c, d, n, f, k, out):
    """Solve (1) for the n rows of `rows`, in float64: the confidences are large or many."""
    for a in range(f):
        out[a] = 0
        for b in range(f):
            k[a, b] = 0
        k[a, a] = 1
    for i in range(n):
        w = rows[i]
        c_i, d_i = np.float64(c[i]), np.float64(d[i])
        for a in range(f):
            out[a] += c_i * w[a]
            factor = d_i * w[a]
            row = k[a]
            for b in range(a, f):
                row[b] += factor * w[b]
    # Cholesky of the upper half, row by row
    for i in range(f):
        row = k[i]
        inverse = 1 / np.sqrt(row[i])
        for b in range(i, f):
            row[b] *= inverse
        for j in range(i + 1, f):
            factor = row[j]
            below = k[j]
            for b in range(j, f):
                below[b] -= factor * row[b]
    for i in range(f):
        row = k[i]
        out[i] /= row[i]
        factor = out[i]
        for b in range(i + 1, f):
            out[b] -= factor * row[b]
    for i in range(f - 1, -1, -1):
        row = k[i]
        total = out[i]
        for b in range(i + 1, f):
            total -= row[b] * out[b]
        out[i] = total / row[i]


@njit(
    [
        types.void(
            _I64,
            _I32,
            _F32,
            _F32_2D,
            _MASK,
            _F64_2D,
            types.boolean,
            types.int64,
            types.int64,
            types.float32[:, ::1],
        )
    ],
    nogil=True,
    cache=True,
    fastmath=_FAST,
)
def fold_in(indptr, article, data, whitened, known, inverse_root, plain, low, high, out):
    """Write the vectors of rows [low, high) to `out[low:high]`; zeros where nothing is known.

    `data` holds the confidences, `whitened` W, `inverse_root` L^-1 (lower). `plain` asks for
    x, otherwise x' is written.
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
    for row in range(low, high):
        n = 0
        for at in range(indptr[row], indptr[row + 1]):
            if known[article[at]]:
                c[n] = max(data[at], np.float32(0))
                d[n] = abs(data[at]) - np.float32(1)
                source = whitened[article[at]]
                target = rows[n]
                for a in range(f):
                    target[a] = source[a]
                n += 1
        if n == 0:
            for a in range(f):
                out[row, a] = 0
            continue
        for i in range(n, n + 4):
            c[i] = 0
            d[i] = 0
            for a in range(f):
                rows[i, a] = 0
        if solve_by_gradients(rows, c, d, n, f, SMALL_RESIDUAL, x, r, p, q) < 0:
            solve_directly(rows, c, d, n, f, k, wide)
            for a in range(f):
                x[a] = wide[a]
        if plain:
            for a in range(f):
                wide[a] = 0
            for b in range(f):
                factor = np.float64(x[b])
                line = inverse_root[b]
                for a in range(b + 1):
                    wide[a] += factor * line[a]
            for a in range(f):
                out[row, a] = wide[a]
        else:
            for a in range(f):
                out[row, a] = x[a]
