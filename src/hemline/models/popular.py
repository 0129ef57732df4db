"""What sells, overall and to each age band."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from hemline.config import Popular as Settings
from hemline.models.base import Float32, Int32, Mask, Model, Repeat, TopK
from hemline.models.popular_kernel import first_of_order
from hemline.models.sales import count_sales, fading
from hemline.models.topk import best_by
from hemline.shop.histories import SECONDS_PER_DAY, Histories

BLOCK = 8192
OLDER = np.float32(2.0**-24)
"""An older sale against one in the window: no number of them outweighs it."""


class Popular(Model[Settings]):
    """The articles most sold in the last days before the cutoff; the baseline of all.

    Keywords are those of `config.Popular`. When the window holds fewer articles than are
    wanted, the whole time before it follows: an article not sold in the window has its
    older sales times 2^-24 as score, and one never sold has 0. So the list is as long as
    the catalogue. Undated data is all window.

    Attributes
    ----------
    order_ : int32 (bands + 1, n_articles)
        Articles, best first, ties by position: overall in row 0, then for each age band,
        the youngest first.
    counts_ : float32 (bands + 1, n_articles)
        The score of each article of `order_`, at the same place; 1 and more is the number
        of customers (or pieces) in the window, faded by `decay`.
    """

    name = "popular"
    settings_type = Settings
    fitted: ClassVar[tuple[str, ...]] = ("order_", "counts_")

    order_: Int32
    counts_: Float32

    def band_of(self, age: npt.NDArray[np.float32]) -> Int32:
        """Return the row of `order_` for each age, int32 (n,); 0, overall, where it is NaN."""
        missing = np.isnan(age)
        # someone of 25.5 years is 25 years old
        years = np.floor(np.where(missing, 0, age))
        band = np.searchsorted(np.array(self.settings.age_bounds), years, side="left") + 1
        return np.where(missing, 0, band).astype(np.int32)

    def _fit(self, train: Histories, as_of: int | None) -> None:
        shape = (len(self.settings.age_bounds) + 2, train.n_articles)
        lately, before = np.zeros(shape), np.zeros(shape)
        first = None if as_of is None else as_of - self.settings.days * SECONDS_PER_DAY
        for block in train.blocks():
            band = self.band_of(block.age)
            self._count(block if first is None else block.since(first), band, as_of, lately)
            if first is not None:
                self._count(block.before(first), band, None, before)
        score = np.where(lately > 0, lately, before * OLDER).astype(np.float32)
        # a stable sort of what is to fall keeps equal scores by rising position
        self.order_ = np.argsort(-score, axis=1, kind="stable").astype(np.int32)
        self.counts_ = np.take_along_axis(score, self.order_, axis=1)

    def _count(
        self, histories: Histories, band: Int32, as_of: int | None, counts: npt.NDArray[np.float64]
    ) -> None:
        weights = fading(0 if as_of is None else self.settings.decay)
        by_customers = self.settings.by == "customers"
        count_sales(histories, as_of, weights, by_customers=by_customers, counts=counts[:1])
        count_sales(
            histories, as_of, weights, group=band - np.int32(1), n_groups=len(counts) - 1,
            by_customers=by_customers, counts=counts[1:],
        )  # fmt: skip

    def _bands(self, histories: Histories) -> Int32:
        if self.settings.by_age:
            return self.band_of(histories.age)
        return np.zeros(len(histories), np.int32)

    def _recommend(
        self,
        histories: Histories,
        k: int,
        as_of: int | None,
        among: Mask | None,
        repeat: Repeat,
    ) -> TopK:
        return best_by(
            first_of_order, lambda part: (self.order_, self.counts_, self._bands(part)),
            histories, k,
            as_of=as_of, among=among, repeat=repeat, block=BLOCK, threads=self.threads,
        )  # fmt: skip

    def _score(self, histories: Histories, candidates: Int32, as_of: int | None) -> Float32:
        by_position = np.empty_like(self.counts_)
        np.put_along_axis(by_position, self.order_.astype(np.int64), self.counts_, axis=1)
        return by_position[self._bands(histories)[:, None], np.maximum(candidates, 0)]
