# mypy: disable-error-code="no-untyped-def"
"""Compiled: the features of every candidate of a block of customers, serial, one pass.

A customer's history is read once into small tables (`history_kernel`): one entry for each
distinct article and for each value of an attribute, found through `slot`, which is as long as
the catalogue and all values together and is cleared after each customer by what was set. Then
each candidate is looked up in them. A row is written into a buffer of all features and the
chosen ones are copied, so that what is left out costs no branch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

from hemline.recommend.features.history_kernel import ATTRIBUTES, DAY, clear, read_history

NEVER = np.iinfo(np.int64).min
"""As the time of the first sale: `articles_kernel.NEVER`."""

(
    OWN_PURCHASES, OWN_UNITS, OWN_SHARE, OWN_DAYS, OWN_VISITS, OWN_VISITS_SINCE, OWN_BASKET,
    OWN_PRICE, OWN_PRICE_RANK, OWN_PRICE_RATIO, OWN_BASKET_PRICE_RANK, OWN_PRICE_CHANGE,
    OWN_CHANNEL,
    CUSTOMER_PURCHASES, CUSTOMER_ARTICLES, CUSTOMER_VISITS, CUSTOMER_DAYS, CUSTOMER_FIRST_DAYS,
    CUSTOMER_BASKET, CUSTOMER_WEEK, CUSTOMER_MONTH, CUSTOMER_REPEATS, CUSTOMER_PRICE,
    CUSTOMER_AGE, CUSTOMER_CHANNEL,
    SALES_ALL, SALES_DAY, SALES_WEEK, SALES_MONTH, SALES_TREND, SALES_TREND_DAY, SALES_CHANGE,
    SALES_PRODUCT_WEEK, SALES_IN_DEPARTMENT, SALES_IN_PRODUCT,
    ARTICLE_REBUYS, ARTICLE_PRODUCT_REBUYS, ARTICLE_TYPE_REBUYS, ARTICLE_BUYER_AGE,
    ARTICLE_BUYER_AGE_SD, ARTICLE_PRICE, ARTICLE_DISCOUNT, ARTICLE_CHANNEL, ARTICLE_FIRST_DAYS,
    ARTICLE_LAST_DAYS,
    MATCH_AGE, MATCH_AGE_DISTANCE, MATCH_PRICE, MATCH_PRICE_DISTANCE, MATCH_CHANNEL,
    PRODUCT_ARTICLES, PRODUCT_OTHERS, PRODUCT_OTHER_DAYS, PRODUCT_PRICE,
    PAIRS_BASKET, PAIRS_HISTORY, VISUAL_BASKET, VISUAL_BEST,
) = range(58)  # fmt: skip
"""Places in the buffer, in the order of `declared.FIXED`; the others follow."""
N_FIXED = 58
N_FACTS = ARTICLE_FIRST_DAYS - SALES_ALL
AT_CHANNELS = N_FIXED + 3 * ATTRIBUTES


def _array(dtype: Any, dimensions: int) -> Any:
    return types.Array(dtype, dimensions, "C", readonly=True)


_I64, _I32, _F32 = _array(types.int64, 1), _array(types.int32, 1), _array(types.float32, 1)
_I32_2, _F32_2 = _array(types.int32, 2), _array(types.float32, 2)
_HISTORIES = types.Tuple((_I64, _I64, _I32, _I64, _F32, _F32, _array(types.int8, 1), _F32))
_CANDIDATES = types.Tuple((_I64, _I32, _array(types.int16, 2), _F32_2))
_ARTICLES = types.Tuple((_F32_2, _array(types.int64, 2), _I32_2, types.int64))
_PAIRS = types.Tuple((_I64, _I32, _F32))
_SIMILAR = types.Tuple((_I32_2, _F32_2))
_MOMENT = types.Tuple((types.int64, types.boolean, types.float64))


@njit
def _customer(first, last, row, age, histories, moment, told, in_visit, out):
    """Write what is the same for all candidates of a customer; return their prices' spread."""
    _, _, _, time, _, _, _, _ = histories
    as_of, dated, _ = moment
    n_own, visit, _, week, month, repeats, paid, paid_squares, n_paid, channels, n_channels = told
    length = last - first
    out[CUSTOMER_PURCHASES] = length
    out[CUSTOMER_ARTICLES] = n_own
    out[CUSTOMER_VISITS] = visit + 1
    out[CUSTOMER_DAYS] = out[CUSTOMER_FIRST_DAYS] = np.nan
    out[CUSTOMER_BASKET], out[CUSTOMER_REPEATS] = 0, np.nan
    if length > 0:
        if dated:
            out[CUSTOMER_DAYS] = (as_of - time[last - 1]) / DAY
            out[CUSTOMER_FIRST_DAYS] = (as_of - time[first]) / DAY
        out[CUSTOMER_BASKET] = in_visit[visit]
        out[CUSTOMER_REPEATS] = repeats / length
    out[CUSTOMER_WEEK], out[CUSTOMER_MONTH] = week, month
    out[CUSTOMER_PRICE] = paid / n_paid if n_paid > 0 else np.nan
    out[CUSTOMER_AGE] = age[row]
    out[CUSTOMER_CHANNEL] = channels / n_channels if n_channels > 0 else np.nan
    if n_paid < 2:
        return np.nan
    mean = paid / n_paid
    return np.sqrt(max(paid_squares / n_paid - mean * mean, 0.0))


