from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemline.errors import ConfigError, CutoffError, DataError
from hemline.shop.histories import SECONDS_PER_DAY, Histories
from hemline.shop.splits import (
    Fold,
    Split,
    check_disjoint,
    check_in_time,
    folds,
    rolling_folds,
    split,
)
from hemline.shop.truth import Truth

DAY = SECONDS_PER_DAY
Rows = list[tuple[int, int, int]]
purchases = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9), st.integers(0, 30)))


def shop(rows: Rows) -> Histories:
    customer, article, day = zip(*rows, strict=True) if rows else ((), (), ())
    return Histories.from_purchases(
        customer,
        article,
        time=np.asarray(day, dtype=np.int64) * DAY,
        n_customers=6,
        n_articles=10,
    )


def pairs(truth: Truth) -> set[tuple[int, int]]:
    customer = np.repeat(np.arange(len(truth)), truth.counts)
    return set(zip(customer.tolist(), truth.articles.tolist(), strict=True))


@given(purchases)
def test_truth_is_the_distinct_pairs(rows: Rows) -> None:
    truth = Truth.of(shop(rows))
    assert len(truth) == 6
    assert pairs(truth) == {(c, a) for c, a, _ in rows}
    assert len(truth.articles) == len(pairs(truth))
    assert truth.buyers.tolist() == sorted({c for c, _, _ in rows})
    backwards = truth.take(np.array([5, 3, 1]))
    assert pairs(backwards) == {({5: 0, 3: 1, 1: 2}[c], a) for c, a, _ in rows if c % 2}


def test_folds_are_a_horizon_apart_with_the_newest_last() -> None:
    found = folds(100 * DAY, 7, 3)
    assert found == [
        Fold(79 * DAY, 86 * DAY),
        Fold(86 * DAY, 93 * DAY),
        Fold(93 * DAY, 100 * DAY),
    ]


def test_a_fold_knows_its_days() -> None:
    fold = Fold.at(dt.date(2020, 9, 20), 3)
    assert (fold.first_day, fold.last_day) == (dt.date(2020, 9, 20), dt.date(2020, 9, 22))
    assert fold.end - fold.cutoff == 3 * DAY


@given(purchases, st.integers(1, 12), st.integers(1, 3))
def test_a_split_parts_in_time(rows: Rows, horizon: int, n: int) -> None:
    histories = shop(rows)
    days = [day for _, _, day in rows]
    if not days or max(days) == 0 or max(days) + 1 - n * horizon <= min(days):
        with pytest.raises(DataError):
            rolling_folds(histories, horizon, n)
        return
    found = rolling_folds(histories, horizon, n)
    assert found[-1].end == (max(days) + 1) * DAY
    for fold in found:
        later = {(c, a) for c, a, day in rows if fold.cutoff <= day * DAY < fold.end}
        if not later:
            with pytest.raises(DataError, match="in the predicted days"):
                split(histories, fold)
            continue
        parted = split(histories, fold)
        assert pairs(parted.truth) == later
        assert parted.train.time[parted.train.rows()].max() < fold.cutoff
        assert parted.train.n_purchases == sum(day * DAY < fold.cutoff for _, _, day in rows)


def test_too_few_days_is_said_with_numbers() -> None:
    histories = shop([(0, 1, 10), (1, 2, 14)])
    with pytest.raises(DataError, match="span 5 days; 1 fold of 7 days needs at least 8") as caught:
        rolling_folds(histories, 7, 1)
    assert "evaluate.folds" in caught.value.hint
    with pytest.raises(DataError, match="2 folds of 3 days need at least 7"):
        rolling_folds(histories, 3, 2)
    assert rolling_folds(histories, 2, 2)


def test_what_cannot_be_cut_is_said() -> None:
    with pytest.raises(DataError, match="no purchases"):
        rolling_folds(shop([]), 7, 1)
    with pytest.raises(DataError, match="no dates"):
        rolling_folds(shop([(0, 1, 0)]), 7, 1)
    with pytest.raises(ConfigError, match="0 folds"):
        folds(100 * DAY, 7, 0)
    with pytest.raises(DataError, match="before the cutoff"):
        split(shop([(0, 1, 10)]), Fold(5 * DAY, 12 * DAY))


def test_histories_out_of_order_are_refused() -> None:
    histories = shop([(0, 1, 10), (0, 2, 14), (0, 3, 20)])
    broken = replace(histories, time=np.array([10, 14, 13]) * DAY)
    with pytest.raises(CutoffError):
        check_in_time(broken.take(slice(0, 1)), replace(broken, start=broken.stop - 1))


def test_overlap_is_refused() -> None:
    histories = shop([(0, 1, 1), (0, 2, 2)])
    with pytest.raises(CutoffError, match="both"):
        check_disjoint(Split(histories, Truth.of(histories.since(2 * DAY))))
