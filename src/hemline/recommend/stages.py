"""Both stages joined: candidates, their features, their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hemline.models.base import Int32, Mask
from hemline.recommend.channels import Channels
from hemline.recommend.features import Features
from hemline.recommend.ranker import Ranker
from hemline.shop.histories import Histories

TILE: Final = 512
"""Customers whose candidates are held at once: some 40 MB of features."""


@dataclass(frozen=True)
class Stages:
    """Channels that propose, features that tell, a ranker that decides."""

    channels: Channels
    features: Features
    ranker: Ranker

    def best(
        self,
        histories: Histories,
        k: int,
        *,
        as_of: int | None,
        among: Mask | None = None,
    ) -> tuple[Int32, npt.NDArray[np.float64], npt.NDArray[np.int8]]:
        """Return the best k candidates of each customer, on the calling thread.

        Returns
        -------
        articles : int32 (n, k)
            -1 where there are fewer candidates.
        scores : float64 (n, k)
            The ranker's own, falling along a row; -inf where there is none.
        channels : int8 (n, k)
            The first of the channels that proposed it.
        """
        n = len(histories)
        articles = np.full((n, k), -1, np.int32)
        scores = np.full((n, k), -np.inf)
        channels = np.full((n, k), -1, np.int8)
        for low in range(0, n, TILE):
            rows = slice(low, min(low + TILE, n))
            mask = among[rows] if among is not None and among.ndim == 2 else among
            self._tile(
                histories.take(rows), as_of, mask, articles[rows], scores[rows], channels[rows]
            )
        return articles, scores, channels

    def _tile(
        self,
        histories: Histories,
        as_of: int | None,
        among: Mask | None,
        articles: Int32,
        scores: npt.NDArray[np.float64],
        channels: npt.NDArray[np.int8],
    ) -> None:
        from hemline.recommend.two_stage_kernel import best_rows

        candidates = self.channels.gather(histories, as_of=as_of, among=among)
        features = self.features.compute(histories, candidates, as_of=as_of)
        best_rows(
            candidates.bounds,
            candidates.article,
            candidates.rank,
            self.ranker.score(features),
            articles,
            scores,
            channels,
        )
