# mypy: disable-error-code="no-untyped-def, no-untyped-call"
"""Compiled: the sum of many small trees for rows of float32 features.

No row descends. Leaves are numbered from left to right; a node whose test sends a row to the
right rules out the leaves on its left, and when all nodes have been asked the lowest leaf
that is not ruled out is the row's (QuickScorer, Lucchese et al. 2015). Each node is asked of
a whole tile of rows at once, one column of numbers against one number, which a processor
does many at a time.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types

TILE = 64
"""Rows asked together: their features and leaves stay in the first cache."""

_I32 = types.Array(types.int32, 1, "C", readonly=True)
_F32 = types.Array(types.float32, 1, "C", readonly=True)
_F64 = types.Array(types.float64, 1, "C", readonly=True)
_BOOL = types.Array(types.boolean, 1, "C", readonly=True)
_F32_2D = types.Array(types.float32, 2, "C", readonly=True)


def _signature(bits):
    kept = types.Array(bits, 1, "C", readonly=True)
    nodes = types.Tuple((_I32, _F32, kept, _BOOL))
    return types.void(_I32, _I32, nodes, _F64, types.boolean, _F32_2D, types.float64[::1])


@njit
def _lay_out(features, low, size, zeros_missing, columns):
    """Turn a tile of rows into columns."""
    for f in range(features.shape[1]):
        for j in range(size):
            columns[f, j] = features[low + j, f]
        if zeros_missing:
            for j in range(size):
                if abs(columns[f, j]) <= np.float32(1e-35):
                    columns[f, j] = np.nan


@njit(
    [_signature(types.uint32), _signature(types.uint64)],
    nogil=True,
    cache=True,
    error_model="numpy",
)
def add_trees(node_bounds, leaf_bounds, nodes, values, zeros_missing, features, out):
    """Write the sum of all trees for each row of `features`.

    Parameters
    ----------
    node_bounds, leaf_bounds : int32 (t + 1,)
        Where each tree's nodes and leaves begin.
    nodes : feature, threshold, kept, missing_right
        int32, float32, uint32 or uint64, bool (nodes,). A row goes right when its feature is
        above the threshold, or is missing and `missing_right`; then only the leaves that are
        bits of `kept` remain.
    values : float64 (leaves,)
        From left to right in each tree.
    zeros_missing : bool
        A zero is a missing value.
    features : float32 (n, f)
    out : float64 (n,)
    """
    feature, threshold, kept, missing_right = nodes
    n = len(features)
    columns = np.zeros((features.shape[1], TILE), np.float32)
    leaves = np.empty(TILE, kept.dtype)
    total = np.empty(TILE, np.float64)
    all_leaves = ~(kept.dtype.type(0))
    for low in range(0, n, TILE):
        size = min(TILE, n - low)
        _lay_out(features, low, size, zeros_missing, columns)
        total[:] = 0
        for t in range(len(node_bounds) - 1):
            leaves[:] = all_leaves
            for node in range(node_bounds[t], node_bounds[t + 1]):
                column = columns[feature[node]]
                bound, rest = threshold[node], kept[node]
                if missing_right[node]:
                    for j in range(TILE):
                        leaves[j] &= all_leaves if column[j] <= bound else rest
                else:
                    for j in range(TILE):
                        leaves[j] &= rest if column[j] > bound else all_leaves
            first = leaf_bounds[t]
            for j in range(TILE):
                # a power of two as a float has its logarithm as exponent
                lowest = leaves[j] & (~leaves[j] + kept.dtype.type(1))
                place = (np.float64(lowest).view(np.int64) >> 52) - 1023
                total[j] += values[first + place]
        for j in range(size):
            out[low + j] = total[j]
