"""Compiled loops of the neighbour search: exact scores, codes, and the sifting of pairs.

The exact score of two rows is the cosine in float64, rounded to float32. Products of two
float32 are exact in float64, and the sum is taken in one fixed order (32 interleaved
sums, folded in halves, then the rest one by one), so that it is the same number on every
processor, however many rows are treated at once.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 32
CHUNKS = (256, 32)  # pairs looked at together, before any is looked at alone
OPEN = -(2**30)  # limit of a row whose list is not full: every pair passes
SLACK = 2.0**-22  # rounding: to float32 2^-25, of all the float64 arithmetic below 2^-40
NEAREST = 1.5 * 2.0**52  # added and taken away again, it leaves a float64 rounded
LARGEST_TERM = 8.0  # a row whose bound is this loose passes anyway; keeps int32 from overflowing

_rows = types.Array(nb.float32, 2, "C", readonly=True)
_f8, _f82 = nb.float64[::1], nb.float64[:, ::1]
_i4, _f4 = nb.int32[::1], nb.float32[::1]
_i42, _f42 = nb.int32[:, ::1], nb.float32[:, ::1]
_i8 = nb.int64


@intrinsic
def _dot_chunks(_typing: Any, one: Any, other: Any, chunks: Any) -> Any:
    """Sum the products of `chunks` x 32 float32 at two addresses, in float64 vectors.

    Written as LLVM vectors (which any processor has) because the compiler may not
    vectorise a sum in an order of its own choosing.
    """

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        single = ir.VectorType(ir.FloatType(), LANES)
        double = ir.VectorType(ir.DoubleType(), LANES)
        total = cgutils.alloca_once(builder, double)
        builder.store(ir.Constant(double, [0.0] * LANES), total)
        with cgutils.for_range(builder, args[2], intp=ir.IntType(64)) as loop:
            offset = builder.mul(loop.index, ir.Constant(ir.IntType(64), 4 * LANES))
            wide = []
            for address in args[:2]:
                pointer = builder.inttoptr(builder.add(address, offset), single.as_pointer())
                wide.append(builder.fpext(builder.load(pointer, align=4), double))
            product = builder.fmul(wide[0], wide[1])
            builder.store(builder.fadd(builder.load(total), product), total)
        value, width = builder.load(total), LANES
        while width > 1:
            width //= 2
            index = ir.VectorType(ir.IntType(32), width)
            low = builder.shuffle_vector(value, value, ir.Constant(index, list(range(width))))
            high = builder.shuffle_vector(
                value, value, ir.Constant(index, list(range(width, 2 * width)))
            )
            value = builder.fadd(low, high)
        return builder.extract_element(value, ir.Constant(ir.IntType(32), 0))

    return types.float64(types.int64, types.int64, types.int64), generate


@njit([nb.float64(_rows, _i8, _i8)], nogil=True, cache=True)
def dot(rows, i, j):  # type: ignore[no-untyped-def]
    """Return the dot product of rows i and j in float64, in the fixed order."""
    d = rows.shape[1]
    base = rows.ctypes.data
    total = _dot_chunks(base + 4 * d * i, base + 4 * d * j, d // LANES)
    for c in range(d - d % LANES, d):
        total += nb.float64(rows[i, c]) * nb.float64(rows[j, c])
    return total


@njit([types.void(_rows, _i8, _i8, _f8, nb.uint64[::1])], nogil=True, cache=True)
def measure_rows(rows, low, high, norms, hashes):  # type: ignore[no-untyped-def]
    """Fill norms (0 for a row that is zero or not finite) and a hash of each row's values."""
    d = rows.shape[1]
    words = rows.view(np.uint32)
    prime = nb.uint64(0x9E3779B97F4A7C15)
    for i in range(low, high):
        square = dot(rows, i, i)
        norms[i] = np.sqrt(square) if square > 0.0 and square < np.inf else 0.0
        one, two, three, four = nb.uint64(1), nb.uint64(2), nb.uint64(3), nb.uint64(4)
        for c in range(0, d - 3, 4):
            one = (one ^ nb.uint64(words[i, c])) * prime
            two = (two ^ nb.uint64(words[i, c + 1])) * prime
            three = (three ^ nb.uint64(words[i, c + 2])) * prime
            four = (four ^ nb.uint64(words[i, c + 3])) * prime
        for c in range(d - d % 4, d):
            one = (one ^ nb.uint64(words[i, c])) * prime
        one = (one ^ (two >> nb.uint64(29))) * prime
        two = (two ^ (three >> nb.uint64(31))) * prime
        hashes[i] = one ^ (two + (four ^ (four >> nb.uint64(32))) * prime)


# Sums of bounds may be taken in any order: that changes them by less than their slack.
ANY_ORDER = {"reassoc", "nsz"}


