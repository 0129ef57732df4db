from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hemline.models import Repurchase
from hemline.models.base import Repeat
from hemline.shop.histories import Histories

DAY = 86_400
purchase = st.tuples(
    st.integers(0, 9),  # article
    st.integers(0, 5 * DAY),  # time
    st.sampled_from([1.0, 2.0, 3.0, np.nan]),
)
orders = st.permutations(["day", "price", "count"]).flatmap(
    lambda names: st.integers(1, 3).map(lambda n: tuple(names[:n]))
)


def in_order(purchases, order, days):
    """Sort every purchase by the keys, articles last, and keep each article's first."""
    held = [one for one in purchases if days is None or one[1] >= (6 - days) * DAY]

    def key(one):
        article, time, price = one
        keys = {
            "day": -(time // DAY),
            "price": np.inf if np.isnan(price) else -price,
            "count": -sum(other[0] == article for other in held),
        }
        return (*(keys[name] for name in order), article)

    ordered = []
    for one in sorted(held, key=key):
        if one[0] not in ordered:
            ordered.append(one[0])
    return ordered


@given(st.lists(purchase, max_size=80), orders, st.sampled_from([None, 1, 3]))
def test_own_articles_in_the_order_asked_for(purchases, order, days):
    articles, times, prices = zip(*purchases, strict=True) if purchases else ([], [], [])
    histories = Histories.from_purchases(
        np.zeros(len(articles)),
        articles,
        n_customers=1,
        n_articles=10,
        time=times,
        price=prices,
    )
    model = Repurchase(days=days, order=order).fit(histories, as_of=6 * DAY)
    found = model.recommend(histories, 10, as_of=6 * DAY)
    wanted = in_order(purchases, order, days)
    assert found.articles[0].tolist() == wanted + [-1] * (10 - len(wanted))
    ranks = np.float32(1) / np.arange(1, len(wanted) + 1, dtype=np.float32)
    assert np.array_equal(found.scores[0, : len(wanted)], ranks)
    scores = model.score(histories, np.arange(10, dtype=np.int32)[None], as_of=6 * DAY)[0]
    for article in range(10):
        expected = 1 / np.float32(wanted.index(article) + 1) if article in wanted else 0
        assert scores[article] == expected


def test_the_latest_day_then_the_dearest_then_the_position():
    histories = Histories.from_purchases(
        [0] * 5,
        [8, 3, 5, 2, 9],
        n_customers=1,
        n_articles=10,
        time=[2 * DAY, 2 * DAY + 7, 2 * DAY + 5, 2 * DAY, DAY],
        price=[1, 1, 4, np.nan, 99],
    )
    found = Repurchase().fit(histories).recommend(histories, 5, as_of=3 * DAY)
    assert found.articles.tolist() == [[5, 3, 8, 2, 9]]


def test_scores_are_ranks_before_filters():
    histories = Histories.from_purchases(
        [0] * 3, [1, 2, 3], n_customers=1, n_articles=4, time=[3 * DAY, 2 * DAY, DAY]
    )
    model = Repurchase().fit(histories)
    found = model.recommend(histories, 2, as_of=4 * DAY, repeat=Repeat.cooldown(1))
    assert found.articles.tolist() == [[2, 3]]
    np.testing.assert_allclose(found.scores, [[1 / 2, 1 / 3]])


def test_long_histories():
    random = np.random.default_rng(0)
    article = random.integers(0, 3000, 20_000)
    time = random.integers(0, 500, 20_000) * DAY
    price = random.integers(1, 9, 20_000).astype(float)
    histories = Histories.from_purchases(
        np.zeros(20_000), article, n_customers=1, n_articles=3000, time=time, price=price
    )
    found = Repurchase().fit(histories).recommend(histories, 3000, as_of=500 * DAY)
    by_place = np.lexsort((article, -price, -time))
    _, first = np.unique(article[by_place], return_index=True)
    wanted = article[by_place][np.sort(first)]
    assert np.array_equal(found.articles[0, : len(wanted)], wanted)
