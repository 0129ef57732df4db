"""Every model answers the same questions in the same way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemline.errors import ConfigError, CutoffError, RunError
from hemline.models import ALS, AlsoBought, Popular, PopularAtAge, Repurchase, Trending
from hemline.models.base import Repeat, TopK
from hemline.shop.histories import SECONDS_PER_DAY, Histories

DAY = SECONDS_PER_DAY
AS_OF = 100 * DAY
N_CUSTOMERS, N_ARTICLES = 60, 43

FOR_EVERYONE = (Popular, PopularAtAge, Trending)
"""Models that do not look at what the customer bought."""


def same(one: TopK, two: TopK) -> None:
    assert np.array_equal(one.articles, two.articles)
    assert np.array_equal(one.scores, two.scores)


def well_formed(found: TopK, n: int, k: int) -> None:
    assert found.articles.shape == found.scores.shape == (n, k)
    assert found.articles.dtype == np.int32
    assert found.scores.dtype == np.float32
    for articles, scores in zip(found.articles, found.scores, strict=True):
        held = int((articles >= 0).sum())
        assert (articles[held:] == -1).all()
        assert np.isneginf(scores[held:]).all()
        articles, scores = articles[:held], scores[:held]
        assert np.isfinite(scores).all()
        assert len(np.unique(articles)) == held
        assert (articles < N_ARTICLES).all()
        assert (scores[:-1] >= scores[1:]).all()
        tied = scores[:-1] == scores[1:]
        assert (articles[:-1][tied] < articles[1:][tied]).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda: ALS(factors=4, iterations=20, weights="binary"),
        AlsoBought,
        lambda: Popular(by_age=True),
        Repurchase,
    ],
    ids=["als", "also bought", "popular", "repurchase"],
)
def test_planted_answer(make):
    """A checkerboard: even customers, who are young, buy even articles; odd, old ones odd."""
    pairs = [(i, j) for i in range(40) for j in range(20) if (i + j) % 2 == 0 and j != i % 20]
    customer, article = np.array(pairs).T
    histories = Histories.from_purchases(
        customer,
        article,
        n_customers=40,
        n_articles=20,
        time=np.full(len(pairs), 5 * DAY),
        age=np.where(np.arange(40) % 2, 70, 20),
    )
    model = make().fit(histories)
    found = model.recommend(histories, 5, as_of=6 * DAY)
    assert (found.articles % 2 == np.arange(40)[:, None] % 2).all()
    if not isinstance(model, Repurchase):
        missing = model.recommend(histories, 1, as_of=6 * DAY, repeat=Repeat.exclude())
        assert missing.articles[:, 0].tolist() == [i % 20 for i in range(40)]


def test_answers_are_well_formed(fitted, world):
    for k in (1, 12, 200):
        for repeat in (Repeat.allow(), Repeat.exclude(), Repeat.cooldown(20)):
            found = fitted.recommend(world, k, as_of=AS_OF, repeat=repeat)
            well_formed(found, N_CUSTOMERS, k)


def test_k_larger_than_the_catalogue_only_pads(fitted, world):
    wide = fitted.recommend(world, 200, as_of=AS_OF)
    whole = fitted.recommend(world, N_ARTICLES, as_of=AS_OF)
    assert np.array_equal(wide.articles[:, :N_ARTICLES], whole.articles)
    assert (wide.articles[:, N_ARTICLES:] == -1).all()
    few = fitted.recommend(world, 3, as_of=AS_OF)
    assert np.array_equal(few.articles, whole.articles[:, :3])


def test_a_customer_alone_is_answered_as_in_a_batch(fitted, world):
    model = fitted
    batch = model.recommend(world, 12, as_of=AS_OF)
    scores = model.score(world, np.tile(np.arange(N_ARTICLES, dtype=np.int32), (N_CUSTOMERS, 1)))
    for i in range(N_CUSTOMERS):
        alone = world.take(np.array([i])).compact()
        one = model.recommend(alone, 12, as_of=AS_OF)
        same(one, TopK(batch.articles[[i]], batch.scores[[i]]))
        every = np.arange(N_ARTICLES, dtype=np.int32)[None]
        assert np.array_equal(model.score(alone, every)[0], scores[i])


def test_scores_of_candidates_are_those_of_recommend(fitted, world):
    found = fitted.recommend(world, 12, as_of=AS_OF)
    scores = fitted.score(world, found.articles, as_of=AS_OF)
    assert np.isneginf(scores[found.articles < 0]).all()
    held = found.articles >= 0
    np.testing.assert_allclose(scores[held], found.scores[held], rtol=1e-5, atol=1e-6)


def test_among_filters_before_the_best_are_taken(fitted, world):
    model = fitted
    whole = model.recommend(world, N_ARTICLES, as_of=AS_OF)
    random = np.random.default_rng(1)
    each = random.random((N_CUSTOMERS, N_ARTICLES)) < 0.5
    one = each[3]
    for mask, rows in ((one, np.tile(one, (N_CUSTOMERS, 1))), (each, each)):
        mask.flags.writeable = False
        found = model.recommend(world, 4, as_of=AS_OF, among=mask)
        for i in range(N_CUSTOMERS):
            allowed = [a for a in whole.articles[i] if a >= 0 and rows[i, a]][:4]
            assert found.articles[i].tolist() == allowed + [-1] * (4 - len(allowed))
    nothing = model.recommend(world, 4, as_of=AS_OF, among=np.zeros(N_ARTICLES, bool))
    assert (nothing.articles == -1).all()


def test_repeat_policies(fitted, world):
    model = fitted
    whole = model.recommend(world, N_ARTICLES, as_of=AS_OF)
    for repeat, since in (
        (Repeat.allow(), AS_OF),
        (Repeat.exclude(), 0),
        (Repeat.cooldown(15), AS_OF - 15 * DAY),
    ):
        found = model.recommend(world, 5, as_of=AS_OF, repeat=repeat)
        late = world.since(since)
        for i in range(N_CUSTOMERS):
            bought = set(late.article[late.start[i] : late.stop[i]].tolist())
            allowed = [a for a in whole.articles[i] if a >= 0 and a not in bought][:5]
            assert found.articles[i].tolist() == allowed + [-1] * (5 - len(allowed))


def test_no_history_and_no_customers(fitted):
    model = fitted
    cold = Histories.from_baskets([[], []], n_articles=N_ARTICLES, time=AS_OF - DAY)
    found = model.recommend(cold, 5, as_of=AS_OF)
    well_formed(found, 2, 5)
    expected = 5 if isinstance(model, FOR_EVERYONE) else 0
    assert ((found.articles >= 0).sum(axis=1) == expected).all()
    assert model.recommend(cold.take(slice(0, 0)), 5, as_of=AS_OF).articles.shape == (0, 5)
    assert model.score(cold.take(slice(0, 0)), np.zeros((0, 3), np.int32)).shape == (0, 3)


def test_an_article_nobody_bought_in_the_history(fitted):
    model = fitted
    odd = Histories.from_baskets([[7], [7, 41], [0, 7]], n_articles=N_ARTICLES, time=AS_OF - DAY)
    well_formed(model.recommend(odd, 5, as_of=AS_OF), 3, 5)


def test_fitting_nothing_gives_a_model_that_answers(make, world):
    nothing = world.take(slice(0, 0))
    model = make().fit(nothing, as_of=AS_OF)
    found = model.recommend(world, 3, as_of=AS_OF)
    well_formed(found, N_CUSTOMERS, 3)


def test_a_basket_equals_the_customer_who_bought_it(fitted, world):
    model = fitted
    bought = world.block(5, 6)
    rows = bought.rows()
    basket = Histories.from_purchases(
        np.zeros(len(rows)),
        bought.article[rows],
        n_customers=1,
        n_articles=N_ARTICLES,
        time=bought.time[rows],
        weight=bought.weight[rows],
        price=bought.price[rows],
        age=bought.age,
    )
    same(model.recommend(basket, 12, as_of=AS_OF), model.recommend(bought, 12, as_of=AS_OF))


def test_a_purchase_after_the_fit_counts_as_soon_as_it_is_past(fitted, later):
    now = fitted.recommend(later, 12, as_of=AS_OF + 20 * DAY)
    then = fitted.recommend(later, 12, as_of=AS_OF)
    # but popularity does not look at what the customer bought
    assert np.array_equal(now.articles, then.articles) == isinstance(fitted, FOR_EVERYONE)


def test_asking_before_the_cutoff_is_refused(fitted, world):
    model = fitted
    with pytest.raises(CutoffError):
        model.recommend(world, 3, as_of=AS_OF - 1)
    with pytest.raises(CutoffError):
        model.score(world, np.zeros((N_CUSTOMERS, 1), np.int32), as_of=AS_OF - 1)


def test_undated_data(make, world):
    undated = replace(world, time=np.zeros_like(world.time))
    model = make().fit(undated)
    assert model.cutoff_ is None
    found = model.recommend(undated, 12)
    well_formed(found, N_CUSTOMERS, 12)
    assert (found.articles[:50, 0] >= 0).all()


def test_what_cannot_be_asked(make, fitted, world):
    model = fitted
    with pytest.raises(RunError, match="not fitted"):
        make().recommend(world, 3, as_of=AS_OF)
    with pytest.raises(ConfigError, match="k = 0"):
        model.recommend(world, 0, as_of=AS_OF)
    with pytest.raises(ConfigError, match="among has shape"):
        model.recommend(world, 3, as_of=AS_OF, among=np.ones(3, bool))
    other = Histories.from_baskets([[0]], n_articles=3)
    with pytest.raises(ConfigError, match="histories over 3 articles"):
        model.recommend(other, 3, as_of=AS_OF)
    with pytest.raises(ConfigError, match="histories over 3 articles"):
        model.score(other, np.zeros((1, 1), np.int32), as_of=AS_OF)
    with pytest.raises(ConfigError, match="candidate 43"):
        model.score(world, np.full((N_CUSTOMERS, 1), 43, np.int32), as_of=AS_OF)
    with pytest.raises(ConfigError, match="shape"):
        model.score(world, np.zeros((3, 1), np.int32), as_of=AS_OF)
    with pytest.raises(ConfigError, match="colour"):
        type(model)(colour="red")


baskets = st.lists(st.lists(st.integers(0, N_ARTICLES - 1), max_size=30), max_size=6)


@given(baskets=baskets, k=st.integers(1, 60), data=st.data())
def test_any_history_and_filter(fitted, baskets, k, data):
    model = fitted
    histories = Histories.from_baskets(baskets, n_articles=N_ARTICLES, time=AS_OF - DAY)
    among = np.array(
        data.draw(st.lists(st.booleans(), min_size=N_ARTICLES, max_size=N_ARTICLES)), bool
    )
    repeat = data.draw(st.sampled_from([Repeat.allow(), Repeat.exclude(), Repeat.cooldown(3)]))
    found = model.recommend(histories, k, as_of=AS_OF, among=among, repeat=repeat)
    well_formed(found, len(baskets), k)
    for basket, articles in zip(baskets, found.articles, strict=True):
        given_back = set(articles[articles >= 0].tolist())
        assert all(among[a] for a in given_back)
        if repeat.days:
            assert not given_back & set(basket)