@njit(
    [types.void(_rows, _i4, _f8, _f8, _i8, _i8, _f82, _f8)],
    nogil=True,
    cache=True,
    fastmath=ANY_ORDER,
)
def centre_rows(rows, order, norms, centre, low, high, out, along):  # type: ignore[no-untyped-def]
    """Write rows order[low:high], made of length one and less the centre, to out (b, d).

    along (b,) is the product of each with the centre.
    """
    d = rows.shape[1]
    for at in range(low, high):
        row = order[at]
        inverse = 1.0 / norms[row]
        total = 0.0
        for c in range(d):
            value = rows[row, c] * inverse - centre[c]
            out[at - low, c] = value
            total += value * centre[c]
        along[at - low] = total


@njit([types.void(_f82, _i8, _f82, _i8)], nogil=True, cache=True)
def mix(block, n_rows, signs, nearest):  # type: ignore[no-untyped-def]
    """Rotate rows in place so that their length spreads evenly over the coordinates.

    Random signs and a fast Walsh-Hadamard transform of the first 2^p coordinates, then
    the same of the last 2^p, with 2^p the largest power that fits: orthonormal both.
    Coordinates closer than `nearest`, a power of two, are not mixed with each other.
    """
    width = block.shape[1]
    power = 1
    while 2 * power <= width:
        power *= 2
    scale = np.sqrt(nearest / power)
    for i in range(n_rows):
        for turn in range(1 if power == width else 2):
            row = block[i, turn * (width - power) : turn * (width - power) + power]
            for c in range(power):
                row[c] *= signs[turn, c] * scale
            half = nearest
            while half < power:
                for start in range(0, power, 2 * half):
                    one, other = row[start : start + half], row[start + half : start + 2 * half]
                    for c in range(half):
                        a, b = one[c], other[c]
                        one[c] = a + b
                        other[c] = a - b
                half *= 2


@njit(
    [
        types.UniTuple(nb.float64, 2)(_f8, code, nb.float64)
        for code in (nb.int8[::1], nb.float32[::1])
    ],
    nogil=True,
    cache=True,
    fastmath=ANY_ORDER,
)
def _losses(exact, code, step):  # type: ignore[no-untyped-def]
    lost, square, coded = 0.0, 0.0, 0.0
    for c in range(exact.shape[0]):
        back = code[c] * step
        lost += (exact[c] - back) * (exact[c] - back)
        square += exact[c] * exact[c]
        coded += back * back
    return lost, max(square, coded)


def _quantise(block, n_rows, step, largest, low, codes, error, length):  # type: ignore[no-untyped-def]
    """Write block / step, rounded and cut off at +-largest, to codes[low:], and what was lost.

    error (n,) is the distance between a row and step x its code, length (n,) the greater
    of their norms.
    """
    per_step = 1.0 / step
    for i in range(n_rows):
        row, code = block[i], codes[low + i]
        for c in range(row.shape[0]):
            # the nearest whole number: rint would be a call for each
            code[c] = min(max((row[c] * per_step + NEAREST) - NEAREST, -largest), largest)
        lost, square = _losses(row, code, step)
        error[low + i] = np.sqrt(lost)
        length[low + i] = np.sqrt(square)


quantise = njit(
    [
        types.void(_f82, _i8, nb.float64, nb.float64, _i8, codes, _f8, _f8)
        for codes in (nb.int8[:, ::1], nb.float32[:, ::1])
    ],
    nogil=True,
    cache=True,
)(_quantise)


@njit([nb.boolean(_f42, _i42, _i8, nb.float32, nb.int32)], nogil=True, cache=True)
def insert(scores, ids, at, score, one):  # type: ignore[no-untyped-def]
    """Put (score, one) in its place in the list of row `at`; False when it does not belong."""
    k = scores.shape[1]
    worst = ids[at, k - 1]
    if worst >= 0 and (score < scores[at, k - 1] or (score == scores[at, k - 1] and one >= worst)):
        return False
    for c in range(k):
        if ids[at, c] == one:
            return False
    c = k - 1
    while c > 0 and (
        ids[at, c - 1] < 0
        or scores[at, c - 1] < score
        or (scores[at, c - 1] == score and ids[at, c - 1] > one)
    ):
        scores[at, c] = scores[at, c - 1]
        ids[at, c] = ids[at, c - 1]
        c -= 1
    scores[at, c] = score
    ids[at, c] = one
    return True


@njit(
    [
        types.void(_f42, _i42, _i8, _f8, nb.float64, number[::1])
        for number in (nb.int32, nb.float32)
    ],
    nogil=True,
    cache=True,
)
def _tighten(scores, ids, at, terms, per_unit, limits):  # type: ignore[no-untyped-def]
    """Raise the limit of row `at` to what a pair must reach to enter its list."""
    k = scores.shape[1]
    if ids[at, k - 1] >= 0:
        limit = np.floor((scores[at, k - 1] - SLACK - terms[at]) * per_unit)
        limits[at] = max(limit, nb.float64(OPEN))


_state = (_rows, _i4, _f8, _f8, nb.float64)


@njit(
    [
        nb.boolean(line, line, line, number, number, _i8, _i8)
        for line, number in ((nb.int32[::1], nb.int32), (nb.float32[::1], nb.float32))
    ],
    nogil=True,
    cache=True,
)
def _any_passes(product, lift_j, limit_j, lift, limit, start, stop):  # type: ignore[no-untyped-def]
    number = lift_j.dtype.type  # int32 - int32 would become int64, which halves the speed
    hits = False
    # unsigned: a signed index might count from the end, which is in the way of vectors
    for c in range(nb.uint64(start), nb.uint64(stop)):
        hits |= product[c] >= min(number(limit - lift_j[c]), number(limit_j[c] - lift))
    return hits


