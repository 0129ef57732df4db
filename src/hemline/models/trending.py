"""What sells more and more."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from hemline.config.channel_models import Trending as Settings
from hemline.models.lists import Lists, Taste, one_list
from hemline.models.sales import Float64, count_sales, fading
from hemline.shop.histories import Histories


class Trending(Lists[Settings]):
    """The articles that sold more in the last days than in those before: for everyone.

    Keywords are those of `config.channel_models.Trending`. With r sold in the last `days`,
    and e what would have been had they sold as in the `before_days` before, the score is

        (r - e) / sqrt(e + 1)

    how far the sales are above what chance would make of the earlier rate. An article that
    does not sell more than before is not recommended. Undated data has no trend: the score is
    then what sold.
    """

    name: ClassVar[str] = "trending"
    settings_type = Settings

    def _fit(self, train: Histories, as_of: int | None) -> None:
        settings = self.settings
        lately = count_sales(train, as_of, fading(0, settings.days))[0]
        if as_of is None:
            self._set_lists(np.zeros(len(lately), np.int32), lately)
            return
        before = count_sales(
            train.before(as_of - settings.days * 86_400),
            as_of - settings.days * 86_400,
            fading(0, settings.before_days),
        )[0]
        self._set_lists(
            np.zeros(len(lately), np.int32),
            growth(lately, before * (settings.days / settings.before_days)),
        )

    def _taste(self, histories: Histories, as_of: int | None) -> Taste:
        return one_list(len(histories))


def growth(sold: Float64, expected: Float64) -> Float64:
    """Return (sold - expected) / sqrt(expected + 1), 0 where that is below 0.

    >>> growth(np.array([9.0, 1.0]), np.array([3.0, 3.0])).tolist()
    [3.0, 0.0]
    """
    found: Float64 = np.maximum(sold - expected, 0) / np.sqrt(expected + 1)
    return found
