"""What sells to people of about the customer's age."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from hemline.config.channel_models import PopularAtAge as Settings
from hemline.models.base import Int32
from hemline.models.lists import Lists, Taste, one_list
from hemline.models.sales import Float64, count_sales, fading
from hemline.shop.histories import Histories

OLDEST = 110


class PopularAtAge(Lists[Settings]):
    """The articles most sold lately to customers as old as this one, give or take some years.

    Keywords are those of `config.channel_models.PopularAtAge`. For each year of age the
    window of ages is widened, a year on both sides at a time, until `enough` was sold to
    it: narrow where there are many customers, wide at the ends. A customer whose age is not
    known has the list of everyone.

    List 0 is that of everyone, list 1 + a that of a customers' age a in years.
    """

    name: ClassVar[str] = "popular_at_age"
    settings_type = Settings

    def _fit(self, train: Histories, as_of: int | None) -> None:
        settings = self.settings
        years = self._years(train.age)
        # those of unknown age are a group of their own, the first
        sales = count_sales(
            train, as_of, fading(settings.decay, settings.days), group=years + 1,
            n_groups=OLDEST + 2, by_customers=settings.by == "customers",
        )  # fmt: skip
        parts = [_list_of(0, sales.sum(axis=0))]
        at_age = sales[1:]
        for age, (low, high) in enumerate(windows(at_age.sum(axis=1), settings.enough)):
            parts.append(_list_of(1 + age, at_age[low:high].sum(axis=0)))
        self._set_sorted(parts, OLDEST + 2)

    @staticmethod
    def _years(age: npt.NDArray[np.float32]) -> Int32:
        missing = np.isnan(age)
        return np.where(missing, -1, np.clip(np.where(missing, 0, age), 0, OLDEST)).astype(np.int32)

    def _taste(self, histories: Histories, as_of: int | None) -> Taste:
        return one_list(len(histories), self._years(histories.age) + 1)


def windows(sold: Float64, enough: float) -> list[tuple[int, int]]:
    """Return for each age the ages [low, high) around it to which `enough` was sold.

    Parameters
    ----------
    sold : float64 (ages,)
    enough : float

    >>> windows(np.array([5.0, 1.0, 1.0, 1.0]), 3)
    [(0, 1), (0, 3), (1, 4), (1, 4)]
    """
    found = []
    upto = np.concatenate([[0.0], np.cumsum(sold)])
    for age in range(len(sold)):
        width = 0
        low, high = age, age + 1
        while upto[high] - upto[low] < enough and (low > 0 or high < len(sold)):
            width += 1
            low, high = max(age - width, 0), min(age + width + 1, len(sold))
        found.append((low, high))
    return found


def _list_of(number: int, counts: Float64) -> tuple[Int32, Int32, Float64]:
    sold = np.flatnonzero(counts > 0).astype(np.int32)
    return np.full(len(sold), number, np.int32), sold, counts[sold]
