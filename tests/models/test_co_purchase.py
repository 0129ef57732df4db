"""Co-purchases against a slow version in plain Python."""

from __future__ import annotations

from collections import defaultdict
from itertools import permutations

import numpy as np
import pytest

from hemline.models import CoPurchase
from hemline.shop.histories import SECONDS_PER_DAY, Histories

DAY = SECONDS_PER_DAY
N_ARTICLES = 30
AS_OF = 120 * DAY


@pytest.fixture(scope="module")
def shop() -> Histories:
    random = np.random.default_rng(4)
    m = 700
    return Histories.from_purchases(
        random.integers(0, 40, m),
        (random.random(m) ** 2 * N_ARTICLES).astype(int),
        n_customers=45,
        n_articles=N_ARTICLES,
        time=random.integers(1, 120, m) * DAY + random.integers(0, DAY, m),
    )


def age(time: int, as_of: int = AS_OF) -> int:
    return (as_of - 1 - time) // DAY


def rows(shop: Histories, window: int, decay: float, days: int | None) -> dict:
    """For every ordered pair of articles the faded count of pairs of purchases."""
    found: dict[int, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for start, stop in zip(shop.start, shop.stop, strict=True):
        for i, j in permutations(range(start, stop), 2):
            one, other = int(shop.article[i]), int(shop.article[j])
            first, last = sorted((age(shop.time[i]), age(shop.time[j])))
            if one == other or last - first > window or (days and first >= days):
                continue
            found[one][other] += (1.0 + first) ** -decay
    return found


@pytest.mark.parametrize(
    ("window", "decay", "days", "share"),
    [(28, 1.0, None, 1.0), (0, 0.0, None, 0.0), (9, 0.5, 60, 0.5), (500, 2.0, 30, 1.0)],
)
def test_every_pair_is_counted(shop, window, decay, days, share):
    model = CoPurchase(window_days=window, decay=decay, days=days, share=share, per_article=30)
    model.fit(shop, as_of=AS_OF)
    expected = rows(shop, window, decay, days)
    for one in range(N_ARTICLES):
        held = slice(model.indptr_[one], model.indptr_[one + 1])
        total = sum(expected[one].values())
        values = {other: value / total**share for other, value in expected[one].items()}
        assert set(model.article_[held].tolist()) == set(values)
        for other, value in zip(model.article_[held], model.value_[held], strict=True):
            assert value == pytest.approx(values[int(other)], rel=1e-5)
        assert (np.diff(model.value_[held]) <= 0).all()


def test_only_the_largest_are_kept(shop):
    whole = CoPurchase(per_article=30).fit(shop, as_of=AS_OF)
    few = CoPurchase(per_article=3).fit(shop, as_of=AS_OF)
    for one in range(N_ARTICLES):
        first = whole.article_[whole.indptr_[one] : whole.indptr_[one + 1]][:3]
        assert few.article_[few.indptr_[one] : few.indptr_[one + 1]].tolist() == first.tolist()


@pytest.mark.parametrize(("history_days", "history_decay"), [(None, 0.5), (20, 0.0), (40, 2.0)])
def test_a_customer_is_scored_by_faded_purchases(shop, history_days, history_decay):
    model = CoPurchase(per_article=30, history_days=history_days, history_decay=history_decay).fit(
        shop, as_of=AS_OF
    )
    dense = np.zeros((N_ARTICLES, N_ARTICLES))
    for one in range(N_ARTICLES):
        held = slice(model.indptr_[one], model.indptr_[one + 1])
        dense[one, model.article_[held]] = model.value_[held]
    later = AS_OF + 5 * DAY
    every = np.tile(np.arange(N_ARTICLES, dtype=np.int32), (len(shop), 1))
    scores = model.score(shop, every, as_of=later)
    best = model.recommend(shop, N_ARTICLES, as_of=later)
    for i, (start, stop) in enumerate(zip(shop.start, shop.stop, strict=True)):
        expected = np.zeros(N_ARTICLES)
        for place in range(start, stop):
            days = age(shop.time[place], later)
            if history_days is None or days < history_days:
                expected += (1.0 + days) ** -history_decay * dense[shop.article[place]]
        np.testing.assert_allclose(scores[i], expected, rtol=1e-5, atol=1e-7)
        order = np.lexsort((np.arange(N_ARTICLES), -scores[i]))
        order = order[scores[i][order] > 0]
        assert best.articles[i][: len(order)].tolist() == order.tolist()
        assert (best.articles[i][len(order) :] == -1).all()


def test_one_day_is_a_day_of_the_calendar():
    times = [10 * DAY, 10 * DAY + DAY - 1, 11 * DAY]
    one = Histories.from_purchases([0, 0, 0], [0, 1, 2], n_customers=1, n_articles=3, time=times)
    model = CoPurchase(window_days=0, decay=0, share=0).fit(one, as_of=20 * DAY)
    assert np.diff(model.indptr_).tolist() == [1, 1, 0]
    assert model.article_.tolist() == [1, 0]
