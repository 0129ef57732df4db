"""What a list is besides right: how well known its articles are, and how alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hemline.shop.histories import Histories

_BLOCK = 65_536


def novelty(
    predicted: npt.NDArray[np.integer[Any]], k: int, buyers: npt.NDArray[np.integer[Any]], n: int
) -> float:
    """Return the mean self-information, in bits, of the articles on the first k places.

    An article bought by b of n customers counts -log2((b + 1) / (n + 1)): 0 for what everyone
    has, log2(n + 1) for what nobody has. After Vargas and Castells 2011 (popularity
    complement, in bits), with one added so that an article without a buyer has a finite value.

    Parameters
    ----------
    predicted : int (m, w)
        -1 for an empty place, which does not count.
    k : int
    buyers : int (n_articles,)
        Distinct customers who bought each article before the cutoff.
    n : int
        Customers with a purchase before the cutoff.

    >>> novelty(np.array([[0, 1]]), 2, np.array([3, 0]), 3)
    1.0
    """
    information = -np.log2((np.asarray(buyers, np.float64) + 1) / (n + 1))
    places = np.asarray(predicted)[:, :k]
    listed = places[places >= 0]
    return float(information[listed].mean()) if len(listed) else float("nan")


def diversity(
    predicted: npt.NDArray[np.integer[Any]], k: int, codes: dict[str, npt.NDArray[np.int32]]
) -> float:
    """Return how unlike the articles of a list are: the mean over its pairs, then over lists.

    Two articles are as unlike as the share of attributes in which they differ: 0 for the same
    in all of them, 1 for different in all. Intra-list diversity (Ziegler et al. 2005) with
    that distance. A list of fewer than two articles does not count.

    Parameters
    ----------
    predicted : int (m, w)
        -1 for an empty place.
    k : int
    codes : dict of int32 (n_articles,)
        A number for each value of an attribute; -1 where it is missing: unlike everything.

    >>> codes = {"type": np.array([1, 1, 2], np.int32), "colour": np.array([5, 6, 6], np.int32)}
    >>> diversity(np.array([[0, 1, 2]]), 3, codes)
    0.6666666666666666
    """
    lists = np.asarray(predicted)[:, :k]
    if not codes or lists.shape[1] < 2:
        return float("nan")
    total, counted = 0.0, 0
    for low in range(0, len(lists), _BLOCK):
        block = lists[low : low + _BLOCK]
        unlike, pairs = np.zeros(len(block)), np.zeros(len(block), np.int64)
        for i in range(block.shape[1]):
            for j in range(i):
                both = (block[:, i] >= 0) & (block[:, j] >= 0)
                pairs += both
                for values in codes.values():
                    a, b = values[block[:, i]], values[block[:, j]]
                    unlike += both & ((a != b) | (a < 0))
        some = pairs > 0
        total += float((unlike[some] / (pairs[some] * len(codes))).sum())
        counted += int(some.sum())
    return total / counted if counted else float("nan")


def buyers_of(histories: Histories) -> tuple[npt.NDArray[np.int64], int]:
    """Return the distinct buyers of each article, int64 (n_articles,), and the buyers in all."""
    article = histories.article[histories.rows()].astype(np.int64)
    keys = np.sort(histories.customers() << 32 | article)
    distinct = keys[np.diff(keys, prepend=-1) > 0]
    counts = np.bincount(distinct & 0xFFFFFFFF, minlength=histories.n_articles)
    return counts.astype(np.int64), int((histories.lengths > 0).sum())
