"""Confidence in a purchase, from its date, and the matrix of all of them."""

from __future__ import annotations

import datetime as dt

import numpy as np
import numpy.typing as npt
from scipy import sparse

from hemline.config import Weights
from hemline.shop.histories import SECONDS_PER_DAY, Histories
from hemline.shop.pairs import merge, span


def confidence(
    time: npt.NDArray[np.int64], as_of: int | None, settings: Weights
) -> npt.NDArray[np.float32]:
    """Return the weight of a purchase at each time, as seen from `as_of`.

    binary
        1.
    recent
        `values[i]` for purchases within `horizons[i]` horizons before `as_of` (or since
        `dates[i]`), the last value for all older ones.
    seasonal
        The first value for the last `season_horizons` horizons (or since `dates[0]`), the
        second for other purchases in `months`, the third for the rest. Without `months`
        they are the quarter of the year in which the last day before `as_of` lies.
    power_decay
        (1 + age) ** -exponent, age in horizons.

    Parameters
    ----------
    time : int64 (m,)
        Seconds.
    as_of : int or None
        Seconds. Undated data (None) weighs 1 throughout.

    Returns
    -------
    float32 (m,)
    """
    if as_of is None or settings.kind == "binary":
        return np.ones(len(time), np.float32)
    horizon = settings.horizon_days * SECONDS_PER_DAY
    if settings.kind == "power_decay":
        age = np.maximum(as_of - time, 0) / horizon
        decayed: npt.NDArray[np.float32] = ((1 + age) ** -settings.exponent).astype(np.float32)
        return decayed
    values: npt.NDArray[np.float32] = np.array(settings.values, np.float32)
    if settings.kind == "recent":
        first = [_seconds(day) for day in settings.dates] or [
            as_of - steps * horizon for steps in settings.horizons
        ]
        # `first` falls, so the step of a time is the number of firsts that lie after it
        at = len(first) - np.searchsorted(np.array(first[::-1], np.int64), time, side="right")
        stepped: npt.NDArray[np.float32] = values[at]
        return stepped
    lately = (
        _seconds(settings.dates[0])
        if settings.dates
        else (as_of - settings.season_horizons * horizon)
    )
    months = settings.months or _quarter(as_of)
    found: npt.NDArray[np.float32] = np.where(
        time >= lately, values[0], np.where(np.isin(_month(time), months), values[1], values[2])
    )
    return found


def interactions(
    histories: Histories, as_of: int | None, settings: Weights, threads: int = 0
) -> sparse.csr_matrix:
    """Return the confidence of each customer in each article bought, float32 CSR.

    Several purchases of one article by one customer are one entry: their `repeats` sum, the
    largest, or the last. With `quantity` a purchase of n pieces weighs n times as much.

    Parameters
    ----------
    histories : Histories of n customers
    as_of : int or None
        Seconds, from which the age of a purchase counts; None for undated data.

    Returns
    -------
    float32 CSR (n, n_articles), sorted, one entry for each distinct pair
    """
    held = span(histories)
    if settings.kind == "binary" or as_of is None:
        weight = held.weight if settings.quantity else None
    else:
        weight = confidence(held.time, as_of, settings)
        if settings.quantity:
            weight = weight * held.weight
    return merge(held, weight, settings.repeats, threads)


def _seconds(day: dt.date) -> int:
    return (day - dt.date(1970, 1, 1)).days * SECONDS_PER_DAY


def _month(time: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return time.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64) % 12 + 1


def _quarter(as_of: int) -> tuple[int, int, int]:
    first = (int(_month(np.array([as_of - 1], np.int64))[0]) - 1) // 3 * 3 + 1
    return first, first + 1, first + 2
