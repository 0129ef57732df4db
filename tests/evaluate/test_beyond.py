from __future__ import annotations

import numpy as np
import pytest

from hemline.errors import ConfigError
from hemline.evaluate.beyond import buyers_of, diversity, novelty
from hemline.evaluate.bootstrap import paired_bootstrap
from hemline.shop.histories import Histories


def test_buyers_count_a_customer_once() -> None:
    histories = Histories.from_purchases(
        [0, 0, 1, 2, 2], [1, 1, 1, 2, 0], n_customers=4, n_articles=4
    )
    buyers, n = buyers_of(histories)
    assert buyers.tolist() == [1, 2, 1, 0]
    assert n == 3


def test_novelty_is_the_mean_over_listed_places() -> None:
    buyers = np.array([7, 3, 0])
    expected = np.mean([-np.log2(8 / 8), -np.log2(4 / 8), -np.log2(1 / 8)])
    assert novelty(np.array([[0, 1], [2, -1]]), 2, buyers, 7) == pytest.approx(expected)
    assert np.isnan(novelty(np.full((2, 3), -1), 3, buyers, 7))


def test_diversity_equals_the_pairs_one_by_one() -> None:
    generator = np.random.default_rng(3)
    codes = {
        name: generator.integers(-1, 3, 20).astype(np.int32) for name in ("type", "colour", "index")
    }
    lists = np.stack([generator.permutation(20)[:5] for _ in range(30)])
    lists[3, 2:] = -1
    lists[4, 1:] = -1  # a single article: not counted
    means = []
    for row in lists:
        listed = row[row >= 0]
        pairs = [
            np.mean([c[a] != c[b] or c[a] < 0 for c in codes.values()])
            for i, a in enumerate(listed)
            for b in listed[:i]
        ]
        if pairs:
            means.append(np.mean(pairs))
    assert len(means) == 29
    assert diversity(lists, 5, codes) == pytest.approx(np.mean(means))
    assert np.isnan(diversity(lists, 5, {}))


def test_bootstrap_interval_covers_the_true_difference_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(5)
    covered = 0
    for trial in range(200):
        scores = (generator.random(400) < 0.3) * generator.random(400)
        others = np.where(generator.random(400) < 0.8, scores, generator.random(400) * 0.3)
        found = paired_bootstrap(scores, others, samples=300, seed=trial)
        truth = 0.2 * (0.3 * 0.5 - 0.15)
        covered += found.low <= truth <= found.high
        assert found.mean == pytest.approx(float((scores - others).mean()))
    assert 0.88 <= covered / 200 <= 0.99


def test_bootstrap_refuses_unpaired_scores() -> None:
    with pytest.raises(ConfigError, match="cannot be paired"):
        paired_bootstrap(np.zeros(3), np.zeros(2))


def test_bootstrap_of_equal_scores_is_no_difference() -> None:
    found = paired_bootstrap(np.ones(5), np.ones(5))
    assert (found.mean, found.low, found.high, found.above) == (0, 0, 0, 0)
