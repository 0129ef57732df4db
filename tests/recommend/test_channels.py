"""The channels together: what they promise to whoever trains and serves with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hemline.blocks import map_blocks
from hemline.config import Config
from hemline.errors import ConfigError, CutoffError, RunError
from hemline.recommend.candidates import Candidates
from hemline.recommend.channels import Channels
from hemline.shop.histories import SECONDS_PER_DAY, Histories
from hemline.shop.tables import Catalogue

DAY = SECONDS_PER_DAY
N_CUSTOMERS, N_ARTICLES = 150, 90
AS_OF = 70 * DAY
ALS = {"factors": 6, "iterations": 3, "min_customer": 2, "min_article": 2}


def settings(**channels: dict) -> Config:
    return Config.of({"als": ALS, "threads": 2, "channels": channels})


@pytest.fixture(scope="module")
def shop() -> Histories:
    random = np.random.default_rng(21)
    m = 2500
    article = (random.random(m) ** 1.6 * (N_ARTICLES - 5)).astype(int)
    first = np.where(article % 9 == 4, 60, 1)  # some are new
    return Histories.from_purchases(
        random.integers(0, N_CUSTOMERS - 10, m),
        article,
        n_customers=N_CUSTOMERS,
        n_articles=N_ARTICLES,
        time=random.integers(first, 70) * DAY + random.integers(0, DAY, m),
        price=random.random(m),
        age=np.where(
            random.random(N_CUSTOMERS) < 0.1, np.nan, random.integers(16, 80, N_CUSTOMERS)
        ),
    )


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    random = np.random.default_rng(22)
    similar = random.permuted(np.tile(np.arange(N_ARTICLES), (N_ARTICLES, 1)), axis=1)[:, :10]
    similar[similar == np.arange(N_ARTICLES)[:, None]] = -1
    cosine = -np.sort(-random.random(similar.shape), axis=1)
    codes = {
        "product_code": np.arange(N_ARTICLES) // 3,
        "department_no": np.arange(N_ARTICLES) % 7,
        "section_no": np.arange(N_ARTICLES) % 4,
        "index_code": np.arange(N_ARTICLES) % 2,
    }
    return Catalogue(
        N_ARTICLES,
        {name: one.astype(np.int32) for name, one in codes.items()},
        similar.astype(np.int32),
        cosine.astype(np.float32),
    )


@pytest.fixture(scope="module")
def fitted(shop: Histories, catalogue: Catalogue) -> Channels:
    return Channels(settings()).fit(shop, catalogue, as_of=AS_OF)


@pytest.fixture(scope="module")
def found(fitted: Channels, shop: Histories) -> Candidates:
    return fitted.gather(shop, as_of=AS_OF)


def same(one: Candidates, two: Candidates) -> None:
    assert one.channels == two.channels
    for name in ("bounds", "article", "rank", "score"):
        assert np.array_equal(getattr(one, name), getattr(two, name), equal_nan=name == "score")


def test_every_channel_of_the_defaults_is_there(fitted, found):
    assert fitted.names == found.channels == tuple(Config().channel_settings())
    assert len(fitted.names) == 12
    assert not fitted.left_out
    assert (found.rank > 0).any(axis=0).all()
    assert ((found.rank > 0).sum(axis=1) > 0).all()


def test_each_channel_is_its_model_asked_alone(fitted, found, shop):
    for at, name in enumerate(fitted.names):
        common = fitted.settings[name].common
        lately = shop.since(AS_OF - (common.sold_days or 10**4) * DAY)
        sold = np.isin(np.arange(N_ARTICLES), lately.article[lately.rows()])
        best = fitted.models[name].recommend(
            shop, common.n, as_of=AS_OF, among=sold if common.sold_days else None
        )
        ranks = found.rank[:, at]
        for i in range(N_CUSTOMERS):
            held = slice(found.bounds[i], found.bounds[i + 1])
            order = np.argsort(ranks[held])
            listed = found.article[held][order][np.sort(ranks[held]) > 0]
            assert listed.tolist() == best.articles[i][best.articles[i] >= 0].tolist()
        if not common.score_all:
            assert np.array_equal(np.isnan(found.score[:, at]), ranks == 0)


def test_score_all_scores_what_others_proposed(fitted, found, shop):
    at = fitted.names.index("als")
    assert fitted.settings["als"].common.score_all
    expected = fitted.models["als"].score(shop, found.padded(), as_of=AS_OF)
    assert np.array_equal(found.score[:, at], expected[found.padded() >= 0])
    assert (found.rank[:, at] == 0).any()


@pytest.mark.parametrize("block", [1, 7, 64])
def test_blocks_and_threads_do_not_change_anything(fitted, found, shop, block):
    parts = map_blocks(
        lambda low, high: fitted.gather(shop.block(low, high), as_of=AS_OF), len(shop), block, 3
    )
    for at, part in enumerate(parts):
        same(part, found.block(at * block, min((at + 1) * block, len(shop))))


def test_fitting_with_other_threads_is_the_same(shop, catalogue, found):
    config = settings().replaced({"threads": 1})
    same(Channels(config).fit(shop, catalogue, as_of=AS_OF).gather(shop, as_of=AS_OF), found)


def test_purchases_at_and_after_the_moment_change_nothing(shop, catalogue, found):
    random = np.random.default_rng(5)
    m = 800
    rows = shop.rows()
    # everyone buys at the moment itself and after it, what nobody bought before as well
    more = Histories.from_purchases(
        np.concatenate([shop.customers(), random.integers(0, N_CUSTOMERS, m)]),
        np.concatenate([shop.article[rows], random.integers(0, N_ARTICLES, m)]),
        n_customers=N_CUSTOMERS,
        n_articles=N_ARTICLES,
        time=np.concatenate([shop.time[rows], AS_OF + random.choice([0, 1, DAY, 9 * DAY], m)]),
        price=np.concatenate([shop.price[rows], np.full(m, 9.0)]),
        age=shop.age,
    )
    leaky = Channels(settings()).fit(more, catalogue, as_of=AS_OF)
    same(leaky.gather(more, as_of=AS_OF), found)


def test_save_and_load(fitted, found, shop, catalogue, tmp_path: Path):
    fitted.save(tmp_path)
    loaded = Channels.load(tmp_path, settings(), catalogue)
    same(loaded.gather(shop, as_of=AS_OF), found)
    assert (loaded.cutoff_, loaded.names) == (fitted.cutoff_, fitted.names)
    other = settings(mine={"model": "popular"})
    Channels(other).fit(shop, catalogue, as_of=AS_OF).save(tmp_path)
    with pytest.raises(RunError, match="mine"):
        Channels.load(tmp_path, settings(), catalogue)
    with pytest.raises(RunError, match="no such channels"):
        Channels.load(tmp_path / "nowhere", settings(), catalogue)


def test_what_may_be_proposed_can_be_restricted(fitted, shop):
    among = np.random.default_rng(3).random((N_CUSTOMERS, N_ARTICLES)) < 0.4
    found = fitted.gather(shop, as_of=AS_OF, among=among)
    assert among[found.customers(), found.article].all()
    one = fitted.gather(shop.block(4, 5), as_of=AS_OF, among=among[4])
    same(one, found.block(4, 5))
    nothing = fitted.gather(shop, as_of=AS_OF, among=np.zeros(N_ARTICLES, bool))
    assert nothing.n_rows == 0
    assert len(nothing) == N_CUSTOMERS


def test_settings_of_a_channel(shop, catalogue):
    config = settings(
        popular={"n": 3, "repeat": "exclude", "sold_days": 5, "days": 60},
        **{"also-bought": {"enabled": False}, "dear": {"model": "repurchase", "order": ["price"]}},
    )
    channels = Channels(config).fit(shop, catalogue, as_of=AS_OF)
    assert "also-bought" not in channels.names
    assert channels.names[-1] == "dear"
    assert channels.models["dear"].settings.order == ("price",)
    found = channels.gather(shop, as_of=AS_OF)
    at = channels.names.index("popular")
    chosen = found.rank[:, at] > 0
    assert found.rank[:, at].max() == 3
    last = np.full(N_ARTICLES, 0)
    np.maximum.at(last, shop.article[shop.rows()], shop.time[shop.rows()])
    assert (last[found.article[chosen]] >= AS_OF - 5 * DAY).all()
    bought = set(zip(shop.customers().tolist(), shop.article[shop.rows()].tolist(), strict=True))
    listed = zip(found.customers()[chosen].tolist(), found.article[chosen].tolist(), strict=True)
    assert not bought & set(listed)


def test_only_the_most_sold_of_some_days(shop, catalogue):
    config = settings(als={"sold_days": 20, "sold_most": 7})
    channels = Channels(config).fit(shop, catalogue, as_of=AS_OF)
    counts = np.zeros(N_ARTICLES)
    lately = shop.since(AS_OF - 20 * DAY)
    pairs = set(
        zip(lately.customers().tolist(), lately.article[lately.rows()].tolist(), strict=True)
    )
    for _, article in pairs:
        counts[article] += 1
    expected = np.argsort(-counts, kind="stable")[:7]
    assert np.array_equal(np.flatnonzero(channels.sold_["als"]), np.sort(expected))
    best = channels.propose("als", shop, as_of=AS_OF).articles
    assert set(np.unique(best)) == {-1, *expected.tolist()}


def test_a_shop_without_attributes_has_fewer_channels(shop):
    none = np.zeros((N_ARTICLES, 0))
    bare = Catalogue(N_ARTICLES, {}, none.astype(np.int32), none.astype(np.float32))
    channels = Channels(settings()).fit(shop, bare, as_of=AS_OF)
    assert set(channels.left_out) == {
        "same-product", "similar", "popular-in-department", "popular-in-section", "new-arrivals"
    }  # fmt: skip
    assert channels.left_out["similar"] == "no similar articles: no photos"
    assert len(channels.gather(shop, as_of=AS_OF).channels) == 7
    only = Channels(settings(**{name: {"enabled": False} for name in channels.names}))
    with pytest.raises(ConfigError, match="no channel is left"):
        only.fit(shop, bare, as_of=AS_OF)


def test_undated_purchases(shop, catalogue):
    undated = replace(shop, time=np.zeros_like(shop.time))
    channels = Channels(settings()).fit(undated, catalogue)
    assert channels.cutoff_ is None
    assert channels.gather(undated, as_of=None).n_rows > N_CUSTOMERS


def test_models_fitted_earlier_may_be_given(shop, catalogue):
    earlier = Channels(settings()).fit(shop, catalogue, as_of=AS_OF - 7 * DAY)
    later = Channels(settings()).fit(
        shop, catalogue, as_of=AS_OF, given={"als": earlier.models["als"]}
    )
    assert later.models["als"] is earlier.models["als"]
    assert later.models["popular"].cutoff_ == AS_OF
    with pytest.raises(CutoffError):
        Channels(settings()).fit(
            shop, catalogue, as_of=AS_OF - 14 * DAY, given={"als": earlier.models["als"]}
        )


def test_what_cannot_be_asked(fitted, shop, catalogue):
    with pytest.raises(RunError, match="not fitted"):
        Channels(settings()).gather(shop, as_of=AS_OF)
    for as_of in (None, AS_OF - 1):
        with pytest.raises(CutoffError):
            fitted.gather(shop, as_of=as_of)
    small = Histories.from_baskets([[0]], n_articles=3)
    with pytest.raises(ConfigError, match="90 articles"):
        Channels(settings()).fit(small, catalogue)
    with pytest.raises(ConfigError, match="no channel is enabled"):
        Channels(settings(**{name: {"enabled": False} for name in fitted.names}))
