"""The other articles of a product that the customer bought: its other colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hemline.config.channel_models import SameProduct as Settings
from hemline.models.attributes import lacks_attribute
from hemline.models.item_to_item import ItemToItem, ranked_rows
from hemline.models.sales import count_sales, fading
from hemline.shop.histories import Histories

if TYPE_CHECKING:
    from hemline.shop.tables import Catalogue


class SameProduct(ItemToItem[Settings]):
    """Articles with the product code of a purchase, those that sell first.

    Keywords are those of `config.channel_models.SameProduct`. What a purchase says of
    another article of its product is that article's share in what the product sold in the
    last `days`, each article counted half a sale more, so that those which did not sell are
    there as well.
    """

    name: ClassVar[str] = "same_product"
    settings_type = Settings

    def lacks(self, catalogue: Catalogue | None) -> str:
        """Say that no article has the attribute."""
        return lacks_attribute(catalogue, self.settings.attribute)

    def _fit(self, train: Histories, as_of: int | None) -> None:
        raise NotImplementedError("needs the catalogue")  # `lacks` has said so already

    def _fit_with(self, train: Histories, as_of: int | None, catalogue: Catalogue | None) -> None:
        assert catalogue is not None  # `lacks` has seen to it
        settings = self.settings
        code = catalogue.codes[settings.attribute]
        sold = count_sales(train, as_of, fading(settings.decay, settings.days))[0] + 0.5
        known = np.flatnonzero(code >= 0)
        share = sold[known] / np.bincount(code[known], sold[known])[code[known]]
        order = np.lexsort((known, -share, code[known]))
        articles, shares, codes = known[order], share[order], code[known][order]
        first = np.searchsorted(codes, np.arange(codes.max(initial=-1) + 2))
        # each article meets the first of its group, but itself
        most = np.minimum(np.diff(first), settings.per_article + 1)[codes]
        one = np.repeat(np.arange(len(articles)), most)
        within = np.arange(len(one)) - np.repeat(np.cumsum(most) - most, most)
        other = first[codes[one]] + within
        rank = within - (within > one - first[codes[one]])  # among the others
        apart = (one != other) & (rank < settings.per_article)
        one, other = one[apart], other[apart]
        by_article = np.argsort(articles[one], kind="stable")
        one, other = one[by_article], other[by_article]
        counts = np.bincount(articles[one], minlength=train.n_articles)
        self.indptr_, self.article_, self.value_ = ranked_rows(
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            articles[other].astype(np.int32),
            shares[other].astype(np.float32),
        )
        self.codes_ = np.zeros((train.n_articles, 0), np.int32)
