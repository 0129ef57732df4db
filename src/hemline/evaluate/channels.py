"""Which channels earn their place: what each reaches, alone and with the others, at what cost."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hemline.blocks import Progress, map_blocks, silent
from hemline.config import Config
from hemline.config.ranking import ALL
from hemline.recommend.candidates import Candidates
from hemline.recommend.channels import Channels
from hemline.shop.histories import Histories
from hemline.shop.splits import Fold, rolling_folds, split
from hemline.shop.tables import Catalogue
from hemline.shop.truth import Truth, pair_keys, stand_in

BLOCK = 2048


@dataclass(frozen=True)
class ChannelFigures:
    """What one channel reached in a fold; `ALL` stands for all of them.

    Attributes
    ----------
    channel, model : str
    rows : float
        Articles proposed to a customer, on average.
    recall : float
        Share of what the customers bought that was proposed to them: of all pairs of a
        customer and an article.
    unique : float
        Share that this channel alone proposed: what would be lost without it.
    precision : float
        Share of what was proposed that was bought.
    fit_seconds : float
        Of fitting the channel's model; wall-clock.
    seconds : float
        Of proposing to all customers of the fold; processor time, over all threads.
    """

    channel: str
    model: str
    rows: float
    recall: float
    unique: float | None
    precision: float
    fit_seconds: float
    seconds: float


@dataclass(frozen=True)
class ChannelReport:
    """All channels over one fold, in their order, and all together."""

    fold: Fold
    customers: int
    bought: int
    channels: list[ChannelFigures]
    union: ChannelFigures
    left_out: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON."""
        return {
            "first_day": str(self.fold.first_day),
            "last_day": str(self.fold.last_day),
            "customers": self.customers,
            "bought": self.bought,
            "channels": [asdict(one) for one in self.channels],
            "all": asdict(self.union),
            "left_out": self.left_out,
        }


def channel_report(
    config: Config,
    catalogue: Catalogue,
    histories: Histories,
    *,
    fold: Fold | None = None,
    as_of: int | None = None,
    progress: Progress = silent,
) -> ChannelReport:
    """Fit the channels before a cutoff, and hold what they propose against what was bought.

    Parameters
    ----------
    config : Config
    catalogue : Catalogue
    histories : Histories of all customers
    fold : Fold, optional
        The newest of the backtest when None.
    as_of : int, optional
        Seconds: nothing at or after it is used. The end of the last day when None.
    progress : callable

    Raises
    ------
    DataError
        The purchases have no dates or span too few days for a fold.
    """
    known = histories.before(as_of)
    if fold is None:
        fold = rolling_folds(known, config.evaluate.horizon_days, 1, end=as_of)[0]
    parted = split(known, fold)
    channels = Channels(config).fit(
        parted.train,
        catalogue,
        as_of=fold.cutoff,
        progress=lambda done, total: progress(done, 2 * max(total, 1)),
    )
    buyers = parted.truth.buyers
    counts = count_hits(
        channels,
        parted.train.take(buyers),
        parted.truth.take(buyers),
        fold.cutoff,
        threads=config.threads,
        progress=lambda done, total: progress(total + done, 2 * max(total, 1)),
    )
    bought = len(parted.truth.articles)
    figures = [
        _figures(channels, name, counts[at], len(buyers), bought)
        for at, name in enumerate((*channels.names, ALL))
    ]
    return ChannelReport(fold, len(buyers), bought, figures[:-1], figures[-1], channels.left_out)


def count_hits(
    channels: Channels,
    histories: Histories,
    truth: Truth,
    as_of: int,
    *,
    threads: int = 0,
    progress: Progress = silent,
) -> npt.NDArray[np.float64]:
    """Return proposals, hits, hits of it alone and seconds of each channel, then of all.

    Parameters
    ----------
    channels : Channels, fitted
    histories : Histories of n customers
    truth : Truth of the same
    as_of : int
        Seconds.
    threads : int
    progress : callable

    Returns
    -------
    float64 (channels + 1, 4)
    """
    held = truth.keys()
    names = channels.names

    def block(low: int, high: int) -> npt.NDArray[np.float64]:
        found = np.zeros((len(names) + 1, 4))
        part = histories.block(low, high)
        proposals = []
        for at, name in enumerate(names):
            started = time.thread_time()
            proposals.append(channels.propose(name, part, as_of=as_of))
            found[at, 3] = time.thread_time() - started
        started = time.thread_time()
        joined = Candidates.join(proposals, names, n_articles=channels.n_articles_)
        found[-1, 3] = found[:-1, 3].sum() + time.thread_time() - started
        hit = stand_in(held, pair_keys(low + joined.customers(), joined.article))
        by = joined.rank > 0
        found[:-1, 0] = by.sum(axis=0)
        found[:-1, 1] = by[hit].sum(axis=0)
        found[:-1, 2] = by[hit & (by.sum(axis=1) == 1)].sum(axis=0)
        found[-1, :2] = joined.n_rows, hit.sum()
        return found

    total = np.zeros((len(names) + 1, 4))
    for done, one in enumerate(map_blocks(block, len(histories), BLOCK, threads), start=1):
        total += one
        progress(min(done * BLOCK, len(histories)), len(histories))
    return total


def _figures(
    channels: Channels, name: str, counts: npt.NDArray[np.float64], customers: int, bought: int
) -> ChannelFigures:
    proposed, hits, alone, seconds = counts.tolist()
    union = name == ALL
    return ChannelFigures(
        name,
        "" if union else channels.settings[name].model_name,
        proposed / max(customers, 1),
        hits / max(bought, 1),
        None if union else alone / max(bought, 1),
        hits / max(proposed, 1),
        sum(channels.fit_seconds_.values()) if union else channels.fit_seconds_[name],
        seconds,
    )
