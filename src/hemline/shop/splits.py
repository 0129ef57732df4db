"""Purchases parted into what a model may learn from and what it is judged by."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hemline.errors import ConfigError, CutoffError, DataError
from hemline.shop.histories import SECONDS_PER_DAY, Histories, end_of_day


@dataclass(frozen=True)
class Truth:
    """What n customers bought in a period: CSR of distinct articles, ascending in a row.

    Attributes
    ----------
    bounds : int64 (n + 1,)
        Row i is the slice `bounds[i]:bounds[i + 1]` of `articles`.
    articles : int32 (m,)
        Positions of articles; no article twice in a row.
    """

    bounds: npt.NDArray[np.int64]
    articles: npt.NDArray[np.int32]

    @classmethod
    def of(cls, histories: Histories) -> Truth:
        """Collect the distinct articles of every row of `histories`."""
        return cls.from_pairs(
            histories.customers(), histories.article[histories.rows()], n_customers=len(histories)
        )

    @classmethod
    def from_pairs(
        cls, customer: npt.ArrayLike, article: npt.ArrayLike, *, n_customers: int
    ) -> Truth:
        """Collect pairs in any order, integers (m,); a pair given twice counts once."""
        keys = np.unique(_pair_keys(np.asarray(customer), np.asarray(article)))
        bounds = np.searchsorted(keys, np.arange(n_customers + 1, dtype=np.int64) << 32)
        return cls(bounds.astype(np.int64), (keys & 0xFFFFFFFF).astype(np.int32))

    @classmethod
    def from_lists(cls, lists: Sequence[Iterable[int]]) -> Truth:
        """Collect one list of articles a customer.

        >>> Truth.from_lists([[7, 3, 7], []]).articles.tolist()
        [3, 7]
        """
        rows = [np.fromiter(one, dtype=np.int64) for one in lists]
        customer = np.repeat(np.arange(len(rows)), [len(one) for one in rows])
        return cls.from_pairs(
            customer, np.concatenate([*rows, np.zeros(0, np.int64)]), n_customers=len(rows)
        )

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Number of distinct articles of each customer, int64 (n,)."""
        return np.diff(self.bounds)

    @property
    def buyers(self) -> npt.NDArray[np.int64]:
        """Rows with at least one article, ascending."""
        return np.flatnonzero(self.counts)

    def take(self, rows: npt.NDArray[np.int64]) -> Truth:
        """Return the chosen rows, in the order of `rows` (positions)."""
        counts = self.counts[rows]
        bounds = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum(counts, out=bounds[1:])
        places = np.arange(bounds[-1]) + np.repeat(self.bounds[rows] - bounds[:-1], counts)
        return Truth(bounds, self.articles[places])


@dataclass(frozen=True)
class Fold:
    """A cutoff and the period after it that is predicted: seconds, `cutoff <= t < end`."""

    cutoff: int
    end: int

    @classmethod
    def at(cls, day: dt.date, horizon_days: int) -> Fold:
        """Cut at the first second (UTC) of `day`."""
        cutoff = (day - dt.date(1970, 1, 1)).days * SECONDS_PER_DAY
        return cls(cutoff, cutoff + horizon_days * SECONDS_PER_DAY)

    @property
    def first_day(self) -> dt.date:
        """The first day that is predicted."""
        return dt.date(1970, 1, 1) + dt.timedelta(seconds=self.cutoff)

    @property
    def last_day(self) -> dt.date:
        """The last day that is predicted."""
        return dt.date(1970, 1, 1) + dt.timedelta(seconds=self.end - 1)


@dataclass(frozen=True)
class Split:
    """One division of a shop's purchases: the same customers, in the same order, in both.

    Attributes
    ----------
    train : Histories of n customers
    truth : Truth of n customers
        Empty for a customer who is not judged.
    """

    train: Histories
    truth: Truth


def folds(end: int, horizon_days: int, n: int, *, first: int | None = None) -> list[Fold]:
    """Return n folds one horizon apart, the newest last; the newest ends at `end`.

    Parameters
    ----------
    end : int
        Seconds: the first moment after the last day with purchases.
    horizon_days : int
        Days of each predicted period.
    n : int
    first : int, optional
        Time of the earliest purchase. When given, the earliest fold must have something
        before its cutoff.

    Raises
    ------
    DataError
        Nothing lies before the earliest cutoff.

    >>> [(str(fold.first_day), str(fold.last_day)) for fold in folds(21 * 86_400, 7, 2)]
    [('1970-01-08', '1970-01-14'), ('1970-01-15', '1970-01-21')]
    """
    if n < 1 or horizon_days < 1:
        raise ConfigError(
            f"{n} folds of {horizon_days} days", hint="at least 1 fold, and at least 1 day"
        )
    step = horizon_days * SECONDS_PER_DAY
    found = [Fold(end - (i + 1) * step, end - i * step) for i in reversed(range(n))]
    if first is not None and first >= found[0].cutoff:
        days = math.ceil((end - first) / SECONDS_PER_DAY)
        raise DataError(
            f"the purchases span {days} days; {n} fold{'s' * (n > 1)} of {horizon_days} days "
            f"need{'s' * (n == 1)} at least {n * horizon_days + 1}",
            hint="fewer evaluate.folds or evaluate.horizon_days, or more data; evaluate.folds = 0 "
            "leaves the backtest out",
        )
    return found


