from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hemline.evaluate.metrics import per_customer
from hemline.recommend.bundle import Bundle, train_bundle
from hemline.recommend.learning import Learning
from hemline.recommend.simple_choice import average_precision
from hemline.shop.histories import SECONDS_PER_DAY as DAY
from hemline.shop.histories import Histories
from hemline.shop.truth import Truth

RANKER = {
    "trees": 12, "min_leaf": 10, "min_customers": 10, "enough_customers": 1, "windows": 3,
    "most_windows": 3,
}  # fmt: skip
"""So little that a shop of 300 customers has a ranker."""


@pytest.fixture(scope="module")
def ranked(train: Callable[..., Bundle]) -> Bundle:
    found = train(recipe="two-stage", ranker=RANKER)
    assert found.recipe.simple is None, found.summary
    return found


def test_the_lists_are_the_best_of_the_candidates(ranked: Bundle, shop: Any) -> None:
    recipe = ranked.recipe
    found = ranked.recommend(shop.histories, 12, as_of=shop.as_of)
    rows = np.flatnonzero(shop.histories.lengths)
    part = shop.histories.take(rows)
    candidates = recipe.stages.channels.gather(part, as_of=shop.as_of)
    features = recipe.stages.features.compute(part, candidates, as_of=shop.as_of)
    score = recipe.stages.ranker.score(features)
    names = recipe.channel_names
    for i, row in enumerate(rows):
        low, high = candidates.bounds[i], candidates.bounds[i + 1]
        order = np.lexsort((candidates.article[low:high], -score[low:high]))[:12]
        n = len(order)
        assert found.articles[row, :n].tolist() == candidates.article[low:high][order].tolist()
        for place, one in enumerate(order):
            proposed = np.flatnonzero(candidates.rank[low + one])
            assert names[found.channels[row, place]] == candidates.channels[proposed[0]]


def test_everyone_has_k_and_scores_fall(ranked: Bundle, shop: Any) -> None:
    for k in (1, 12, 60, 90):
        found = ranked.recommend(shop.histories, k, as_of=shop.as_of)
        assert (np.diff(np.sort(found.articles, axis=1), axis=1) > 0).all()
        assert found.articles.min() >= 0
        assert (np.diff(found.scores, axis=1) <= 0).all()
        assert ((found.scores >= 0) & (found.scores <= 1)).all()
        assert found.channels.max() < len(ranked.recipe.channel_names)
        assert len(set(ranked.recipe.channel_names)) == len(ranked.recipe.channel_names)


def test_customers_without_purchases_get_what_is_popular(
    ranked: Bundle, train: Callable[..., Bundle], shop: Any
) -> None:
    cold = shop.histories.take(np.flatnonzero(shop.histories.lengths == 0))
    popular = train(recipe="popular").recommend(cold, 12, as_of=shop.as_of)
    found = ranked.recommend(cold, 12, as_of=shop.as_of)
    assert np.array_equal(found.articles, popular.articles)
    assert {ranked.recipe.channel_names[one] for one in set(found.channels.ravel())} == {"popular"}
    by_age = train(recipe="popular", popular={"by_age": True})
    expected = by_age.recommend(cold, 12, as_of=shop.as_of).articles
    assert not np.array_equal(expected, popular.articles)
    at_age = train(recipe="two-stage", ranker={**RANKER, "cold": "popular-at-age"})
    assert np.array_equal(at_age.recommend(cold, 12, as_of=shop.as_of).articles, expected)


def test_blocks_and_threads_change_nothing(
    ranked: Bundle, train: Callable[..., Bundle], shop: Any
) -> None:
    whole = ranked.recommend(shop.histories, 12, as_of=shop.as_of)
    for size in (1, 7, 299):
        for low in range(0, 300, size * 13):
            part = ranked.recommend(shop.histories.block(low, low + size), 12, as_of=shop.as_of)
            assert np.array_equal(part.articles, whole.articles[low : low + size])
            assert np.array_equal(part.scores, whole.scores[low : low + size])
    again = train(recipe="two-stage", ranker=RANKER, threads=3)
    found = again.recommend(shop.histories, 12, as_of=shop.as_of)
    assert np.array_equal(found.articles, whole.articles)
    assert np.array_equal(found.scores, whole.scores)


def test_a_mask_for_all_and_for_each(ranked: Bundle, shop: Any) -> None:
    rng = np.random.default_rng(3)
    each = rng.random((300, 90)) < 0.4
    found = ranked.recommend(shop.histories, 12, as_of=shop.as_of, among=each)
    assert np.take_along_axis(each, found.articles.astype(int), axis=1).all()
    alone = ranked.recommend(shop.histories.block(7, 8), 12, as_of=shop.as_of, among=each[7])
    assert np.array_equal(alone.articles[0], found.articles[7])


