"""Saving and opening what was learned, and finding recipes by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hemline.config import Config
from hemline.errors import ConfigError, CutoffError, RunError
from hemline.recommend.bundle import RECIPES, Bundle, recipe_of, train_bundle

NAMES = sorted(RECIPES)


@pytest.mark.parametrize("name", NAMES)
def test_an_opened_bundle_answers_as_the_one_that_was_saved(
    name: str, train: Callable[..., Bundle], shop: Any, tmp_path: Path
) -> None:
    bundle = train(recipe=name, seed=9, k=5, evaluate={"folds": 2})
    bundle.save(tmp_path / "bundle")
    opened = Bundle.open(tmp_path / "bundle")
    assert opened.config == bundle.config
    assert opened.cutoff == bundle.cutoff == shop.as_of
    assert opened.summary == bundle.summary
    assert opened.recipe.channel_names == bundle.recipe.channel_names
    one = bundle.recommend(shop.histories, 20, as_of=shop.as_of)
    other = opened.recommend(shop.histories, 20, as_of=shop.as_of)
    np.testing.assert_array_equal(one.articles, other.articles)
    np.testing.assert_array_equal(one.scores, other.scores)
    np.testing.assert_array_equal(one.channels, other.channels)


def test_saving_twice_gives_the_same_bytes(train: Callable[..., Bundle], tmp_path: Path) -> None:
    for place in ("one", "two"):
        train().save(tmp_path / place)
    files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*.*"))
    assert len(files) > 10
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_threads_do_not_change_the_bundle(shop: Any, tmp_path: Path) -> None:
    answers = []
    for threads in (1, 2):
        config = shop.config(threads=threads)
        bundle = train_bundle(config, shop.catalogue, shop.histories, as_of=shop.as_of)
        answers.append(bundle.recommend(shop.histories, 12, as_of=shop.as_of))
    np.testing.assert_array_equal(answers[0].articles, answers[1].articles)
    np.testing.assert_array_equal(answers[0].scores, answers[1].scores)


@pytest.mark.parametrize("name", NAMES)
def test_no_moment_before_the_cutoff(name: str, train: Callable[..., Bundle], shop: Any) -> None:
    bundle = train(recipe=name)
    for as_of in (shop.as_of - 1, None):
        with pytest.raises(CutoffError):
            bundle.recommend(shop.histories, 12, as_of=as_of)


@pytest.mark.parametrize("name", NAMES)
def test_a_shop_without_neighbours(name: str, train: Callable[..., Bundle], shop: Any) -> None:
    none = replace(
        shop.catalogue,
        similar=np.zeros((90, 0), np.int32),
        similarity=np.zeros((90, 0), np.float32),
    )
    found = train(none, recipe=name).recommend(shop.histories, 12, as_of=shop.as_of)
    assert (found.articles >= 0).all()


def test_a_bundle_without_neighbours_is_saved_and_opened(
    train: Callable[..., Bundle], shop: Any, tmp_path: Path
) -> None:
    none = replace(
        shop.catalogue,
        similar=np.zeros((90, 0), np.int32),
        similarity=np.zeros((90, 0), np.float32),
    )
    bundle = train(none)
    bundle.save(tmp_path)
    np.testing.assert_array_equal(
        Bundle.open(tmp_path).recommend(shop.histories, 12, as_of=shop.as_of).articles,
        bundle.recommend(shop.histories, 12, as_of=shop.as_of).articles,
    )


def test_another_version_is_refused(train: Callable[..., Bundle], tmp_path: Path) -> None:
    train(recipe="popular").save(tmp_path)
    description = json.loads((tmp_path / "bundle.json").read_text())
    (tmp_path / "bundle.json").write_text(json.dumps({**description, "version": 99}))
    with pytest.raises(RunError, match="version 99") as error:
        Bundle.open(tmp_path)
    assert "train again" in error.value.hint


def test_models_of_another_cutoff_are_refused(train: Callable[..., Bundle], tmp_path: Path) -> None:
    train(recipe="popular").save(tmp_path)
    description = json.loads((tmp_path / "bundle.json").read_text())
    (tmp_path / "bundle.json").write_text(json.dumps({**description, "cutoff": 1}))
    with pytest.raises(RunError, match="its models of"):
        Bundle.open(tmp_path)


def test_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no bundle"):
        Bundle.open(tmp_path)
    (tmp_path / "bundle.json").write_text("[1")
    with pytest.raises(RunError, match="holds no bundle"):
        Bundle.open(tmp_path)
    (tmp_path / "bundle.json").write_text("[]")
    with pytest.raises(RunError, match="version None"):
        Bundle.open(tmp_path)


def test_a_missing_array_is_named(train: Callable[..., Bundle], tmp_path: Path) -> None:
    train(recipe="popular").save(tmp_path)
    (tmp_path / "catalogue" / "similar.npy").unlink()
    with pytest.raises(RunError, match=r"similar\.npy"):
        Bundle.open(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_recipes_by_name(name: str) -> None:
    recipe = recipe_of(name)
    assert recipe.name == name
    assert recipe(Config()).name == name


def test_an_unknown_recipe_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no recipe 'casscade'") as error:
        recipe_of("casscade")
    assert all(name in error.value.hint for name in NAMES)


def test_progress_is_told(shop: Any) -> None:
    told: list[tuple[int, int]] = []
    for name in NAMES:
        told.clear()
        train_bundle(
            shop.config(recipe=name), shop.catalogue, shop.histories, as_of=shop.as_of,
            progress=lambda done, total: told.append((done, total)),
        )  # fmt: skip
        assert told
        assert told[-1][0] == told[-1][1]
        assert [done for done, _ in told] == sorted(done for done, _ in told)
