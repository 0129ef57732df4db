"""Smart Adaptive Recommendations: what you are fond of, times what is like it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from hemline.config import Sar
from hemline.models import item_rows_kernel as kernel
from hemline.models.base import Float32, Int32, Mask, Model, Repeat, TopK
from hemline.models.item_rows import (
    Float64,
    Int64,
    ItemRows,
    Purchases,
    Turned,
    recommend_by_rows,
)
from hemline.shop.histories import SECONDS_PER_DAY, Histories
from hemline.shop.pairs import merge, span

_KINDS = {
    "cooccurrence": kernel.PRODUCT,
    "jaccard": kernel.JACCARD,
    "lift": kernel.LIFT,
    "cosine": kernel.COSINE,
    "inclusion": kernel.INCLUSION,
    "mutual_information": kernel.MUTUAL,
    "lexicographers_mutual_information": kernel.LEXICOGRAPHER,
}


class SAR(Model[Sar]):
    """Affinity times similarity (Microsoft's Smart Adaptive Recommendations; Argyriou et al. 2020).

    With c_ij customers of both i and j (c_ii of i), the similarity of i and j is

    ====================================  ==========================================
    `cooccurrence`                        c_ij
    `jaccard`                             c_ij / (c_ii + c_jj - c_ij)
    `lift`                                c_ij / (c_ii c_jj)
    `cosine`                              c_ij / sqrt(c_ii c_jj)
    `inclusion`                           c_ij / min(c_ii, c_jj)
    `mutual_information`                  log2(N c_ij / (c_ii c_jj))
    `lexicographers_mutual_information`   c_ij log2(N c_ij / (c_ii c_jj))
    ====================================  ==========================================

    and 0 for fewer than `threshold` customers of both. N is the number of customers with a
    purchase, or that of the articles sold, as Microsoft's code has it (`observations`). The
    affinity of a customer to an article is the sum over their purchases of it of
    weight x 2^(-age / half-life), the age counted from `as_of`, or from the model's cutoff.
    An article is as similar to itself as the formula says, so that what was bought comes back
    unless `Repeat.exclude()` forbids it. Only articles with a score above 0 are recommended.

    Keywords are those of `config.Sar`. Every similarity is kept with `per_article` 0; Microsoft's
    published figures need that.

    Attributes
    ----------
    indptr_ : int64 (n_articles + 1,)
    article_ : int32 (m,)
        The `per_article` most similar of each article, ties by lower position.
    similarity_ : float32 (m,)
    """

    name = "sar"
    settings_type = Sar
    fitted: ClassVar[tuple[str, ...]] = ("indptr_", "article_", "similarity_")

    indptr_: Int64
    article_: Int32
    similarity_: Float32

    def _fit(self, train: Histories, as_of: int | None) -> None:
        settings = self.settings
        pairs = merge(train, repeats="max", threads=self.threads)
        turned = Turned.of(pairs)
        alone = np.diff(turned.bounds).astype(np.float64)
        if settings.observations == "articles":
            total = np.count_nonzero(alone)
        else:
            total = np.count_nonzero(np.diff(turned.indptr))
        rows = ItemRows.products(
            turned,
            keep=settings.per_article,
            kind=_KINDS[settings.similarity],
            alone=alone,
            total=float(total),
            threshold=float(settings.threshold),
            threads=self.threads,
        )
        self.indptr_, self.article_, self.similarity_ = rows.arrays

    def affinity(self, histories: Histories, as_of: int | None = None) -> Float64:
        """Return what each element of the purchase arrays of `histories` adds, float64 (m,).

        Parameters
        ----------
        histories : Histories
        as_of : int, optional
            Seconds; None counts ages from the model's cutoff. Undated data has none.
        """
        settings = self.settings
        found = (
            histories.weight.astype(np.float64)
            if settings.ratings
            else np.ones(len(histories.weight))
        )
        moment = self.cutoff_ if as_of is None else as_of
        if settings.half_life_days is not None and moment is not None:
            age = np.maximum(moment - histories.time, 0)
            found *= np.exp2(-(age / (settings.half_life_days * SECONDS_PER_DAY)))
        return found

    def _weigh(self, histories: Histories, as_of: int | None) -> Purchases:
        held = span(histories)
        return Purchases(
            np.ascontiguousarray(held.start),
            np.ascontiguousarray(held.stop),
            held.article,
            self.affinity(held, as_of),
        )

    @property
    def _rows(self) -> ItemRows:
        return ItemRows(self.indptr_, self.article_, self.similarity_)

    def _recommend(
        self,
        histories: Histories,
        k: int,
        as_of: int | None,
        among: Mask | None,
        repeat: Repeat,
    ) -> TopK:
        return recommend_by_rows(
            self._rows, lambda part: self._weigh(part, as_of), histories, k, as_of, among, repeat,
            self.threads,
        )  # fmt: skip

    def _score(self, histories: Histories, candidates: Int32, as_of: int | None) -> Float32:
        found = np.zeros(candidates.shape, np.float32)
        self._rows.add_some(self._weigh(histories, as_of), candidates, found)
        return found
