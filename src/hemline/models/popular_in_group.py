"""What sells in the departments, sections, … where the customer buys."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hemline.config.channel_models import PopularInGroup as Settings
from hemline.models.lists import AttributeLists
from hemline.models.sales import count_sales, fading
from hemline.shop.histories import Histories

if TYPE_CHECKING:
    from hemline.shop.tables import Catalogue


class PopularInGroup(AttributeLists[Settings]):
    """The articles most sold lately in the groups of articles that the customer buys from.

    Keywords are those of `config.channel_models.PopularInGroup`. The score of an article is
    the share of its group in the customer's purchases, each faded by its age, times what
    was sold of the article lately, divided by what was sold of the group to the power
    `share`.
    """

    name: ClassVar[str] = "popular_in_group"
    settings_type = Settings

    def _fit_with(self, train: Histories, as_of: int | None, catalogue: Catalogue | None) -> None:
        assert catalogue is not None  # `lacks` has seen to it
        settings = self.settings
        self.code_ = np.ascontiguousarray(catalogue.codes[settings.attribute])
        sold = count_sales(
            train, as_of, fading(settings.decay, settings.days),
            by_customers=settings.by == "customers",
        )[0]  # fmt: skip
        known = self.code_ >= 0
        of_group = np.bincount(self.code_[known], sold[known])
        divisor = np.maximum(of_group, 1e-12) ** settings.share
        values = np.where(known, sold / divisor[np.maximum(self.code_, 0)], 0)
        self._set_lists(self.code_, values)
