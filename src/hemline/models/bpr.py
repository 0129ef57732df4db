"""Bayesian personalised ranking, by `implicit`; customers by a linear fold-in."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy import sparse

from hemline.blocks import map_blocks
from hemline.config import Bpr
from hemline.errors import ConfigError
from hemline.models.base import Float32, Int32, Mask, Model, Repeat, TopK
from hemline.models.dense_kernel import score_all, score_some
from hemline.models.item_rows import Purchases
from hemline.models.item_rows_kernel import weighted_sums
from hemline.models.tiles import in_tiles
from hemline.models.topk import block_mask, exclusions, in_blocks, mask_rows, top_k
from hemline.shop.histories import Histories
from hemline.shop.kcore import core_that_holds
from hemline.shop.pairs import merge

FOLD_BLOCK = 8192
SCORE_BLOCK = 32  # rows whose scores for a whole catalogue are held at once, by each thread
REGRESSED = 8192
RIDGE = 1e-3
"""Of the fold-in's regression, as a share of the mean squared entry."""


class BPR(Model[Bpr]):
    """Vectors that rank what was bought above what was not (Rendle et al. 2009), by `implicit`.

    Trained on the distinct pairs of the k-core, on one thread whatever `threads` says:
    `implicit`'s threads overwrite each other's steps, and no two runs would be the same. It
    draws the articles that a purchase is compared with from the purchases themselves, so that
    popular ones are drawn often and popularity is learned less than with uniform draws.

    Customers are folded in: BPR has no formula for a customer it did not train, so that a linear
    one is learned from those it did. With h the sum of the vectors of a customer's distinct
    articles divided by the square root of their number, the trained customers' vectors are
    regressed on h (ridge regression, one matrix of factors x factors), and everybody,
    trained or not, is served by h times that matrix. A customer of whom no article is known
    is recommended nothing.

    Keywords are those of `config.Bpr`.

    Attributes
    ----------
    item_factors_ : float32 (n_articles, factors + 1)
        The last column is the article's bias. Zeros for articles that were not trained on.
    fold_ : float32 (factors, factors)
        A customer's vector is h times this.
    known_ : bool (n_articles,)
        True for the articles trained on.
    """

    name = "bpr"
    settings_type = Bpr
    fitted: ClassVar[tuple[str, ...]] = ("item_factors_", "fold_", "known_")

    item_factors_: Float32
    fold_: Float32
    known_: Mask

    def _fit(self, train: Histories, as_of: int | None) -> None:
        from threadpoolctl import threadpool_limits

        settings = self.settings
        pairs = merge(train, repeats="max", threads=self.threads)
        core = core_that_holds(pairs, settings.min_customer, settings.min_article)
        kept = core.matrix(pairs)
        del pairs
        customers, articles = self._factorize(kept)
        self.known_ = core.articles
        self.item_factors_ = np.zeros((train.n_articles, settings.factors + 1), np.float32)
        self.item_factors_[self.known_] = articles
        vectors = np.ascontiguousarray(articles[:, :-1])
        with threadpool_limits(1, "blas"):
            self.fold_ = _regress(kept, vectors, customers[:, :-1])
        self._loaded()

    def _factorize(self, matrix: sparse.csr_matrix) -> tuple[Float32, Float32]:
        """Return vectors of customers and articles, the biases last."""
        settings = self.settings
        if not matrix.nnz:
            customers, articles = (
                np.zeros((size, settings.factors + 1), np.float32) for size in matrix.shape
            )
            return customers, articles
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, "blas"):
            from implicit.cpu.bpr import BayesianPersonalizedRanking
            from implicit.recommender_base import ModelFitError

            trainer = BayesianPersonalizedRanking(
                factors=settings.factors,
                learning_rate=settings.learning_rate,
                regularization=settings.regularization,
                iterations=settings.iterations,
                num_threads=1,
                random_state=settings.seed,
            )
            self.progress(0, settings.iterations)

            def done(iteration: int, *_: object) -> None:
                self.progress(iteration + 1, settings.iterations)

            try:
                trainer.fit(matrix, show_progress=False, callback=done)
            except ModelFitError as error:
                raise ConfigError(
                    f"BPR did not converge: {error}", hint="lower bpr.learning_rate"
                ) from None
        return trainer.user_factors, trainer.item_factors

    def _loaded(self) -> None:
        self._tiles: Float32 | None = None
        self._vectors_of_articles = np.ascontiguousarray(self.item_factors_[:, :-1])
        self._fold_tiles = in_tiles(np.ascontiguousarray(self.fold_.T))

    def customer_vectors(self, histories: Histories, *, as_of: int | None = None) -> Float32:
        """Return the vectors of customers from their histories, float32 (n, factors + 1).

        The last entry is 1, for the articles' biases, and 0 where no article is known. A score
        is the dot product with a row of `item_factors_`.
        """
        self.check_fitted()
        self._check_histories(histories)
        self.check_as_of(as_of)
        return self._vectors(histories.before(as_of))

    def _vectors(self, histories: Histories) -> Float32:
        factors = self.settings.factors
        found = np.zeros((len(histories), factors + 1), np.float32)

        def fold_block(low: int, high: int) -> None:
            bought, counts = self._purchases(histories.block(low, high))
            sums = np.empty((high - low, factors), np.float32)
            weighted_sums(*bought.arrays, self._vectors_of_articles, sums)
            folded = np.empty_like(sums)
            score_all(sums, self._fold_tiles, folded)
            found[low:high, :factors] = folded
            found[low:high, factors] = counts > 0

        for _ in map_blocks(fold_block, len(histories), FOLD_BLOCK, self.threads):
            pass
        return found

    def _purchases(self, histories: Histories) -> tuple[Purchases, Float32]:
        """Return the distinct known articles, each weighing 1 / sqrt(their number)."""
        pairs = merge(histories, repeats="max", threads=1)
        known = self.known_[pairs.indices]
        bought = Purchases.of_matrix(pairs)
        before = np.concatenate([[0], np.cumsum(known)])
        counts = (before[bought.stop] - before[bought.start]).astype(np.float32)
        share = 1 / np.sqrt(np.maximum(counts, 1), dtype=np.float64)
        weight = np.where(known, np.repeat(share, np.diff(pairs.indptr)), 0.0)
        return Purchases(bought.start, bought.stop, bought.article, weight), counts

    def _recommend(
        self,
        histories: Histories,
        k: int,
        as_of: int | None,
        among: Mask | None,
        repeat: Repeat,
    ) -> TopK:
        if self._tiles is None:
            self._tiles = in_tiles(self.item_factors_)
        tiles = self._tiles
        mask = mask_rows(self.known_ if among is None else among & self.known_, self.n_articles_)

        def block(low: int, high: int) -> TopK:
            part = histories.block(low, high)
            vectors = self._vectors(part)
            scores = np.empty((high - low, self.n_articles_), np.float32)
            score_all(vectors, tiles, scores)
            scores[vectors[:, -1] == 0] = -np.inf
            return top_k(
                scores,
                k,
                among=block_mask(mask, low, high),
                excluded=exclusions(part, repeat, as_of),
            )

        return in_blocks(block, len(histories), k, SCORE_BLOCK, self.threads)

    def _score(self, histories: Histories, candidates: Int32, as_of: int | None) -> Float32:
        found = np.zeros(candidates.shape, np.float32)
        score_some(self._vectors(histories), self.item_factors_, candidates, found)
        return found


def _regress(matrix: sparse.csr_matrix, articles: Float32, customers: Float32) -> Float32:
    """Return the matrix that turns h into the trained vectors, by ridge regression."""
    factors = articles.shape[1]
    gram, cross = np.zeros((factors, factors)), np.zeros((factors, factors))
    lengths = np.diff(matrix.indptr)
    counts = np.maximum(lengths, 1)
    # in blocks of a fixed size: memory is bounded, and the sums have one order
    for low in range(0, matrix.shape[0], REGRESSED):
        high = min(low + REGRESSED, matrix.shape[0])
        rows = Purchases.of_matrix(matrix[low:high])
        rows.weight[:] = np.repeat(
            1 / np.sqrt(counts[low:high]), np.diff(matrix.indptr[low : high + 1])
        )
        sums = np.empty((high - low, factors), np.float32)
        weighted_sums(*rows.arrays, articles, sums)
        wide = sums.astype(np.float64)
        gram += wide.T @ wide
        cross += wide.T @ customers[low:high].astype(np.float64)
    gram[np.diag_indices(factors)] += max(RIDGE * float(np.trace(gram)) / factors, 1e-9)
    return np.linalg.solve(gram, cross).astype(np.float32)