@njit
def _own(s, told, moment, own, in_visit, out):
    """Write what the customer did with this very article; s < 0: nothing."""
    if s < 0:
        for at in range(OWN_DAYS, OWN_CHANNEL + 1):
            out[at] = np.nan
        out[OWN_PURCHASES] = out[OWN_UNITS] = out[OWN_SHARE] = out[OWN_VISITS] = 0
        return
    as_of, dated, _ = moment
    n_own, visit, total = told[0], told[1], told[2]
    _, purchases, units, own_weight, own_time, own_visit, visits, own_price, own_channel = own
    out[OWN_PURCHASES], out[OWN_UNITS] = purchases[s], units[s]
    out[OWN_SHARE] = own_weight[s] / total
    out[OWN_DAYS] = (as_of - own_time[s]) / DAY if dated else np.nan
    out[OWN_VISITS], out[OWN_VISITS_SINCE] = visits[s], visit - own_visit[s]
    out[OWN_BASKET] = in_visit[own_visit[s]]
    price = own_price[s]
    rank = basket_rank = 1
    for other in range(n_own):
        dearer = own_price[other] > price
        rank += dearer
        basket_rank += dearer and own_visit[other] == own_visit[s]
    out[OWN_PRICE] = price
    out[OWN_PRICE_RANK] = out[OWN_BASKET_PRICE_RANK] = np.nan
    if not np.isnan(price):
        out[OWN_PRICE_RANK], out[OWN_BASKET_PRICE_RANK] = rank, basket_rank
    out[OWN_PRICE_RATIO] = _ratio(price, out[CUSTOMER_PRICE])
    out[OWN_PRICE_CHANGE] = _ratio(out[ARTICLE_PRICE], price)
    out[OWN_CHANNEL] = own_channel[s] if own_channel[s] > 0 else np.nan


@njit
def _ratio(one, other):
    """Return one / other; NaN where the other is not known, or 0."""
    return one / other if other > 0 else np.float32(np.nan)


@njit
def _article(one, articles, moment, spread, out):
    """Write what is known of the article, and how it goes with the customer."""
    facts, sold, _, _ = articles
    as_of, dated, _ = moment
    for at in range(N_FACTS):
        out[SALES_ALL + at] = facts[one, at]
    out[ARTICLE_FIRST_DAYS] = out[ARTICLE_LAST_DAYS] = np.nan
    if dated and sold[one, 0] != NEVER:
        out[ARTICLE_FIRST_DAYS] = (as_of - sold[one, 0]) / DAY
        out[ARTICLE_LAST_DAYS] = (as_of - sold[one, 1]) / DAY
    older = out[CUSTOMER_AGE] - out[ARTICLE_BUYER_AGE]
    out[MATCH_AGE] = older
    out[MATCH_AGE_DISTANCE] = _ratio(abs(older), out[ARTICLE_BUYER_AGE_SD])
    out[MATCH_PRICE] = _ratio(out[ARTICLE_PRICE], out[CUSTOMER_PRICE])
    out[MATCH_PRICE_DISTANCE] = np.nan
    if spread > 0:
        out[MATCH_PRICE_DISTANCE] = (out[ARTICLE_PRICE] - out[CUSTOMER_PRICE]) / spread
    out[MATCH_CHANNEL] = out[ARTICLE_CHANNEL] - out[CUSTOMER_CHANNEL]


