# mypy: disable-error-code="no-untyped-def"
"""Compiled: customer vectors from histories, exactly, by the smaller of two systems.

With Y the article vectors, C the confidences and A = Y'Y + lambda I = L L', let
W = Y L'^-1. In that space the vector of a customer with articles u is

    x' = (I + W_u' D W_u)^-1 W_u' c,    D = C - I                                     (1)

(Hu, Koren and Volinsky 2008, equation 4, times L'), and x = L'^-1 x'. By the push-through
identity, with K = W_u W_u' and D = S sigma S, S = sqrt |D|, sigma = the signs of D,

    x' = W_u' (c - S t),    (sigma + S K S) t = S K c                                 (2)

which is a system of as many unknowns as the customer has articles. K has no eigenvalue
above 1, so (2) is well conditioned; confidences below 1 make D negative, the matrix
quasi-definite, and L D L' without pivoting still exists (Vanderbei 1995).
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

# sums may be taken in another order (lanes), but nothing else is relaxed
_FAST = {"reassoc", "contract", "nsz"}


@njit(nogil=True, cache=True, fastmath=_FAST, inline="always")
def _small(rows, c, n, f, k, t, z, out):
    """Solve (2) for the n rows of `rows`, write x' to `out`."""
    one = np.float32(1)
    for i in range(n):
        for j in range(i + 1):
            dot = np.float32(0)
            for a in range(f):
                dot += rows[i, a] * rows[j, a]
            k[i, j] = dot
    # t = S K c, while K is whole
    for i in range(n):
        total = np.float32(0)
        for j in range(i + 1):
            total += k[i, j] * c[j]
        for j in range(i + 1, n):
            total += k[j, i] * c[j]
        z[i] = np.sqrt(abs(c[i] - one))
        t[i] = z[i] * total
    # K becomes sigma + S K S, then its factors: unit lower below, pivots on the diagonal
    for i in range(n):
        for j in range(i + 1):
            k[i, j] *= z[i] * z[j]
        k[i, i] += one if c[i] >= one else -one
    for i in range(n):
        for j in range(i):
            total = k[i, j]
            for a in range(j):
                total -= k[i, a] * k[j, a]
            # row i holds L times the pivots until it is done
            k[i, j] = total
        pivot = k[i, i]
        for j in range(i):
            scaled = k[i, j] / k[j, j]
            pivot -= k[i, j] * scaled
            k[i, j] = scaled
        k[i, i] = pivot
    for i in range(n):
        total = t[i]
        for j in range(i):
            total -= k[i, j] * t[j]
        t[i] = total
    for i in range(n):
        t[i] /= k[i, i]
    for i in range(n - 1, -1, -1):
        ti = t[i]
        for j in range(i):
            t[j] -= k[i, j] * ti
    for a in range(f):
        out[a] = 0
    for i in range(n):
        factor = c[i] - z[i] * t[i]
        for a in range(f):
            out[a] += factor * rows[i, a]


@njit(nogil=True, cache=True, fastmath=_FAST, inline="always")
def _large(whitened, article, data, first, last, f, k, out):
    """Solve (1) for the entries [first, last), write x' to `out`; unknown articles are zeros."""
    one = np.float32(1)
    for a in range(f):
        out[a] = 0
        for b in range(f):
            k[a, b] = 0
        k[a, a] = one
    at = first
    while at < last:
        # four rank-one updates in one pass over the matrix
        i0 = article[at]
        i1 = article[min(at + 1, last - 1)]
        i2 = article[min(at + 2, last - 1)]
        i3 = article[min(at + 3, last - 1)]
        c0 = data[at]
        c1 = data[at + 1] if at + 1 < last else np.float32(0)
        c2 = data[at + 2] if at + 2 < last else np.float32(0)
        c3 = data[at + 3] if at + 3 < last else np.float32(0)
        d0 = c0 - one
        d1 = c1 - one if at + 1 < last else np.float32(0)
        d2 = c2 - one if at + 2 < last else np.float32(0)
        d3 = c3 - one if at + 3 < last else np.float32(0)
        w0, w1, w2, w3 = whitened[i0], whitened[i1], whitened[i2], whitened[i3]
        for a in range(f):
            out[a] += c0 * w0[a] + c1 * w1[a] + c2 * w2[a] + c3 * w3[a]
            p0, p1, p2, p3 = d0 * w0[a], d1 * w1[a], d2 * w2[a], d3 * w3[a]
            row = k[a]
            # from a multiple of 16 on, so that the rows start on whole lanes
            for b in range(a & ~15, f):
                row[b] += p0 * w0[b] + p1 * w1[b] + p2 * w2[b] + p3 * w3[b]
        at += 4
    # Cholesky of the upper half, row by row
    for i in range(f):
        row = k[i]
        inverse = one / np.sqrt(row[i])
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
    rows = np.empty((f, f), np.float32)
    c = np.empty(f, np.float32)
    k = np.empty((f, f), np.float32)
    t = np.empty(f, np.float32)
    z = np.empty(f, np.float32)
    x = np.empty(f, np.float32)
    wide = np.empty(f, np.float64)
    for row in range(low, high):
        n = 0
        for at in range(indptr[row], indptr[row + 1]):
            if not known[article[at]]:
                continue
            if n < f:
                c[n] = data[at]
                source = whitened[article[at]]
                target = rows[n]
                for a in range(f):
                    target[a] = source[a]
            n += 1
        if n == 0:
            for a in range(f):
                out[row, a] = 0
            continue
        if n <= f:
            _small(rows, c, n, f, k, t, z, x)
        else:
            _large(whitened, article, data, indptr[row], indptr[row + 1], f, k, x)
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
