"""Recipes `popular` and `repurchase`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemline.models.base import Repeat
from hemline.models.repurchase import Repurchase
from hemline.recommend.bundle import Bundle
from hemline.shop.histories import SECONDS_PER_DAY, Histories


@pytest.fixture(scope="module")
def bundles(train: Callable[..., Bundle]) -> dict[str, Bundle]:
    return {
        "popular": train(recipe="popular"),
        "by-age": train(recipe="popular", popular={"by_age": True}),
        "repurchase": train(recipe="repurchase"),
    }


def test_popular_is_the_same_for_all(bundles: dict[str, Bundle], shop: Any) -> None:
    found = bundles["popular"].recommend(shop.histories, 12, as_of=shop.as_of)
    since = shop.histories.since(shop.as_of - 7 * SECONDS_PER_DAY)
    buyers = (since.matrix() > 0).sum(axis=0).A1
    best = np.argsort(-buyers, kind="stable")[:12]
    assert (found.articles == best).all()
    assert (found.scores == buyers[best]).all()
    assert (found.channels == bundles["popular"].recipe.channel_names.index("popular")).all()


def test_popular_by_age_differs_and_falls_back_without_age(
    bundles: dict[str, Bundle], shop: Any
) -> None:
    found = bundles["by-age"].recommend(shop.histories, 12, as_of=shop.as_of)
    plain = bundles["popular"].recommend(shop.histories, 12, as_of=shop.as_of)
    unknown = np.isnan(shop.histories.age)
    np.testing.assert_array_equal(found.articles[unknown], plain.articles[unknown])
    assert (found.articles[~unknown] != plain.articles[~unknown]).any(axis=1).mean() > 0.9
    assert (found.scores[:, 0][~unknown] >= 1).all()


def test_repurchase_is_the_model_then_what_is_popular(
    bundles: dict[str, Bundle], shop: Any
) -> None:
    found = bundles["repurchase"].recommend(shop.histories, 12, as_of=shop.as_of)
    model = Repurchase().fit(shop.histories, as_of=shop.as_of)
    own = model.recommend(shop.histories, 12, as_of=shop.as_of, repeat=Repeat.allow())
    again = found.channels == 0
    np.testing.assert_array_equal(again, own.articles >= 0)
    np.testing.assert_array_equal(found.articles[again], own.articles[again])
    popular = bundles["popular"].recommend(shop.histories, 90, as_of=shop.as_of).articles
    for i in range(0, 300, 11):
        bought = own.articles[i][own.articles[i] >= 0]
        rest = popular[i][~np.isin(popular[i], bought)][: 12 - len(bought)]
        assert found.articles[i].tolist() == [*bought.tolist(), *rest.tolist()]


@given(
    baskets=st.lists(st.lists(st.integers(0, 89), max_size=20), min_size=1, max_size=5),
    k=st.integers(1, 120),
    name=st.sampled_from(["popular", "by-age", "repurchase"]),
    seed=st.none() | st.integers(0, 1000),
)
def test_exactly_k_different(
    bundles: dict[str, Bundle],
    shop: Any,
    baskets: list[list[int]],
    k: int,
    name: str,
    seed: int | None,
) -> None:
    asked = Histories.from_baskets(baskets, n_articles=90, time=SECONDS_PER_DAY)
    among = None if seed is None else np.random.default_rng(seed).random(90) < 0.3
    found = bundles[name].recommend(asked, k, as_of=shop.as_of, among=among)
    possible = 90 if among is None else int(among.sum())
    for row in found.articles:
        listed = row[row >= 0]
        assert len(listed) == len(set(listed.tolist())) == min(k, possible)
        assert among is None or among[listed].all()


@pytest.mark.parametrize("name", ["popular", "by-age", "repurchase"])
def test_a_block_equals_its_rows(bundles: dict[str, Bundle], shop: Any, name: str) -> None:
    among = np.random.default_rng(2).random((300, 90)) < 0.7
    whole = bundles[name].recommend(shop.histories, 12, as_of=shop.as_of, among=among)
    for i in (0, 100, 299):
        alone = bundles[name].recommend(
            shop.histories.block(i, i + 1), 12, as_of=shop.as_of, among=among[i : i + 1]
        )
        np.testing.assert_array_equal(alone.articles[0], whole.articles[i])
        np.testing.assert_array_equal(alone.channels[0], whole.channels[i])
