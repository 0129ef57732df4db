"""Two towers of embedding bags: what was bought on one side, what may be bought on the other."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from hemline.config import TwoTower as Settings
from hemline.models.article_vectors import ArticleVectors
from hemline.models.bag_kernel import sum_bags
from hemline.models.base import Float32, Int32, Mask, Repeat, TopK
from hemline.models.neural import Neural, Trained, bags
from hemline.shop.histories import Histories


class TwoTower(Neural[Settings]):
    """A customer is a bag of articles; trained with TorchRec's EmbeddingBagCollection.

    Keywords are those of `config.TwoTower`. The customers' tower adds up a vector for each
    article bought, divides by the root of their number and maps the sum linearly; the articles'
    tower is a second table of vectors. While training, the article that is to be found is left
    out of the bag. The loss is the softmax of its product among those of `negatives` articles
    not bought, drawn anew for each purchase in each step.

    Needs the extra `torchrec`. With two processes each holds one of the two tables, and they
    answer one another by gloo; what is learnt is the same to about 1e-4. As nothing is known of
    a customer but the history, every customer is folded in, and serving needs no torch.

    Attributes
    ----------
    articles_ : float32 (n_articles, factors)
        Zeros for articles that were not sold.
    rows_ : float32 (n_articles, factors)
        What a purchase of each adds to a customer's vector: the first table, mapped.
    known_ : bool (n_articles,)
        True for the articles sold.
    batch_loss_, epoch_loss_ : float32
    """

    name = "two_tower"
    settings_type = Settings
    trainer = "hemline.models.two_tower_training"
    fitted: ClassVar[tuple[str, ...]] = (
        "articles_", "rows_", "known_", "batch_loss_", "epoch_loss_",
    )  # fmt: skip

    articles_: Float32
    rows_: Float32
    known_: Mask

    def _fit(self, train: Histories, as_of: int | None) -> None:
        part = Trained.of(train, "max", self.threads, weighted=False)
        self.known_ = part.known
        if part.matrix.nnz:
            learnt = self._train(part.arrays())
        else:
            none = np.zeros((0, self.settings.factors), np.float32)
            loss = np.zeros(1, np.float32)
            learnt = {"articles": none, "rows": none, "batch_loss": loss, "epoch_loss": loss}
        self.articles_, self.rows_ = part.spread(learnt["articles"]), part.spread(learnt["rows"])
        self.batch_loss_, self.epoch_loss_ = learnt["batch_loss"], learnt["epoch_loss"]
        self._loaded()

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
