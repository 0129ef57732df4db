"""Alternating least squares for implicit feedback; customers by fold-in."""

from __future__ import annotations

from threading import local
from typing import ClassVar, Self
from weakref import ref

import numpy as np
import numpy.typing as npt
from scipy import linalg, sparse

from hemline.blocks import available_threads, map_blocks
from hemline.config import Als
from hemline.errors import ConfigError
from hemline.models.als_algebra import gram, inverse_of, regular_root
from hemline.models.als_elsewhere import train_elsewhere
from hemline.models.base import Float32, Int32, Mask, Model, Repeat, TopK
from hemline.models.dense_kernel import score_all, score_some
from hemline.models.foldin_kernel import fold_in
from hemline.models.sampling import sample_customers, training_share
from hemline.models.tiles import in_tiles
from hemline.models.topk import Excluded, exclusions, in_blocks, mask_rows, top_k
from hemline.models.weights import interactions
from hemline.shop.histories import Histories
from hemline.shop.kcore import Core, core_that_holds

FOLD_BLOCK = 8192
SCORE_BLOCK = 32  # rows whose scores for a whole catalogue are held at once, by each thread


class ALS(Model[Als]):
    """Taste as vectors (Hu, Koren and Volinsky 2008), trained on the k-core of the purchases.

    Keywords are those of `config.Als`. Only the articles' vectors are kept: a customer's is
    computed from the history whenever it is wanted, exactly as `implicit` recalculates it.
    A customer of whom no article is known has a zero vector, and is recommended nothing.

    Attributes
    ----------
    item_factors_ : float32 (n_articles, factors)
        Zeros for articles that were not trained on.
    whitened_ : float32 (n_articles, factors)
        The same in the space where the fold-in is well conditioned: item_factors_ L'^-1.
    root_ : float64 (factors, factors)
        L, lower: L L' = Y'Y + regularization I. item_factors_ = whitened_ L'.
    known_ : bool (n_articles,)
        True for the articles trained on.
    core_ : Core
        What the k-core kept; after `fit` only, as are the following.
    share_ : float
        Of the customers that could be trained on; below 1 they were sampled, see
        `sampling.training_share`.
    losses_ : list of float
        The loss after each iteration, where it was measured: by our own trainer always, with
        `implicit` where `tolerance` is above 0.
    iterations_ : int
        Iterations done, fewer than `iterations` where `tolerance` ended them.
    """

    name = "als"
    settings_type = Als
    fitted: ClassVar[tuple[str, ...]] = ("item_factors_", "whitened_", "root_", "known_")

    item_factors_: Float32
    whitened_: Float32
    root_: npt.NDArray[np.float64]
    known_: Mask
    core_: Core
    share_: float = 1.0
    losses_: list[float]
    iterations_: int
    _start: Float32 | None = None

    def _fit(self, train: Histories, as_of: int | None) -> None:
        settings = self.settings
        if settings.trainer == "mllib":
            self.core_, factors = train_elsewhere(train, as_of, settings)
            self.losses_, self.iterations_, self._start = [], settings.iterations, None
        else:
            train = self._sampled(train)
            matrix = interactions(train, as_of, settings.weights, self.threads)
            self.core_ = core_that_holds(matrix, settings.min_customer, settings.min_article)
            kept = self.core_.matrix(matrix)
            del matrix
            factors = self._factorize(kept, self._taken_start(train.n_articles))
        self.known_ = self.core_.articles
        self.item_factors_ = np.zeros((train.n_articles, settings.factors), np.float32)
        self.item_factors_[self.known_] = factors
        self.root_ = regular_root(gram(factors), settings.regularization)
        self.whitened_ = np.zeros_like(self.item_factors_)
        self.whitened_[self.known_] = _whitened(factors, self.root_)
        self._loaded()

    def _sampled(self, train: Histories) -> Histories:
        """Take fewer customers where there are more than are wanted, or than fit."""
        settings = self.settings
        least = settings.min_customer
        self.share_ = training_share(
            train, least=least, most=settings.max_customers, memory_gb=settings.memory_gb,
            factors=settings.factors,
        )  # fmt: skip
        if self.share_ == 1:
            return train
        return sample_customers(train, self.share_, seed=settings.seed, least=least)

    def _taken_start(self, n_articles: int) -> Float32 | None:
        """Return the core's rows of what `start_from` was given, and forget it."""
        start, self._start = self._start, None
        if start is None:
            return None
        if len(start) != n_articles:
            raise ConfigError(
                f"vectors to start from are of {len(start)} articles, the catalogue has "
                f"{n_articles}",
                hint="one row for each article of the catalogue, zeros where there is none",
            )
        return start[self.core_.articles]

    def start_from(self, item_factors: Float32) -> Self:
        """Begin the next `fit` at these vectors of the articles, those of an earlier run.

        They serve that one `fit` and are not saved. Customers need none: theirs follow from
        the articles'. MLlib takes no vectors to start from and begins afresh.

        Parameters
        ----------
        item_factors : float32 (n_articles, factors)
            A row of zeros is an article that was not trained.

        Raises
        ------
        ConfigError
            Not as long as `factors`, or not finite; from `fit`: of another catalogue.
        """
        found = np.ascontiguousarray(item_factors, np.float32)
        if found.ndim != 2 or found.shape[1] != self.settings.factors:
            raise ConfigError(
                f"vectors to start from have shape {found.shape}",
                hint=f"(n_articles, {self.settings.factors}), for als.factors is "
                f"{self.settings.factors}",
            )
        if not np.isfinite(found).all():
            raise ConfigError(
                "vectors to start from are not finite", hint="take those of a trained model"
            )
        self._start = found
        return self

    def _factorize(self, matrix: sparse.csr_matrix, start: Float32 | None) -> Float32:
        """Train on the core, customers x articles; keep the losses and the iterations done."""
        settings = self.settings
        self.losses_, self.iterations_ = [], 0
        if not matrix.nnz:
            return np.zeros((matrix.shape[1], settings.factors), np.float32)
        if start is not None and not start.any():
            start = None  # zeros everywhere are a saddle that no iteration leaves
        threads = available_threads(self.threads)
        if settings.trainer == "own":
            from hemline.models.als_trainer import train

            trained = train(matrix, settings, threads, self.progress, start)
            self.losses_, self.iterations_ = trained.losses, len(trained.losses)
            return trained.articles
        from hemline.models.als_implicit import train_with_implicit

        first = None if start is None else (self._customers_at(start, matrix), start)
        found, self.losses_, self.iterations_ = train_with_implicit(
            matrix, settings, threads, self.progress, first
        )
        return found

    def _customers_at(self, factors: Float32, matrix: sparse.csr_matrix) -> Float32:
        """Return the vectors of the customers of a matrix of confidences at given articles'."""
        root = regular_root(gram(factors), self.settings.regularization)
        whitened, inverse, known = _whitened(factors, root), inverse_of(root), factors.any(axis=1)
        indptr, data = matrix.indptr.astype(np.int64), self._confidences(matrix)
        found = np.empty((matrix.shape[0], factors.shape[1]), np.float32)

        def fold_block(low: int, high: int) -> None:
            fold_in(indptr, matrix.indices, data, whitened, known, inverse, True, low, high, found)

        for _ in map_blocks(fold_block, matrix.shape[0], FOLD_BLOCK, self.threads):
            pass
        return found

    def _loaded(self) -> None:
        self._inverse_root = inverse_of(self.root_)
        self._tiles: tuple[Mask, Int32 | None, Float32] | None = None
        self._last = local()

    def customer_vectors(
        self, histories: Histories, *, as_of: int | None = None, whitened: bool = False
    ) -> Float32:
        """Return the vectors of customers from their histories, float32 (n, factors).

        They equal `implicit`'s own `recalculate_user`. A score is the dot product with a row
        of `item_factors_`, or of `whitened_` when the vectors are asked for whitened, which
        is a little faster and more exact.

        Parameters
        ----------
        histories : Histories of n customers
        as_of : int, optional
            Seconds, from which the ages of purchases count; nothing at or after it is seen.
            None counts from the moment the model was fitted for.
        whitened : bool
        """
        self.check_fitted()
        self._check_histories(histories)
        self.check_as_of(as_of)
        return self._vectors(histories.before(as_of), as_of, whitened)

    def _vectors(self, histories: Histories, as_of: int | None, whitened: bool) -> Float32:
        moment = self.cutoff_ if as_of is None else as_of
        found = np.empty((len(histories), self.settings.factors), np.float32)

        def fold_block(low: int, high: int) -> None:
            matrix = interactions(histories.block(low, high), moment, self.settings.weights, 1)
            indptr, data = matrix.indptr.astype(np.int64), self._confidences(matrix)
            fold_in(
                indptr, matrix.indices, data, self.whitened_, self.known_,
                self._inverse_root, not whitened, 0, high - low, found[low:high],
            )  # fmt: skip

        for _ in map_blocks(fold_block, len(histories), FOLD_BLOCK, self.threads):
            pass
        return found

    def _confidences(self, matrix: sparse.csr_matrix) -> Float32:
        data: Float32 = matrix.data
        return data if self.settings.alpha == 1 else data * np.float32(self.settings.alpha)

    def _recommend(
        self,
        histories: Histories,
        k: int,
        as_of: int | None,
        among: Mask | None,
        repeat: Repeat,
    ) -> TopK:
        vectors = self._answering(histories, as_of)
        mask = mask_rows(self.known_ if among is None else among & self.known_, self.n_articles_)
        held, tiles = self._tiles_of(mask)
        n = self.n_articles_ if held is None else len(held)

        def block(low: int, high: int) -> TopK:
            able = vectors[low:high].any(axis=1)
            found = TopK(
                np.full((high - low, k), -1, np.int32),
                np.full((high - low, k), -np.inf, np.float32),
            )
            if not n or not able.any():
                return found
            rows = low + np.flatnonzero(able)
            scores = np.empty((len(rows), n), np.float32)
            score_all(np.ascontiguousarray(vectors[rows]), tiles, scores)
            excluded = exclusions(histories.take(rows), repeat, as_of)
            if held is not None:
                best = top_k(scores, k, excluded=_renumbered(excluded, held, self.n_articles_))
                found.articles[able] = np.where(best.articles >= 0, held[best.articles], -1)
            else:
                best = top_k(scores, k, among=mask[rows], excluded=excluded)
                found.articles[able] = best.articles
            found.scores[able] = best.scores
            return found

        return in_blocks(block, len(histories), k, SCORE_BLOCK, self.threads)

    def _score(self, histories: Histories, candidates: Int32, as_of: int | None) -> Float32:
        found = np.zeros(candidates.shape, np.float32)
        vectors = self._answering(histories, as_of)
        score_some(vectors, self.whitened_, candidates, found)
        return found

    def _answering(self, histories: Histories, as_of: int | None) -> Float32:
        """Return whitened vectors; a thread that asks again for the same rows has them still."""
        last = getattr(self._last, "answer", None)
        if last is None or last[0]() is not histories or last[1] != as_of:
            vectors = self._vectors(histories, as_of, whitened=True)
            self._last.answer = last = ref(histories), as_of, vectors
        found: Float32 = last[2]
        return found

    def _tiles_of(self, mask: Mask) -> tuple[Int32 | None, Float32]:
        """Return the articles that one mask for all lets through, and their whitened vectors.

        None, and the vectors of all articles, where each row has a mask of its own. Vectors
        are as `score_all` reads them.
        """
        one = mask[0] if len(mask) == 1 else np.zeros(0, bool)
        kept = self._tiles
        if kept is None or not np.array_equal(kept[0], one):
            # only what the mask lets through is scored
            held = np.flatnonzero(one).astype(np.int32) if len(mask) == 1 else None
            vectors = self.whitened_ if held is None else self.whitened_[held]
            kept = one.copy(), held, in_tiles(vectors)
            self._tiles = kept  # the same articles are asked for again and again
        return kept[1:]


def _renumbered(excluded: Excluded, held: Int32, n_articles: int) -> Excluded:
    """Return exclusions as places in `held`; what is not in it needs none."""
    bounds, articles = excluded
    if not len(bounds):
        return excluded
    place = np.full(n_articles, -1, np.int32)
    place[held] = np.arange(len(held), dtype=np.int32)
    places = place[articles]
    upto = np.concatenate([[0], np.cumsum(places >= 0)])
    return upto[bounds].astype(np.int64), places[places >= 0]


def _whitened(factors: Float32, root: npt.NDArray[np.float64]) -> Float32:
    """Return the vectors times L'^-1, float32."""
    wide = linalg.solve_triangular(root, factors.T.astype(np.float64), lower=True)
    return np.ascontiguousarray(wide.T, np.float32)
