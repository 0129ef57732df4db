from __future__ import annotations

import numpy as np
import pytest

from hemline.errors import ConfigError
from hemline.models import Popular
from hemline.shop.histories import Histories

DAY = 86_400
AS_OF = 100 * DAY
N_ARTICLES = 60


def shop() -> Histories:
    random = np.random.default_rng(3)
    m = 3000
    return Histories.from_purchases(
        random.integers(0, 200, m),
        (50 * random.random(m) ** 2).astype(int),
        n_customers=200,
        n_articles=N_ARTICLES,
        time=random.integers(0, 100, m) * DAY,
        weight=random.integers(1, 4, m),
        age=random.choice([16, 25, 25.5, 26, 35, 36, 45, 55, 65, 66, 99, np.nan], 200),
    )


def expected(by: str, days: int, band: int) -> list[tuple[float, int]]:
    """Count with sets and dicts; return (score, position) best first."""
    histories = shop()
    window: dict[int, set] = {}
    older: dict[int, set] = {}
    for i in range(len(histories)):
        age = histories.age[i]
        own = 0 if np.isnan(age) else 1 + sum(int(age) > bound for bound in (25, 35, 45, 55, 65))
        if band not in (0, own):
            continue
        for at in range(histories.start[i], histories.stop[i]):
            count = window if histories.time[at] >= AS_OF - days * DAY else older
            one = int(histories.article[at])
            key = i if by == "customers" else at
            count.setdefault(one, set()).add(key)

    def total(keys: set) -> float:
        return len(keys) if by == "customers" else float(histories.weight[list(keys)].sum())

    scores = []
    for one in range(N_ARTICLES):
        if one in window:
            scores.append((total(window[one]), one))
        else:
            scores.append((total(older.get(one, set())) / 2**24, one))
    return sorted(scores, key=lambda pair: (-pair[0], pair[1]))


@pytest.mark.parametrize("by", ["customers", "units"])
@pytest.mark.parametrize("days", [1, 7, 1000])
def test_order_and_counts(by, days):
    model = Popular(by=by, days=days).fit(shop(), as_of=AS_OF)
    assert model.order_.shape == model.counts_.shape == (7, N_ARTICLES)
    assert model.order_.dtype == np.int32
    assert model.counts_.dtype == np.float32
    for band in range(7):
        wanted = expected(by, days, band)
        assert model.order_[band].tolist() == [one for _, one in wanted]
        assert model.counts_[band].tolist() == [score for score, _ in wanted]


def test_bands():
    model = Popular()
    ages = np.array([0, 16, 25, 25.9, 26, 35, 36, 65, 66, 120, np.nan], np.float32)
    assert model.band_of(ages).tolist() == [1, 1, 1, 1, 2, 2, 3, 5, 6, 6, 0]
    assert Popular(age_bounds=()).band_of(ages).tolist() == [1] * 10 + [0]


def test_by_age_answers_with_the_customers_band_and_overall_without_one():
    histories = shop()
    model = Popular(by_age=True).fit(histories, as_of=AS_OF)
    found = model.recommend(histories, 12, as_of=AS_OF)
    band = model.band_of(histories.age)
    assert set(band) == set(range(7))
    assert np.array_equal(found.articles, model.order_[band][:, :12])
    assert np.array_equal(found.scores, model.counts_[band][:, :12])
    overall = Popular().fit(histories, as_of=AS_OF).recommend(histories, 12, as_of=AS_OF)
    assert np.array_equal(overall.articles, np.tile(model.order_[0, :12], (200, 1)))


def test_a_window_too_small_is_filled_by_older_sales_then_by_position():
    histories = Histories.from_purchases(
        [0, 1, 2, 0, 1],
        [4, 3, 3, 2, 4],
        n_customers=3,
        n_articles=6,
        time=[99 * DAY, DAY, DAY, DAY, DAY],
    )
    found = Popular(days=7).fit(histories, as_of=AS_OF).recommend(histories.block(0, 1), 6)
    assert found.articles.tolist() == [[4, 3, 2, 0, 1, 5]]
    assert found.scores.tolist() == [[1, 2 / 2**24, 1 / 2**24, 0, 0, 0]]


def test_ages_that_do_not_rise_are_refused():
    with pytest.raises(ConfigError, match="ages rise"):
        Popular(age_bounds=(30, 20))
