# mypy: disable-error-code="no-untyped-def"
"""Compiled: what a shop's purchases say of each article, counted in one pass and a half."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

DAY = 86_400
NEVER = np.iinfo(np.int64).min
"""As the time of an article's first and last sale."""

(
    ALL, LAST_DAY, WEEK, WEEK_BEFORE, MONTH, AGES, AGE_SUM, AGE_SQUARES, PRICES, PRICE_SUM,
    PRICE_HIGHEST, CHANNELS, CHANNEL_SUM,
) = range(13)  # fmt: skip
"""Columns of the sums of an article."""
N_SUMS = 13


def _array(dtype: Any) -> Any:
    return types.Array(dtype, 1, "C", readonly=True)


_I64, _I32, _F32, _I8 = (
    _array(one) for one in (types.int64, types.int32, types.float32, types.int8)
)
_I32_2 = types.Array(types.int32, 2, "C", readonly=True)
_HISTORIES = types.Tuple((_I64, _I64, _I32, _I64, _F32, _I8, _F32))


@njit(
    [
        types.void(
            _HISTORIES, _I32_2, types.int64, types.boolean, types.float64[:, ::1],
            types.int64[:, ::1], types.float64[:, ::1],
        )
    ],
    nogil=True,
    cache=True,
)  # fmt: skip
def count_articles(histories, kinds, as_of, dated, sums, sold, buyers):
    """Add up what is known of each article and of each kind of articles.

    Parameters
    ----------
    histories : start, stop int64 (n,); article int32, time int64, price float32, channel
        int8 (m,); age float32 (n,)
        Nothing at or after `as_of`.
    kinds : int32 (n_articles, number of attributes)
        Kinds that an article belongs to, -1 for none; no kind stands in two columns.
    as_of : int
        Seconds; of no meaning when not `dated`.
    sums : float64 (n_articles, 13)
        Zeros; the columns are the constants above.
    sold : int64 (n_articles, 2)
        Filled with NEVER; time of the first and of the last sale.
    buyers : float64 (n_articles + number of kinds, 2)
        Zeros; customers who bought the article, then the kind, and those who did on two days
        or more.
    """
    start, stop, article, time, price, channel, age = histories
    n_articles = len(sums)
    # by whom last, on which day first, and whether that customer came again
    who = np.full(len(buyers), -1, np.int32)
    first_day = np.empty(len(buyers), np.int64)
    again = np.zeros(len(buyers), np.bool_)
    for row in range(len(start)):
        for e in range(start[row], stop[row]):
            one, t = article[e], time[e]
            of = sums[one]
            of[ALL] += 1
            if sold[one, 0] == NEVER or t < sold[one, 0]:
                sold[one, 0] = t
            sold[one, 1] = max(sold[one, 1], t)
            if dated:
                since = as_of - t
                of[LAST_DAY] += since <= DAY
                of[WEEK] += since <= 7 * DAY
                of[WEEK_BEFORE] += 7 * DAY < since <= 14 * DAY
                of[MONTH] += since <= 30 * DAY
            if not np.isnan(age[row]):
                of[AGES] += 1
                of[AGE_SUM] += age[row]
                of[AGE_SQUARES] += np.float64(age[row]) * age[row]
            if channel[e] > 0:
                of[CHANNELS] += 1
                of[CHANNEL_SUM] += channel[e]
            if price[e] > of[PRICE_HIGHEST]:
                of[PRICE_HIGHEST] = price[e]
            day = t // DAY
            for column in range(-1, kinds.shape[1]):
                at = one
                if column >= 0:
                    if kinds[one, column] < 0:
                        continue
                    at = n_articles + kinds[one, column]
                if who[at] != row:
                    who[at], first_day[at], again[at] = row, day, False
                    buyers[at, 0] += 1
                elif not again[at] and day > first_day[at]:
                    again[at] = True
                    buyers[at, 1] += 1
    for row in range(len(start)):
        for e in range(start[row], stop[row]):
            one = article[e]
            if not np.isnan(price[e]) and (not dated or time[e] > sold[one, 1] - 7 * DAY):
                sums[one, PRICES] += 1
                sums[one, PRICE_SUM] += price[e]