@njit
def _attributes(one, s, total, articles, moment, slot, value, code, out):
    """Write the shares, days and purchases of each attribute, and more of the product code."""
    _, _, codes, _ = articles
    as_of, dated, _ = moment
    _, value_weight, value_purchases, value_time = value
    latest, other_time, distinct, code_price = code
    out[PRODUCT_ARTICLES] = out[PRODUCT_OTHERS] = 0
    out[PRODUCT_OTHER_DAYS] = out[PRODUCT_PRICE] = np.nan
    for j in range(ATTRIBUTES):
        at = N_FIXED + 3 * j
        out[at] = out[at + 1] = np.nan
        out[at + 2] = 0
        if codes[one, j] < 0:
            continue
        v = slot[codes[one, j]]
        if v < 0:
            if total > 0:
                out[at] = 0
            continue
        out[at] = value_weight[j, v] / total
        if dated:
            out[at + 1] = (as_of - value_time[j, v]) / DAY
        out[at + 2] = value_purchases[j, v]
        if j == 0:
            out[PRODUCT_ARTICLES], out[PRODUCT_OTHERS] = distinct[v], distinct[v] - (s >= 0)
            other = value_time[0, v] if latest[v] != one else other_time[v]
            if dated and distinct[v] > (s >= 0):
                out[PRODUCT_OTHER_DAYS] = (as_of - other) / DAY
            out[PRODUCT_PRICE] = code_price[v]


@njit
def _linked(low, high, article, told, own, pairs, similar, place, linked):
    """Add up, for each candidate [low, high), its pairs with and likeness to what was bought."""
    n_own, visit, total = told[0], told[1], told[2]
    own_article, own_weight, own_visit = own[0], own[3], own[5]
    indptr, partner, share = pairs
    alike, cosine = similar
    paired, likest = len(indptr) > 1, alike.shape[1] > 0
    for c in range(low, high):
        place[article[c]] = c - low + 1
    for at in range(high - low):
        linked[0, at] = linked[1, at] = 0
        linked[2, at] = linked[3, at] = np.nan
    in_basket = 0
    for s in range(n_own):
        one, last = own_article[s], own_visit[s] == visit
        in_basket += last
        if paired:
            w = own_weight[s] / total
            for q in range(indptr[one], indptr[one + 1]):
                at = place[partner[q]] - 1
                if at >= 0:
                    linked[1, at] += w * share[q]
                    if last:
                        linked[0, at] += share[q]
        if likest:
            for q in range(alike.shape[1]):
                if alike[one, q] < 0:
                    continue
                at = place[alike[one, q]] - 1
                if at >= 0:
                    # the first is against NaN, and any cosine is taken then
                    if not linked[3, at] >= cosine[one, q]:
                        linked[3, at] = cosine[one, q]
                    if last and not linked[2, at] >= cosine[one, q]:
                        linked[2, at] = cosine[one, q]
    for at in range(high - low):
        linked[0, at] /= max(in_basket, 1)
    for c in range(low, high):
        place[article[c]] = 0


@njit
def _channels(rank, score, out):
    """Write who proposed a candidate, at which rank, with which score."""
    n = len(rank)
    number, best = 0, 0
    for j in range(n):
        proposed = rank[j] > 0
        number += proposed
        if proposed and (best == 0 or rank[j] < best):
            best = rank[j]
        out[AT_CHANNELS + 2 + j] = proposed
        out[AT_CHANNELS + 2 + n + j] = rank[j] if proposed else np.nan
        out[AT_CHANNELS + 2 + 2 * n + j] = score[j]
    out[AT_CHANNELS] = number
    out[AT_CHANNELS + 1] = best if best > 0 else np.nan


