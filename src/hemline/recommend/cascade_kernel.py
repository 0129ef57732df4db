"""The compiled half of the cascade: one block of customers, serial, no interpreter lock.

For each customer the history is read once, the candidates are gathered, ranked and
completed, and the row is written. What is remembered of an article lies in one int32 for
all of a customer's questions: the customer's number, and a bit for each answer. A
number of an earlier customer means that nothing is known yet, so nothing is ever cleared.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

BOUGHT, VISITED, CHOSEN, COUNTED = 1, 2, 4, 8
_BITS = 4

SIMILAR, SAMPLE, ALSO_BOUGHT, AT_AGE, POPULAR = 0, 1, 2, 3, 4
"""Channels, in the order in which they fill a row."""

MAX_ROWS = 1 << (31 - _BITS)
"""Rows of one call: so many fit beside the bits."""

NEVER = np.iinfo(np.int64).max
"""As the time since which a purchase excludes its article: no purchase does."""


def _array(dtype: Any, dimensions: int) -> Any:
    return types.Array(dtype, dimensions, "C", readonly=True)


_I32, _I64, _F32 = _array(types.int32, 1), _array(types.int64, 1), _array(types.float32, 1)
_I32_2, _F32_2 = _array(types.int32, 2), _array(types.float32, 2)
_BOOL, _BOOL_2 = _array(types.boolean, 1), _array(types.boolean, 2)

_HISTORY = types.Tuple((_I64, _I64, _I32, _I64))
_CATALOGUE = types.Tuple((_I32_2, _I32_2, types.int64))
_ALS = types.Tuple((_F32_2, _F32_2, _BOOL))
_ALSO_BOUGHT = types.Tuple((_I64, _I32, _F32))
_POPULAR = types.Tuple((_I32_2, _F32_2, _I32))
_OUT = types.Tuple((types.int32[:, ::1], types.float32[:, ::1], types.int8[:, ::1]))

# Inside, three tuples are handed around:
#   row     articles, scores, channels: what is being filled, each (k,)
#   memory  state (n_articles,), last time bought (n_articles,), the customer's number
#   rule    mask (n_articles,), whether it holds, the time since which a purchase excludes


@njit
def _known(memory, article):  # type: ignore[no-untyped-def]
    """Return the bits that are set of an article for this customer."""
    state, _, base = memory
    found = state[article] - base
    return found if found > 0 else np.int32(0)


@njit
def _mark(memory, article, bit):  # type: ignore[no-untyped-def]
    state, _, base = memory
    state[article] = base + (_known(memory, article) | bit)


@njit
def _may(memory, rule, article):  # type: ignore[no-untyped-def]
    """Say whether the mask and the repeat policy let an article through."""
    mask, masked, since = rule
    if masked and not mask[article]:
        return False
    if since == NEVER or not _known(memory, article) & BOUGHT:
        return True
    return memory[1][article] < since


@njit
def _mix(x):  # type: ignore[no-untyped-def]
    """Scatter 64 bits: the finalizer of SplitMix64 (Steele, Lea and Flood 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit
def _step(article):  # type: ignore[no-untyped-def]
    return np.uint64(article + 1) * np.uint64(0x9E3779B97F4A7C15)


@njit
def _insert(row, low, size, article, score):  # type: ignore[no-untyped-def]
    """Keep the best in order from `low` on, `size` of them so far; return the new size."""
    articles, scores, _ = row
    at = low + size
    if at == len(articles):
        worst = at - 1
        if score < scores[worst] or (score == scores[worst] and article > articles[worst]):
            return size
        at = worst
        size -= 1
    while at > low and (
        scores[at - 1] < score or (scores[at - 1] == score and articles[at - 1] > article)
    ):
        scores[at] = scores[at - 1]
        articles[at] = articles[at - 1]
        at -= 1
    scores[at] = score
    articles[at] = article
    return size + 1


@njit
def _choose(row, memory, low, size, channel):  # type: ignore[no-untyped-def]
    """Make what was inserted from `low` on part of the answer; return the next free place."""
    articles, _, channels = row
    for at in range(low, low + size):
        channels[at] = channel
        _mark(memory, articles[at], CHOSEN)
    return low + size


@njit(fastmath=True)
def _dot(a, i, b, j):  # type: ignore[no-untyped-def]
    total = np.float32(0)
    for f in range(a.shape[1]):
        total += a[i, f] * b[j, f]
    return total


@njit
def _read_history(purchases, times, memory, distinct):  # type: ignore[no-untyped-def]
    """Mark what was bought and when last; return how many articles, and their hash."""
    last = memory[1]
    n = 0
    digest = np.uint64(0)
    for e in range(len(purchases)):
        article = purchases[e]
        last[article] = times[e]  # rows are sorted by time
        if not _known(memory, article) & BOUGHT:
            _mark(memory, article, BOUGHT)
            distinct[n] = article
            n += 1
            digest += _mix(_step(article))  # a sum: the order does not matter
    return n, digest


@njit
def _gather(bought, similar, codes, seen, stamp, memory, rule, found):  # type: ignore[no-untyped-def]
    """Collect the similar articles that share every attribute with some purchase."""
    n_codes = codes.shape[1]
    for article in bought:
        for c in range(n_codes):
            code = codes[article, c]
            if code >= 0:
                seen[code] = stamp
    state, _, base = memory
    n = 0
    for i in range(len(bought)):
        for j in range(similar.shape[1]):
            article = similar[bought[i], j]
            if article < 0:
                continue
            # what decides here cannot be predicted: no branch, the last place is overwritten
            bits = max(state[article], base)
            state[article] = bits | VISITED
            fits = not bits & VISITED
            for c in range(n_codes):
                code = codes[article, c]
                fits &= code >= 0 and seen[code] == stamp
            found[n] = article
            n += fits
    if rule[1] or rule[2] != NEVER:
        kept = 0
        for article in found[:n]:
            if _may(memory, rule, article):
                found[kept] = article
                kept += 1
        n = kept
    return n


@njit
def _rank(found, als, i, digest, row, memory, ranked, points):  # type: ignore[no-untyped-def]
    """Fill a row with candidates: by ALS, then at random those that ALS cannot rank."""
    vectors, factors, known = als
    able = False
    for value in vectors[i]:
        able |= value != 0
    n = 0
    rest = 0
    for article in found:
        if able and known[article]:
            ranked[n] = article
            n += 1
        else:
            found[rest] = article  # the list is overwritten behind the reader
            rest += 1
    for at in range(n):  # apart from choosing: nothing waits for these scattered reads
        points[at] = _dot(vectors, i, factors, ranked[at])
    size = 0
    for at in range(n):
        size = _insert(row, 0, size, ranked[at], points[at])
    low = _choose(row, memory, 0, size, SIMILAR)
    size = 0
    if low < len(row[0]):
        for article in found[:rest]:
            # 24 bits: as many as a float32 holds exactly
            drawn = np.float32(_mix(digest + _step(article)) >> np.uint64(40))
            size = _insert(row, low, size, article, drawn * np.float32(2.0**-24))
    return _choose(row, memory, low, size, SAMPLE)


@njit
def _add_counts(purchases, also_bought, total, touched, memory):  # type: ignore[no-untyped-def]
    """Add up the counts of every purchase; return how many articles were counted."""
    indptr, other, count = also_bought
    state, _, base = memory
    n = 0
    for bought in purchases:
        for j in range(indptr[bought], indptr[bought + 1]):
            article = other[j]
            bits = max(state[article], base)
            fresh = not bits & COUNTED
            state[article] = bits | COUNTED
            total[article] = count[j] + (np.float32(0) if fresh else total[article])
            touched[n] = article
            n += fresh
    return n


@njit
def _take_counted(touched, total, low, row, memory, rule):  # type: ignore[no-untyped-def]
    size = 0
    for article in touched:
        if not _known(memory, article) & CHOSEN and _may(memory, rule, article):
            size = _insert(row, low, size, article, total[article])
    return _choose(row, memory, low, size, ALSO_BOUGHT)


@njit
def _take_in_order(order, counts, least, low, channel, row, memory, rule):  # type: ignore[no-untyped-def]
    """Fill from articles in order of their counts, those with `least` or more."""
    articles, scores, channels = row
    for at in range(len(order)):
        if low == len(articles) or counts[at] < least:
            break
        article = order[at]
        if not _known(memory, article) & CHOSEN and _may(memory, rule, article):
            articles[low] = article
            scores[low] = counts[at]
            channels[low] = channel
            _mark(memory, article, CHOSEN)
            low += 1
    return low


@njit
def _take_popular(popular, i, low, first_channel, row, memory, rule):  # type: ignore[no-untyped-def]
    """Fill by popularity at the customer's age, overall, and at last whatever was bought."""
    order, counts, bands = popular
    band = bands[i]
    if band > 0:
        # below 1: not sold to this band in the window, where others are better
        least = np.float32(1)
        low = _take_in_order(
            order[band], counts[band], least, low, first_channel, row, memory, rule
        )
    mask, masked, since = rule
    for limit in (since, NEVER):
        rule = (mask, masked, limit)
        least = np.float32(0)
        low = _take_in_order(order[0], counts[0], least, low, first_channel + 1, row, memory, rule)
    return low


@njit(
    types.void(
        _HISTORY, _CATALOGUE, _ALS, _ALSO_BOUGHT, _POPULAR, types.uint64, _BOOL_2, _I64, _OUT
    ),
    nogil=True,
    cache=True,
)
def cascade_block(  # type: ignore[no-untyped-def]
    histories, catalogue, als, also_bought, popular, seed, among, since, out
):
    """Recommend to n customers; the rows of `out` are filled from the front.

    Parameters
    ----------
    histories : start, stop int64 (n,); article int32 (m,), time int64 (m,)
        Already cut at the moment that is recommended for.
    catalogue : similar int32 (n_articles, s), codes int32 (n_articles, attributes), n_codes
        -1 for none and for a missing value. No number is used by two attributes, and all
        are below `n_codes`.
    als : vectors float32 (n, f), factors float32 (n_articles, f), known bool (n_articles,)
        A customer whose vector is all zeros is not in it.
    also_bought : indptr int64 (n_articles + 1,), article int32 (c,), count float32 (c,)
    popular : order int32, counts float32 (bands + 1, n_articles); band int32 (n,)
        Articles by falling count, and these counts, from 1 in the window; row 0 is over
        all customers, and the `band` of those whose age is not known.
    seed : uint64
    among : bool (0 or 1 or n, n_articles)
        What may be recommended: everything; one mask for all; one for each.
    since : int64 (3,)
        Of similar, also-bought and popular: a purchase at or after it excludes its article.
    out : articles int32, scores float32, channels int8 (n, k)
        Where nothing is left to recommend they stay as they are.
    """
    start, stop, article, time = histories
    similar, codes, n_codes = catalogue
    articles, scores, channels = out
    n_articles = len(als[2])
    longest = 0
    for i in range(len(start)):
        longest = max(longest, stop[i] - start[i])
    distinct = np.empty(longest, np.int32)
    seen = np.zeros(n_codes, np.int32)
    # one place more than there are articles: see _gather
    found, ranked = np.empty(n_articles + 1, np.int32), np.empty(n_articles, np.int32)
    total = np.empty(n_articles, np.float32)
    state, last = np.zeros(n_articles, np.int32), np.empty(n_articles, np.int64)
    masked = len(among) > 0
    mask = np.empty(0, np.bool_)
    for i in range(len(start)):
        row = (articles[i], scores[i], channels[i])
        memory = (state, last, np.int32((i + 1) << _BITS))
        if masked:
            mask = among[i if len(among) > 1 else 0]
        bought = article[start[i] : stop[i]]
        n, digest = _read_history(bought, time[start[i] : stop[i]], memory, distinct)
        rule = (mask, masked, since[0])
        n = _gather(distinct[:n], similar, codes, seen, i + 1, memory, rule, found)
        low = _rank(found[:n], als, i, _mix(digest + seed), row, memory, ranked, total)
        if low < articles.shape[1]:
            n = _add_counts(bought, also_bought, total, found, memory)
            low = _take_counted(found[:n], total, low, row, memory, (mask, masked, since[1]))
        if low < articles.shape[1]:
            _take_popular(popular, i, low, AT_AGE, row, memory, (mask, masked, since[2]))


@njit(
    types.void(_HISTORY, _POPULAR, types.int64, _BOOL_2, types.int64, _OUT),
    nogil=True,
    cache=True,
)
def fill_block(histories, popular, first_channel, among, since, out):  # type: ignore[no-untyped-def]
    """Complete rows that hold fewer than k articles by popularity, as `cascade_block` does.

    Shapes are those of `cascade_block`; `first_channel` is popularity at the customer's
    age, the number after it popularity over all, and `since` that of popularity.
    """
    start, stop, article, time = histories
    articles, scores, channels = out
    n_articles = popular[0].shape[1]
    state, last = np.zeros(n_articles, np.int32), np.empty(n_articles, np.int64)
    masked = len(among) > 0
    mask = np.empty(0, np.bool_)
    for i in range(len(start)):
        memory = (state, last, np.int32((i + 1) << _BITS))
        if masked:
            mask = among[i if len(among) > 1 else 0]
        for e in range(start[i], stop[i]):
            last[article[e]] = time[e]
            _mark(memory, article[e], BOUGHT)
        low = 0
        while low < articles.shape[1] and articles[i, low] >= 0:
            low += 1
        row = (articles[i], scores[i], channels[i])
        for at in range(low):
            _mark(memory, articles[i, at], CHOSEN)
        _take_popular(popular, i, low, first_channel, row, memory, (mask, masked, since))
