"""What every recommender must beat: what is popular, and what you bought lately."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from hemline.blocks import Progress, silent
from hemline.config import Config
from hemline.models.base import Mask, Repeat
from hemline.models.popular import Popular
from hemline.models.repurchase import Repurchase
from hemline.recommend.base import Recommendations, Request
from hemline.recommend.earlier import Earlier
from hemline.shop.histories import Histories
from hemline.shop.tables import Catalogue


class PopularRecipe:
    """The popular articles for everyone; with `popular.by_age`, those of the age band first.

    Articles that nobody bought lately close the list, by position, so that there are always
    k. What was bought may be recommended again. Score: the count.
    """

    name: ClassVar[str] = "popular"
    channel_names: ClassVar[tuple[str, ...]] = ("popular-at-age", "popular")

    n_articles_: int
    cutoff_: int | None
    summary_: dict[str, Any]
    popular: Popular
    earlier: Earlier | None = None

    def __init__(self, config: Config) -> None:
        self.config = config
        self.popular = Popular(**config.popular.model_dump())

    def fit(
        self,
        train: Histories,
        catalogue: Catalogue,
        *,
        as_of: int | None = None,
        progress: Progress = silent,
    ) -> Self:
        """Count what was bought before `as_of` (seconds)."""
        self.popular = Popular(**self.config.popular.model_dump())
        self.popular.threads = self.config.threads
        progress(0, 1)
        self.popular.fit(train, as_of=as_of)
        progress(1, 1)
        self._prepare()
        return self

    def _prepare(self) -> None:
        self.popular.threads = 1  # blocks are spread over threads by whoever asks for them
        self.n_articles_ = self.popular.n_articles_
        self.cutoff_ = self.popular.cutoff_
        self._popular = (
            np.ascontiguousarray(self.popular.order_),
            np.ascontiguousarray(self.popular.counts_),
        )
        self.summary_ = {"articles_sold_lately": int((self.popular.counts_[0] >= 1).sum())}

    def recommend(
        self,
        histories: Histories,
        k: int,
        *,
        as_of: int | None,
        among: Mask | None = None,
    ) -> Recommendations:
        """Answer one block of customers: see `Recipe.recommend`."""
        asked = Request.of(self, histories, k, as_of, among)
        found = Recommendations.empty(len(histories), k)
        self._fill(asked, found)
        return found

    def _fill(self, asked: Request, found: Recommendations) -> None:
        from hemline.recommend.cascade_kernel import NEVER, fill_block

        ages = asked.histories.age
        bands = self.popular.band_of(ages) if self._by_age else np.zeros(len(ages), np.int32)
        fill_block(
            asked.arrays(),
            (*self._popular, bands),
            self.channel_names.index("popular-at-age"),
            asked.among,
            NEVER,
            (found.articles, found.scores, found.channels),
        )

    @property
    def _by_age(self) -> bool:
        return self.popular.settings.by_age

    def save(self, folder: Path) -> None:
        """Write the counts."""
        self.popular.save(folder / "popular")

    @classmethod
    def load(cls, folder: Path, config: Config, catalogue: Catalogue) -> Self:
        """Map what `save` wrote into memory."""
        recipe = cls(config)
        recipe.popular = Popular.load(folder / "popular")
        recipe._prepare()
        return recipe


class RepurchaseRecipe(PopularRecipe):
    """What the customer bought lately, then what is popular, nothing twice.

    Score: that of the model in channel ``repurchase``, the count in the others.
    """

    name: ClassVar[str] = "repurchase"
    channel_names: ClassVar[tuple[str, ...]] = ("repurchase", "popular-at-age", "popular")

    repurchase: Repurchase

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.repurchase = Repurchase(**config.repurchase.model_dump())

    def fit(
        self,
        train: Histories,
        catalogue: Catalogue,
        *,
        as_of: int | None = None,
        progress: Progress = silent,
    ) -> Self:
        """Count what was bought before `as_of` (seconds)."""
        self.repurchase = Repurchase(**self.config.repurchase.model_dump())
        self.repurchase.fit(train, as_of=as_of)
        return super().fit(train, catalogue, as_of=as_of, progress=progress)

    def recommend(
        self,
        histories: Histories,
        k: int,
        *,
        as_of: int | None,
        among: Mask | None = None,
    ) -> Recommendations:
        """Answer one block of customers: see `Recipe.recommend`."""
        asked = Request.of(self, histories, k, as_of, among)
        self.repurchase.threads = 1
        best = self.repurchase.recommend(
            asked.histories, k, as_of=as_of, among=among, repeat=Repeat.allow()
        )
        channels = np.where(best.articles >= 0, 0, -1).astype(np.int8)
        found = Recommendations(
            np.ascontiguousarray(best.articles), np.ascontiguousarray(best.scores), channels
        )
        self._fill(asked, found)
        return found

    def save(self, folder: Path) -> None:
        """Write the counts, and the settings of the repurchases."""
        super().save(folder)
        self.repurchase.save(folder / "repurchase")

    @classmethod
    def load(cls, folder: Path, config: Config, catalogue: Catalogue) -> Self:
        """Map what `save` wrote into memory."""
        recipe = super().load(folder, config, catalogue)
        recipe.repurchase = Repurchase.load(folder / "repurchase")
        return recipe
