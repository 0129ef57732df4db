"""Vectors propagated through the graph of customers and articles."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from hemline.config import LightGcn as Settings
from hemline.errors import ConfigError
from hemline.models.article_vectors import ArticleVectors
from hemline.models.bag_kernel import sum_bags
from hemline.models.base import Float32, Int32, Mask, Repeat, TopK
from hemline.models.neural import Neural, Trained, bags
from hemline.shop.histories import Histories
from hemline.shop.tables import Catalogue


class LightGCN(Neural[Settings]):
    """LightGCN (He et al. 2020), and the form with linear layers that the H&M paper used.

    Keywords are those of `config.LightGcn`. After training, an article's final vector and
    one more row are stored; a customer's vector is the sum of the rows of what was bought,
    divided by the root of their number. That is the propagation of the articles' vectors to
    the customer, exactly, plus the customer's own vector, which a ridge regression over the
    trained customers tells from the same sum. So scoring needs no graph, and any history is
    folded in; on MovieLens lists made so are better than by the trained own vectors.

    Attributes
    ----------
    articles_ : float32 (n_articles, factors)
        Final vectors; zeros for articles of which nothing is known.
    rows_ : float32 (n_articles, factors)
        What a purchase of each adds to the customer's vector.
    known_ : bool (n_articles,)
        True for articles that were trained on, or that have features.
    map_ : float32 (factors, factors)
    bias_ : float32 (factors,)
        The last linear map of the linear form; identity and zeros in the light form.
    batch_loss_, epoch_loss_ : float32
    epoch_recall_, epoch_accuracy_ : float32 (epochs,)
        Recall among the first `k` of at most 1,000 customers, and the share of pairs that
        score above an article not bought: on the pairs held out by `validation`, or on
        those trained on.
    """

    name = "light_gcn"
    settings_type = Settings
    trainer = "hemline.models.light_gcn_training"
    fitted: ClassVar[tuple[str, ...]] = (
        "articles_", "rows_", "known_", "map_", "bias_", "batch_loss_", "epoch_loss_",
        "epoch_recall_", "epoch_accuracy_",
    )  # fmt: skip

    articles_: Float32
    rows_: Float32
    known_: Mask
    map_: Float32
    bias_: Float32
    epoch_recall_: Float32
    epoch_accuracy_: Float32

    _features: Float32 | None = None
    _rows: Float32 | None = None

    def with_features(self, features: npt.NDArray[Any] | sparse.sparray | None) -> Self:
        """Give the next `fit` features beside `attributes` (a photo's vector), and return self.

        An article's first vector is then its own plus a learned linear map of its features,
        so that one that was never sold has a vector too.

        Parameters
        ----------
        features : float (n_articles, n_features), dense or sparse, or None for none
            Zeros where nothing is known of an article. Rows are used as they are: one-hot
            categories, vectors of photos, scaled to about length 1.
        """
        if features is None:
            self._features = None
            return self
        given: Any = features
        rows = given.toarray() if sparse.issparse(given) else np.asarray(given)
        if rows.ndim != 2 or not np.isfinite(rows).all():
            raise ConfigError(
                f"features of shape {rows.shape}", hint="a finite row for each article"
            )
        self._features = np.ascontiguousarray(rows, np.float32)
        return self

    def lacks(self, catalogue: Catalogue | None) -> str:
        """Say which attribute the catalogue does not have."""
        held = catalogue.codes if catalogue is not None else {}
        missing = [one for one in self.settings.attributes if one not in held]
        return f"no attribute {missing[0]!r} in the catalogue" if missing else ""

    def _fit_with(self, train: Histories, as_of: int | None, catalogue: Catalogue | None) -> None:
        parts = [] if self._features is None else [self._features]
        if catalogue is not None and self.settings.attributes:
            parts.append(one_hot([catalogue.codes[one] for one in self.settings.attributes]))
        self._rows = np.concatenate(parts, axis=1) if parts else None
        self._fit(train, as_of)

    def _fit(self, train: Histories, as_of: int | None) -> None:
        part = Trained.of(train, "max", self.threads, weighted=False)
        features = self._rows
        if features is not None and len(features) != train.n_articles:
            raise ConfigError(
                f"features of {len(features)} articles, histories over {train.n_articles}",
                hint="one row for each article of the catalogue",
            )
        d = self.settings.factors
        if part.matrix.nnz:
            arrays = part.arrays()
            if features is not None:
                arrays["features"] = features[part.known]
            learnt = self._train(arrays)
        else:
            learnt = _nothing(d, self.settings.epochs)
        self.articles_, self.rows_ = part.spread(learnt["articles"]), part.spread(learnt["rows"])
        self.known_ = part.known
        self.map_, self.bias_ = learnt["map"], learnt["bias"]
        self.batch_loss_, self.epoch_loss_ = learnt["batch_loss"], learnt["epoch_loss"]
        self.epoch_recall_, self.epoch_accuracy_ = learnt["recall"], learnt["accuracy"]
        if features is not None and part.matrix.nnz:
            self._describe(features, learnt["feature_weight"])
        self._loaded()

    def _describe(self, features: Float32, weight: Float32) -> None:
        """Give articles that nobody bought the vector that their features tell."""
        new = ~self.known_ & features.any(axis=1)
        if self.settings.form == "linear":
            return  # every layer starts from the neighbours, of which they have none
        first = features[new] @ weight
        self.articles_[new] = self.rows_[new] = first / (self.settings.layers + 1)
        self.known_ = self.known_ | new

    def _loaded(self) -> None:
        self._vectors = ArticleVectors(self.articles_, self.known_)

    def customer_vectors(self, histories: Histories, *, as_of: int | None = None) -> Float32:
        """Return the vectors of customers from their histories, float32 (n, factors).

        Zeros for a customer of whom no article is known.
        """
        self.check_fitted()
        self._check_histories(histories)
        self.check_as_of(as_of)
        return self._fold(histories.before(as_of))

    def _fold(self, histories: Histories) -> Float32:
        found = np.empty((len(histories), self.settings.factors), np.float32)
        sum_bags(*bags(histories), self.rows_, self.known_, 0.5, found)
        if self.settings.form == "linear":
            _softmax(found, self.map_, self.bias_)
        return found

    def _recommend(
        self,
        histories: Histories,
        k: int,
        as_of: int | None,
        among: Mask | None,
        repeat: Repeat,
    ) -> TopK:
        return self._vectors.recommend(self._fold, histories, k, as_of, among, repeat, self.threads)

    def _score(self, histories: Histories, candidates: Int32, as_of: int | None) -> Float32:
        return self._vectors.score(self._fold(histories), candidates)


def one_hot(codes: list[npt.NDArray[np.int32]]) -> Float32:
    """Return a row for each article: a column for each value, all of length 1; -1 is no value."""
    parts = []
    for one in codes:
        rows = np.zeros((len(one), int(one.max(initial=-1)) + 1), np.float32)
        held = np.flatnonzero(one >= 0)
        rows[held, one[held]] = len(codes) ** -0.5
        parts.append(rows)
    return np.concatenate(parts, axis=1)


def _softmax(sums: Float32, weight: Float32, bias: Float32) -> None:
    """Put the last layer's output in the place of its sums; rows of zeros stay."""
    wide = weight.astype(np.float64)
    for at in np.flatnonzero(sums.any(axis=1)):
        # row by row and without a BLAS: a customer alone is answered as within a batch
        mapped = (sums[at].astype(np.float64)[:, None] * wide).sum(axis=0) + bias
        raised = np.exp(mapped - mapped.max())
        sums[at] = raised / raised.sum()


def _nothing(d: int, epochs: int) -> dict[str, npt.NDArray[Any]]:
    none = np.zeros((0, d), np.float32)
    return {
        "articles": none, "rows": none, "map": np.eye(d, dtype=np.float32),
        "bias": np.zeros(d, np.float32), "batch_loss": np.zeros(1, np.float32),
        **{one: np.zeros(epochs, np.float32) for one in ("epoch_loss", "recall", "accuracy")},
    }  # fmt: skip
