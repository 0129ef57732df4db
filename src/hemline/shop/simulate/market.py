"""What sells when: lives, seasons and popularity of the articles, week by week."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemline.shop.simulate.catalogue import GRID, Catalogue
from hemline.shop.simulate.chance import stream
from hemline.shop.simulate.hierarchy import INDEXES

DISCOUNTS = np.array([0.0, 0.2, 0.3, 0.5, 0.6, 0.7])
MEMBER = np.array([0.0, 0.1])
SCALE = 590.0
"""H&M's prices are amounts divided by this: 9.99 is 0.0169."""


def price_table() -> npt.NDArray[np.float64]:
    """Return every price there can be, as float64 (26 * 6 * 2,), at `code`'s places."""
    amounts = GRID[:, None, None] * (1 - DISCOUNTS[None, :, None]) * (1 - MEMBER[None, None, :])
    amounts = np.maximum(np.round(amounts, 2), 0.59)
    found: npt.NDArray[np.float64] = np.round(amounts / SCALE, 16).ravel()
    return found


@dataclass(frozen=True)
class Market:
    """Popularity of every article in every week of the period.

    Attributes
    ----------
    start : datetime.date
    days : int
    sold_from, sold_until : int32 (n_articles,)
        Days, counted from the start, between which an article is sold, the last excluded.
    life : float32 (n_articles,)
        Days from launch to end, which set the discounts.
    week_start : int64 (weeks + 1,)
        Where each week begins in the two arrays that follow.
    articles : int32 (active,)
        Articles sold in a week, ordered by department (thereby by index).
    cumulative : float64 (active,)
        Running sums of their weights, whole numbers, starting anew in each week.
    edges : float64 (weeks, departments + 1)
        The running sum before each department.
    index_edges : int64 (indexes + 1,)
        First department of each index.
    day_clock : float64 (days + 1,)
        Share of all shopping trips before each day.
    """

    start: dt.date
    days: int
    sold_from: npt.NDArray[np.int32]
    sold_until: npt.NDArray[np.int32]
    life: npt.NDArray[np.float32]
    week_start: npt.NDArray[np.int64]
    articles: npt.NDArray[np.int32]
    cumulative: npt.NDArray[np.float64]
    edges: npt.NDArray[np.float64]
    index_edges: npt.NDArray[np.int64]
    day_clock: npt.NDArray[np.float64]


