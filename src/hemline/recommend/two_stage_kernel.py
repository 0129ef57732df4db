# mypy: disable-error-code="no-untyped-def"
"""Compiled: the best of each customer's candidates, in order."""

from __future__ import annotations

from numba import njit, types

_I64 = types.Array(types.int64, 1, "C", readonly=True)
_I32 = types.Array(types.int32, 1, "C", readonly=True)
_F64 = types.Array(types.float64, 1, "C", readonly=True)
_I16_2D = types.Array(types.int16, 2, "C", readonly=True)


@njit(
    [types.void(_I64, _I32, _I16_2D, _F64, types.int32[:, ::1], types.float64[:, ::1],
                types.int8[:, ::1])],
    nogil=True,
    cache=True,
)  # fmt: skip
def best_rows(bounds, article, rank, score, out_articles, out_scores, out_channels):
    """Write the k best candidates of every row, ties by lower position.

    Parameters
    ----------
    bounds : int64 (n + 1,)
    article : int32 (m,)
    rank : int16 (m, c)
        0 where a channel did not propose the candidate.
    score : float64 (m,)
    out_articles, out_scores, out_channels : int32, float64, int8 (n, k)
        The channel is the first that proposed it. Where there are fewer than k candidates
        the rest stays as it is.
    """
    n, k = out_articles.shape
    for i in range(n):
        articles, scores, channels = out_articles[i], out_scores[i], out_channels[i]
        size = 0
        for at in range(bounds[i], bounds[i + 1]):
            one, value = article[at], score[at]
            if size == k:
                worst = size - 1
                if value < scores[worst] or (value == scores[worst] and one > articles[worst]):
                    continue
                size -= 1
            place = size
            while place > 0 and (
                scores[place - 1] < value
                or (scores[place - 1] == value and articles[place - 1] > one)
            ):
                scores[place] = scores[place - 1]
                articles[place] = articles[place - 1]
                channels[place] = channels[place - 1]
                place -= 1
            first = 0
            while first < rank.shape[1] and rank[at, first] == 0:
                first += 1
            scores[place] = value
            articles[place] = one
            channels[place] = first
            size += 1
