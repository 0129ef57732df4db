"""What a ranker learns from: candidates as of an earlier moment, and what was bought then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hemline.blocks import map_blocks
from hemline.models.base import Float32
from hemline.recommend.candidates import Candidates
from hemline.recommend.channels import Channels
from hemline.recommend.features import Features
from hemline.recommend.ranker import Examples
from hemline.recommend.windows import Window
from hemline.shop.histories import Histories
from hemline.shop.tables import Catalogue
from hemline.shop.truth import Truth, stand_in

UInt64 = npt.NDArray[np.uint64]
BLOCK: Final = 1024
_DIGEST_BLOCK: Final = 1 << 16


@dataclass(frozen=True)
class Fitted:
    """Channels and features that know nothing of a window's days, and what was bought in them.

    Attributes
    ----------
    histories : Histories of n customers
        Cut at the window's cutoff.
    truth : Truth of n customers
        What they bought in the window.
    """

    window: Window
    catalogue: Catalogue
    channels: Channels
    features: Features
    histories: Histories
    truth: Truth
    threads: int

    @property
    def names(self) -> tuple[str, ...]:
        """The features."""
        return tuple(one.name for one in self.features.declared)

    def examples(self, rows: npt.NDArray[np.int64], negatives: int, digest: UInt64) -> Examples:
        """Return candidates of the customers `rows` with a hit, and so many others of each.

        Parameters
        ----------
        rows : int64 (b,)
        negatives : int
            Candidates of a customer that were not bought, at most.
        digest : uint64 (b,)
            What decides which: see `digests`.
        """

        def block(low: int, high: int) -> Examples:
            chosen = rows[low:high]
            histories, found, bought = self._candidates(chosen)
            kept = thinned(found, bought, negatives, digest[low:high])
            chosen_rows, less = _subset(found, kept)
            features = self._features(histories.take(chosen_rows), less)
            return Examples(features, bought[kept], less.counts)

        parts = list(map_blocks(block, len(rows), BLOCK, self.threads))
        return Examples.join(parts, len(self.features.declared))

    def judged(
        self,
        rows: npt.NDArray[np.int64],
        score: Callable[[Float32], npt.NDArray[np.float64]],
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
        """Return scores, truth and counts of all candidates of the customers `rows`."""

        def block(low: int, high: int) -> tuple[npt.NDArray[np.float64], ...]:
            histories, found, bought = self._candidates(rows[low:high])
            return score(self._features(histories, found)), bought, found.counts  # type: ignore[return-value]

        parts = list(map_blocks(block, len(rows), BLOCK, self.threads))
        return (
            np.concatenate([np.zeros(0), *(one[0] for one in parts)]),
            np.concatenate([np.zeros(0, bool), *(one[1] for one in parts)]).astype(bool),
            np.concatenate([np.zeros(0, np.int64), *(one[2] for one in parts)]).astype(np.int64),
        )

    def _candidates(
        self, rows: npt.NDArray[np.int64]
    ) -> tuple[Histories, Candidates, npt.NDArray[np.bool_]]:
        histories, truth = self.histories.take(rows), self.truth.take(rows)
        found = self.channels.gather(histories, as_of=self.window.cutoff)
        keys = (found.customers() << 32) | found.article.astype(np.int64)
        return histories, found, stand_in(truth.keys(), keys)

    def _features(self, histories: Histories, candidates: Candidates) -> Float32:
        return self.features.compute(histories, candidates, as_of=self.window.cutoff)


def thinned(
    candidates: Candidates, bought: npt.NDArray[np.bool_], negatives: int, digest: UInt64
) -> npt.NDArray[np.bool_]:
    """Tell which candidates to learn from: bool, one for each.

    All that were bought, and of each customer with one so many others, those with the lowest
    hash of the customer and the article.
    """
    customer = candidates.customers()
    hits = np.bincount(customer[bought], minlength=len(candidates))
    keep = hits[customer] > 0
    places = np.flatnonzero(keep & ~bought)
    key = scattered(
        digest[customer[places]] + candidates.article[places].astype(np.uint64)
        * np.uint64(0x9E3779B97F4A7C15)
    )  # fmt: skip
    order = np.lexsort((key, customer[places]))
    sorted_customer = customer[places][order]
    first = np.searchsorted(sorted_customer, np.arange(len(candidates)))
    rank = np.arange(len(order)) - first[sorted_customer]
    keep[places[order[rank >= negatives]]] = False
    return keep


def _subset(
    candidates: Candidates, kept: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int64], Candidates]:
    """Return the customers with a candidate that is kept, and these candidates of theirs."""
    counts = np.bincount(candidates.customers()[kept], minlength=len(candidates))
    rows = np.flatnonzero(counts)
    bounds = np.concatenate([[0], np.cumsum(counts[rows])]).astype(np.int64)
    return rows, Candidates(
        bounds,
        candidates.article[kept],
        candidates.rank[kept],
        candidates.score[kept],
        candidates.channels,
    )


def digests(histories: Histories, seed: int, threads: int = 0) -> UInt64:
    """Return a hash of the seed and each customer's purchases, uint64 (n,).

    It follows from the history alone, so that what is drawn by it does not depend on which
    other customers there are.
    """

    def block(low: int, high: int) -> UInt64:
        part = histories.block(low, high)
        rows = part.rows()
        each = scattered(
            part.article[rows].astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
            + part.time[rows].astype(np.uint64)
        )
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(each, dtype=np.uint64)])
        bounds = np.concatenate([[0], np.cumsum(part.lengths)])
        return scattered(sums[bounds[1:]] - sums[bounds[:-1]] + np.uint64(seed))

    parts = list(map_blocks(block, len(histories), _DIGEST_BLOCK, threads))
    return np.concatenate([np.zeros(0, np.uint64), *parts])


def scattered(x: UInt64) -> UInt64:
    """Scatter 64 bits: the finalizer of SplitMix64 (Steele, Lea and Flood 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def lowest(digest: UInt64, rows: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.int64]:
    """Return at most n of `rows`, those with the lowest hash, ascending."""
    if len(rows) <= n:
        return rows
    return np.sort(rows[np.argsort(digest[rows], kind="stable")[:n]])
