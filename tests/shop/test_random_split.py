from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemline.errors import ConfigError
from hemline.shop.histories import SECONDS_PER_DAY, Histories
from hemline.shop.random_split import random_holdout, sample_customers
from hemline.shop.splits import check_disjoint
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


@given(purchases, st.integers(0, 5), st.floats(0.05, 0.95))
def test_random_holdout_parts_pairs(rows: Rows, seed: int, share: float) -> None:
    histories = shop(rows)
    parted = random_holdout(histories, share=share, seed=seed)
    everything = Truth.of(histories)
    assert pairs(parted.truth) | pairs(Truth.of(parted.train)) == pairs(everything)
    check_disjoint(parted)
    expected = np.floor(share * everything.counts + 0.5)
    expected = np.minimum(expected, np.maximum(everything.counts - 1, 0))
    assert parted.truth.counts.tolist() == expected.tolist()
    kept = {(c, a, d * DAY) for c, a, d in rows if (c, a) not in pairs(parted.truth)}
    train = parted.train
    assert kept == set(
        zip(
            train.customers().tolist(),
            train.article[train.rows()].tolist(),
            train.time[train.rows()].tolist(),
            strict=True,
        )
    )


@given(purchases, st.randoms(use_true_random=False))
def test_random_holdout_does_not_depend_on_order(rows: Rows, draw: object) -> None:
    turned = [(5 - c, a, d) for c, a, d in rows]
    draw.shuffle(turned)  # type: ignore[attr-defined]
    found = pairs(random_holdout(shop(rows)).truth)
    assert {(5 - c, a) for c, a in found} == pairs(random_holdout(shop(turned)).truth)


def test_random_holdout_follows_the_seed() -> None:
    histories = shop([(c, a, a) for c in range(6) for a in range(10)])
    assert pairs(random_holdout(histories, seed=1).truth) != pairs(
        random_holdout(histories, seed=2).truth
    )


def test_random_holdout_is_even() -> None:
    draw = np.random.default_rng(0)
    histories = Histories.from_purchases(
        np.repeat(np.arange(4000), 10),
        draw.integers(0, 50, 40_000),
        n_customers=4000,
        n_articles=50,
    )
    held = np.bincount(random_holdout(histories).truth.articles, minlength=50)
    every = np.bincount(Truth.of(histories).articles, minlength=50)
    share = held / every
    assert share.min() > 0.15
    assert share.max() < 0.27


def test_a_random_holdout_is_not_in_time() -> None:
    rows = [(c, a, a) for c in range(6) for a in range(10)]
    parted = random_holdout(shop(rows))
    held = [rows[c * 10 + a][2] for c, a in pairs(parted.truth)]
    assert parted.train.last_time() > min(held) * DAY  # type: ignore[operator]


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_share_is_between_nothing_and_all(share: float) -> None:
    with pytest.raises(ConfigError, match="a hold-out of"):
        random_holdout(shop([]), share=share)


@given(purchases, st.integers(0, 7), st.randoms(use_true_random=False))
def test_a_sample_of_customers_does_not_depend_on_their_order(
    rows: Rows, n: int, draw: object
) -> None:
    # every customer differs, so that the draw has no ties
    rows = [(c, a % 4, d) for c, a, d in rows] + [(c, 4 + c, 0) for c in range(6)]
    turned = [(5 - c, a, d) for c, a, d in rows]
    draw.shuffle(turned)  # type: ignore[attr-defined]
    found = sample_customers(shop(rows), n).tolist()
    assert len(found) == min(n, 6)
    assert found == sorted(5 - c for c in sample_customers(shop(turned), n).tolist())