def rolling_folds(histories: Histories, horizon_days: int, n: int) -> list[Fold]:
    """Return the folds of all that `histories` hold, up to the end of their last day.

    Raises
    ------
    DataError
        There is no purchase, the purchases have no dates, or they span too few days.
    """
    last, first = histories.last_time(), _first_time(histories)
    if last is None or first is None:
        raise DataError("there are no purchases to judge by", hint="check the purchases")
    if last == 0 and first == 0:
        raise DataError(
            "the purchases have no dates, and cannot be cut in time",
            hint="evaluate.folds = 0 leaves the backtest out; the random hold-out needs no dates",
        )
    return folds(end_of_day(last), horizon_days, n, first=first)


def split(histories: Histories, fold: Fold) -> Split:
    """Part purchases at a cutoff: before it to learn from, [cutoff, end) to be judged by.

    Parameters
    ----------
    histories : Histories of n customers

    Raises
    ------
    DataError
        One of the two sides holds no purchase.
    CutoffError
        A purchase to learn from is not earlier than every purchase to be judged by. It
        cannot happen while each row is sorted by time, and is checked all the same.
    """
    train = histories.before(fold.cutoff)
    test = histories.since(fold.cutoff).before(fold.end)
    for side, part in (("before the cutoff", train), ("in the predicted days", test)):
        if not part.n_purchases:
            raise DataError(
                f"no purchase {side}: cutoff {fold.first_day}, last predicted day {fold.last_day}",
                hint="choose a cutoff within the dates of the purchases",
            )
    check_in_time(train, test)
    return Split(train, Truth.of(test))


def check_in_time(train: Histories, test: Histories) -> None:
    """Raise CutoffError unless every purchase of `train` is earlier than all of `test`."""
    learnt, judged = train.time[train.rows()], test.time[test.rows()]
    if len(learnt) and len(judged) and learnt.max() >= judged.min():
        raise CutoffError(
            f"a purchase at {learnt.max()} s is learnt from, and one at {judged.min()} s is "
            "judged by",
            hint="histories must be sorted by time in each row",
        )


def random_holdout(histories: Histories, *, share: float = 0.2, seed: int = 1) -> Split:
    """Hold out a random share of each customer's articles: random, NOT in time.

    The division of the talk and of most library examples. It lets a model learn from later
    purchases than those it is judged by, so its figures say how well a history is completed,
    not how well the future is predicted. Use `split` for that.

    An article is held out with all its purchases by that customer, so no (customer, article)
    pair is on both sides. Of n articles, `floor(share * n + 0.5)` are held out, and at least
    one is kept. Which ones follows from a hash of the seed, the customer's articles and the
    article: it does not depend on the order of customers or purchases.

    Parameters
    ----------
    histories : Histories of n customers
    share : float
        Of each customer's distinct articles; between 0 and 1.
    seed : int

    Raises
    ------
    ConfigError
        `share` is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise ConfigError(f"a hold-out of {share}", hint="a share between 0 and 1")
    compact = histories.compact()
    everything = Truth.of(compact)
    customer = np.repeat(np.arange(len(everything)), everything.counts)
    drawn = _draws(everything, customer, seed)
    order = np.lexsort((everything.articles, drawn, customer))
    place = np.arange(len(order)) - np.repeat(everything.bounds[:-1], everything.counts)
    n_held = np.floor(share * everything.counts + 0.5).astype(np.int64)
    n_held = np.minimum(n_held, np.maximum(everything.counts - 1, 0))
    held = order[place < n_held[customer]]
    truth = Truth.from_pairs(customer[held], everything.articles[held], n_customers=len(everything))
    return Split(_without(compact, truth), truth)


def check_disjoint(split: Split) -> None:
    """Raise CutoffError when a (customer, article) pair is both learnt from and judged by."""
    if len(np.intersect1d(_truth_keys(split.truth), _truth_keys(Truth.of(split.train)))):
        raise CutoffError(
            "a customer's article is both learnt from and judged by",
            hint="hold out an article with all its purchases",
        )


def _first_time(histories: Histories) -> int | None:
    held = histories.stop > histories.start
    return int(histories.time[histories.start[held]].min()) if held.any() else None


def _pair_keys(customer: npt.NDArray[Any], article: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    keys: npt.NDArray[np.int64] = (customer.astype(np.int64) << 32) | article.astype(np.int64)
    return keys


def _truth_keys(truth: Truth) -> npt.NDArray[np.int64]:
    return _pair_keys(np.repeat(np.arange(len(truth)), truth.counts), truth.articles)


def _without(compact: Histories, truth: Truth) -> Histories:
    keys, unwanted = _pair_keys(compact.customers(), compact.article), _truth_keys(truth)
    if not len(unwanted):
        return compact
    places = np.minimum(np.searchsorted(unwanted, keys), len(unwanted) - 1)
    keep = unwanted[places] != keys
    before = np.concatenate([[0], np.cumsum(keep)])
    names = ("article", "time", "weight", "price", "channel")
    return replace(
        compact,
        start=before[compact.start],
        stop=before[compact.stop],
        **{name: getattr(compact, name)[keep] for name in names},
    )


def _draws(truth: Truth, customer: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.uint64]:
    # a sum of hashes does not depend on order, and tells customers apart by what they bought
    hashed = _mix(truth.articles.astype(np.uint64))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(hashed, dtype=np.uint64)])
    whole = _mix((sums[truth.bounds[1:]] - sums[truth.bounds[:-1]]) ^ _mix(np.uint64(seed)))
    return _mix(whole[customer] ^ hashed)


def _mix(values: npt.NDArray[np.uint64] | np.uint64) -> npt.NDArray[np.uint64]:
    """Scatter 64-bit values (the finaliser of SplitMix64, Steele et al. 2014)."""
    with np.errstate(over="ignore"):
        z = np.atleast_1d(values) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))
