"""The cascade as a recipe: what it promises for any history, and what its settings do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemline.errors import ConfigError, CutoffError
from hemline.models.also_bought import AlsoBought
from hemline.models.base import Repeat
from hemline.recommend.base import Recommendations
from hemline.recommend.bundle import Bundle
from hemline.recommend.cascade import Cascade, filter_codes
from hemline.shop.histories import SECONDS_PER_DAY, Histories
from hemline.shop.tables import Catalogue

SIMILAR, SAMPLE, ALSO_BOUGHT, AT_AGE, POPULAR = range(5)


def same(one: Recommendations, other: Recommendations) -> None:
    np.testing.assert_array_equal(one.articles, other.articles)
    np.testing.assert_array_equal(one.scores, other.scores)
    np.testing.assert_array_equal(one.channels, other.channels)


histories = st.lists(
    st.lists(st.tuples(st.integers(0, 89), st.integers(0, 60)), max_size=12), min_size=1, max_size=6
)


@given(
    rows=histories,
    k=st.integers(1, 120),
    age=st.one_of(st.none(), st.floats(0, 120)),
    seed=st.integers(0, 2**32),
    masked=st.booleans(),
)
def test_any_history_gets_exactly_k_different(
    cascade: Bundle,
    shop: Any,
    rows: list[list[tuple[int, int]]],
    k: int,
    age: float | None,
    seed: int,
    masked: bool,
) -> None:
    asked = Histories.from_purchases(
        np.repeat(np.arange(len(rows)), [len(one) for one in rows]),
        [article for row in rows for article, _ in row],
        time=[day * SECONDS_PER_DAY for row in rows for _, day in row],
        n_customers=len(rows),
        n_articles=90,
        age=np.full(len(rows), np.nan if age is None else age),
    )
    among = np.random.default_rng(seed).random((len(rows), 90)) < 0.5 if masked else None
    found = cascade.recommend(asked, k, as_of=shop.as_of, among=among)
    for i in range(len(rows)):
        possible = 90 if among is None else int(among[i].sum())
        listed = found.articles[i][found.articles[i] >= 0]
        assert len(listed) == len(set(listed.tolist())) == min(k, possible)
        assert among is None or among[i][listed].all()
        # channels follow one another, and scores fall within each
        channels = found.channels[i, : len(listed)]
        assert (np.diff(channels) >= 0).all()
        for channel in range(AT_AGE):
            assert (np.diff(found.scores[i, : len(listed)][channels == channel]) <= 0).all()


def test_every_channel_is_used(cascade: Bundle, shop: Any) -> None:
    found = cascade.recommend(shop.histories, 30, as_of=shop.as_of)
    assert set(found.channels.ravel().tolist()) == {SIMILAR, SAMPLE, ALSO_BOUGHT, AT_AGE, POPULAR}


def test_a_block_equals_its_rows(cascade: Bundle, shop: Any) -> None:
    whole = cascade.recommend(shop.histories, 12, as_of=shop.as_of)
    for i in (0, 1, 57, 281, 299):
        alone = cascade.recommend(shop.histories.block(i, i + 1), 12, as_of=shop.as_of)
        row = slice(i, i + 1)
        same(
            alone,
            Recommendations(whole.articles[row], whole.scores[row], whole.channels[row]),
        )


def test_a_basket_equals_the_customer_who_bought_it(cascade: Bundle, shop: Any) -> None:
    when = shop.as_of - 1
    for basket in ([3], [5, 1, 40], [88, 88, 2]):
        customer = Histories.from_purchases(
            np.zeros(len(basket)), basket, n_customers=1, n_articles=90,
            time=np.full(len(basket), when), age=[31],
        )  # fmt: skip
        asked = Histories.from_baskets([basket[::-1]], n_articles=90, time=when, age=[31])
        same(
            cascade.recommend(customer, 12, as_of=shop.as_of),
            cascade.recommend(asked, 12, as_of=shop.as_of),
        )


def test_the_similar_share_each_attribute_with_some_purchase(cascade: Bundle, shop: Any) -> None:
    found = cascade.recommend(shop.histories, 90, as_of=shop.as_of)
    codes, similar = shop.catalogue.codes, shop.catalogue.similar
    for i in range(0, 300, 7):
        row = slice(int(shop.histories.start[i]), int(shop.histories.stop[i]))
        bought = shop.histories.article[row]
        expected = {
            one
            for one in similar[bought].ravel().tolist()
            if one >= 0
            and all(
                codes[name][one] >= 0 and codes[name][one] in codes[name][bought]
                for name in ("department_no", "index_code")
            )
        }
        from_similar = found.articles[i][np.isin(found.channels[i], (SIMILAR, SAMPLE))]
        assert set(from_similar.tolist()) == expected


def test_similar_are_ranked_by_als(cascade: Bundle, shop: Any) -> None:
    found = cascade.recommend(shop.histories, 12, as_of=shop.as_of)
    recipe = cascade.recipe
    assert isinstance(recipe, Cascade)
    scores = recipe.als.score(shop.histories, found.articles, as_of=shop.as_of)
    ranked = found.channels == SIMILAR
    np.testing.assert_allclose(found.scores[ranked], scores[ranked], atol=1e-5)
    sampled = found.channels == SAMPLE
    assert (scores[sampled] == 0).all()


def test_also_bought_is_the_model_without_what_was_bought(
    train: Callable[..., Bundle], shop: Any
) -> None:
    without = replace(shop.catalogue, similar=np.zeros((90, 0), np.int32))
    bundle = train(without, als={"factors": 2, "iterations": 1})
    found = bundle.recommend(shop.histories, 12, as_of=shop.as_of)
    assert not np.isin(found.channels, (SIMILAR, SAMPLE)).any()
    model = AlsoBought().fit(shop.histories, as_of=shop.as_of)
    best = model.recommend(shop.histories, 12, as_of=shop.as_of, repeat=Repeat.exclude())
    counted = found.channels == ALSO_BOUGHT
    assert counted.sum() > 1000
    np.testing.assert_array_equal(found.articles[counted], best.articles[counted])
    np.testing.assert_array_equal(found.scores[counted], best.scores[counted])
    assert (best.articles[~counted] == -1).all()


def test_customers_without_history_get_what_is_popular(cascade: Bundle, shop: Any) -> None:
    blank = Histories.from_baskets([[], []], n_articles=90, age=[np.nan, 20])
    found = cascade.recommend(blank, 12, as_of=shop.as_of)
    recipe = cascade.recipe
    assert isinstance(recipe, Cascade)
    order = recipe.popular.order_
    assert found.articles[0].tolist() == order[0, :12].tolist()
    assert set(found.channels[0].tolist()) == {POPULAR}
    at_age = found.articles[1][found.channels[1] == AT_AGE]
    assert len(at_age) > 3
    assert at_age.tolist() == order[1, : len(at_age)].tolist()


def test_repeat_policies(train: Callable[..., Bundle], shop: Any) -> None:
    lately = shop.as_of - 30 * SECONDS_PER_DAY
    exclude = dict.fromkeys(("similar_repeat", "also_bought_repeat", "popular_repeat"), "exclude")
    cooldown = dict.fromkeys(exclude, 30)
    allow = dict.fromkeys(exclude, "allow")

    def repeats(chosen: dict[str, str]) -> tuple[int, int]:
        bundle = train(cascade=chosen)
        articles = bundle.recommend(shop.histories, 12, as_of=shop.as_of).articles
        ever = late = 0
        for i, row in enumerate(articles):
            place = slice(int(shop.histories.start[i]), int(shop.histories.stop[i]))
            bought, when = shop.histories.article[place], shop.histories.time[place]
            ever += int(np.isin(row, bought).sum())
            late += int(np.isin(row, bought[when >= lately]).sum())
        return ever, late

    assert repeats(exclude) == (0, 0)
    ever, late = repeats(cooldown)
    assert ever > 0
    assert late == 0
    assert repeats(allow)[1] > 0


def test_who_bought_everything_still_gets_k(train: Callable[..., Bundle], shop: Any) -> None:
    exclude = dict.fromkeys(("similar_repeat", "also_bought_repeat", "popular_repeat"), "exclude")
    bundle = train(cascade=exclude)
    everything = Histories.from_baskets([range(90), range(85)], n_articles=90, time=SECONDS_PER_DAY)
    found = bundle.recommend(everything, 12, as_of=shop.as_of)
    assert (found.articles >= 0).all()
    assert set(found.articles[1, :5].tolist()) == {85, 86, 87, 88, 89}


def test_no_purchase_at_or_after_the_moment_is_seen(cascade: Bundle, shop: Any) -> None:
    known, later = [3, 17, 40], [80, 81, 82]
    times = [SECONDS_PER_DAY] * 3 + [shop.as_of] * 3
    leaking = Histories.from_purchases(
        np.zeros(6), known + later, time=times, n_customers=1, n_articles=90
    )
    clean = Histories.from_baskets([known], n_articles=90, time=SECONDS_PER_DAY)
    same(
        cascade.recommend(leaking, 20, as_of=shop.as_of),
        cascade.recommend(clean, 20, as_of=shop.as_of),
    )


def test_nothing_later_is_learned(shop: Any, train: Callable[..., Bundle]) -> None:
    """Purchases from the cutoff on change nothing that is fitted."""
    rng = np.random.default_rng(5)
    before = shop.histories.compact()
    extra = 500
    with_later = Histories.from_purchases(
        np.concatenate([before.customers(), rng.integers(0, 300, extra)]),
        np.concatenate([before.article, rng.integers(0, 90, extra)]),
        time=np.concatenate([before.time, rng.integers(0, 9, extra) + shop.as_of]),
        price=np.concatenate([before.price, np.ones(extra)]),
        n_customers=300,
        n_articles=90,
        age=before.age,
    )
    recipe = Cascade(shop.config()).fit(with_later, shop.catalogue, as_of=shop.as_of)
    same(
        recipe.recommend(with_later, 12, as_of=shop.as_of),
        train().recommend(shop.histories, 12, as_of=shop.as_of),
    )


def test_a_moment_before_the_cutoff_is_refused(cascade: Bundle, shop: Any) -> None:
    with pytest.raises(CutoffError, match="asked as of"):
        cascade.recommend(shop.histories, 12, as_of=shop.as_of - 1)
    with pytest.raises(CutoffError, match="without a date"):
        cascade.recommend(shop.histories, 12, as_of=None)


def test_undated_purchases(shop: Any) -> None:
    undated = replace(shop.histories, time=np.zeros_like(shop.histories.time))
    recipe = Cascade(shop.config(als={"factors": 4, "weights": {"kind": "binary"}}))
    recipe.fit(undated, shop.catalogue)
    assert recipe.cutoff_ is None
    found = recipe.recommend(undated, 12, as_of=None)
    assert (found.articles >= 0).all()


def test_an_attribute_that_the_shop_lacks_is_left_out(
    train: Callable[..., Bundle], shop: Any
) -> None:
    bundle = train(cascade={"attributes": ["department_no", "section_no", "index_code"]})
    assert bundle.summary["attributes_left_out"] == ["section_no"]
    assert bundle.summary["attributes"] == ["department_no", "index_code"]
    same(
        bundle.recommend(shop.histories, 12, as_of=shop.as_of),
        train().recommend(shop.histories, 12, as_of=shop.as_of),
    )


def test_without_attributes_all_similar_pass(train: Callable[..., Bundle], shop: Any) -> None:
    bundle = train(cascade={"attributes": []})
    found = bundle.recommend(shop.histories.block(0, 1), 90, as_of=shop.as_of)
    bought = shop.histories.article[: int(shop.histories.stop[0])]
    expected = set(shop.catalogue.similar[bought].ravel().tolist()) - {-1}
    assert set(found.articles[found.channels <= SAMPLE].tolist()) == expected


def test_an_unknown_attribute_is_refused(train: Callable[..., Bundle]) -> None:
    with pytest.raises(ConfigError, match="no attribute 'fabric'") as error:
        train(cascade={"attributes": ["fabric"]})
    assert "department_no" in error.value.hint


@pytest.mark.parametrize("shape", [(89,), (2, 90), (3, 90, 1)])
def test_a_mask_of_another_shape_is_refused(
    cascade: Bundle, shop: Any, shape: tuple[int, ...]
) -> None:
    with pytest.raises(ConfigError, match="among has shape"):
        cascade.recommend(
            shop.histories.block(0, 3), 12, as_of=shop.as_of, among=np.ones(shape, bool)
        )


def test_another_catalogue_and_no_k_are_refused(cascade: Bundle, shop: Any) -> None:
    with pytest.raises(ConfigError, match="91 articles"):
        cascade.recommend(Histories.from_baskets([[1]], n_articles=91), 12, as_of=shop.as_of)
    with pytest.raises(ConfigError, match="k = 0"):
        cascade.recommend(shop.histories, 0, as_of=shop.as_of)
    smaller = Catalogue(89, {}, np.zeros((89, 0), np.int32), np.zeros((89, 0), np.float32))
    with pytest.raises(ConfigError, match="89 articles"):
        Cascade(shop.config()).fit(shop.histories, smaller, as_of=shop.as_of)


def test_a_bad_repeat_policy_is_refused_before_the_work(shop: Any) -> None:
    with pytest.raises(ConfigError, match="sometimes"):
        Cascade(shop.config(cascade={"similar_repeat": "sometimes"}))


def test_inputs_are_left_as_they_are(cascade: Bundle, shop: Any) -> None:
    before = shop.histories.compact()
    held = {name: getattr(before, name).copy() for name in ("article", "time", "start", "stop")}
    cascade.recommend(shop.histories, 12, as_of=shop.as_of)
    for name, array in held.items():
        np.testing.assert_array_equal(getattr(shop.histories, name), array)


@given(
    st.lists(st.tuples(st.integers(-1, 3), st.integers(-1, 1)), min_size=1, max_size=20),
)
@settings(max_examples=30)
def test_codes_of_attributes_do_not_meet(rows: list[tuple[int, int]]) -> None:
    table = np.array(rows, np.int32)
    n = len(table)
    none = np.zeros((n, 0))
    catalogue = Catalogue(
        n, {"a": table[:, 0], "b": table[:, 1]}, none.astype(np.int32), none.astype(np.float32)
    )
    codes, n_codes, left_out = filter_codes(catalogue, ("a", "b"))
    assert codes.shape == (n, 2 - len(left_out))
    assert codes.max(initial=-1) < max(n_codes, 1)
    used = [set(codes[:, c].tolist()) - {-1} for c in range(codes.shape[1])]
    assert len(set.union(set(), *used)) == sum(map(len, used))
    for c, name in enumerate(one for one in ("a", "b") if one not in left_out):
        np.testing.assert_array_equal(codes[:, c] < 0, catalogue.codes[name] < 0)
