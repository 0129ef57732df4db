"""The end of a row that nothing else has filled: what is popular."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from hemline.models.base import Int32
from hemline.models.popular import Popular
from hemline.recommend.base import Recommendations, Request

_FILL: Final = ("popular-at-age", "popular")


class Filling:
    """Completes rows by popularity at the customer's age, then overall, by plain counts.

    Parameters
    ----------
    popular : Popular
        Fitted.
    channels : tuple of str
        The channels of the rows; a channel of the name "popular-at-age" or "popular" is taken
        for the one that fills, too.
    """

    def __init__(self, popular: Popular, channels: tuple[str, ...]) -> None:
        self._popular = popular
        popular.threads = 1  # blocks are spread over threads by whoever asks for them
        self._order = np.ascontiguousarray(popular.order_)
        self._counts = np.ascontiguousarray(popular.counts_)
        names = self.names(channels)
        self._first = len(names)
        places = [*range(len(names)), *(names.index(one) for one in _FILL), -1]
        self._places = np.array(places, np.int8)  # the last is that of -1

    @staticmethod
    def names(channels: tuple[str, ...]) -> tuple[str, ...]:
        """Return the channels with those that fill, each name once."""
        return tuple(dict.fromkeys((*channels, *_FILL)))

    def fill(
        self, asked: Request, found: Recommendations, *, at_age: npt.NDArray[np.bool_] | None = None
    ) -> npt.NDArray[np.bool_]:
        """Complete the rows in place; their scores are the counts.

        Parameters
        ----------
        asked : Request of n customers
        found : Recommendations
            Rows that are filled from the front.
        at_age : bool (n,), optional
            Whose age is asked for; of all when None.

        Returns
        -------
        bool (n, k)
            The places that were filled here.
        """
        from hemline.recommend.cascade_kernel import NEVER, fill_block

        bands: Int32 = self._popular.band_of(asked.histories.age)
        if at_age is not None:
            bands = np.where(at_age, bands, 0).astype(np.int32)
        fill_block(
            asked.arrays(),
            (self._order, self._counts, bands),
            self._first,
            asked.among,
            NEVER,
            (found.articles, found.scores, found.channels),
        )
        filled: npt.NDArray[np.bool_] = found.channels >= self._first
        found.channels[...] = self._places[found.channels]
        return filled
