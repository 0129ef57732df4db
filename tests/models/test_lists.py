"""Lists by age, department, trend and novelty against plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from hemline.errors import ConfigError
from hemline.models import NewArrivals, PopularAtAge, PopularInGroup, Trending
from hemline.models.new_arrivals import first_seen
from hemline.models.popular_at_age import windows
from hemline.models.sales import NEVER
from hemline.shop.histories import SECONDS_PER_DAY, Histories
from hemline.shop.tables import Catalogue

DAY = SECONDS_PER_DAY
N_CUSTOMERS, N_ARTICLES = 80, 40
AS_OF = 60 * DAY


@pytest.fixture(scope="module")
def shop() -> Histories:
    random = np.random.default_rng(6)
    m = 1500
    return Histories.from_purchases(
        random.integers(0, N_CUSTOMERS - 5, m),
        (random.random(m) ** 1.5 * (N_ARTICLES - 4)).astype(int),
        n_customers=N_CUSTOMERS,
        n_articles=N_ARTICLES,
        time=random.integers(1, 60, m) * DAY,
        weight=random.integers(1, 4, m),
        age=np.where(
            random.random(N_CUSTOMERS) < 0.1, np.nan, random.integers(16, 70, N_CUSTOMERS)
        ),
    )


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    code = (np.arange(N_ARTICLES) * 7 % 5).astype(np.int32)
    code[[3, 17]] = -1
    none = np.zeros((N_ARTICLES, 0))
    return Catalogue(
        N_ARTICLES, {"department_no": code}, none.astype(np.int32), none.astype(np.float32)
    )


def sold(shop: Histories, days: int, decay: float, units: bool, who=None) -> np.ndarray:
    """What sold in the last days, each customer's latest purchase of an article or all pieces."""
    counts = np.zeros(N_ARTICLES)
    for i, (start, stop) in enumerate(zip(shop.start, shop.stop, strict=True)):
        seen: set[int] = set()
        for at in range(stop - 1, start - 1, -1):
            age = (AS_OF - 1 - shop.time[at]) // DAY
            article = int(shop.article[at])
            if age >= days or (who is not None and not who[i]) or (article in seen and not units):
                continue
            seen.add(article)
            counts[article] += (1.0 + age) ** -decay * (shop.weight[at] if units else 1)
    return counts


def in_order(values: np.ndarray) -> list[int]:
    values = values.astype(np.float32)
    order = np.lexsort((np.arange(len(values)), -values))
    return order[values[order] > 0].tolist()


def listed(found, row: int) -> list[int]:
    return found.articles[row][found.articles[row] >= 0].tolist()


@pytest.mark.parametrize(("units", "decay"), [(False, 0.0), (True, 0.0), (False, 0.7)])
def test_popular_at_age(shop, units, decay):
    model = PopularAtAge(days=20, enough=90, by="units" if units else "customers", decay=decay)
    model.fit(shop, as_of=AS_OF)
    found = model.recommend(shop, N_ARTICLES, as_of=AS_OF)
    years = np.floor(shop.age)
    for i in range(N_CUSTOMERS):
        if np.isnan(years[i]):
            who = np.ones(N_CUSTOMERS, bool)
        else:
            for width in range(120):
                who = np.abs(years - years[i]) <= width
                if sold(shop, 20, decay, units, who).sum() >= 90:
                    break
            else:
                who = ~np.isnan(years)
        expected = sold(shop, 20, decay, units, who)
        # sums in another order may differ in the last place, and so may ties that are none
        scores = expected[found.articles[i][found.articles[i] >= 0]]
        np.testing.assert_allclose(found.scores[i][: len(scores)], scores, rtol=1e-6)
        if decay == 0:
            assert listed(found, i) == in_order(expected)


