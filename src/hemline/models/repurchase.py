"""What the customer bought lately, again."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from hemline.config import Repurchase as Settings
from hemline.models.base import Float32, Int32, Mask, Model, Repeat, TopK
from hemline.models.repurchase_kernel import COUNT, DAY, PRICE, own_articles, score_own
from hemline.models.topk import best_by
from hemline.shop.histories import SECONDS_PER_DAY, Histories

BLOCK = 8192
_ORDER = {"day": DAY, "price": PRICE, "count": COUNT}


class Repurchase(Model[Settings]):
    """The customer's own articles: of the latest day, the dearest, then by position.

    Keywords are those of `config.Repurchase`. An article bought several times stands by
    its best purchase in that order; a missing price is below every other. The score is
    1 / rank among the customer's own articles of the last `days`, filters aside, and 0 for
    an article that is not among them. Nothing is learned in `fit` but the catalogue's size.
    """

    name = "repurchase"
    settings_type = Settings
    fitted: ClassVar[tuple[str, ...]] = ()

    def _fit(self, train: Histories, as_of: int | None) -> None:
        pass

    def _purchases(self, histories: Histories, as_of: int | None) -> tuple[Any, ...]:
        if self.settings.days is not None and as_of is not None:
            histories = histories.since(as_of - self.settings.days * SECONDS_PER_DAY)
        return (
            np.ascontiguousarray(histories.start), np.ascontiguousarray(histories.stop),
            histories.article, histories.time, histories.price,
            np.array([_ORDER[name] for name in self.settings.order], np.int64),
        )  # fmt: skip

    def _recommend(
        self,
        histories: Histories,
        k: int,
        as_of: int | None,
        among: Mask | None,
        repeat: Repeat,
    ) -> TopK:
        return best_by(
            own_articles, lambda part: self._purchases(part, as_of), histories, k,
            as_of=as_of, among=among, repeat=repeat, block=BLOCK, threads=self.threads,
        )  # fmt: skip

    def _score(self, histories: Histories, candidates: Int32, as_of: int | None) -> Float32:
        found = np.empty(candidates.shape, np.float32)
        score_own(*self._purchases(histories, as_of), candidates, found)
        return found
