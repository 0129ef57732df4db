"""Channels that fill a row one after another: what a good rule reaches without learning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from hemline.blocks import Progress, silent
from hemline.config import Config
from hemline.config.ranking import DEFAULT_CHANNELS
from hemline.errors import ConfigError
from hemline.models.base import Mask
from hemline.models.popular import Popular
from hemline.recommend.base import Recommendations, Request
from hemline.recommend.channels import Channels
from hemline.recommend.earlier import Earlier
from hemline.recommend.filling import Filling
from hemline.shop.histories import Histories
from hemline.shop.tables import Catalogue


class Rules:
    """The candidates of `rules.channels`, in this order, then what is popular.

    A channel that is not enabled is passed over.

    What has been proposed by an earlier channel is not taken again. The score of an article
    is the one of the channel that it came by; popularity that fills the row has its count.
    """

    name: ClassVar[str] = "rules"

    n_articles_: int
    cutoff_: int | None
    summary_: dict[str, Any]
    channels: Channels
    popular: Popular
    earlier: Earlier | None = None

    def __init__(self, config: Config) -> None:
        self.config = config
        declared = (*DEFAULT_CHANNELS, *config.channels)
        for one in config.rules.channels:
            if one not in declared:
                raise ConfigError(
                    f"rules.channels: no channel {one!r}", hint=f"channels: {', '.join(declared)}"
                )
        self._unfitted()

    def _unfitted(self) -> None:
        self.channels = Channels(self.config, self.config.rules.channels)
        self.popular = Popular(**{**self.config.popular.model_dump(), "by_age": True})

    @property
    def channel_names(self) -> tuple[str, ...]:
        """The channels, and popularity where it is none of them."""
        return Filling.names(self.channels.names)

    def fit(
        self,
        train: Histories,
        catalogue: Catalogue,
        *,
        as_of: int | None = None,
        progress: Progress = silent,
    ) -> Self:
        """Fit the channels on what was bought before `as_of` (seconds)."""
        self._unfitted()
        if self.earlier is not None and isinstance(self.earlier.recipe, Rules):
            self.channels.go_on_from(self.earlier, self.earlier.recipe.channels)
        self.channels.fit(train, catalogue, as_of=as_of, progress=progress)
        self.popular.threads = self.config.threads
        self.popular.fit(train, as_of=as_of)
        self._prepare()
        self.summary_["lines"] += self.channels.went_on
        return self

    def _prepare(self) -> None:
        self.n_articles_, self.cutoff_ = self.channels.n_articles_, self.channels.cutoff_
        self._filling = Filling(self.popular, self.channels.names)
        left_out = self.channels.left_out
        self.summary_ = {
            "channels": list(self.channels.names),
            "channels_left_out": left_out,
            "lines": [f"no channel {name}: {why}" for name, why in left_out.items()],
        }

    def recommend(
        self,
        histories: Histories,
        k: int,
        *,
        as_of: int | None,
        among: Mask | None = None,
    ) -> Recommendations:
        """Answer one block of customers: see `Recipe.recommend`."""
        from hemline.recommend.two_stage_kernel import best_rows

        asked = Request.of(self, histories, k, as_of, among)
        candidates = self.channels.gather(asked.histories, as_of=as_of, among=among)
        found = Recommendations.empty(len(histories), k)
        order = np.full((len(histories), k), -np.inf)
        # candidates stand by channel and rank: the earlier, the better
        best_rows(
            candidates.bounds,
            candidates.article,
            candidates.rank,
            -np.arange(candidates.n_rows, dtype=np.float64),
            found.articles,
            order,
            found.channels,
        )
        chosen = found.articles >= 0
        rows = (-order[chosen]).astype(np.int64)
        found.scores[chosen] = candidates.score[rows, found.channels[chosen]]
        self._filling.fill(asked, found)
        return found

    def save(self, folder: Path) -> None:
        """Write every channel's model, and the counts."""
        self.channels.save(folder / "channels")
        self.popular.save(folder / "popular")
        (folder / "summary.json").write_text(json.dumps(self.summary_, indent=1))

    @classmethod
    def load(cls, folder: Path, config: Config, catalogue: Catalogue) -> Self:
        """Map what `save` wrote into memory."""
        recipe = cls(config)
        recipe.channels = Channels.load(
            folder / "channels", config, catalogue, config.rules.channels
        )
        recipe.popular = Popular.load(folder / "popular")
        recipe._prepare()
        return recipe
