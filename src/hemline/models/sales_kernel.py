# mypy: disable-error-code="no-untyped-def"
"""Compiled: what sold, to whom, and when first and last."""

from __future__ import annotations

import numpy as np
from numba import njit, types

SECONDS_PER_DAY = 86_400

_I64 = types.Array(types.int64, 1, "C", readonly=True)
_I32 = types.Array(types.int32, 1, "C", readonly=True)
_F32 = types.Array(types.float32, 1, "C", readonly=True)
_F64 = types.Array(types.float64, 1, "C", readonly=True)


@njit(
    [
        types.void(
            _I64, _I64, _I32, _I64, _F32, types.int64, _F64, types.boolean, _I32,
            types.float64[:, ::1],
        )
    ],
    nogil=True,
    cache=True,
)  # fmt: skip
def add_sales(start, stop, article, time, weight, as_of, fading, distinct, group, counts):
    """Add what each row bought to row `group[row]` of `counts` (groups, n_articles).

    A purchase of age a days counts `fading[a]`, the last for all that are older; weights fall,
    and a weight of 0 ends what is looked at. With `distinct` a customer counts once for an
    article, by the latest purchase; otherwise every piece counts. Group -1 counts nowhere.
    """
    latest_buyer = np.full(counts.shape[1], -1, np.int64)
    last_age = len(fading) - 1
    for row in range(len(start)):
        own = group[row]
        if own < 0:
            continue
        for at in range(stop[row] - 1, start[row] - 1, -1):
            age = min(max(as_of - 1 - time[at], 0) // SECONDS_PER_DAY, last_age)
            worth = fading[age]
            if worth == 0:
                break
            one = article[at]
            if distinct:
                if latest_buyer[one] == row:
                    continue
                latest_buyer[one] = row
            else:
                worth *= weight[at]
            counts[own, one] += worth


@njit(
    [types.void(_I64, _I64, _I32, _I64, types.int64[::1], types.int64[::1])],
    nogil=True,
    cache=True,
)
def sale_times(start, stop, article, time, first, last):
    """Lower `first` and raise `last` (n_articles,) to the times of the rows' purchases."""
    for row in range(len(start)):
        for at in range(start[row], stop[row]):
            one = article[at]
            if time[at] < first[one]:
                first[one] = time[at]
            if time[at] > last[one]:
                last[one] = time[at]
