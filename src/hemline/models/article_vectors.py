"""Serving from vectors: customers' are given block by block, articles' are stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from hemline.models.base import Float32, Int32, Mask, Repeat, TopK
from hemline.models.dense_kernel import score_all, score_some
from hemline.models.tiles import in_tiles
from hemline.models.topk import block_mask, exclusions, in_blocks, mask_rows, top_k
from hemline.shop.histories import Histories

SCORE_BLOCK = 32  # rows whose scores for a whole catalogue are held at once, by each thread

VectorsOf: TypeAlias = Callable[[Histories], Float32]
"""Vectors float32 (n, f) of n customers; zeros for one of whom nothing is known."""


class ArticleVectors:
    """Vectors of articles, and the mask of those that may be recommended.

    Parameters
    ----------
    vectors : float32 (n_articles, f)
    allowed : bool (n_articles,)
    """

    def __init__(self, vectors: Float32, allowed: Mask) -> None:
        self.vectors, self.allowed = vectors, allowed
        self._tiles: Float32 | None = None

    def recommend(
        self,
        vectors_of: VectorsOf,
        histories: Histories,
        k: int,
        as_of: int | None,
        among: Mask | None,
        repeat: Repeat,
        threads: int,
    ) -> TopK:
        """Return the articles with the largest products; none for a customer of zeros."""
        tiles = self.tiles()
        n_articles = len(self.vectors)
        mask = mask_rows(self.allowed if among is None else among & self.allowed, n_articles)

        def block(low: int, high: int) -> TopK:
            part = histories.block(low, high)
            vectors = vectors_of(part)
            scores = np.empty((high - low, n_articles), np.float32)
            score_all(vectors, tiles, scores)
            scores[~vectors.any(axis=1)] = -np.inf
            return top_k(
                scores,
                k,
                among=block_mask(mask, low, high),
                excluded=exclusions(part, repeat, as_of),
            )

        return in_blocks(block, len(histories), k, SCORE_BLOCK, threads)

    def score(self, customers: Float32, candidates: Int32) -> Float32:
        """Return the product of each customer's vector with each candidate's, float32 (n, m)."""
        found = np.zeros(candidates.shape, np.float32)
        score_some(customers, self.vectors, candidates, found)
        return found

    def tiles(self) -> Float32:
        """Return the vectors turned, in tiles of articles, as `score_all` reads them."""
        if self._tiles is None:
            self._tiles = in_tiles(self.vectors)
        return self._tiles
