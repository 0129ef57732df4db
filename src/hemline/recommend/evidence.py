"""Why an article was recommended: what can be checked against the purchases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hemline.models.also_bought import AlsoBought
from hemline.models.popular import Popular
from hemline.recommend.base import Recipe, check_as_of
from hemline.recommend.bundle import Bundle
from hemline.shop.histories import Histories

TOGETHER = 12
"""Purchases that are named where the recipe keeps no counts of its own."""


@dataclass(frozen=True)
class SimilarTo:
    """A purchased article that the recommended one is visually similar to."""

    purchased: int
    similarity: float


@dataclass(frozen=True)
class BoughtTogether:
    """How often others who bought `purchased` bought the recommended article.

    `count` is summed over the customer's purchases of it, `times` of them: pairs of a purchase
    of one and a purchase of the other, by one customer. `customers` is how many customers
    bought both; None where only the bundle was asked, which keeps the pairs alone.
    """

    purchased: int
    count: float
    times: int
    customers: int | None = None


@dataclass(frozen=True)
class Popularity:
    """Place and count of an article among those of a band of age; band 0 is everyone."""

    band: int
    rank: int
    count: float


@dataclass(frozen=True)
class Evidence:
    """What speaks for one article and one customer.

    Attributes
    ----------
    article : int
    similar : tuple of SimilarTo
        Nearest first.
    attributes : dict of str to int
        For every attribute of the catalogue, how many purchases share the article's value.
    also_bought : tuple of BoughtTogether
        Largest count first. Their counts add up to the score of the channel.
    at_age, overall : Popularity or None
        None where nobody (of the age) bought it in the window, or the age is not known.
    bought : int
        How many times the customer bought it already.
    last_bought : int or None
        When for the last time, in seconds.
    purchases : int
        How many the customer made in all.
    """

    article: int
    similar: tuple[SimilarTo, ...]
    attributes: dict[str, int]
    also_bought: tuple[BoughtTogether, ...]
    at_age: Popularity | None
    overall: Popularity | None
    bought: int
    last_bought: int | None
    purchases: int = 0


def evidence(
    bundle: Bundle,
    history: Histories,
    article: int,
    as_of: int | None,
    everyone: Histories | None = None,
) -> Evidence:
    """Return what speaks for `article` to the customer whose history is given.

    Parameters
    ----------
    bundle : Bundle
    history : Histories of one customer
    article : int
    as_of : int or None
        Seconds. Purchases at or after it are not seen. None only for undated data.
    everyone : Histories, optional
        Of all customers: then `BoughtTogether.customers` is counted in them. A recipe that
        keeps no counts of what is bought together has them from here alone, the largest few.

    Raises
    ------
    CutoffError
        As `Bundle.recommend`.
    """
    check_as_of(bundle.recipe, as_of)
    history = history.before(as_of)
    row = slice(int(history.start[0]), int(history.stop[0]))
    purchases = np.asarray(history.article[row])
    times = np.asarray(history.time[row])[purchases == article]
    edges = Counter(purchases.tolist())
    together = _together(bundle, edges, article, everyone)
    popular: Popular | None = fitted_model(bundle.recipe, "popular")
    age = np.asarray(history.age[:1])
    return Evidence(
        article=article,
        similar=_similar(bundle, edges, article),
        attributes={
            name: int((codes[purchases] == codes[article]).sum()) if codes[article] >= 0 else 0
            for name, codes in bundle.catalogue.codes.items()
        },
        also_bought=together,
        at_age=_popularity(popular, int(popular.band_of(age)[0]), article) if popular else None,
        overall=_popularity(popular, 0, article, everyone=True) if popular else None,
        bought=len(times),
        last_bought=int(times[-1]) if len(times) else None,
        purchases=len(purchases),
    )


def fitted_model(recipe: Recipe, name: str) -> Any:
    """Return a recipe's fitted model of a name, or that of the recipe which stands in for it."""
    recipe = getattr(recipe, "simple", None) or recipe
    found = getattr(recipe, name, None)
    return found if hasattr(found, "n_articles_") else None


def _together(
    bundle: Bundle, edges: Counter[int], article: int, everyone: Histories | None
) -> tuple[BoughtTogether, ...]:
    """Return what the recipe's own counts say, or else the purchases of everyone."""
    model: AlsoBought | None = fitted_model(bundle.recipe, "also_bought")
    found = _also_bought(model, edges, article)
    if everyone is None or (model is not None and not found):
        return found
    others = [one.purchased for one in found] if model else [x for x in edges if x != article]
    counted = buyers_of_both(everyone, article, others, bundle.cutoff)
    if model is not None:
        return tuple(
            replace(one, customers=customers)
            for one, (customers, _) in zip(found, counted, strict=True)
        )
    listed = [
        BoughtTogether(other, float(pairs * edges[other]), edges[other], customers)
        for other, (customers, pairs) in zip(others, counted, strict=True)
        if customers
    ]
    return tuple(sorted(listed, key=lambda one: (-one.count, one.purchased))[:TOGETHER])


def _similar(bundle: Bundle, edges: Counter[int], article: int) -> tuple[SimilarTo, ...]:
    catalogue = bundle.catalogue
    found = [
        SimilarTo(purchased, float(catalogue.similarity[purchased, place]))
        for purchased in edges
        for place in np.flatnonzero(catalogue.similar[purchased] == article)
    ]
    return tuple(sorted(found, key=lambda one: (-one.similarity, one.purchased)))


def _also_bought(
    model: AlsoBought | None, edges: Counter[int], article: int
) -> tuple[BoughtTogether, ...]:
    if model is None:
        return ()
    found = []
    for purchased, times in edges.items():
        counted = slice(int(model.indptr_[purchased]), int(model.indptr_[purchased + 1]))
        for place in np.flatnonzero(model.article_[counted] == article):
            count = float(model.count_[counted][place]) * times
            found.append(BoughtTogether(purchased, count, times))
    return tuple(sorted(found, key=lambda one: (-one.count, one.purchased)))


def buyers_of_both(
    everyone: Histories, article: int, others: Sequence[int], as_of: int | None
) -> list[tuple[int, int]]:
    """Return for each of `others` how many customers bought it and `article` before `as_of`.

    And how many pairs of a purchase of one and a purchase of the other these customers made.
    """
    places = np.flatnonzero(np.asarray(everyone.article) == article)
    # rows ascend in the arrays, so the row of a place is the first that ends behind it
    rows = np.unique(np.searchsorted(np.asarray(everyone.stop), places, side="right"))
    rows = rows[rows < len(everyone)]
    part = everyone.take(rows).before(as_of)
    bought, customer = np.asarray(part.article)[part.rows()], part.customers()
    times = np.bincount(customer[bought == article], minlength=len(rows))
    found = []
    for one in others:
        both = times * np.bincount(customer[bought == one], minlength=len(rows))
        found.append((int((both > 0).sum()), int(both.sum())))
    return found


def _popularity(
    model: Popular, band: int, article: int, *, everyone: bool = False
) -> Popularity | None:
    if band == 0 and not everyone:
        return None
    place = int(np.flatnonzero(model.order_[band] == article)[0])
    count = float(model.counts_[band, place])
    return Popularity(band, place + 1, count) if count >= 1 else None
