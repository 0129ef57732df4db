"""What looks like what the customer bought."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hemline.config.channel_models import LooksLike as Settings
from hemline.models.attributes import shared_codes
from hemline.models.item_to_item import ItemToItem, ranked_rows
from hemline.shop.histories import Histories

if TYPE_CHECKING:
    from hemline.shop.tables import Catalogue


class LooksLike(ItemToItem[Settings]):
    """The visually similar articles of every purchase, in the customer's departments and indexes.

    Keywords are those of `config.channel_models.LooksLike`. An article must share each of
    `attributes` with some purchase, as in the cascade; one that no article of the shop has
    does not filter. The score is the sum of the cosines with the purchases, each faded by
    its age. A cosine of 0 or less says nothing.
    """

    name: ClassVar[str] = "similar"
    settings_type = Settings

    def lacks(self, catalogue: Catalogue | None) -> str:
        """Say that there are no similar articles."""
        known = catalogue is not None and (catalogue.similar >= 0).any()
        return "" if known else "no similar articles: no photos"

    def _fit(self, train: Histories, as_of: int | None) -> None:
        raise NotImplementedError("needs the catalogue")  # `lacks` has said so already

    def _fit_with(self, train: Histories, as_of: int | None, catalogue: Catalogue | None) -> None:
        assert catalogue is not None  # `lacks` has seen to it
        similar, cosine = np.asarray(catalogue.similar), np.asarray(catalogue.similarity)
        held = similar >= 0
        indptr = np.concatenate([[0], np.cumsum(held.sum(axis=1))]).astype(np.int64)
        self.indptr_, self.article_, self.value_ = ranked_rows(indptr, similar[held], cosine[held])
        self.codes_ = shared_codes(catalogue, self.settings.attributes)
