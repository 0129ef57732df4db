# mypy: disable-error-code="no-untyped-def"
"""Compiled: one number a customer that follows from the seed and the history alone."""

from __future__ import annotations

import numpy as np
from numba import njit, types

_I64 = types.Array(types.int64, 1, "C", readonly=True)
_I32 = types.Array(types.int32, 1, "C", readonly=True)


@njit
def _mix(x):
    """Scatter 64 bits: the finalizer of SplitMix64 (Steele, Lea and Flood 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit([types.void(_I64, _I64, _I32, _I64, types.uint64, types.uint64[::1])], nogil=True, cache=True)
def hash_histories(start, stop, article, time, seed, out):
    """Write a hash of each row's purchases; it does not depend on the order within an instant."""
    gold = np.uint64(0x9E3779B97F4A7C15)
    for row in range(len(start)):
        total = np.uint64(0)
        for at in range(start[row], stop[row]):
            one = _mix(np.uint64(article[at] + 1) * gold)
            total += _mix(one ^ (np.uint64(time[at]) + gold))
        out[row] = _mix(total ^ _mix(seed + gold))
