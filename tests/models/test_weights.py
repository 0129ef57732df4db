from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from pydantic import ValidationError

from hemline.config import Weights
from hemline.models import ALS
from hemline.models.weights import confidence, interactions
from hemline.shop.histories import Histories

DAY = 86_400


def seconds(day: dt.date) -> int:
    return (day - dt.date(1970, 1, 1)).days * DAY


DAYS = [dt.date(2018, 9, 20) + dt.timedelta(days=i) for i in range(734)]
TIME = np.array([seconds(day) for day in DAYS])
AS_OF = seconds(dt.date(2020, 9, 23))


def talk_recent(date: dt.date) -> int:
    if date >= dt.date(2020, 3, 20):
        return 5
    if dt.date(2019, 9, 20) <= date < dt.date(2020, 3, 20):
        return 3
    return 1


def talk_seasonal(date: dt.date) -> int:
    if date >= dt.date(2020, 6, 20):
        return 5
    return 3 if date.month in (7, 8, 9) else 1


def test_the_talks_fixed_dates():
    recent = Weights(kind="recent", dates=(dt.date(2020, 3, 20), dt.date(2019, 9, 20)))
    assert confidence(TIME, AS_OF, recent).tolist() == [talk_recent(day) for day in DAYS]
    seasonal = Weights(kind="seasonal", dates=(dt.date(2020, 6, 20),), months=(7, 8, 9))
    assert confidence(TIME, AS_OF, seasonal).tolist() == [talk_seasonal(day) for day in DAYS]


def test_recent_counts_horizons_back_from_the_cutoff():
    weights = confidence(TIME, AS_OF, Weights(kind="recent"))
    age = np.array([(dt.date(2020, 9, 23) - day).days for day in DAYS])
    assert weights.dtype == np.float32
    assert (weights == np.where(age <= 26 * 7, 5, np.where(age <= 52 * 7, 3, 1))).all()
    moved = confidence(TIME + 5 * DAY, AS_OF + 5 * DAY, Weights(kind="recent"))
    assert np.array_equal(moved, weights)
    three = Weights(kind="recent", horizon_days=1, horizons=(1, 2, 3), values=(9, 5, 2, 0.5))
    assert confidence(TIME, AS_OF, three)[-5:].tolist() == [0.5, 0.5, 2, 5, 9]


@pytest.mark.parametrize(
    ("last_day", "months"),
    [
        (dt.date(2020, 9, 22), (7, 8, 9)),
        (dt.date(2020, 9, 30), (7, 8, 9)),
        (dt.date(2020, 1, 1), (1, 2, 3)),
        (dt.date(2019, 12, 31), (10, 11, 12)),
    ],
)
def test_seasonal_weighs_the_quarter_that_is_recommended_for(last_day, months):
    as_of = seconds(last_day) + DAY
    weights = confidence(TIME, as_of, Weights(kind="seasonal"))
    for day, weight in zip(DAYS, weights, strict=True):
        if (last_day - day).days < 13 * 7:
            assert weight == 5
        else:
            assert weight == (3 if day.month in months else 1)


def test_power_decay():
    weights = confidence(
        np.array([AS_OF, AS_OF - 7 * DAY, AS_OF - 21 * DAY, AS_OF + DAY]),
        AS_OF,
        Weights(kind="power_decay", exponent=0.5),
    )
    np.testing.assert_allclose(weights, [1, 2**-0.5, 0.5, 1], rtol=1e-6)


@pytest.mark.parametrize("kind", ["binary", "recent", "seasonal", "power_decay"])
def test_undated_purchases_weigh_one(kind):
    assert confidence(np.zeros(4, np.int64), None, Weights(kind=kind)).tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("repeats", "quantity", "expected"),
    [
        ("sum", False, 1 + 5 + 3),
        ("max", False, 5),
        ("last", False, 5),
        ("sum", True, 2 * 1 + 1 * 5 + 4 * 3),
        ("max", True, 12),
        ("last", True, 5),
    ],
)
def test_how_repeated_purchases_add_up(repeats, quantity, expected):
    histories = Histories.from_purchases(
        [1, 1, 1, 1],
        [3, 3, 3, 2],
        n_customers=3,
        n_articles=5,
        time=[AS_OF - DAY, AS_OF - 40 * 7 * DAY, AS_OF - 60 * 7 * DAY, AS_OF - DAY],
        weight=[1, 4, 2, 1],
    )
    found = interactions(histories, AS_OF, Weights(repeats=repeats, quantity=quantity))
    wanted = np.zeros((3, 5))
    wanted[1, 2:4] = 5, expected
    assert np.array_equal(found.toarray(), wanted)
    # a block of a shop is weighed as within the whole
    part = interactions(histories.block(1, 2), AS_OF, Weights(repeats=repeats, quantity=quantity))
    assert np.array_equal(part.toarray(), wanted[1:2])


def test_binary_counts_purchases_or_not_as_repeats_says():
    histories = Histories.from_baskets([[0, 0, 1], []], n_articles=2)
    for repeats, expected in (("sum", 2), ("max", 1), ("last", 1)):
        found = interactions(histories, None, Weights(kind="binary", repeats=repeats))
        assert found.toarray().tolist() == [[expected, 1], [0, 0]]


@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "recent", "values": (5, 3)},
        {"kind": "recent", "dates": (dt.date(2020, 1, 1),)},
        {"kind": "recent", "dates": (dt.date(2019, 1, 1), dt.date(2020, 1, 1))},
        {"kind": "recent", "horizons": (52, 26)},
        {"kind": "seasonal", "values": (5, 1)},
        {"kind": "seasonal", "dates": (dt.date(2020, 1, 1), dt.date(2019, 1, 1))},
        {"months": (13,)},
        {"kind": "power_decay", "exponent": 0},
    ],
)
def test_settings_that_do_not_fit(settings):
    with pytest.raises(ValidationError):
        Weights(**settings)


def test_the_kind_alone_will_do():
    assert ALS(weights="seasonal").settings.weights == Weights(kind="seasonal")
