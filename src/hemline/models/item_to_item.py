"""Models that are rows of articles: what each purchase says of other articles, added up."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from hemline.config import Section
from hemline.models.base import Float32, Int32, Mask, Model, Repeat, TopK
from hemline.models.sales import fading
from hemline.models.topk import best_by
from hemline.shop.histories import Histories

BLOCK = 8192

S = TypeVar("S", bound=Section)


class ItemToItem(Model[S]):
    """The sum of the rows of a customer's purchases, each faded by its age.

    A subclass fills the rows; its settings have `history_days` and `history_decay`. An article
    in no row is not recommended, and scores 0.

    Attributes
    ----------
    indptr_ : int64 (n_articles + 1,)
    article_ : int32 (m,)
        In each row the largest value first, ties by lower position.
    value_ : float32 (m,)
        Above 0.
    codes_ : int32 (n_articles, c)
        An article must share each of its codes with some purchase of the customer; -1 is
        shared with nobody. No number stands in two columns; c may be 0.
    """

    fitted: ClassVar[tuple[str, ...]] = ("indptr_", "article_", "value_", "codes_")

    indptr_: npt.NDArray[np.int64]
    article_: Int32
    value_: Float32
    codes_: Int32

    _counted: tuple[Int32, int] | None = None

    def _n_codes(self) -> int:
        if self._counted is None or self._counted[0] is not self.codes_:
            self._counted = self.codes_, int(self.codes_.max(initial=-1)) + 1
        return self._counted[1]

    def _recommend(
        self,
        histories: Histories,
        k: int,
        as_of: int | None,
        among: Mask | None,
        repeat: Repeat,
    ) -> TopK:
        from hemline.models.item_to_item_kernel import best_of_rows

        return best_by(
            best_of_rows, lambda part: self._arrays(part, as_of), histories, k,
            as_of=as_of, among=among, repeat=repeat, block=BLOCK, threads=self.threads,
        )  # fmt: skip

    def _score(self, histories: Histories, candidates: Int32, as_of: int | None) -> Float32:
        from hemline.models.item_to_item_kernel import score_of_rows

        found = np.empty(candidates.shape, np.float32)
        score_of_rows(*self._arrays(histories, as_of), candidates, found)
        return found

    def _arrays(self, histories: Histories, as_of: int | None) -> tuple[Any, ...]:
        settings: Any = self.settings
        # undated data does not fade; dated histories asked for without a date are as of the cutoff
        moment = self.cutoff_ if as_of is None else as_of
        table = fading(settings.history_decay, settings.history_days)
        return (
            np.ascontiguousarray(histories.start), np.ascontiguousarray(histories.stop),
            histories.article, histories.time, 0 if moment is None else moment,
            np.ones(1) if moment is None else table,
            self.indptr_, self.article_, self.value_, self.codes_,
            self._n_codes(),
        )  # fmt: skip


def ranked_rows(
    indptr: npt.NDArray[np.int64], article: Int32, value: Float32
) -> tuple[npt.NDArray[np.int64], Int32, Float32]:
    """Order each row, the largest value first, ties by lower position; 0 and less are left out."""
    row = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    kept = value > 0
    row, article, value = row[kept], article[kept], value[kept]
    order = np.lexsort((article, -value, row))
    counts = np.bincount(row, minlength=len(indptr) - 1)
    bounds = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return bounds, article[order].astype(np.int32), value[order].astype(np.float32)
