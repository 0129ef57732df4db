"""Features of candidates, block by block, the same in training and in service."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from hemline.blocks import Progress, silent
from hemline.config import Config
from hemline.models.base import Float32
from hemline.recommend.features.declared import Feature, channel_features
from hemline.shop.histories import Histories, end_of_day
from hemline.shop.tables import Catalogue

if TYPE_CHECKING:
    from hemline.recommend.candidates import Candidates


class Features:
    """What is known of (customer, candidate) just before a moment, as one matrix of numbers.

    Statistics of the articles are learned by `fit`; whatever concerns the customer is taken
    from the history that `compute` is given. Nothing at or after `as_of` is looked at.

    Parameters
    ----------
    config : Config
    channels : tuple of str
        Names of the channels, in the order of the columns of `Candidates`.

    Attributes
    ----------
    declared : tuple of Feature
        The columns, in order; after `fit` only those that the catalogue allows.
    """

    declared: tuple[Feature, ...]
    cutoff_: int | None

    def __init__(self, config: Config, channels: tuple[str, ...]) -> None:
        self.config = config
        self.channels = channels
        self.declared = channel_features(channels)

    def fit(
        self,
        train: Histories,
        catalogue: Catalogue,
        *,
        as_of: int | None = None,
        progress: Progress = silent,
    ) -> Self:
        """Learn the statistics of the articles from what was bought before `as_of` (seconds).

        None means the end of the last day in `train`, or no time at all for undated data.
        """
        if as_of is None:
            last = train.last_time()
            as_of = end_of_day(last) if last else None
        self.cutoff_ = as_of
        return self

    def compute(
        self, histories: Histories, candidates: Candidates, *, as_of: int | None
    ) -> Float32:
        """Return the features of every candidate, on the calling thread.

        Parameters
        ----------
        histories : Histories of n customers
        candidates : Candidates of the same customers
        as_of : int or None
            Seconds. Purchases at or after it are not seen. None only for undated data.

        Returns
        -------
        float32 (number of candidates, len(declared))
            In the order of the candidates; NaN where a value is not known.
        """
        proposed = candidates.rank > 0
        rank = np.where(proposed, candidates.rank, np.nan).astype(np.float32)
        best = np.where(proposed, candidates.rank, np.iinfo(np.int16).max).min(axis=1)
        return np.column_stack(
            [proposed.sum(axis=1), best, proposed, rank, candidates.score]
        ).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write what was learned."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "features.json").write_text(json.dumps({"cutoff": self.cutoff_}))

    @classmethod
    def load(
        cls, folder: Path, config: Config, catalogue: Catalogue, channels: tuple[str, ...]
    ) -> Self:
        """Map what `save` wrote into memory."""
        features = cls(config, channels)
        features.cutoff_ = json.loads((folder / "features.json").read_text())["cutoff"]
        return features
