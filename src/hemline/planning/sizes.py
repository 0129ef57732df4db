"""The size of a shop, and the numbers that time and memory grow with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from hemline.errors import ConfigError
from hemline.models.passes import IN_MEMORY

TERMS: Final = (
    "one",
    "customers",
    "customers_at_once",
    "articles",
    "purchases",
    "pairs_of_articles",
    "purchases_in_memory",
    "purchases_trained_on",
    "vector_pairs",
)
"""What a cost may be a multiple of; a cost is a sum of such multiples, none below 0."""

_GROUP: Final = 1 << 17
"""Customers whose recommendations are held until they are written: a row group of the file."""

_LARGEST: Final = 2**31 - 1


@dataclass(frozen=True)
class Sizes:
    """How large a shop is.

    Attributes
    ----------
    customers, articles, purchases : int
        Rows of the three tables.
    dimensions : int
        Numbers in the vector of a photo; 0 where there are no photos.
    trained_on : int
        Customers that ALS trains on at most (`als.max_customers`); 0 for all.
    """

    customers: int
    articles: int
    purchases: int
    dimensions: int = 2048
    trained_on: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be the size of a shop.

        Raises
        ------
        ConfigError
            A number is too small, or larger than positions and counts reach.
        """
        least = {"customers": 1, "articles": 1, "purchases": 1, "dimensions": 0, "trained_on": 0}
        for name, one in least.items():
            value = getattr(self, name)
            if not one <= value <= _LARGEST:
                raise ConfigError(
                    f"{name} = {value:,}: not the size of a shop",
                    hint=f"give {one:,} to {_LARGEST:,}",
                )

    def times(self, factor: float) -> Sizes:
        """Return a shop with as many times the customers and purchases, of the same articles."""
        return replace(
            self,
            customers=max(1, round(self.customers * factor)),
            purchases=max(1, round(self.purchases * factor)),
        )

    def terms(self, able_share: float) -> dict[str, float]:
        """Return the value of each of `TERMS`.

        Parameters
        ----------
        able_share : float
            Of the customers, those with enough purchases to be trained on.
        """
        able = max(self.customers * able_share, 1.0)
        share = min(1.0, self.trained_on / able) if self.trained_on else 1.0
        return {
            "one": 1.0,
            "customers": float(self.customers),
            "customers_at_once": float(min(self.customers, _GROUP)),
            "articles": float(self.articles),
            "purchases": float(self.purchases),
            "pairs_of_articles": float(self.articles) ** 2,
            "purchases_in_memory": float(min(self.purchases, IN_MEMORY)),
            "purchases_trained_on": self.purchases * share,
            "vector_pairs": float(self.articles) ** 2 * self.dimensions,
        }