def test_nothing_at_or_after_the_cutoff_is_learned_from(ranked: Bundle, shop: Any) -> None:
    rng = np.random.default_rng(4)
    rows, m = shop.histories.rows(), 500
    later = Histories.from_purchases(
        np.concatenate([shop.histories.customers(), rng.integers(0, 300, m)]),
        np.concatenate([shop.histories.article[rows], rng.integers(0, 90, m)]),
        n_customers=300,
        n_articles=90,
        time=np.concatenate([shop.histories.time[rows], shop.as_of + rng.integers(0, DAY, m)]),
        price=np.concatenate([shop.histories.price[rows], np.full(m, 99.0)]),
        age=shop.histories.age,
    )
    config = shop.config(recipe="two-stage", ranker=RANKER)
    other = train_bundle(config, shop.catalogue, later, as_of=shop.as_of)
    assert other.recipe.stages.ranker.text_ == ranked.recipe.stages.ranker.text_
    found = other.recommend(later, 12, as_of=shop.as_of)
    expected = ranked.recommend(shop.histories, 12, as_of=shop.as_of)
    assert np.array_equal(found.articles, expected.articles)
    assert np.array_equal(found.scores, expected.scores)


def test_windows_know_nothing_of_their_own_days(shop: Any) -> None:
    config = shop.config(recipe="two-stage", ranker=RANKER)
    learning = Learning(config, shop.catalogue, shop.histories.before(shop.as_of), shop.as_of)
    taught, parts = learning._teach(learning._windows())
    assert len(taught) >= 1
    assert len(parts) == 3
    for one in taught:
        fitted = one.fitted
        assert fitted.channels.cutoff_ == fitted.features.cutoff_ == fitted.window.cutoff
        assert fitted.histories.last_time() < fitted.window.cutoff
        for model in fitted.channels.models.values():
            assert model.cutoff_ <= fitted.window.cutoff
    held, rows = set(taught[0].held.tolist()), set(taught[0].rows.tolist())
    assert held
    assert not held & rows


def test_too_little_data_has_a_simple_recipe_that_says_so(
    train: Callable[..., Bundle], shop: Any, tmp_path: Path
) -> None:
    found = train(recipe="two-stage", ranker={**RANKER, "min_customers": 10_000})
    assert found.recipe.name == "two-stage"
    text = "\n".join(found.summary["lines"])
    assert "no ranker" in text
    assert "MAP@12" in text
    simple = found.summary["simple"]
    judged = {k: v for k, v in found.summary["judged"].items() if k != "two-stage"}
    assert judged[simple] == max(judged.values())
    same = train(recipe=simple)
    whole = found.recommend(shop.histories, 12, as_of=shop.as_of)
    assert np.array_equal(
        whole.articles, same.recommend(shop.histories, 12, as_of=shop.as_of).articles
    )
    assert found.recipe.channel_names == same.recipe.channel_names
    found.save(tmp_path)
    opened = Bundle.open(tmp_path)
    assert opened.summary["simple"] == simple
    again = opened.recommend(shop.histories, 12, as_of=shop.as_of)
    assert np.array_equal(again.articles, whole.articles)


def test_a_ranker_that_loses_to_a_rule_is_not_kept(train: Callable[..., Bundle]) -> None:
    # by chance alone, popularity is as good as anything, and what is learned is noise
    weak = {**RANKER, "enough_customers": 10_000, "trees": 40, "min_leaf": 1, "leaves": 31}
    found = train(recipe="two-stage", ranker=weak)
    judged = found.summary["judged"]
    assert set(judged) == {"two-stage", "repurchase", "rules", "popular"}
    del judged["two-stage"]
    assert found.summary["simple"] == max(judged, key=judged.get)
    assert any("standard error" in line for line in found.summary["lines"])
    assert any("buyers of earlier days" in line for line in found.summary["lines"])


@pytest.mark.parametrize("days", [0, 1])
def test_undated_purchases_and_a_single_day(days: int, shop: Any) -> None:
    rows = shop.histories.rows()
    histories = Histories.from_purchases(
        shop.histories.customers(), shop.histories.article[rows], n_customers=300, n_articles=90,
        time=np.full(len(rows), days * DAY),
    )  # fmt: skip
    config = shop.config(recipe="two-stage", ranker=RANKER)
    found = train_bundle(config, shop.catalogue, histories)
    assert found.summary["simple"] == "repurchase"
    lists = found.recommend(histories, 12, as_of=found.cutoff).articles
    assert lists.shape == (300, 12)
    assert lists.min() >= 0


def test_the_precision_is_that_of_the_evaluation() -> None:
    rng = np.random.default_rng(5)
    lists = rng.permuted(np.tile(np.arange(40), (50, 1)), axis=1)[:, :12].astype(np.int32)
    lists[rng.random(50) < 0.3, 9:] = -1
    truth = Truth.from_lists([rng.integers(0, 40, rng.integers(1, 25)) for _ in range(50)])
    expected = per_customer(lists, truth, 12)["map"]
    assert average_precision(lists, truth) == pytest.approx(expected)
