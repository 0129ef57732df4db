"""Filtering and the k best: the same for every model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hemline.blocks import map_blocks
from hemline.models.base import Float32, Int32, Mask, Repeat, TopK
from hemline.models.topk_kernel import top_k_rows
from hemline.shop.histories import Histories

NEVER = int(np.iinfo(np.int64).max)
"""Excluded since this time: nothing is."""

Excluded: TypeAlias = tuple[npt.NDArray[np.int64], Int32]
"""Bounds int64 (n + 1,) and articles int32: what each row may not have. Both empty: nothing."""


def excluded_since(repeat: Repeat, as_of: int | None) -> int:
    """Return the time since which a purchase excludes its article, `NEVER` when none does."""
    since = repeat.excluded_since(as_of)
    return NEVER if since is None else since


def exclusions(histories: Histories, repeat: Repeat, as_of: int | None) -> Excluded:
    """Return the articles that each row bought too lately to have them recommended."""
    since = repeat.excluded_since(as_of)
    if since is None:
        return np.zeros(0, np.int64), np.zeros(0, np.int32)
    late = histories.since(since)
    bounds = np.zeros(len(late) + 1, np.int64)
    np.cumsum(late.lengths, out=bounds[1:])
    return bounds, late.article[late.rows()]


def mask_rows(among: Mask | None, n_articles: int) -> Mask:
    """Return `among` as bool (0, n_articles) for none, (1, …) for all rows, (n, …) for each."""
    if among is None:
        return np.zeros((0, n_articles), bool)
    return np.ascontiguousarray(np.atleast_2d(among))


def block_mask(mask: Mask, low: int, high: int) -> Mask:
    """Return the rows of `mask_rows` that belong to the block [low, high)."""
    return mask if len(mask) <= 1 else mask[low:high]


def top_k(
    scores: Float32, k: int, *, among: Mask | None = None, excluded: Excluded | None = None
) -> TopK:
    """Return the k best of every row of dense scores, filtered first, ties by lower position.

    Parameters
    ----------
    scores : float32 (n, n_articles)
        -inf where an article is no candidate.
    k : int
    among : bool (n_articles,) or (n, n_articles), optional
    excluded : (int64 (n + 1,), int32 (m,)), optional
        As `exclusions` returns them.
    """
    n, n_articles = scores.shape
    mask = mask_rows(among, n_articles)
    articles = np.empty((n, k), np.int32)
    best = np.empty((n, k), np.float32)
    bounds, out = excluded or (np.zeros(0, np.int64), np.zeros(0, np.int32))
    top_k_rows(np.ascontiguousarray(scores), mask, bounds, out, k, articles, best)
    return TopK(articles, best)


def in_blocks(
    function: Callable[[int, int], TopK], n: int, k: int, block: int, threads: int
) -> TopK:
    """Join the answers of `function(low, high)` for all blocks of `n` rows."""
    if 0 < n <= block:
        return function(0, n)
    found = TopK(np.empty((n, k), np.int32), np.empty((n, k), np.float32))
    low = 0
    for part in map_blocks(function, n, block, threads):
        high = low + len(part.articles)
        found.articles[low:high] = part.articles
        found.scores[low:high] = part.scores
        low = high
    return found


def best_by(
    kernel: Callable[..., None],
    arrays: Callable[[Histories], tuple[Any, ...]],
    histories: Histories,
    k: int,
    *,
    as_of: int | None,
    among: Mask | None,
    repeat: Repeat,
    block: int,
    threads: int,
) -> TopK:
    """Let a compiled kernel find the k best of every row, `block` rows at a time.

    Parameters
    ----------
    kernel : callable
        Takes what `arrays` returns, then mask, bounds and articles of the exclusions, and the
        articles and scores that it fills: int32 and float32 (rows, k).
    arrays : callable
        Of a block of histories: what the kernel takes first.
    """
    mask = mask_rows(among, histories.n_articles)

    def fill(low: int, high: int) -> TopK:
        part = histories.block(low, high)
        found = TopK(np.empty((high - low, k), np.int32), np.empty((high - low, k), np.float32))
        kernel(
            *arrays(part), block_mask(mask, low, high), *exclusions(part, repeat, as_of),
            found.articles, found.scores,
        )  # fmt: skip
        return found

    return in_blocks(fill, len(histories), k, block, threads)
