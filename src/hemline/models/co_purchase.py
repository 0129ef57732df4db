"""What customers buy within a few days of each other."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from hemline.blocks import map_blocks
from hemline.config.channel_models import CoPurchase as Settings
from hemline.models import passes
from hemline.models.base import Float32, Int32
from hemline.models.co_purchase_kernel import count_pairs, pack_purchases, places_by_article
from hemline.models.item_to_item import ItemToItem
from hemline.models.sales import Float64, fading
from hemline.shop.histories import Histories

ARTICLE_BLOCK = 128  # small, since a few articles take as long as thousands of others


class CoPurchase(ItemToItem[Settings]):
    """Articles bought together, counted over the whole history, the later the weightier.

    Keywords are those of `config.channel_models.CoPurchase`. For two articles p and r

        value(p, r) = sum over pairs of purchases of p and r by one customer, on days at most
                      `window_days` apart, of (1 + age of the later one in days) ** -decay

    divided by the sum of all pairs of p to the power `share`: with 1 it is the share of r among
    what is bought together with p. Every pair is counted; of each row the `per_article` largest
    are kept. With `window_days=0` only what is bought on one day counts. A customer's purchases
    speak with (1 + age) ** -history_decay. Undated data is one day.
    """

    name: ClassVar[str] = "co_purchase"
    settings_type = Settings

    def _fit(self, train: Histories, as_of: int | None) -> None:
        settings = self.settings
        n_articles = train.n_articles
        table = np.ones(1) if as_of is None else fading(settings.decay, settings.days)
        self.codes_ = np.zeros((n_articles, 0), np.int32)
        if len(train.article) > passes.IN_MEMORY and train.n_purchases > passes.IN_MEMORY:
            self._fit_in_passes(train, as_of, table)
            return
        packed = np.empty(train.n_purchases, np.int64)
        counts = np.zeros(n_articles, np.int64)
        pack_purchases(
            np.ascontiguousarray(train.start), np.ascontiguousarray(train.stop), train.article,
            train.time, 0 if as_of is None else as_of, packed, counts,
        )  # fmt: skip
        bounds = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        place = np.empty(len(packed), np.int64)
        places_by_article(packed, bounds[:-1].copy(), place)
        held = np.zeros(n_articles, np.int64)

        def block(low: int, high: int) -> tuple[Int32, Float32]:
            return count_pairs(  # type: ignore[no-any-return]
                packed, table, settings.window_days, bounds, place, settings.share,
                settings.per_article, low, high, held,
            )  # fmt: skip

        parts = []
        for part in map_blocks(block, n_articles, ARTICLE_BLOCK, self.threads):
            parts.append(part)
            self.progress(min(len(parts) * ARTICLE_BLOCK, n_articles), n_articles)
        self.indptr_ = np.concatenate([[0], np.cumsum(held)]).astype(np.int64)
        self.article_ = np.concatenate([np.zeros(0, np.int32), *(one for one, _ in parts)])
        self.value_ = np.concatenate([np.zeros(0, np.float32), *(one for _, one in parts)])

    def _fit_in_passes(self, train: Histories, as_of: int | None, table: Float64) -> None:
        """Add up the same pairs while the histories stream past, a few articles at a time."""
        from hemline.models.passes_kernel import add_pairs

        settings = self.settings

        def add(block: Histories, low: int, high: int, sums: Float64, totals: Float64) -> None:
            add_pairs(
                np.ascontiguousarray(block.start), np.ascontiguousarray(block.stop), block.article,
                block.time, 0 if as_of is None else as_of, table, settings.window_days, low, high,
                sums, totals,
            )  # fmt: skip

        self.indptr_, self.article_, self.value_ = passes.sums_in_passes(
            train, add, np.float64, settings.per_article, share=settings.share,
            threads=self.threads, progress=self.progress,
        )  # fmt: skip
