"""EASE: every article a linear function of all the others, in closed form."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from hemline.blocks import map_blocks
from hemline.config import Ease
from hemline.errors import ConfigError
from hemline.models.base import Float32, Int32, Mask, Model, Repeat, TopK
from hemline.models.inverse import invert_in_place
from hemline.models.item_rows import (
    Int64,
    ItemRows,
    Purchases,
    Turned,
    largest_entries,
    recommend_by_rows,
)
from hemline.models.item_rows_kernel import add_path_rows, weighted_sums
from hemline.models.topk import block_mask, exclusions, in_blocks, mask_rows, top_k
from hemline.models.weights import interactions
from hemline.shop.histories import Histories

SCORE_BLOCK = 32  # rows whose scores for a whole catalogue are held at once, by each thread
ROWS = 256


class EASE(Model[Ease]):
    """Ridge regression of each article on the others (Steck 2019, "Embarrassingly Shallow
    Autoencoders for Sparse Data", equation 8).

    With P the inverse of X'X + `regularization` I + `dropout` / (1 - `dropout`) diag(X'X), the
    coefficient of article i for article j is -P_ij / P_jj, and 0 for i = j; a customer's scores
    are the sum over their purchases. The term of `dropout` is what leaving out purchases at random
    in training comes to (Steck 2020, "Autoencoders that don't overfit towards the Identity").
    Training takes 4 n^2 bytes for n articles, in which X'X becomes P and P the coefficients, and
    n^3 operations: 41,000 articles take 6.7 GB and some minutes on two processors. Articles
    with fewer than `min_article` customers are left out: they are neither looked at nor
    recommended. A customer of whom no article is known is recommended nothing.

    With `per_article` only the largest coefficients, by absolute value, of each article are kept
    and stored, and only articles with a score above 0 are recommended; otherwise the matrix is
    stored whole and every known article has its place.

    Keywords are those of `config.Ease`.

    Attributes
    ----------
    known_ : bool (n_articles,)
        True for the articles trained on.
    weights_ : float32 (m, m)
        Coefficients among the m known articles, from row to column; empty with `per_article`.
    indptr_, article_, value_ : int64 (n_articles + 1,), int32 (entries,), float32 (entries,)
        The rows kept with `per_article`, over all articles; else empty.
    """

    name = "ease"
    settings_type = Ease
    fitted: ClassVar[tuple[str, ...]] = ("known_", "weights_", "indptr_", "article_", "value_")

    known_: Mask
    weights_: Float32
    indptr_: Int64
    article_: Int32
    value_: Float32

    def _fit(self, train: Histories, as_of: int | None) -> None:
        settings = self.settings
        matrix = interactions(train, as_of, settings.weights, self.threads)
        customers = np.bincount(matrix.indices, minlength=train.n_articles)
        self.known_ = customers >= settings.min_article
        m = int(self.known_.sum())
        if m > settings.max_articles:
            raise ConfigError(
                f"EASE on {m} articles needs {4e-9 * m * m:.1f} GB",
                hint="raise ease.max_articles, or leave out articles with ease.min_article; "
                "GraphFilter has no such limit",
            )
        turned = Turned.of(matrix[:, self.known_].sorted_indices())
        del matrix
        weights = np.zeros((m, m), np.float32)

        def products(low: int, high: int) -> None:
            add_path_rows(*turned.arrays, low, high, weights[low:high])

        for _ in map_blocks(products, m, ROWS, self.threads):
            pass
        diagonal = np.diag_indices(m)
        odds = settings.dropout / (1 - settings.dropout)
        weights[diagonal] += (
            np.float32(settings.regularization) + np.float32(odds) * weights[diagonal]
        )
        invert_in_place(weights, threads=self.threads, progress=self.progress)
        scale = -1 / np.diagonal(weights)

        def coefficients(low: int, high: int) -> None:
            weights[low:high] *= scale

        for _ in map_blocks(coefficients, m, ROWS, self.threads):
            pass
        weights[diagonal] = 0
        self.weights_ = weights
        self.indptr_ = np.zeros(train.n_articles + 1, np.int64)
        self.article_, self.value_ = np.zeros(0, np.int32), np.zeros(0, np.float32)
        if settings.per_article:
            self._keep(settings.per_article)
        self._loaded()

    def _keep(self, per_article: int) -> None:
        """Leave only the largest coefficients of each article."""
        positions = np.flatnonzero(self.known_).astype(np.int32)
        lengths = np.zeros(len(self.known_), np.int64)

        def block(low: int, high: int) -> tuple[Int32, Float32]:
            counts, (article, value) = largest_entries(self.weights_[low:high], per_article)
            lengths[positions[low:high]] = counts
            return positions[article], value

        # the known articles rise, so that the rows are in order and the others are empty
        rows = ItemRows.joined(lengths, list(map_blocks(block, len(positions), ROWS, self.threads)))
        self.indptr_, self.article_, self.value_ = rows.arrays
        self.weights_ = np.zeros((0, 0), np.float32)

    def _loaded(self) -> None:
        self._place = np.where(self.known_, np.cumsum(self.known_) - 1, -1).astype(np.int32)

    def _weigh(self, histories: Histories, as_of: int | None) -> Purchases:
        moment = self.cutoff_ if as_of is None else as_of
        return Purchases.of_matrix(interactions(histories, moment, self.settings.weights, 1))

    def _dense(self, histories: Histories, as_of: int | None) -> Float32:
        """Return the scores of every article, float32 (n, n_articles); -inf where there is none."""
        bought = self._weigh(histories, as_of)
        places = self._place[bought.article]
        known = np.empty((len(histories), len(self.weights_)), np.float32)
        weighted_sums(bought.start, bought.stop, places, bought.weight, self.weights_, known)
        scores = np.full((len(histories), self.n_articles_), -np.inf, np.float32)
        scores[:, self.known_] = known
        counted = np.concatenate([[0], np.cumsum(places >= 0)])
        scores[counted[bought.start] == counted[bought.stop]] = -np.inf
        return scores

    @property
    def _rows(self) -> ItemRows:
        return ItemRows(self.indptr_, self.article_, self.value_)

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
        mask = mask_rows(among, self.n_articles_)

        def block(low: int, high: int) -> TopK:
            part = histories.block(low, high)
            return top_k(
                self._dense(part, as_of),
                k,
                among=block_mask(mask, low, high),
                excluded=exclusions(part, repeat, as_of),
            )

        return in_blocks(block, len(histories), k, SCORE_BLOCK, self.threads)

    def _score(self, histories: Histories, candidates: Int32, as_of: int | None) -> Float32:
        found = np.zeros(candidates.shape, np.float32)
        if self.settings.per_article:
            self._rows.add_some(self._weigh(histories, as_of), candidates, found)
            return found

        def block(low: int, high: int) -> None:
            scores = self._dense(histories.block(low, high), as_of)
            taken = np.take_along_axis(scores, np.maximum(candidates[low:high], 0), axis=1)
            found[low:high] = np.where(np.isneginf(taken), 0, taken)

        for _ in map_blocks(block, len(histories), SCORE_BLOCK, self.threads):
            pass
        return found
