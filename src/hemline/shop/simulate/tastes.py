"""What the customers of the simulated shop like, and how well an article suits them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemline.shop.simulate.catalogue import GRID, STYLES, Catalogue
from hemline.shop.simulate.chance import pick
from hemline.shop.simulate.hierarchy import INDEXES
from hemline.shop.simulate.vocabulary import APPEARANCES

FAVOURITES = 4


def focus(n_articles: int) -> float:
    """Return 0 for a shop of 100,000 articles, 1 for one of 1,000 or fewer, in between by size.

    A small shop has few purchases to show its customers' tastes in: they are sharper there.
    """
    return float(np.clip(np.log(1e5 / n_articles) / np.log(100.0), 0, 1))


@dataclass(frozen=True)
class Tastes:
    """What a block of n customers likes.

    Attributes
    ----------
    indexes : int8 (n, 3)
        The first most of all.
    departments : int16 (n, FAVOURITES)
    styles : bool (n, STYLES)
    masters, looks : int8 (n, 2)
        Perceived colour masters and graphical appearances.
    price : float64 (n,)
        How far above the usual price, in steps of the price grid.
    age : int16 (n,)
        Years.
    online : float64 (n,)
        Share of the trips that are online.
    """

    indexes: npt.NDArray[np.int8]
    departments: npt.NDArray[np.int16]
    styles: npt.NDArray[np.bool_]
    masters: npt.NDArray[np.int8]
    looks: npt.NDArray[np.int8]
    price: npt.NDArray[np.float64]
    age: npt.NDArray[np.int16]
    online: npt.NDArray[np.float64]


class TasteModel:
    """Draws tastes, and weighs articles by them.

    Parameters
    ----------
    catalogue : Catalogue
    index_edges : int64 (indexes + 1,)
        First department of each index.
    focus : float
        See `focus`.
    """

    def __init__(
        self, catalogue: Catalogue, index_edges: npt.NDArray[np.int64], focus: float
    ) -> None:
        product = catalogue.product
        # by article: small arrays that stay in the cache
        self.style = catalogue.style[product].astype(np.int8)
        self.master = catalogue.master.astype(np.int8)
        self.look = catalogue.appearance[product].astype(np.int8)
        self.suits = catalogue.age[product]
        self.price = catalogue.price[product]
        self.index_edges = index_edges
        # H&M sells much lingerie of few articles; in a small shop these few would be all one sees
        even = 0.8 * focus
        departments = catalogue.hierarchy.departments
        sales = np.array([one.sales ** (1 - even) * one.share**even for one in departments])
        sales[np.bincount(catalogue.department, minlength=len(sales)) == 0] = 0
        self.department_sales = np.concatenate(([0.0], np.cumsum(sales)))
        there = np.diff(self.department_sales[index_edges]) > 0
        per_index = np.array([(one.share / one.sales) ** even for one in INDEXES])
        self.index_weights = np.array([one.ages for one in INDEXES]).T * per_index * there
        gaps = np.abs(np.arange(-100, 101))
        self.age_fit = np.exp(-((gaps / 7.5) ** 2) / 2) + 0.04
        steps = np.arange(-2 * len(GRID), 2 * len(GRID) + 1) / 2
        self.price_fit = np.exp(-((steps / 4.0) ** 2) / 2) + 0.15

    def draw(self, age: npt.NDArray[np.int16], rng: np.random.Generator) -> Tastes:
        """Draw the tastes of customers of the ages given, int16 (n,)."""
        n = len(age)
        band = np.digitize(age, (30, 45))
        indexes = np.empty((n, 3), dtype=np.int8)
        for group in range(3):
            here = np.flatnonzero(band == group)
            for at in range(3):
                indexes[here, at] = pick(np.cumsum(self.index_weights[group]), rng, len(here))
        of = indexes[:, [0, 0, 1, 2]].astype(np.int64)
        low = self.department_sales[self.index_edges[of]]
        high = self.department_sales[self.index_edges[of + 1]]
        at_sales = low + rng.random(of.shape) * (high - low)
        departments = np.searchsorted(self.department_sales, at_sales, side="right") - 1
        styles = np.zeros((n, STYLES), dtype=np.bool_)
        for _ in range(2):
            styles[np.arange(n), rng.integers(0, STYLES, n)] = True
        looks = pick(np.cumsum([share for _, share in APPEARANCES]), rng, 2 * n).reshape(n, 2)
        return Tastes(
            indexes,
            departments.astype(np.int16),
            styles,
            rng.integers(0, 16, (n, 2)).astype(np.int8),
            looks.astype(np.int8),
            rng.normal(0, 2.2, n),
            age,
            rng.beta(1.4, 0.6, n),
        )

    def fit(
        self,
        who: npt.NDArray[np.int32],
        candidates: npt.NDArray[np.int32],
        tastes: Tastes,
    ) -> npt.NDArray[np.float64]:
        """Return how well articles suit customers, positive.

        Parameters
        ----------
        who : int32 (n,)
            Places in `tastes`.
        candidates : int32 (n, c)
            Articles.

        Returns
        -------
        float64 (n, c)
        """
        one = who[:, None]
        fit = self.age_fit[(tastes.age[who][:, None] - self.suits[candidates]) + 100]
        halves = np.rint(2 * (tastes.price[who][:, None] + 9 - self.price[candidates]))
        middle = len(self.price_fit) // 2
        fit *= self.price_fit[np.clip(halves.astype(np.int64) + middle, 0, 2 * middle)]
        fit *= np.where(tastes.styles[one, self.style[candidates]], 16.0, 1.0)
        for mine, of_article in ((tastes.masters, self.master), (tastes.looks, self.look)):
            seen = of_article[candidates]
            liked = (seen == mine[who, :1]) | (seen == mine[who, 1:])
            fit *= np.where(liked, 2.5, 1.0)
        found: npt.NDArray[np.float64] = fit
        return found
