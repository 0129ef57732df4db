"""GraphFilter: collaborative filtering as a filter on the graph of purchases, in closed form."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy import sparse

from hemline.blocks import map_blocks
from hemline.config import GraphFilter as Settings
from hemline.models.base import Float32, Int32, Mask, Model, Repeat, TopK
from hemline.models.dense_kernel import score_all, score_some
from hemline.models.item_rows import (
    Int64,
    ItemRows,
    Purchases,
    Turned,
    largest_entries,
    recommend_by_rows,
)
from hemline.models.item_rows_kernel import add_path_rows, weighted_sums
from hemline.models.low_pass import leading_directions
from hemline.models.tiles import in_tiles
from hemline.models.topk import block_mask, exclusions, in_blocks, mask_rows, top_k
from hemline.models.weights import interactions
from hemline.shop.histories import Histories

SCORE_BLOCK = 32  # rows whose scores for a whole catalogue are held at once, by each thread
FILTER_ROWS = 64
"""Rows of the filter made at once by each thread. Products of BLAS depend on it in the last bit."""


class GraphFilter(Model[Settings]):
    """A linear filter plus an ideal low-pass (GF-CF; Shen et al. 2021, "How Powerful is Graph
    Convolution for Recommendation?", equation 13).

    R~ = D_u^-a R D_i^-b, with R the customers' weights, D_u and D_i its sums over a customer's
    row and an article's column, a = `customer_power` and b = `article_power` (1/2 each in the
    paper). The scores of a customer with weights r are

        r R~'R~  +  low_pass x  r D_i^-b V V' D_i^b

    where V holds the `factors` leading right singular vectors of R~. Nothing is trained step by
    step, and nothing is kept of a customer: both terms are articles by articles.

    With `per_article`, the sum of both terms is computed row by row, and of each row the entries
    with the largest absolute values are kept: a history's scores are sums of short rows, and only
    articles with a score above 0 are recommended. With 0 the filter is exact: the rows of R~'R~
    whole, and V. The articles are those anybody bought; a customer of whom none is known is
    recommended nothing.

    Keywords are those of `config.GraphFilter`.

    Attributes
    ----------
    indptr_ : int64 (n_articles + 1,)
    article_ : int32 (m,)
        In each row the largest by absolute value first, ties by lower position.
    value_ : float32 (m,)
    scale_ : float32 (n_articles,)
        D_i^b; 0 for articles nobody bought.
    directions_ : float32 (n_articles, factors)
        V, for the exact filter; else empty.
    """

    name = "graph_filter"
    settings_type = Settings
    fitted: ClassVar[tuple[str, ...]] = ("indptr_", "article_", "value_", "scale_", "directions_")

    indptr_: Int64
    article_: Int32
    value_: Float32
    scale_: Float32
    directions_: Float32

    def _fit(self, train: Histories, as_of: int | None) -> None:
        settings = self.settings
        matrix = interactions(train, as_of, settings.weights, self.threads)
        normal, self.scale_ = _normalize(matrix, settings.customer_power, settings.article_power)
        del matrix
        self.directions_ = leading_directions(
            normal,
            settings.factors,
            rounds=settings.rounds,
            oversampling=settings.oversampling,
            seed=settings.seed,
            threads=self.threads,
            progress=self.progress,
        )
        turned = Turned.of(normal)
        del normal
        if settings.per_article:
            rows = self._filter_rows(turned, settings.per_article)
            self.directions_ = np.zeros((0, settings.factors), np.float32)
        else:
            rows = ItemRows.products(turned, threads=self.threads)
        self.indptr_, self.article_, self.value_ = rows.arrays
        self._loaded()

    def _filter_rows(self, turned: Turned, per_article: int) -> ItemRows:
        """Return the largest entries of each row of both terms together."""
        from threadpoolctl import threadpool_limits

        n_articles = turned.n_articles
        sources, targets = self._ends()
        sources *= np.float32(self.settings.low_pass)
        turned_targets = np.ascontiguousarray(targets.T)
        lengths = np.zeros(n_articles, np.int64)

        def block(low: int, high: int) -> tuple[Int32, Float32]:
            scores = sources[low:high] @ turned_targets
            add_path_rows(*turned.arrays, low, high, scores)
            lengths[low:high], entries = largest_entries(scores, per_article)
            return entries

        with threadpool_limits(1, "blas"):
            parts = list(map_blocks(block, n_articles, FILTER_ROWS, self.threads))
        return ItemRows.joined(lengths, parts)

    def _ends(self) -> tuple[Float32, Float32]:
        """Return D_i^-b V, which a purchase enters by, and D_i^b V, which a score comes from."""
        scale = self.scale_[:, None]
        inverse = np.divide(1, scale, out=np.zeros_like(scale), where=scale > 0)
        return self.directions_ * inverse, self.directions_ * scale

    def _loaded(self) -> None:
        self._sources: Float32 | None = None
        self._targets: Float32 | None = None
        self._tiles: Float32 | None = None

    def _prepare(self) -> tuple[Float32, Float32, Float32]:
        """Return both ends of the low-pass, and its end once more in tiles for `score_all`."""
        if self._sources is None or self._targets is None or self._tiles is None:
            sources, targets = self._ends()
            sources *= np.float32(self.settings.low_pass)
            self._tiles = in_tiles(targets)
            self._sources, self._targets = np.ascontiguousarray(sources), targets
        return self._sources, self._targets, self._tiles

    @property
    def _rows(self) -> ItemRows:
        return ItemRows(self.indptr_, self.article_, self.value_)

    def _weigh(self, histories: Histories, as_of: int | None) -> Purchases:
        moment = self.cutoff_ if as_of is None else as_of
        return Purchases.of_matrix(interactions(histories, moment, self.settings.weights, 1))

    def _vectors(self, bought: Purchases, sources: Float32) -> Float32:
        found = np.empty((len(bought.start), sources.shape[1]), np.float32)
        weighted_sums(*bought.arrays, sources, found)
        return found

    def _recommend(
        self,
        histories: Histories,
        k: int,
        as_of: int | None,
        among: Mask | None,
        repeat: Repeat,
    ) -> TopK:
        if self.settings.per_article:
            return recommend_by_rows(
                self._rows, lambda part: self._weigh(part, as_of), histories, k, as_of, among,
                repeat, self.threads,
            )  # fmt: skip
        sources, _, tiles = self._prepare()
        sold = self.scale_ > 0
        mask = mask_rows(sold if among is None else among & sold, self.n_articles_)

        def block(low: int, high: int) -> TopK:
            part = histories.block(low, high)
            bought = self._weigh(part, as_of)
            scores = np.empty((high - low, self.n_articles_), np.float32)
            score_all(self._vectors(bought, sources), tiles, scores)
            self._rows.add_all(bought, scores)
            counted = np.concatenate([[0], np.cumsum(sold[bought.article])])
            scores[counted[bought.start] == counted[bought.stop]] = -np.inf
            return top_k(
                scores,
                k,
                among=block_mask(mask, low, high),
                excluded=exclusions(part, repeat, as_of),
            )

        return in_blocks(block, len(histories), k, SCORE_BLOCK, self.threads)

    def _score(self, histories: Histories, candidates: Int32, as_of: int | None) -> Float32:
        found = np.zeros(candidates.shape, np.float32)
        bought = self._weigh(histories, as_of)
        if not self.settings.per_article:
            sources, targets, _ = self._prepare()
            score_some(self._vectors(bought, sources), targets, candidates, found)
        self._rows.add_some(bought, candidates, found)
        return found


def _normalize(
    matrix: sparse.csr_matrix, customer_power: float, article_power: float
) -> tuple[sparse.csr_matrix, Float32]:
    """Return D_u^-a R D_i^-b and D_i^b."""
    values = matrix.data.astype(np.float64)
    lengths = np.diff(matrix.indptr)
    rows = np.repeat(np.arange(matrix.shape[0]), lengths)
    # of nothing, bincount gives integers
    of_customer = np.bincount(rows, values, minlength=matrix.shape[0]).astype(np.float64)
    of_article = np.bincount(matrix.indices, values, minlength=matrix.shape[1]).astype(np.float64)
    scaled = values * _power(of_customer, -customer_power)[rows]
    scaled *= _power(of_article, -article_power)[matrix.indices]
    normal = sparse.csr_matrix(
        (scaled.astype(np.float32), matrix.indices, matrix.indptr), shape=matrix.shape
    )
    return normal, _power(of_article, article_power).astype(np.float32)


def _power(sums: npt.NDArray[np.float64], power: float) -> npt.NDArray[np.float64]:
    return np.power(sums, power, out=np.zeros_like(sums), where=sums > 0)
