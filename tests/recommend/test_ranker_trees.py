from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hemline.errors import ConfigError, RunError
from hemline.recommend.ranker_trees import Trees

lightgbm = pytest.importorskip("lightgbm")

N, F = 3000, 9


def features(seed: int, n: int = N) -> np.ndarray:
    """Continuous, whole, constant and all-missing columns, zeros, infinities and NaN."""
    random = np.random.default_rng(seed)
    found = random.normal(size=(n, F)).astype(np.float32)
    found[:, 1] = random.integers(-3, 4, n)
    found[:, 2] = 1e-36 * random.integers(-2, 3, n)
    found[:, 3] = np.where(random.random(n) < 0.5, np.nan, found[:, 3])
    found[:, 4] = np.nan
    found[:, 5] = 5
    found[:, 6] = np.where(random.random(n) < 0.3, 0, found[:, 6])
    found[:, 7] = np.where(random.random(n) < 0.01, np.inf, found[:, 7])
    found[:, 8] = random.choice([1e20, -1e20, 0.1, 16777217, np.nan], n)
    return found


def trained(seed: int = 1, **parameters: Any) -> Any:
    random = np.random.default_rng(seed)
    given = features(seed)
    known = np.nan_to_num(given, nan=0.7, posinf=3, neginf=-3).clip(-5, 5)
    label = (known @ random.normal(size=F) + random.normal(size=N) > 0).astype(int)
    settings = {
        "objective": "lambdarank", "num_leaves": 15, "min_data_in_leaf": 3, "verbose": -1,
        "num_threads": 1, "deterministic": True, "force_row_wise": True, **parameters,
    }  # fmt: skip
    if settings["objective"] == "lambdarank":
        data = lightgbm.Dataset(given, label, group=[30] * (N // 30))
    else:
        data = lightgbm.Dataset(given, label)
    return lightgbm.train(settings, data, num_boost_round=20)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"num_leaves": 2},
        {"num_leaves": 32},
        {"num_leaves": 33},
        {"num_leaves": 64},
        {"zero_as_missing": True},
        {"use_missing": False},
        {"objective": "regression", "min_data_in_leaf": 10},
        {"objective": "regression", "min_data_in_leaf": 2900},
        {"objective": "binary", "extra_trees": True},
    ],
    ids=str,
)
def test_predictions_are_those_of_lightgbm(parameters: dict[str, Any]) -> None:
    booster = trained(**parameters)
    trees = Trees.read(booster.model_to_string())
    assert len(trees) == booster.num_trees()
    for given in (features(1), features(2), features(3, 1), features(3, 65)):
        expected = booster.predict(given, raw_score=True)
        np.testing.assert_allclose(trees.predict(given), expected, rtol=0, atol=1e-9)


def test_predictions_at_the_very_thresholds_are_those_of_lightgbm() -> None:
    booster = trained()
    trees = Trees.read(booster.model_to_string())
    rows = []
    for column, bound in zip(trees.feature, trees.threshold, strict=True):
        for value in (np.nextafter(bound, np.float32(-np.inf)), bound,
                      np.nextafter(bound, np.float32(np.inf))):  # fmt: skip
            row = features(4, 1)[0]
            row[column] = value
            rows.append(row)
    given = np.array(rows, np.float32)
    expected = booster.predict(given, raw_score=True)
    np.testing.assert_allclose(trees.predict(given), expected, rtol=0, atol=1e-9)


def test_missing_values_of_columns_without_any_in_training() -> None:
    booster = trained()
    trees = Trees.read(booster.model_to_string())
    given = features(5)
    given[::3, 0] = np.nan
    given[::2, 1] = np.nan
    given[::5] = np.nan
    np.testing.assert_allclose(
        trees.predict(given), booster.predict(given, raw_score=True), rtol=0, atol=1e-9
    )


def test_gain_and_splits_are_those_of_lightgbm() -> None:
    booster = trained()
    trees = Trees.read(booster.model_to_string())
    assert trees.names == tuple(booster.feature_name())
    np.testing.assert_allclose(trees.gain, booster.feature_importance("gain"), rtol=1e-4)
    assert trees.splits.tolist() == booster.feature_importance("split").tolist()


def test_what_is_no_such_model_is_refused() -> None:
    text = trained().model_to_string()
    with pytest.raises(RunError, match="cannot be read"):
        Trees.read("tree\nnum_class=1\nnum_tree_per_iteration=1\n")
    with pytest.raises(RunError, match="several outputs"):
        Trees.read(text.replace("num_class=1", "num_class=3"))
    with pytest.raises(RunError, match="categorical"):
        Trees.read(text.replace("num_cat=0", "num_cat=1", 1))
    with pytest.raises(RunError, match="linear"):
        Trees.read(text.replace("is_linear=0", "is_linear=1", 1))
    with pytest.raises(RunError, match="65 leaves"):
        Trees.read(trained(num_leaves=65).model_to_string())
    with pytest.raises(ConfigError, match="shape"):
        Trees.read(text).predict(features(1)[:, :3])
