"""Purchases parted in time: what a model may learn from, and what it is judged by."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

from hemline.errors import ConfigError, CutoffError, DataError
from hemline.shop.histories import SECONDS_PER_DAY, Histories, end_of_day
from hemline.shop.truth import Truth, stand_in


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
            f"the purchases span {days} day{'s' * (days > 1)}; {n} fold{'s' * (n > 1)} of "
            f"{horizon_days} days need{'s' * (n == 1)} at least {n * horizon_days + 1}",
            hint="fewer evaluate.folds or evaluate.horizon_days, or more data; evaluate.folds = 0 "
            "leaves the backtest out",
        )
    return found


def rolling_folds(
    histories: Histories, horizon_days: int, n: int, *, end: int | None = None
) -> list[Fold]:
    """Return the folds of all that `histories` hold, up to `end`, or the end of the last day.

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
    return folds(end_of_day(last) if end is None else end, horizon_days, n, first=first)


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


def check_disjoint(split: Split) -> None:
    """Raise CutoffError when a (customer, article) pair is both learnt from and judged by."""
    if stand_in(Truth.of(split.train).keys(), split.truth.keys()).any():
        raise CutoffError(
            "a customer's article is both learnt from and judged by",
            hint="hold out an article with all its purchases",
        )


def _first_time(histories: Histories) -> int | None:
    held = histories.stop > histories.start
    return int(histories.time[histories.start[held]].min()) if held.any() else None
