"""What is new in the departments where the customer buys, sold already or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hemline.config.channel_models import NewArrivals as Settings
from hemline.models.base import Int32
from hemline.models.lists import AttributeLists
from hemline.models.sales import NEVER, Float64, Int64, count_sales, fading, first_and_last_sale
from hemline.shop.histories import SECONDS_PER_DAY, Histories

if TYPE_CHECKING:
    from hemline.shop.tables import Catalogue


class NewArrivals(AttributeLists[Settings]):
    """Articles first seen in the last days, and those about to be, by the customer's departments.

    Keywords are those of `config.channel_models.NewArrivals`. An article was first seen when it was
    first sold. One that never sold is taken to be as new as its neighbours in the order of the
    ids: shops number what they make, so that an article whose number stands among those of
    this month's arrivals is one of them. Its age is the median age of the `neighbours` articles
    nearest to it on each side that have sold; an article without any is not new.

    What an article is worth is what it may be expected to sell a day: of an article of age a
    (days) with s sales (s + prior m) / (a + prior), with m the mean of s / a over the new
    articles of its department that have sold; one that has not is worth m. The score is that
    times the share of its department in the customer's purchases, each faded by its age. In
    undated data what never sold is new.
    """

    name: ClassVar[str] = "new_arrivals"
    settings_type = Settings

    def _fit_with(self, train: Histories, as_of: int | None, catalogue: Catalogue | None) -> None:
        assert catalogue is not None  # `lacks` has seen to it
        settings = self.settings
        self.code_ = np.ascontiguousarray(catalogue.codes[settings.attribute])
        first, _ = first_and_last_sale(train)
        if as_of is None:
            self._set_lists(self.code_, (first == NEVER).astype(np.float64))
            return
        age = first_seen(first, as_of, settings.neighbours)
        new = (age < settings.days) & (self.code_ >= 0)
        sales = count_sales(train, as_of, fading(0, settings.days))[0]
        sold = new & (first != NEVER)
        days = np.where(sold, age + 1, 0)  # an article of today was on sale for a day
        mean = _mean_by_code(sales[sold] / days[sold], self.code_[sold], self.code_)
        worth = (sales + settings.prior * mean) / (days + settings.prior)
        self._set_lists(self.code_, np.where(new, worth, 0))


def _mean_by_code(values: Float64, codes: Int32, wanted: Int32) -> Float64:
    """Return the mean value at each code that is wanted; of all values where a code has none."""
    if not len(values):
        return np.ones(len(wanted))  # nothing has sold: what may be new is all the same
    size = int(max(codes.max(initial=-1), wanted.max(initial=-1))) + 1
    count = np.bincount(codes, minlength=size)
    total = np.bincount(codes, values, minlength=size)
    mean = np.where(count > 0, total / np.maximum(count, 1), values.mean())
    found: Float64 = mean[np.maximum(wanted, 0)]
    return found


def first_seen(first: Int64, as_of: int, neighbours: int) -> Float64:
    """Return the age of every article in days, float64 (n_articles,), infinite when not known.

    Parameters
    ----------
    first : int64 (n_articles,)
        Time of the first sale, `NEVER` for none, in the order of the ids.
    as_of : int
        Seconds.
    neighbours : int
        Articles with a sale, on each side, whose median age an article without one has.
    """
    sold = np.flatnonzero(first != NEVER)
    age = np.full(len(first), np.inf)
    if not len(sold):
        return age
    age[sold] = (as_of - 1 - first[sold]) // SECONDS_PER_DAY
    unsold = np.flatnonzero(first == NEVER)
    place = np.searchsorted(sold, unsold)[:, None] + np.arange(-neighbours, neighbours)
    outside = (place < 0) | (place >= len(sold))
    near = age[sold[np.clip(place, 0, len(sold) - 1)]]
    age[unsold] = np.nanmedian(np.where(outside, np.nan, near), axis=1)
    return age
