# mypy: disable-error-code="no-untyped-def"
"""Compiled: one customer's history, read once into small tables.

Numba's cache does not see that a function called from another module has changed: whoever edits
this file removes the `__pycache__` folder beside it.
"""

from __future__ import annotations

import numpy as np
from numba import njit

DAY = 86_400
ATTRIBUTES = 10

# Inside, tuples of arrays are handed around, each as long as the longest history:
#   own    article, purchases, units, weight, time and visit of the last purchase, visits, price,
#          channel
#   value  code, weight, purchases, time of the last; one row for each attribute
#   code   of the product codes: latest article, time of the latest other one, articles, price


@njit
def _open(slot, at, n):
    """Return the entry at `slot[at]`, and how many there are when it is new."""
    if slot[at] >= 0:
        return slot[at], n
    slot[at] = n
    return n, n + 1


@njit
def read_history(first, last, histories, articles, moment, slot, own, value, code, sizes, in_visit):
    """Fill the tables with the purchases [first, last); return the sums over all of them."""
    _, _, article, time, weight, price, channel, _ = histories
    _, _, codes, n_codes = articles
    as_of, dated, decay = moment
    (
        own_article,
        purchases,
        units,
        own_weight,
        own_time,
        own_visit,
        visits,
        own_price,
        own_channel,
    ) = own
    value_code, value_weight, value_purchases, value_time = value
    latest, other_time, distinct, code_price = code
    sizes[:] = 0
    visit, day = -1, 0
    total = paid = paid_squares = channels = 0.0
    week = month = repeats = n_paid = n_channels = n_own = 0
    for e in range(first, last):
        one, t, p = article[e], time[e], price[e]
        if visit < 0 or t // DAY != day:
            visit += 1
            day = t // DAY
            in_visit[visit] = 0
        in_visit[visit] += 1
        w = 1.0
        if dated:
            w = (1.0 + (as_of - t) / DAY) ** -decay
            week += as_of - t <= 7 * DAY
            month += as_of - t <= 30 * DAY
        total += w
        s, n = _open(slot, n_codes + one, n_own)
        fresh = n > n_own
        if fresh:
            n_own = n
            own_article[s] = one
            purchases[s] = visits[s] = 0
            units[s] = own_weight[s] = 0.0
            own_visit[s] = -1
            own_price[s] = np.nan
            own_channel[s] = 0
        else:
            # on a day before, whether or not it was bought this day already
            repeats += own_visit[s] < visit or visits[s] > 1
        purchases[s] += 1
        units[s] += weight[e]
        own_weight[s] += w
        own_time[s] = t
        visits[s] += own_visit[s] < visit
        own_visit[s] = visit
        known = not np.isnan(p)
        if known:
            own_price[s] = p
            paid += p
            paid_squares += np.float64(p) * p
            n_paid += 1
        own_channel[s] = channel[e]
        if channel[e] > 0:
            channels += channel[e]
            n_channels += 1
        for j in range(ATTRIBUTES):
            at = codes[one, j]
            if at < 0:
                continue
            v, n = _open(slot, at, sizes[j])
            if n > sizes[j]:
                sizes[j] = n
                value_code[j, v] = at
                value_weight[j, v] = 0.0
                value_purchases[j, v] = 0
                if j == 0:
                    latest[v], other_time[v], distinct[v] = one, -1, 0
                    code_price[v] = np.nan
            elif j == 0 and latest[v] != one:
                other_time[v], latest[v] = value_time[0, v], one
            value_weight[j, v] += w
            value_purchases[j, v] += 1
            value_time[j, v] = t
            if j == 0:
                distinct[v] += fresh
                if known:
                    code_price[v] = p
    return (
        n_own, visit, total, week, month, repeats, paid, paid_squares, n_paid, channels, n_channels
    )  # fmt: skip


@njit
def clear(n_own, n_codes, slot, own, value, sizes):
    for s in range(n_own):
        slot[n_codes + own[0][s]] = -1
    for j in range(ATTRIBUTES):
        for v in range(sizes[j]):
            slot[value[0][j, v]] = -1
