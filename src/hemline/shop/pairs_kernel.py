# mypy: disable-error-code="no-untyped-def"
"""Compiled: one entry for each distinct (customer, article) pair, and the peeling of pairs."""

from __future__ import annotations

import numpy as np
from numba import njit, types

SUM, MAX, LAST = 0, 1, 2

# read-only, since histories are usually mapped from files; writable arrays fit as well
_I64 = types.Array(types.int64, 1, "C", readonly=True)
_I32 = types.Array(types.int32, 1, "C", readonly=True)
_F32 = types.Array(types.float32, 1, "C", readonly=True)
_MASK = types.Array(types.boolean, 1, "C", readonly=True)
_RANGE = (types.int64, types.int64)


@njit(
    [
        types.void(
            _I64,
            _I64,
            _I32,
            _F32,
            types.int64,
            _I64,
            *_RANGE,
            types.int32[::1],
            types.float32[::1],
            types.int64[::1],
        )
    ],
    nogil=True,
    cache=True,
)
def merge_rows(
    start, stop, article, value, how, offset, low, high, out_article, out_value, out_count
):
    """Merge the repeats within rows [low, high), articles ascending.

    Row i is written from `offset[i]` on, its length to `out_count[i]`. `value` goes with
    `article`; an empty `value` stands for ones.
    """
    longest = 1
    for row in range(low, high):
        longest = max(longest, stop[row] - start[row])
    keys = np.empty(longest, np.int64)
    given = len(value) > 0
    for row in range(low, high):
        first, length = start[row], stop[row] - start[row]
        for at in range(length):
            keys[at] = (np.int64(article[first + at]) << 32) | at
        if length > 48:
            keys[:length].sort()
        else:
            for at in range(1, length):
                key, hole = keys[at], at
                while hole > 0 and keys[hole - 1] > key:
                    keys[hole] = keys[hole - 1]
                    hole -= 1
                keys[hole] = key
        out = offset[row] - 1
        before = np.int64(-1)
        total = 0.0
        for at in range(length):
            this = keys[at] >> 32
            one = np.float64(value[first + (keys[at] & 0xFFFFFFFF)]) if given else 1.0
            if this != before:
                if before >= 0:
                    out_value[out] = total
                out += 1
                out_article[out] = this
                before, total = this, one
            elif how == SUM:
                total += one
            elif how == LAST or one > total:
                total = one
        if before >= 0:
            out_value[out] = total
        out_count[row] = out + 1 - offset[row]


@njit(
    [
        types.void(
            _I64, _I64, _I32, _F32, *_RANGE, types.int64, types.int32[::1], types.float32[::1]
        )
    ],
    nogil=True,
    cache=True,
)
def close_gaps(offset, indptr, article, value, low, high, base, out_article, out_value):
    """Copy row i from `offset[i]` on to `indptr[i] - base` on, for rows [low, high)."""
    for row in range(low, high):
        shift = offset[row] - indptr[row]
        for at in range(indptr[row], indptr[row + 1]):
            out_article[at - base] = article[at + shift]
            out_value[at - base] = value[at + shift]


@njit(
    [
        types.int64(
            _I64,
            _I32,
            types.boolean[::1],
            types.boolean[::1],
            types.int64[::1],
            types.int64,
            types.int64,
        )
    ],
    nogil=True,
    cache=True,
)
def peel(indptr, article, customers, articles, buyers, min_customer, min_article):
    """Drop customers below their minimum, then articles below theirs; return the pairs left.

    `customers` and `articles` are true for what is still kept, and `buyers` holds the kept
    customers of each article; all three are brought up to date.
    """
    pairs = 0
    for row in range(len(customers)):
        if not customers[row]:
            continue
        kept = 0
        for at in range(indptr[row], indptr[row + 1]):
            kept += articles[article[at]]
        if kept >= min_customer and kept > 0:
            pairs += kept
            continue
        customers[row] = False
        for at in range(indptr[row], indptr[row + 1]):
            buyers[article[at]] -= 1
    for one in range(len(articles)):
        if articles[one] and (buyers[one] < min_article or buyers[one] == 0):
            articles[one] = False
            pairs -= buyers[one]
    return pairs


@njit(
    [
        types.int64(
            _I64,
            _I32,
            _F32,
            _MASK,
            _I32,
            *_RANGE,
            types.int64[::1],
            types.int32[::1],
            types.float32[::1],
        )
    ],
    nogil=True,
    cache=True,
)
def keep_pairs(
    indptr, article, value, customers, renumber, low, high, out_indptr, out_article, out_value
):
    """Copy the pairs of kept customers and articles, renumbered; -1 in `renumber` drops."""
    row_out, out = 0, 0
    for row in range(low, high):
        if not customers[row]:
            continue
        for at in range(indptr[row], indptr[row + 1]):
            number = renumber[article[at]]
            if number >= 0:
                out_article[out] = number
                out_value[out] = value[at]
                out += 1
        row_out += 1
        out_indptr[row_out] = out
    return out
