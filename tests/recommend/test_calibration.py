from __future__ import annotations

import json

import numpy as np
import pytest

from hemline.recommend.calibration import Calibration


def drawn(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, purchases, and the true probability, which is no logistic curve."""
    random = np.random.default_rng(seed)
    score = random.normal(size=n) * 2
    true = 0.02 + 0.3 / (1 + np.exp(-3 * (score - 1)))
    return score, random.random(n) < true, true


@pytest.mark.parametrize(("kind", "off"), [("isotonic", 0.015), ("platt", 0.06)])
def test_probabilities_come_near_the_true_ones_and_never_fall(kind: str, off: float) -> None:
    score, bought, _ = drawn(60_000)
    found = Calibration.fit(kind, score, bought, np.ones(len(score)))
    new, _, true = drawn(5000, 1)
    probability = found(new)
    assert probability.dtype == np.float32
    assert np.abs(probability - true).mean() < off
    assert abs(probability.mean() - true.mean()) < 0.01
    assert (np.diff(found(np.sort(new))) >= 0).all()
    assert (np.diff(found.score) > 0).all()
    again = Calibration.of_json(json.loads(json.dumps(found.to_json())))
    assert np.array_equal(again(new), probability)


@pytest.mark.parametrize("kind", ["isotonic", "platt"])
def test_weights_count_as_repetitions(kind: str) -> None:
    score, bought, _ = drawn(4000)
    score = score.round(2)
    weight = np.where(bought, 3, 1).astype(float)
    repeated = Calibration.fit(
        kind, np.repeat(score, weight.astype(int)), np.repeat(bought, weight.astype(int)),
        np.ones(int(weight.sum())),
    )  # fmt: skip
    found = Calibration.fit(kind, score, bought, weight)
    at = np.linspace(-3, 3, 50)
    assert found(at) == pytest.approx(repeated(at), abs=0.03)


def test_a_score_that_says_the_contrary_is_level_not_turned_over() -> None:
    score, bought, _ = drawn(20_000)
    for kind in ("isotonic", "platt"):
        found = Calibration.fit(kind, -score, bought, np.ones(len(score)))(np.linspace(-5, 5, 30))
        assert (np.diff(found) >= 0).all()
        assert np.ptp(found) < 0.05


@pytest.mark.parametrize("bought", [np.zeros(50, bool), np.ones(50, bool)])
def test_without_two_kinds_scores_stay_scores(bought: np.ndarray) -> None:
    score = np.linspace(-1, 1, 50)
    for kind in ("isotonic", "platt", "none"):
        found = Calibration.fit(kind, score, bought, np.ones(50))
        assert np.array_equal(found(score), score.astype(np.float32))


def test_equal_scores_and_few_hits() -> None:
    score = np.repeat([0.0, 1.0], 20)
    bought = np.arange(40) >= 37
    found = Calibration.fit("isotonic", score, bought, np.ones(40))
    assert found(np.array([0.0, 0.5, 1.0])) == pytest.approx([0, 0.075, 0.15], abs=0.08)