def make_market(catalogue: Catalogue, days: int, start: dt.date, seed: int) -> Market:
    """Draw lives and popularity, and add them up week by week."""
    rng = stream(seed, "lives")
    product = catalogue.product
    n_products, n = catalogue.n_products, catalogue.n_articles
    tau = np.exp(rng.normal(np.log(42.0), 0.55, n_products))
    length = np.where(catalogue.basic, rng.uniform(300, 1500, n_products), 4.2 * tau)
    # what was launched before the period is still sold for a while in it
    length = np.maximum(length, 21 - catalogue.launch + rng.gamma(1.5, 20.0, n_products))
    tau = np.where(catalogue.basic, 900.0, tau)
    # a third of the further colours come weeks after the first
    late = (rng.random(n) < 0.3) & (catalogue.first[product] != np.arange(n))
    delay = np.where(late, 7 * rng.integers(1, 7, n), 0)
    latest = np.maximum(7 * ((days - 1) // 7 - 1), catalogue.launch[product])
    sold_from = np.minimum(catalogue.launch[product] + delay, latest).astype(np.int32)
    sold_until = (sold_from + length[product]).astype(np.int32)
    base = _base(catalogue, rng)
    departments = len(catalogue.hierarchy.departments)
    order = np.argsort(catalogue.department[product], kind="stable").astype(np.int32)
    weeks = (days + 6) // 7
    seasons = _seasons(catalogue, weeks, start)
    noise = stream(seed, "market")
    spread = _spread(n)
    trend = noise.normal(0, 0.35 * spread, n)
    chosen, running, edges, bounds = [], [], np.zeros((weeks, departments + 1)), [0]
    for week in range(weeks):
        trend = 0.8 * trend + noise.normal(0, 0.21 * spread, n)
        age = np.maximum(7 * week - sold_from, 0)
        weight = base * np.exp(trend - age / tau[product]) * seasons[week][catalogue.type[product]]
        weight *= np.where(age == 0, 0.7, 1.0)
        sold = (sold_from <= 7 * week) & (7 * week < sold_until)
        # whole numbers: their sums are exact, so that no processor rounds its own way
        whole = np.where(sold, np.rint(weight * 1024), 0)[order]
        there = np.flatnonzero(whole > 0)
        here = order[there]
        cumulative = np.cumsum(whole[there])
        chosen.append(here)
        running.append(cumulative)
        bounds.append(bounds[-1] + len(here))
        until = np.searchsorted(catalogue.department[product[here]], np.arange(departments + 1))
        edges[week] = np.concatenate(([0.0], cumulative))[until]
    index_of = np.array([one.index for one in catalogue.hierarchy.departments])
    return Market(
        start,
        days,
        sold_from,
        sold_until,
        length[product].astype(np.float32),
        np.array(bounds),
        np.concatenate(chosen),
        np.concatenate(running),
        edges,
        np.searchsorted(index_of, np.arange(len(INDEXES) + 1)),
        _clock(days, start),
    )


def _spread(n_articles: int) -> float:
    """Return how wide popularity spreads: less in a small shop, whose top dozen sold half else."""
    return float(min(1.0, np.log(n_articles + 1) / np.log(100_000)) ** 3)


def _base(catalogue: Catalogue, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Draw how well articles sell: heavy tails of products, and of colours within them."""
    n, product = catalogue.n_articles, catalogue.product
    departments = catalogue.hierarchy.departments
    spread = _spread(n)
    sales = np.array([(one.sales / one.share) ** spread for one in departments])
    cheap = (10.0 / GRID) ** 0.15
    of_product = np.exp(rng.normal(0, 0.95 * spread, catalogue.n_products))
    of_product *= sales[catalogue.department] * cheap[catalogue.price]
    rank = np.arange(n) - catalogue.first[product]
    of_colour = np.exp(rng.normal(0, 0.4 * spread, n)) / (1 + 0.3 * rank)
    basics = np.where(catalogue.basic, 0.4, 1.0)
    found: npt.NDArray[np.float64] = 20.0 * (of_product * basics)[product] * of_colour
    return found


def _seasons(catalogue: Catalogue, weeks: int, start: dt.date) -> npt.NDArray[np.float64]:
    """Return the factor of every product type in every week, (weeks, types)."""
    middle = np.array([(start + dt.timedelta(7 * w + 3)).timetuple().tm_yday for w in range(weeks)])
    peaks = np.array([one.peak_month for _, _, one in catalogue.hierarchy.types])
    around = np.cos(2 * np.pi * (middle[:, None] / 365.25 - (peaks[None, :] - 0.5) / 12))
    found: npt.NDArray[np.float64] = np.where(peaks[None, :] > 0, np.exp(1.1 * around - 0.35), 1.0)
    return found


def _clock(days: int, start: dt.date) -> npt.NDArray[np.float64]:
    """Return the share of trips before each day: weekends, early summer, late November, sales."""
    dates = [start + dt.timedelta(one) for one in range(days)]
    weekday = np.array([0.93, 0.92, 0.97, 1.02, 1.06, 1.14, 0.96])
    weight = np.array([weekday[one.weekday()] for one in dates])
    yday = np.array([one.timetuple().tm_yday for one in dates])
    weight *= 1 + 0.18 * np.cos(2 * np.pi * (yday - 170) / 365.25)
    weight *= np.where((yday >= 326) & (yday <= 334), 1.7, 1.0)
    weight *= np.where((yday >= 175) & (yday <= 190), 1.35, 1.0)
    return np.concatenate(([0.0], np.cumsum(weight) / weight.sum()))
