"""Every model answers the same questions."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemline.errors import ConfigError, CutoffError, RunError
from hemline.models import ALS, AlsoBought, Popular, Repurchase
from hemline.models.base import Model, Repeat, TopK
from hemline.shop.histories import SECONDS_PER_DAY, Histories

DAY = SECONDS_PER_DAY
AS_OF = 100 * DAY
N_CUSTOMERS, N_ARTICLES = 60, 43
NEVER_SOLD = (7, 41, 42)

SMALL = {"factors": 8, "iterations": 3, "min_customer": 2, "min_article": 2}
MODELS: dict[str, Callable[[], Model[Any]]] = {
    "als": lambda: ALS(**SMALL, weights="seasonal"),
    "als power decay": lambda: ALS(
        **SMALL, alpha=3, weights={"kind": "power_decay", "repeats": "last"}
    ),
    "also bought": lambda: AlsoBought(per_article=None),
    "also bought 5": lambda: AlsoBought(per_article=5),
    "popular": lambda: Popular(days=9),
    "popular by age": lambda: Popular(days=30, by="units", by_age=True),
    "repurchase": lambda: Repurchase(),
    "repurchase 40 days": lambda: Repurchase(days=40, order=("count", "price", "day")),
}

every_model = pytest.mark.parametrize("name", MODELS)


def frozen(histories: Histories) -> Histories:
    for field in fields(histories):
        array = getattr(histories, field.name)
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    return histories


@cache
def world(seed: int = 0) -> Histories:
    """A shop with customers who bought nothing, articles nobody bought, repeats and gaps."""
    random = np.random.default_rng(seed)
    m = 900
    customer = random.integers(0, N_CUSTOMERS - 4, m)
    sold = np.setdiff1d(np.arange(N_ARTICLES), NEVER_SOLD)
    article = sold[(len(sold) * random.random(m) ** 2).astype(int)]
    price = random.choice([5.0, 10.0, 20.0, np.nan], m)
    age = random.choice([17.0, 30.5, 50.0, 80.0, np.nan], N_CUSTOMERS)
    return frozen(
        Histories.from_purchases(
            customer,
            article,
            n_customers=N_CUSTOMERS,
            n_articles=N_ARTICLES,
            time=random.integers(1, 100, m) * DAY + random.choice([0, 3600], m),
            weight=random.integers(1, 4, m),
            price=price,
            age=age,
        )
    )


@cache
def fitted(name: str) -> Model[Any]:
    return MODELS[name]().fit(world(), as_of=AS_OF)


def with_later_purchases(histories: Histories) -> Histories:
    """The same customers, and what they buy at AS_OF and after it."""
    random = np.random.default_rng(9)
    rows = histories.rows()
    m = 300
    customer = np.concatenate([histories.customers(), random.integers(0, len(histories), m)])
    return Histories.from_purchases(
        customer,
        np.concatenate([histories.article[rows], random.integers(0, N_ARTICLES, m)]),
        n_customers=len(histories),
        n_articles=N_ARTICLES,
        time=np.concatenate([histories.time[rows], AS_OF + random.integers(0, 9, m) * DAY]),
        weight=np.concatenate([histories.weight[rows], np.ones(m)]),
        price=np.concatenate([histories.price[rows], np.full(m, 1000)]),
        age=histories.age,
    )


def same(one: TopK, two: TopK) -> None:
    assert np.array_equal(one.articles, two.articles)
    assert np.array_equal(one.scores, two.scores)


def arrays(model: Model[Any]) -> dict[str, np.ndarray]:
    return {name: np.asarray(getattr(model, name)) for name in model.fitted}


def same_model(one: Model[Any], two: Model[Any]) -> None:
    for name, array in arrays(one).items():
        assert array.dtype == arrays(two)[name].dtype
        assert np.array_equal(array, arrays(two)[name]), name
    assert (one.settings, one.n_articles_, one.cutoff_) == (
        two.settings,
        two.n_articles_,
        two.cutoff_,
    )


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


@every_model
def test_answers_are_well_formed(name):
    for k in (1, 12, 200):
        for repeat in (Repeat.allow(), Repeat.exclude(), Repeat.cooldown(20)):
            found = fitted(name).recommend(world(), k, as_of=AS_OF, repeat=repeat)
            well_formed(found, N_CUSTOMERS, k)


@every_model
def test_k_larger_than_the_catalogue_only_pads(name):
    wide = fitted(name).recommend(world(), 200, as_of=AS_OF)
    whole = fitted(name).recommend(world(), N_ARTICLES, as_of=AS_OF)
    assert np.array_equal(wide.articles[:, :N_ARTICLES], whole.articles)
    assert (wide.articles[:, N_ARTICLES:] == -1).all()
    few = fitted(name).recommend(world(), 3, as_of=AS_OF)
    assert np.array_equal(few.articles, whole.articles[:, :3])


@every_model
def test_a_customer_alone_is_answered_as_in_a_batch(name):
    model = fitted(name)
    batch = model.recommend(world(), 12, as_of=AS_OF)
    scores = model.score(world(), np.tile(np.arange(N_ARTICLES, dtype=np.int32), (N_CUSTOMERS, 1)))
    for i in range(N_CUSTOMERS):
        alone = world().take(np.array([i])).compact()
        one = model.recommend(alone, 12, as_of=AS_OF)
        same(one, TopK(batch.articles[[i]], batch.scores[[i]]))
        every = np.arange(N_ARTICLES, dtype=np.int32)[None]
        assert np.array_equal(model.score(alone, every)[0], scores[i])


@every_model
def test_scores_of_candidates_are_those_of_recommend(name):
    found = fitted(name).recommend(world(), 12, as_of=AS_OF)
    scores = fitted(name).score(world(), found.articles, as_of=AS_OF)
    assert np.isneginf(scores[found.articles < 0]).all()
    held = found.articles >= 0
    np.testing.assert_allclose(scores[held], found.scores[held], rtol=1e-5, atol=1e-6)


@every_model
def test_among_filters_before_the_best_are_taken(name):
    model = fitted(name)
    whole = model.recommend(world(), N_ARTICLES, as_of=AS_OF)
    random = np.random.default_rng(1)
    each = random.random((N_CUSTOMERS, N_ARTICLES)) < 0.5
    one = each[3]
    for mask, rows in ((one, np.tile(one, (N_CUSTOMERS, 1))), (each, each)):
        mask.flags.writeable = False
        found = model.recommend(world(), 4, as_of=AS_OF, among=mask)
        for i in range(N_CUSTOMERS):
            allowed = [a for a in whole.articles[i] if a >= 0 and rows[i, a]][:4]
            assert found.articles[i].tolist() == allowed + [-1] * (4 - len(allowed))
    nothing = model.recommend(world(), 4, as_of=AS_OF, among=np.zeros(N_ARTICLES, bool))
    assert (nothing.articles == -1).all()


@every_model
def test_repeat_policies(name):
    model = fitted(name)
    whole = model.recommend(world(), N_ARTICLES, as_of=AS_OF)
    for repeat, since in (
        (Repeat.allow(), AS_OF),
        (Repeat.exclude(), 0),
        (Repeat.cooldown(15), AS_OF - 15 * DAY),
    ):
        found = model.recommend(world(), 5, as_of=AS_OF, repeat=repeat)
        late = world().since(since)
        for i in range(N_CUSTOMERS):
            bought = set(late.article[late.start[i] : late.stop[i]].tolist())
            allowed = [a for a in whole.articles[i] if a >= 0 and a not in bought][:5]
            assert found.articles[i].tolist() == allowed + [-1] * (5 - len(allowed))


@every_model
def test_no_history_and_no_customers(name):
    model = fitted(name)
    cold = Histories.from_baskets([[], []], n_articles=N_ARTICLES, time=AS_OF - DAY)
    found = model.recommend(cold, 5, as_of=AS_OF)
    well_formed(found, 2, 5)
    expected = 5 if isinstance(model, Popular) else 0
    assert ((found.articles >= 0).sum(axis=1) == expected).all()
    assert model.recommend(cold.take(slice(0, 0)), 5, as_of=AS_OF).articles.shape == (0, 5)
    assert model.score(cold.take(slice(0, 0)), np.zeros((0, 3), np.int32)).shape == (0, 3)


@every_model
def test_an_article_nobody_bought_in_the_history(name):
    model = fitted(name)
    odd = Histories.from_baskets([[7], [7, 41], [0, 7]], n_articles=N_ARTICLES, time=AS_OF - DAY)
    well_formed(model.recommend(odd, 5, as_of=AS_OF), 3, 5)


@every_model
def test_fitting_nothing_gives_a_model_that_answers(name):
    nothing = world().take(slice(0, 0))
    model = MODELS[name]().fit(nothing, as_of=AS_OF)
    found = model.recommend(world(), 3, as_of=AS_OF)
    well_formed(found, N_CUSTOMERS, 3)


@every_model
def test_a_basket_equals_the_customer_who_bought_it(name):
    model = fitted(name)
    bought = world().block(5, 6)
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


@every_model
def test_refit_equals_a_fresh_fit(name):
    again = MODELS[name]().fit(world(1), as_of=AS_OF).fit(world(), as_of=AS_OF)
    same_model(again, fitted(name))
    same(
        again.recommend(world(), 9, as_of=AS_OF),
        fitted(name).recommend(world(), 9, as_of=AS_OF),
    )


@every_model
def test_nothing_at_or_after_as_of_is_seen(name):
    model = fitted(name)
    later = with_later_purchases(world())
    same_model(MODELS[name]().fit(later, as_of=AS_OF), model)
    for repeat in (Repeat.allow(), Repeat.exclude(), Repeat.cooldown(20)):
        same(
            model.recommend(later, 12, as_of=AS_OF, repeat=repeat),
            model.recommend(world(), 12, as_of=AS_OF, repeat=repeat),
        )
    candidates = np.tile(np.arange(N_ARTICLES, dtype=np.int32), (N_CUSTOMERS, 1))
    assert np.array_equal(
        model.score(later, candidates, as_of=AS_OF), model.score(world(), candidates, as_of=AS_OF)
    )


@pytest.mark.parametrize("name", [name for name in MODELS if not name.startswith("popular")])
def test_a_purchase_after_the_fit_counts_as_soon_as_it_is_past(name):
    later = with_later_purchases(world())
    model = fitted(name)
    now = model.recommend(later, 12, as_of=AS_OF + 20 * DAY)
    assert not np.array_equal(now.articles, model.recommend(later, 12, as_of=AS_OF).articles)


@every_model
def test_asking_before_the_cutoff_is_refused(name):
    model = fitted(name)
    with pytest.raises(CutoffError):
        model.recommend(world(), 3, as_of=AS_OF - 1)
    with pytest.raises(CutoffError):
        model.score(world(), np.zeros((N_CUSTOMERS, 1), np.int32), as_of=AS_OF - 1)


@every_model
def test_without_as_of_the_fit_takes_the_end_of_the_last_day(name):
    last = int(world().time.max()) // DAY * DAY + DAY
    assert last == AS_OF
    same_model(MODELS[name]().fit(world()), fitted(name))


@every_model
def test_undated_data(name):
    undated = replace(world(), time=np.zeros_like(world().time))
    model = MODELS[name]().fit(undated)
    assert model.cutoff_ is None
    found = model.recommend(undated, 12)
    well_formed(found, N_CUSTOMERS, 12)
    assert (found.articles[:50, 0] >= 0).all()


@every_model
@pytest.mark.parametrize("threads", [1, 3])
def test_threads_and_blocks_do_not_change_results(name, threads, monkeypatch):
    for place, size in (
        ("als.FOLD_BLOCK", 7),
        ("als.SCORE_BLOCK", 5),
        ("also_bought.BLOCK", 9),
        ("also_bought.ARTICLE_BLOCK", 3),
        ("popular.BLOCK", 11),
        ("repurchase.BLOCK", 13),
    ):
        monkeypatch.setattr(f"hemline.models.{place}", size)
    model = MODELS[name]()
    model.threads = threads
    model.fit(world(), as_of=AS_OF)
    same_model(model, fitted(name))
    each = np.random.default_rng(1).random((N_CUSTOMERS, N_ARTICLES)) < 0.5
    for among in (None, each):
        same(
            model.recommend(world(), 12, as_of=AS_OF, among=among, repeat=Repeat.cooldown(9)),
            fitted(name).recommend(
                world(), 12, as_of=AS_OF, among=among, repeat=Repeat.cooldown(9)
            ),
        )


@every_model
def test_inputs_are_not_changed(name):
    # the arrays of the world are read-only, and writing would raise; their values are checked
    before = {f.name: np.copy(getattr(world(), f.name)) for f in fields(world())}
    candidates = np.full((N_CUSTOMERS, 2), -1, np.int32)
    candidates.flags.writeable = False
    model = MODELS[name]().fit(world(), as_of=AS_OF)
    model.recommend(world(), 12, as_of=AS_OF, repeat=Repeat.exclude())
    model.score(world(), candidates, as_of=AS_OF)
    for key, value in before.items():
        assert np.array_equal(value, getattr(world(), key), equal_nan=key in ("price", "age"))


@every_model
def test_save_and_load(name, tmp_path: Path):
    model = fitted(name)
    model.save(tmp_path / "model")
    assert {path.suffix for path in (tmp_path / "model").iterdir()} <= {".json", ".npy"}
    loaded = type(model).load(tmp_path / "model")
    same_model(loaded, model)
    for key in model.fitted:
        assert isinstance(getattr(loaded, key), np.memmap), key
    same(loaded.recommend(world(), 12, as_of=AS_OF), model.recommend(world(), 12, as_of=AS_OF))
    with pytest.raises(CutoffError):
        loaded.recommend(world(), 3, as_of=AS_OF - 1)


@every_model
def test_saving_twice_writes_the_same_bytes(name, tmp_path: Path):
    fitted(name).save(tmp_path / "a")
    MODELS[name]().fit(world(), as_of=AS_OF).save(tmp_path / "b")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


@every_model
@pytest.mark.parametrize("change", [{"version": 0}, {"version": None}, {"model": "another"}])
def test_what_another_version_wrote_is_refused(name, change, tmp_path: Path):
    model = fitted(name)
    model.save(tmp_path)
    described = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(described | change))
    with pytest.raises(RunError, match="version"):
        type(model).load(tmp_path)


@every_model
def test_loading_what_is_not_there(name, tmp_path: Path):
    model = fitted(name)
    with pytest.raises(RunError, match="no model"):
        type(model).load(tmp_path)
    if model.fitted:
        model.save(tmp_path)
        (tmp_path / f"{model.fitted[0].rstrip('_')}.npy").unlink()
        with pytest.raises(RunError, match="cannot be read"):
            type(model).load(tmp_path)


@every_model
def test_what_cannot_be_asked(name):
    model = fitted(name)
    with pytest.raises(RunError, match="not fitted"):
        MODELS[name]().recommend(world(), 3, as_of=AS_OF)
    with pytest.raises(ConfigError, match="k = 0"):
        model.recommend(world(), 0, as_of=AS_OF)
    with pytest.raises(ConfigError, match="among has shape"):
        model.recommend(world(), 3, as_of=AS_OF, among=np.ones(3, bool))
    other = Histories.from_baskets([[0]], n_articles=3)
    with pytest.raises(ConfigError, match="histories over 3 articles"):
        model.recommend(other, 3, as_of=AS_OF)
    with pytest.raises(ConfigError, match="histories over 3 articles"):
        model.score(other, np.zeros((1, 1), np.int32), as_of=AS_OF)
    with pytest.raises(ConfigError, match="candidate 43"):
        model.score(world(), np.full((N_CUSTOMERS, 1), 43, np.int32), as_of=AS_OF)
    with pytest.raises(ConfigError, match="shape"):
        model.score(world(), np.zeros((3, 1), np.int32), as_of=AS_OF)
    with pytest.raises(ConfigError, match="colour"):
        type(model)(colour="red")


baskets = st.lists(st.lists(st.integers(0, N_ARTICLES - 1), max_size=30), max_size=6)


@every_model
@given(baskets=baskets, k=st.integers(1, 60), data=st.data())
def test_any_history_and_filter(name, baskets, k, data):
    model = fitted(name)
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
