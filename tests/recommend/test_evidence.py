"""What is said for a recommendation can be found in the purchases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hemline.errors import CutoffError
from hemline.recommend.bundle import Bundle
from hemline.recommend.evidence import Popularity, evidence
from hemline.shop.histories import SECONDS_PER_DAY, Histories


def test_evidence_for_every_recommendation(cascade: Bundle, shop: Any) -> None:
    names = cascade.recipe.channel_names
    used = Counter()
    for i in range(0, 300, 7):
        history = shop.histories.block(i, i + 1)
        row = slice(int(history.start[0]), int(history.stop[0]))
        bought = history.article[row].tolist()
        found = cascade.recommend(history, 30, as_of=shop.as_of)
        for article, score, channel in zip(
            found.articles[0].tolist(), found.scores[0].tolist(), found.channels[0], strict=True
        ):
            why = evidence(cascade, history, article, shop.as_of)
            used[names[channel]] += 1
            assert why.bought == bought.count(article)
            times = history.time[row][np.array(bought, int) == article]
            assert why.last_bought == (times[-1] if len(times) else None)
            for one in why.similar:
                assert one.purchased in bought
                place = shop.catalogue.similar[one.purchased].tolist().index(article)
                assert one.similarity == shop.catalogue.similarity[one.purchased, place]
            assert {one.purchased for one in why.also_bought} <= set(bought)
            codes = shop.catalogue.codes["department_no"]
            sharing = sum(codes[one] == codes[article] >= 0 for one in bought)
            assert why.attributes["department_no"] == sharing
            if names[channel].startswith("similar"):
                assert why.similar
                assert why.attributes["department_no"]
                assert why.attributes["index_code"]
            if names[channel] == "also-bought":
                assert sum(one.count for one in why.also_bought) == score
                assert not why.bought
            if names[channel] == "popular-at-age":
                assert why.at_age is not None
                assert why.at_age.count == score
            if names[channel] == "popular" and why.overall:
                assert why.overall.count == score
    assert set(used) == set(names)


def test_evidence_counts_each_purchase(cascade: Bundle, shop: Any) -> None:
    once = Histories.from_baskets([[7]], n_articles=90, time=SECONDS_PER_DAY)
    twice = Histories.from_baskets([[7, 7]], n_articles=90, time=SECONDS_PER_DAY)
    article = int(cascade.recipe.also_bought.article_[cascade.recipe.also_bought.indptr_[7]])
    one = evidence(cascade, once, article, shop.as_of).also_bought[0]
    two = evidence(cascade, twice, article, shop.as_of).also_bought[0]
    assert (two.purchased, two.times, two.count) == (7, 2, 2 * one.count)


def test_the_most_popular(train: Callable[..., Bundle], shop: Any) -> None:
    bundle = train(recipe="popular")
    blank = Histories.from_baskets([[]], n_articles=90)
    found = bundle.recommend(blank, 1, as_of=shop.as_of)
    why = evidence(bundle, blank, int(found.articles[0, 0]), shop.as_of)
    assert why.overall == Popularity(0, 1, float(found.scores[0, 0]))
    assert why.at_age is None
    assert (why.similar, why.also_bought, why.bought, why.last_bought) == ((), (), 0, None)


def test_evidence_does_not_look_ahead(cascade: Bundle, shop: Any) -> None:
    later = Histories.from_baskets([[3, 4]], n_articles=90, time=shop.as_of)
    why = evidence(cascade, later, 3, shop.as_of)
    assert (why.bought, why.also_bought, why.similar) == (0, (), ())
    with pytest.raises(CutoffError):
        evidence(cascade, later, 3, shop.as_of - 1)


def test_bought_together_in_the_purchases_of_everyone(
    train: Callable[..., Bundle], cascade: Bundle, shop: Any
) -> None:
    """A recipe without counts of its own has the customers, and the same pairs, from there."""
    plain = train(recipe="popular")
    bought = [
        set(shop.histories.article[start:stop].tolist())
        for start, stop in zip(shop.histories.start, shop.histories.stop, strict=True)
    ]
    compared = 0
    for i in range(0, 280, 40):
        history = shop.histories.block(i, i + 1)
        for article in range(0, 90, 9):
            assert evidence(plain, history, article, shop.as_of).also_bought == ()
            found = evidence(plain, history, article, shop.as_of, shop.histories).also_bought
            counted = evidence(cascade, history, article, shop.as_of, shop.histories).also_bought
            pairs = {one.purchased: one.count for one in counted}
            for one in found:
                both = sum({one.purchased, article} <= basket for basket in bought)
                assert one.customers == both > 0
                assert pairs.get(one.purchased, one.count) == one.count
                compared += one.purchased in pairs
            for one in counted:
                assert one.customers == sum({one.purchased, article} <= b for b in bought)
            assert len(found) == min(12, len({one.purchased for one in counted}))
    assert compared > 100


def test_bought_together_does_not_look_ahead(train: Callable[..., Bundle], shop: Any) -> None:
    plain = train(recipe="popular")
    later = Histories.from_baskets([[3, 4]] * 5, n_articles=90, time=shop.as_of)
    mine = Histories.from_baskets([[3]], n_articles=90, time=shop.as_of - 1)
    assert evidence(plain, mine, 4, shop.as_of, later).also_bought == ()
    earlier = Histories.from_baskets([[3, 4]] * 5, n_articles=90, time=shop.as_of - 1)
    (one,) = evidence(plain, mine, 4, shop.as_of, earlier).also_bought
    assert (one.purchased, one.customers, one.count, one.times) == (3, 5, 5.0, 1)
