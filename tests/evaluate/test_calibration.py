"""Calibration against what it must be, and its worked examples."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

import hemline.evaluate.calibration as module
from hemline.errors import ConfigError
from hemline.evaluate.calibration import calibration_errors, platt


def test_examples():
    found = doctest.testmod(module)
    assert found.attempted >= 4
    assert not found.failed


def test_platt_finds_the_line_that_scores_were_drawn_from():
    random = np.random.default_rng(0)
    score = random.normal(3, 40, 50_000)
    target = random.random(50_000) < 1 / (1 + np.exp(-(0.05 * score - 0.7)))
    a, b = platt(score, target)
    assert a == pytest.approx(0.05, rel=0.03)
    assert b == pytest.approx(-0.7, rel=0.05)


@pytest.mark.parametrize("score", [np.zeros(100), np.r_[np.zeros(50), np.full(50, 1e6)]])
def test_scores_that_are_all_equal_or_part_the_classes(score):
    target = np.arange(100) >= 50
    found = calibration_errors(score, target)
    assert np.isfinite(list(found.values())).all()
    assert found["constant_rmse"] == 0.5
    # equal scores are worth the share of ones; scores that part the classes leave nearly nothing
    assert found["rmse"] == pytest.approx(0.5, abs=0.01) if not score.any() else found["rmse"] < 0.1


def test_noise_is_not_rewarded():
    random = np.random.default_rng(1)
    target = random.random(4000) < 0.1
    found = calibration_errors(random.normal(size=4000), target)
    assert found["rmse"] == pytest.approx(found["constant_rmse"], rel=0.01)


def test_rows_of_one_kind_are_refused():
    with pytest.raises(ConfigError, match="0 of 8"):
        calibration_errors(np.arange(8.0), np.zeros(8, bool))