def test_windows_reach_what_is_enough():
    sales = np.array([0.0, 0, 5, 1, 0, 7, 0])
    for age, (low, high) in enumerate(windows(sales, 8)):
        assert low <= age < high
        assert sales[low:high].sum() >= 8 or (low, high) == (0, 7)
    assert windows(sales, 1000) == [(0, 7)] * 7


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_popular_in_group(shop, catalogue, share):
    model = PopularInGroup(days=15, share=share, history_decay=0.5, history_days=40)
    model.fit(shop, as_of=AS_OF, catalogue=catalogue)
    code = catalogue.codes["department_no"]
    counts = sold(shop, 15, 0, False)
    group = np.bincount(code[code >= 0], counts[code >= 0])
    found = model.recommend(shop, N_ARTICLES, as_of=AS_OF)
    for i, (start, stop) in enumerate(zip(shop.start, shop.stop, strict=True)):
        taste = np.zeros(5)
        for at in range(start, stop):
            age = (AS_OF - 1 - shop.time[at]) // DAY
            if age < 40 and code[shop.article[at]] >= 0:
                taste[code[shop.article[at]]] += (1.0 + age) ** -0.5
        taste /= max(taste.sum(), 1e-300)
        expected = np.where(code >= 0, taste[code] * counts / group[code] ** share, 0)
        held = found.articles[i] >= 0
        assert held.sum() == (expected > 0).sum()
        np.testing.assert_allclose(
            found.scores[i][held], np.sort(expected[expected > 0])[::-1], rtol=1e-5
        )
        np.testing.assert_allclose(
            found.scores[i][held], expected[found.articles[i][held]], rtol=1e-5
        )


def test_trending(shop):
    model = Trending(days=5, before_days=20).fit(shop, as_of=AS_OF)
    lately = sold(shop, 5, 0, False)
    # those before it: a customer counts once in each window
    earlier = shop.before(AS_OF - 5 * DAY)
    before = np.zeros(N_ARTICLES)
    for start, stop in zip(earlier.start, earlier.stop, strict=True):
        days = (AS_OF - 1 - earlier.time[start:stop]) // DAY
        for one in set(earlier.article[start:stop][days < 25].tolist()):
            before[one] += 1
    expected = np.maximum(lately - before / 4, 0) / np.sqrt(before / 4 + 1)
    found = model.recommend(shop, N_ARTICLES, as_of=AS_OF)
    assert listed(found, 0) == listed(found, N_CUSTOMERS - 1) == in_order(expected)


def test_what_never_sold_is_as_new_as_its_neighbours():
    first = np.array([5, 6, NEVER, 7, 90, 91, NEVER, 92, NEVER], np.int64)
    first = np.where(first == NEVER, NEVER, first * DAY)
    age = first_seen(first, 100 * DAY, 2)
    assert age[[0, 4, 7]].tolist() == [94, 9, 7]
    assert age[2] == np.median([94, 93, 92, 9])
    assert age[6] == np.median([9, 8, 7])
    assert age[8] == np.median([8, 7])
    assert np.isinf(first_seen(np.full(4, NEVER), 100 * DAY, 2)).all()


def test_new_arrivals_reach_what_never_sold(catalogue):
    # articles 0 to 19 sold from day 1 on, 20 to 39 from day 50 on; 30 to 34 never
    article = np.concatenate([np.arange(20), np.setdiff1d(np.arange(20, 40), np.arange(30, 35))])
    time = np.where(article < 20, 1, 50) * DAY
    shop = Histories.from_purchases(
        np.arange(len(article)), article, n_customers=40, n_articles=N_ARTICLES, time=time
    )
    model = NewArrivals(days=14, neighbours=3, prior=1).fit(shop, as_of=AS_OF, catalogue=catalogue)
    everything = Histories.from_baskets([range(40)], n_articles=N_ARTICLES, time=AS_OF - DAY)
    found = listed(model.recommend(everything, N_ARTICLES, as_of=AS_OF), 0)
    assert set(found) == set(range(20, 40))
    code = catalogue.codes["department_no"]
    for department in range(5):
        one = Histories.from_baskets(
            [np.flatnonzero(code == department)[:1]], n_articles=N_ARTICLES, time=AS_OF - DAY
        )
        there = listed(model.recommend(one, N_ARTICLES, as_of=AS_OF), 0)
        assert set(there) == {a for a in range(20, 40) if code[a] == department}


@pytest.mark.parametrize("model", [PopularInGroup, NewArrivals])
def test_without_the_attribute_it_cannot_be_fitted(model, shop, catalogue):
    with pytest.raises(ConfigError, match="no department_no"):
        model().fit(shop, as_of=AS_OF)
    with pytest.raises(ConfigError, match="no section_no"):
        model(attribute="section_no").fit(shop, as_of=AS_OF, catalogue=catalogue)