@njit(
    types.void(
        _HISTORIES, _CANDIDATES, _ARTICLES, _PAIRS, _SIMILAR, _MOMENT, _I64, types.float32[:, ::1]
    ),
    nogil=True,
    cache=True,
)
def feature_rows(histories, candidates, articles, pairs, similar, moment, chosen, out):
    """Write the chosen features of every candidate.

    Parameters
    ----------
    histories : start, stop int64 (n,); article int32, time int64, weight, price float32,
        channel int8 (m,); age float32 (n,)
        Already cut at the moment.
    candidates : bounds int64 (n + 1,); article int32, rank int16, score float32
        See `recommend.candidates.Candidates`.
    articles : facts float32 (n_articles, 18), sold int64 (n_articles, 2), codes int32
        (n_articles, 10), n_codes
        See `ArticleFacts`. No code is used by two attributes, all are below `n_codes`, and
        -1 is none; the first column has the product codes.
    pairs : indptr int64, article int32, share float32
        For each article what its buyers bought too; `indptr` of length 0 or 1: no pairs.
    similar : article int32, cosine float32 (n_articles, s)
        -1 for none.
    moment : as_of int, dated bool, decay float
        Seconds, which mean nothing for undated data.
    chosen : int64 (f,)
        Places in the order of `declared.all_features`.
    out : float32 (number of candidates, f)
    """
    start, stop, _, _, _, _, _, age = histories
    bounds, article, rank, score = candidates
    _, _, codes, n_codes = articles
    n_articles = len(codes)
    longest, widest = 1, 1
    for row in range(len(start)):
        longest = max(longest, stop[row] - start[row])
        widest = max(widest, bounds[row + 1] - bounds[row])
    own = (
        np.empty(longest, np.int32), np.empty(longest, np.int64), np.empty(longest, np.float64),
        np.empty(longest, np.float64), np.empty(longest, np.int64), np.empty(longest, np.int64),
        np.empty(longest, np.int64), np.empty(longest, np.float32), np.empty(longest, np.int8),
    )  # fmt: skip
    value = (
        np.empty((ATTRIBUTES, longest), np.int32), np.empty((ATTRIBUTES, longest), np.float64),
        np.empty((ATTRIBUTES, longest), np.int64), np.empty((ATTRIBUTES, longest), np.int64),
    )  # fmt: skip
    code = (
        np.empty(longest, np.int32), np.empty(longest, np.int64), np.empty(longest, np.int64),
        np.empty(longest, np.float32),
    )  # fmt: skip
    slot = np.full(n_codes + n_articles, -1, np.int32)
    sizes, in_visit = np.zeros(ATTRIBUTES, np.int64), np.empty(longest, np.int64)
    place, linked = np.zeros(n_articles, np.int32), np.empty((4, widest), np.float64)
    links = len(pairs[0]) > 1 or similar[0].shape[1] > 0
    linked[:] = np.nan
    buffer = np.empty(AT_CHANNELS + 2 + 3 * rank.shape[1], np.float32)
    for row in range(len(start)):
        first, last, low, high = start[row], stop[row], bounds[row], bounds[row + 1]
        if low == high:
            continue
        told = read_history(
            first, last, histories, articles, moment, slot, own, value, code, sizes, in_visit
        )
        spread = _customer(first, last, row, age, histories, moment, told, in_visit, buffer)
        if links:
            _linked(low, high, article, told, own, pairs, similar, place, linked)
        for c in range(low, high):
            one = article[c]
            s = slot[n_codes + one]
            _article(one, articles, moment, spread, buffer)
            _own(s, told, moment, own, in_visit, buffer)
            _attributes(one, s, told[2], articles, moment, slot, value, code, buffer)
            for at in range(4):
                buffer[PAIRS_BASKET + at] = linked[at, c - low]
            _channels(rank[c], score[c], buffer)
            for at in range(len(chosen)):
                out[c, at] = buffer[chosen[at]]
        clear(told[0], n_codes, slot, own, value, sizes)
