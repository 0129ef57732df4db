"""What the channels propose to a block of customers, joined: one row for each article."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemline.models.base import Float32, Int32, TopK


@dataclass(frozen=True)
class Candidates:
    """The distinct articles proposed to each of n customers, and by which channels.

    Attributes
    ----------
    bounds : int64 (n + 1,)
        Row i of the customers is the slice `bounds[i]:bounds[i + 1]` of what follows.
    article : int32 (m,)
        Positions, distinct within a row; by the first channel that proposes them, then by
        their rank there.
    rank : int16 (m, c)
        1 for the best of a channel; 0 where the channel did not propose it.
    score : float32 (m, c)
        The channel's own score, NaN where it has none. A channel with `score_all` scores
        every candidate.
    channels : tuple of str (c,)
    """

    bounds: npt.NDArray[np.int64]
    article: Int32
    rank: npt.NDArray[np.int16]
    score: Float32
    channels: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of customers."""
        return len(self.bounds) - 1

    @property
    def n_rows(self) -> int:
        """Number of candidates of all customers."""
        return len(self.article)

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Number of candidates of each customer, int64 (n,)."""
        return np.diff(self.bounds)

    def customers(self) -> npt.NDArray[np.int64]:
        """Return the customer's row of each candidate, int64 (m,)."""
        return np.repeat(np.arange(len(self)), self.counts)

    def padded(self) -> Int32:
        """Return the articles as int32 (n, longest row), -1 where a row has no more."""
        counts = self.counts
        width = int(counts.max(initial=0))
        found = np.full((len(self), width), -1, np.int32)
        found[np.arange(width) < counts[:, None]] = self.article
        return found

    def block(self, low: int, high: int) -> Candidates:
        """Return those of the customers [low, high), sharing the arrays."""
        first, last = self.bounds[low], self.bounds[high]
        return Candidates(
            self.bounds[low : high + 1] - first,
            self.article[first:last],
            self.rank[first:last],
            self.score[first:last],
            self.channels,
        )

    @classmethod
    def join(
        cls, proposals: Sequence[TopK], channels: tuple[str, ...], *, n_articles: int
    ) -> Candidates:
        """Join what each channel proposes to the same customers.

        Parameters
        ----------
        proposals : sequence of TopK, one for each channel
        channels : tuple of str
        n_articles : int
            Size of the catalogue.
        """
        from hemline.recommend.candidates_kernel import count_distinct, join_rows

        width = np.array([0, *(one.articles.shape[1] for one in proposals)], np.int64)
        offsets = np.cumsum(width)
        articles = np.ascontiguousarray(np.concatenate([one.articles for one in proposals], axis=1))
        scores = np.ascontiguousarray(np.concatenate([one.scores for one in proposals], axis=1))
        bounds = np.zeros(len(articles) + 1, np.int64)
        count_distinct(articles, n_articles, bounds[1:])
        np.cumsum(bounds, out=bounds)
        m, c = int(bounds[-1]), len(proposals)
        article = np.empty(m, np.int32)
        rank = np.zeros((m, c), np.int16)
        score = np.full((m, c), np.nan, np.float32)
        join_rows(articles, scores, offsets, n_articles, bounds, article, rank, score)
        return cls(bounds, article, rank, score, channels)
