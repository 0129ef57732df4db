"""The compiled pass over lists and truths that every metric is computed from."""

from __future__ import annotations

from numba import njit, types

# what is only read may be mapped read-only, or a view of an Arrow column
_LISTS = types.Array(types.int32, 2, "A", readonly=True)
_BOUNDS = types.Array(types.int64, 1, "A", readonly=True)
_ARTICLES = types.Array(types.int32, 1, "A", readonly=True)


@njit(
    types.void(
        _LISTS, _BOUNDS, _ARTICLES, types.int64, types.int64, types.boolean[:, :], types.int64[:]
    ),
    nogil=True,
    cache=True,
)
def mark_hits(predicted, bounds, truths, low, high, hits, listed):  # type: ignore[no-untyped-def]
    """Mark, for rows [low, high), the places that hold a bought article for the first time.

    Parameters
    ----------
    predicted : int32 (n, w)
        -1 for an empty place.
    bounds, truths : int64 (n + 1,), int32 (m,)
        CSR of the articles bought, ascending in a row.
    hits : bool (n, k), all False
        Written. k may be smaller or larger than w.
    listed : int64 (n,)
        Written: number of different articles among the first k places.
    """
    width = min(predicted.shape[1], hits.shape[1])
    for row in range(low, high):
        distinct = 0
        for place in range(width):
            article = predicted[row, place]
            if article < 0:
                continue
            repeated = False
            for earlier in range(place):
                if predicted[row, earlier] == article:
                    repeated = True
                    break
            if repeated:
                continue
            distinct += 1
            left, right = bounds[row], bounds[row + 1]
            end = right
            while left < right:
                middle = (left + right) >> 1
                if truths[middle] < article:
                    left = middle + 1
                else:
                    right = middle
            hits[row, place] = left < end and truths[left] == article
        listed[row] = distinct