def _sift(  # type: ignore[no-untyped-def]
    tile,
    low_i,
    high_i,
    low_j,
    high_j,
    rows,
    order,
    norms,
    terms,
    per_unit,
    lifts,
    limits,
    scores,
    ids,
):
    """Score exactly every pair of the tile that may enter the list of either row.

    tile[i - low_i, j - low_j] is the product of the codes. A pair passes when
    product + lift_j >= limit_i or product + lift_i >= limit_j. Of a tile on the diagonal
    only pairs i < j are looked at. Returns the number of pairs that passed.
    """
    passed = 0
    lift_j, limit_j = lifts[low_j:high_j], limits[low_j:high_j]
    n = high_j - low_j
    for i in range(low_i, high_i):
        line, lift, row = tile[i - low_i], lifts[i], order[i]
        for wide in range(i + 1 - low_j if low_i == low_j else 0, n, CHUNKS[0]):
            end = min(wide + CHUNKS[0], n)
            if not _any_passes(line, lift_j, limit_j, lift, limits[i], wide, end):
                continue
            for start in range(wide, end, CHUNKS[1]):
                stop = min(start + CHUNKS[1], end)
                if not _any_passes(line, lift_j, limit_j, lift, limits[i], start, stop):
                    continue
                for c in range(start, stop):
                    if line[c] >= min(limits[i] - lift_j[c], limit_j[c] - lift):
                        passed += 1
                        other = order[low_j + c]
                        score = nb.float32(-np.inf)
                        if low_i == low_j:  # the seeds of the row have their score
                            for at in range(ids.shape[1]):
                                if ids[i, at] == other:
                                    score = scores[i, at]
                        if score == -np.inf:
                            score = nb.float32(dot(rows, row, other) / (norms[row] * norms[other]))
                        if insert(scores, ids, i, score, other):
                            _tighten(scores, ids, i, terms, per_unit, limits)
                        if insert(scores, ids, low_j + c, score, row):
                            _tighten(scores, ids, low_j + c, terms, per_unit, limits)
    return passed


_numbers = ((nb.int32[:, ::1], nb.int32[::1]), (nb.float32[:, ::1], nb.float32[::1]))
sift = njit(
    [
        nb.int64(tile, _i8, _i8, _i8, _i8, *_state, line, line, _f42, _i42)
        for tile, line in _numbers
    ],
    nogil=True,
    cache=True,
)(_sift)


def _seed(  # type: ignore[no-untyped-def]
    tile, low, high, rows, order, norms, terms, per_unit, lifts, limits, scores, ids
):
    """Score for each row of a tile on the diagonal the k others that look nearest by code.

    It only gives the limits a good start; nothing is decided here.
    """
    k = scores.shape[1]
    best = np.empty(k, tile.dtype)
    which = np.empty(k, np.int64)
    for i in range(low, high):
        found = 0
        for j in range(low, high):
            value = tile[i - low, j - low] + lifts[j]
            if j == i or (found == k and value <= best[k - 1]):
                continue
            c = min(found, k - 1)
            found = min(found + 1, k)
            while c > 0 and best[c - 1] < value:
                best[c] = best[c - 1]
                which[c] = which[c - 1]
                c -= 1
            best[c] = value
            which[c] = j
        row = order[i]
        for c in range(found):
            other = order[which[c]]
            score = nb.float32(dot(rows, row, other) / (norms[row] * norms[other]))
            insert(scores, ids, i, score, other)
        _tighten(scores, ids, i, terms, per_unit, limits)


seed = njit(
    [types.void(tile, _i8, _i8, *_state, line, line, _f42, _i42) for tile, line in _numbers],
    nogil=True,
    cache=True,
)(_seed)


@njit(
    [types.void(_i8, _i8, _i4, _i4, _i4, _f42, _i42, _f42, _i42)],
    nogil=True,
    cache=True,
)
def expand(low, high, group, starts, members, found, ids, scores, out):  # type: ignore[no-untyped-def]
    """Turn neighbours of distinct rows into neighbours of all rows, copies included.

    group (n,) is the distinct row of each row or -1; the rows that equal distinct row u
    are members[starts[u]:starts[u + 1]], ascending. found and ids (u, k) name distinct
    rows; scores and out (n, k) are filled, and arrive as -inf and -1.
    """
    k = out.shape[1]
    for i in range(low, high):
        u = group[i]
        if u < 0:
            continue
        for c in range(starts[u], min(starts[u + 1], starts[u] + k + 1)):
            if members[c] != i:
                insert(scores, out, i, nb.float32(1.0), members[c])
        for at in range(k):
            v = ids[u, at]
            if v < 0:
                break
            for c in range(starts[v], min(starts[v + 1], starts[v] + k)):
                if not insert(scores, out, i, found[u, at], members[c]):
                    break
