"""Vectors and biases of customers and articles, as fastai's EmbeddingDotBias has them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from hemline.blocks import map_blocks
from hemline.config import DotBias as Settings
from hemline.models.article_vectors import ArticleVectors
from hemline.models.base import Float32, Int32, Mask, Repeat, TopK
from hemline.models.dot_bias_kernel import fold_in
from hemline.models.neural import Neural, Trained
from hemline.shop.histories import Histories
from hemline.shop.pairs import merge, span

FOLD_BLOCK = 2048
STEPS = 4
"""Gauss-Newton steps of a fold-in: the sigmoid is nearly linear where targets are."""
_JITTER = 1e-3

Float64 = npt.NDArray[np.float64]


class DotBias(Neural[Settings]):
    """A product of vectors and two biases, through a sigmoid over `y_range`.

    Keywords are those of `config.DotBias`. Trained on squared errors with Adam and the
    one-cycle schedule, as fastai's collaborative filter. Only the articles' side is kept.
    Every customer, known to the training or not, is folded in: vector and bias are those
    with the least squared error on the history and on articles drawn by chance, under the
    normal distribution that the trained customers' vectors have. So a new purchase counts at
    once, and a basket is answered like the customer who bought it.

    `recommend` and `score` give the sum before the sigmoid, which stands in the same order;
    `predict` gives the value in `y_range`.

    Attributes
    ----------
    articles_ : float32 (n_articles, factors + 2)
        Vector, 1, bias. An article that was not sold has those of the mean article.
    known_ : bool (n_articles,)
        True for the articles sold.
    mean_ : float64 (factors + 1,)
        Vector and bias of the mean customer.
    prior_ : float64 (factors + 1, factors + 1)
        Inverse covariance of the trained customers, times the mean squared error.
    gram_ : float64 (factors + 1, factors + 1)
    pull_ : float64 (factors + 1,)
        What an article drawn by chance adds to the squares; see `dot_bias_kernel.fold_in`.
    batch_loss_, epoch_loss_ : float32
    """

    name = "dot_bias"
    settings_type = Settings
    trainer = "hemline.models.dot_bias_training"
    fitted: ClassVar[tuple[str, ...]] = (
        "articles_", "known_", "mean_", "prior_", "gram_", "pull_", "batch_loss_", "epoch_loss_",
    )  # fmt: skip

    articles_: Float32
    known_: Mask
    mean_: Float64
    prior_: Float64
    gram_: Float64
    pull_: Float64

    def _fit(self, train: Histories, as_of: int | None) -> None:
        d = self.settings.factors + 1
        bought = self.settings.target == "bought"
        part = Trained.of(
            span(train), "max" if bought else "last", self.threads, weighted=not bought
        )
        self.known_ = part.known
        if not part.matrix.nnz:
            learnt = {
                "customers": np.zeros((1, d), np.float32),
                "articles": np.zeros((0, d), np.float32),
                "batch_loss": np.zeros(1, np.float32),
                "epoch_loss": np.zeros(1, np.float32),
            }
        else:
            learnt = self._train(part.arrays())
        self.batch_loss_, self.epoch_loss_ = learnt["batch_loss"], learnt["epoch_loss"]
        articles, customers = learnt["articles"], learnt["customers"].astype(np.float64)
        self.articles_ = _with_one(part.spread(articles))
        if len(articles):
            self.articles_[~self.known_] = _with_one(articles.mean(0, keepdims=True))
        self.mean_ = customers.mean(0)
        self._learn_fold_in(customers, _with_one(articles).astype(np.float64))
        self._loaded()

    def _learn_fold_in(self, customers: Float64, articles: Float64) -> None:
        """Set what the fold-in needs: how customers vary, and what chance articles add."""
        d = customers.shape[1]
        spread = customers - self.mean_
        # in blocks of a fixed size: the order of the sum is then that of the blocks
        covariance = _gram(spread) / max(len(spread), 1)
        covariance[np.diag_indices(d)] += _JITTER * max(np.trace(covariance) / d, 1e-6)
        inverse = np.linalg.inv(covariance)
        # of the squared error's two sides: what a customer's purchases leave unexplained
        last = self.epoch_loss_[-1] if self.epoch_loss_[-1] > 0 else 1e-3
        self.prior_ = float(last) * (inverse + inverse.T) / 2
        self.gram_, self.pull_ = np.zeros((d, d)), np.zeros(d)
        if self.settings.negatives and len(articles):
            low, high = self.settings.y_range
            s = 1 / (1 + np.exp(-(articles[:, :d] @ self.mean_ + articles[:, d])))
            slope = (high - low) * s * (1 - s)
            moved = articles[:, :d] * slope[:, None]
            self.gram_ = _gram(moved) / len(articles)
            self.pull_ = (moved * -(low + (high - low) * s)[:, None]).sum(0) / len(articles)

    def _loaded(self) -> None:
        self._vectors = ArticleVectors(self.articles_, self.known_)

    def customer_vectors(self, histories: Histories, *, as_of: int | None = None) -> Float32:
        """Return vector, bias and 1 of customers, float32 (n, factors + 2), by fold-in.

        Zeros for a customer of whom no article is known. The product with a row of
        `articles_` is the score.
        """
        self.check_fitted()
        self._check_histories(histories)
        self.check_as_of(as_of)
        return self._fold(histories.before(as_of))

    def _fold(self, histories: Histories) -> Float32:
        found = np.empty((len(histories), self.settings.factors + 2), np.float32)
        low_end, high_end = self.settings.y_range

        def block(low: int, high: int) -> None:
            found[low:high] = self._fold_rows(histories.block(low, high), low_end, high_end)

        for _ in map_blocks(block, len(histories), FOLD_BLOCK, self.threads):
            pass
        return found

    def _fold_rows(self, histories: Histories, low_end: float, high_end: float) -> Float32:
        held = span(histories)
        if self.settings.target == "bought":
            matrix = merge(held, None, "max", 1)
            targets = np.ones(matrix.nnz, np.float32)
        else:
            matrix = merge(held, held.weight, "last", 1)
            targets = matrix.data
        found = np.empty((len(histories), self.settings.factors + 2), np.float32)
        fold_in(
            matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), targets,
            self.articles_, self.known_, self.mean_, self.prior_, self.gram_, self.pull_,
            float(self.settings.negatives), low_end, high_end, STEPS, found,
        )  # fmt: skip
        return found

    def predict(
        self, histories: Histories, candidates: Int32, *, as_of: int | None = None
    ) -> Float32:
        """Return the value in `y_range` of each candidate, float32 (n, m); NaN where it is -1.

        For purchases as target, an estimate of 0 or 1; for ratings, of the rating.
        """
        low, high = self.settings.y_range
        scores = self.score(histories, candidates, as_of=as_of).astype(np.float64)
        found = low + (high - low) / (1 + np.exp(-np.where(np.isneginf(scores), 0, scores)))
        return np.where(np.isneginf(scores), np.nan, found).astype(np.float32)

    def _recommend(
        self,
        histories: Histories,
        k: int,
        as_of: int | None,
        among: Mask | None,
        repeat: Repeat,
    ) -> TopK:
        low, high = self.settings.y_range
        return self._vectors.recommend(
            lambda part: self._fold_rows(part, low, high),
            histories, k, as_of, among, repeat, self.threads,
        )  # fmt: skip

    def _score(self, histories: Histories, candidates: Int32, as_of: int | None) -> Float32:
        return self._vectors.score(self._fold(histories), candidates)


def _with_one(rows: Float32) -> Float32:
    """Put a 1 between vector and bias: the customer's bias is multiplied by it."""
    ones = np.ones((len(rows), 1), rows.dtype)
    return np.ascontiguousarray(np.concatenate([rows[:, :-1], ones, rows[:, -1:]], axis=1))


def _gram(rows: Float64) -> Float64:
    total: Float64 = np.zeros((rows.shape[1], rows.shape[1]))
    for low in range(0, len(rows), 4096):
        total += rows[low : low + 4096].T @ rows[low : low + 4096]
    return total
