"""Articles by articles in sparse rows: how they are made of purchases, and how they serve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from hemline.blocks import map_blocks
from hemline.models.base import Float32, Int32, Mask, Repeat, TopK
from hemline.models.item_rows_kernel import (
    PRODUCT,
    add_weighted_all,
    add_weighted_some,
    best_weighted,
    path_rows,
    turn_values,
)
from hemline.models.topk import block_mask, exclusions, in_blocks, mask_rows, top_k
from hemline.shop.histories import Histories

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]

BLOCK = 8192
ARTICLE_BLOCK = 128  # small, since a few articles take as long as thousands of others


@dataclass(frozen=True)
class Turned:
    """Customers x articles in both directions, for sums over the customers of an article.

    Attributes
    ----------
    indptr, article, value : int64 (n_customers + 1,), int32 (m,), float32 (m,)
    bounds, buyer, bought : int64 (n_articles + 1,), int32 (m,), float32 (m,)
    """

    indptr: Int64
    article: Int32
    value: Float32
    bounds: Int64
    buyer: Int32
    bought: Float32

    @classmethod
    def of(cls, matrix: sparse.csr_matrix) -> Turned:
        """Turn a CSR matrix of sorted, distinct entries."""
        indptr, article = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32)
        value = matrix.data.astype(np.float32)
        bounds = np.zeros(matrix.shape[1] + 1, np.int64)
        np.cumsum(np.bincount(article, minlength=matrix.shape[1]), out=bounds[1:])
        buyer, bought = np.empty(len(article), np.int32), np.empty(len(article), np.float32)
        turn_values(indptr, article, value, bounds[:-1].copy(), buyer, bought)
        return cls(indptr, article, value, bounds, buyer, bought)

    @property
    def arrays(self) -> tuple[Int64, Int32, Float32, Int64, Int32, Float32]:
        """Return the six arrays as the kernels take them."""
        return self.indptr, self.article, self.value, self.bounds, self.buyer, self.bought

    @property
    def n_articles(self) -> int:
        """Size of the catalogue."""
        return len(self.bounds) - 1


@dataclass(frozen=True)
class Purchases:
    """Histories whose purchases have weights: all that a row of scores is made of.

    Attributes
    ----------
    start, stop : int64 (n,)
    article : int32 (m,)
    weight : float64 (m,)
    """

    start: Int64
    stop: Int64
    article: Int32
    weight: Float64

    @classmethod
    def of_matrix(cls, matrix: sparse.csr_matrix) -> Purchases:
        """Take customers x articles as histories."""
        indptr = matrix.indptr.astype(np.int64)
        return cls(indptr[:-1], indptr[1:], matrix.indices, matrix.data.astype(np.float64))

    @property
    def arrays(self) -> tuple[Int64, Int64, Int32, Float64]:
        """Return the four arrays as the kernels take them."""
        return self.start, self.stop, self.article, self.weight


@dataclass(frozen=True)
class ItemRows:
    """Sparse rows of articles by articles.

    Attributes
    ----------
    indptr : int64 (n_articles + 1,)
    article : int32 (m,)
        In each row the largest first, ties by lower position.
    value : float32 (m,)
    """

    indptr: Int64
    article: Int32
    value: Float32

    @classmethod
    def products(
        cls,
        turned: Turned,
        *,
        keep: int | None = None,
        kind: int = PRODUCT,
        alone: Float64 | None = None,
        total: float = 0.0,
        threshold: float = 0.0,
        threads: int = 0,
    ) -> ItemRows:
        """Return X'X, or similarities made of it, with the `keep` largest of each row.

        Memory is what is kept, and a few rows of the catalogue's length for each thread.

        Parameters
        ----------
        turned : Turned
        keep : int, optional
            None keeps every entry.
        kind : int
            One of the constants of `item_rows_kernel`.
        alone : float64 (n_articles,), optional
            The diagonal of X'X, for the similarities.
        total : float
            For mutual information.
        threshold : float
            Smaller sums are no entries.
        """
        n_articles = turned.n_articles
        lengths = np.zeros(n_articles, np.int64)
        diagonal = np.zeros(n_articles) if alone is None else alone

        def block(low: int, high: int) -> tuple[Int32, Float32]:
            return path_rows(  # type: ignore[no-any-return]
                *turned.arrays, diagonal, kind, total, threshold, keep or n_articles, low, high,
                lengths,
            )  # fmt: skip

        parts = list(map_blocks(block, n_articles, ARTICLE_BLOCK, threads))
        return cls.joined(lengths, parts)

    @classmethod
    def joined(cls, lengths: Int64, parts: list[tuple[Int32, Float32]]) -> ItemRows:
        """Join blocks of rows: articles and values, row after row."""
        indptr = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=indptr[1:])
        article, value = np.empty(indptr[-1], np.int32), np.empty(indptr[-1], np.float32)
        at = 0
        parts.reverse()  # so that each is dropped as soon as it is copied
        while parts:
            articles, values = parts.pop()
            article[at : at + len(articles)] = articles
            value[at : at + len(values)] = values
            at += len(articles)
        return cls(indptr, article, value)

    @property
    def arrays(self) -> tuple[Int64, Int32, Float32]:
        """Return the three arrays as the kernels take them."""
        return self.indptr, self.article, self.value

    def best(
        self, purchases: Purchases, k: int, mask: Mask, bounds: Int64, excluded: Int32
    ) -> TopK:
        """Return the k articles with the largest sums above 0; the filters as in `top_k_rows`."""
        n = len(purchases.start)
        found = TopK(np.empty((n, k), np.int32), np.empty((n, k), np.float32))
        best_weighted(
            *purchases.arrays, *self.arrays, mask, bounds, excluded, found.articles, found.scores
        )
        return found

    def add_all(self, purchases: Purchases, out: Float32) -> None:
        """Add the sums of every article to `out` (n, n_articles)."""
        add_weighted_all(*purchases.arrays, *self.arrays, out)

    def add_some(self, purchases: Purchases, candidates: Int32, out: Float32) -> None:
        """Add the sums of the candidates to `out`, both (n, m)."""
        add_weighted_some(*purchases.arrays, *self.arrays, candidates, out)


def largest_entries(
    rows: Float32, keep: int
) -> tuple[npt.NDArray[np.int64], tuple[Int32, Float32]]:
    """Return the largest entries of each dense row by absolute value, ties by lower position.

    Parameters
    ----------
    rows : float32 (n, width)
    keep : int
        Zeros are never kept.

    Returns
    -------
    lengths : int64 (n,)
    (article, value) : int32 (m,), float32 (m,)
        Row after row.
    """
    size = np.abs(rows)
    size[size == 0] = -np.inf
    best = top_k(size, min(keep, rows.shape[1])).articles
    held = best >= 0
    values = np.take_along_axis(rows, np.maximum(best, 0), axis=1)
    return held.sum(axis=1), (best[held], values[held])


def recommend_by_rows(
    rows: ItemRows,
    weigh: Callable[[Histories], Purchases],
    histories: Histories,
    k: int,
    as_of: int | None,
    among: Mask | None,
    repeat: Repeat,
    threads: int,
) -> TopK:
    """Return the k best of every history by sums of `rows`, with purchases as `weigh` says."""
    mask = mask_rows(among, len(rows.indptr) - 1)

    def block(low: int, high: int) -> TopK:
        part = histories.block(low, high)
        return rows.best(
            weigh(part), k, block_mask(mask, low, high), *exclusions(part, repeat, as_of)
        )

    return in_blocks(block, len(histories), k, BLOCK, threads)
