"""What makes two models the same: refits, threads, files; and what is not changed."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hemline.errors import CutoffError, RunError
from hemline.models.base import Model, Repeat, TopK
from hemline.shop.histories import SECONDS_PER_DAY

DAY = SECONDS_PER_DAY
AS_OF = 100 * DAY
N_CUSTOMERS, N_ARTICLES = 60, 43


def same(one: TopK, two: TopK) -> None:
    assert np.array_equal(one.articles, two.articles)
    assert np.array_equal(one.scores, two.scores)


def arrays(model: Model[Any]) -> dict[str, np.ndarray]:
    return {name: np.asarray(getattr(model, name)) for name in model.fitted}


def same_model(one: Model[Any], two: Model[Any]) -> None:
    for name, array in arrays(one).items():
        assert array.dtype == arrays(two)[name].dtype
        assert np.array_equal(array, arrays(two)[name]), name
    assert (one.settings, one.n_articles_, one.cutoff_) == (
        two.settings,
        two.n_articles_,
        two.cutoff_,
    )


def test_refit_equals_a_fresh_fit(make, fitted, world, other_world):
    again = make().fit(other_world, as_of=AS_OF).fit(world, as_of=AS_OF)
    same_model(again, fitted)
    same(
        again.recommend(world, 9, as_of=AS_OF),
        fitted.recommend(world, 9, as_of=AS_OF),
    )


def test_nothing_at_or_after_as_of_is_seen(make, fitted, world, later):
    model = fitted
    same_model(make().fit(later, as_of=AS_OF), model)
    for repeat in (Repeat.allow(), Repeat.exclude(), Repeat.cooldown(20)):
        same(
            model.recommend(later, 12, as_of=AS_OF, repeat=repeat),
            model.recommend(world, 12, as_of=AS_OF, repeat=repeat),
        )
    candidates = np.tile(np.arange(N_ARTICLES, dtype=np.int32), (N_CUSTOMERS, 1))
    assert np.array_equal(
        model.score(later, candidates, as_of=AS_OF), model.score(world, candidates, as_of=AS_OF)
    )


def test_without_as_of_the_fit_takes_the_end_of_the_last_day(make, fitted, world):
    last = int(world.time.max()) // DAY * DAY + DAY
    assert last == AS_OF
    same_model(make().fit(world), fitted)


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_and_blocks_do_not_change_results(make, fitted, world, threads, monkeypatch):
    for place, size in (
        ("als.FOLD_BLOCK", 7),
        ("als.SCORE_BLOCK", 5),
        ("also_bought.BLOCK", 9),
        ("also_bought.ARTICLE_BLOCK", 3),
        ("item_rows.BLOCK", 9),
        ("item_rows.ARTICLE_BLOCK", 3),
        ("ease.SCORE_BLOCK", 5),
        ("ease.ROWS", 7),
        ("graph_filter.SCORE_BLOCK", 5),
        ("low_pass.BLOCK", 6),
        ("bpr.FOLD_BLOCK", 7),
        ("bpr.SCORE_BLOCK", 5),
        ("co_purchase.ARTICLE_BLOCK", 3),
        ("item_to_item.BLOCK", 10),
        ("lists.BLOCK", 12),
        ("popular.BLOCK", 11),
        ("repurchase.BLOCK", 13),
    ):
        monkeypatch.setattr(f"hemline.models.{place}", size)
    model = make()
    model.threads = threads
    model.fit(world, as_of=AS_OF)
    same_model(model, fitted)
    each = np.random.default_rng(1).random((N_CUSTOMERS, N_ARTICLES)) < 0.5
    for among in (None, each):
        same(
            model.recommend(world, 12, as_of=AS_OF, among=among, repeat=Repeat.cooldown(9)),
            fitted.recommend(world, 12, as_of=AS_OF, among=among, repeat=Repeat.cooldown(9)),
        )


def test_inputs_are_not_changed(make, world):
    # the arrays of the world are read-only, and writing would raise; their values are checked
    before = {f.name: np.copy(getattr(world, f.name)) for f in fields(world)}
    candidates = np.full((N_CUSTOMERS, 2), -1, np.int32)
    candidates.flags.writeable = False
    model = make().fit(world, as_of=AS_OF)
    model.recommend(world, 12, as_of=AS_OF, repeat=Repeat.exclude())
    model.score(world, candidates, as_of=AS_OF)
    for key, value in before.items():
        assert np.array_equal(value, getattr(world, key), equal_nan=key in ("price", "age"))


def test_save_and_load(fitted, world, tmp_path: Path):
    model = fitted
    model.save(tmp_path / "model")
    assert {path.suffix for path in (tmp_path / "model").iterdir()} <= {".json", ".npy"}
    loaded = type(model).load(tmp_path / "model")
    same_model(loaded, model)
    for key in model.fitted:
        held = getattr(loaded, key)
        assert isinstance(held.base, np.memmap) or not held.size, key  # nothing cannot be mapped
    same(loaded.recommend(world, 12, as_of=AS_OF), model.recommend(world, 12, as_of=AS_OF))
    with pytest.raises(CutoffError):
        loaded.recommend(world, 3, as_of=AS_OF - 1)


def test_saving_twice_writes_the_same_bytes(make, fitted, world, tmp_path: Path):
    fitted.save(tmp_path / "a")
    make().fit(world, as_of=AS_OF).save(tmp_path / "b")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


@pytest.mark.parametrize("change", [{"version": 0}, {"version": None}, {"model": "another"}])
def test_what_another_version_wrote_is_refused(fitted, change, tmp_path: Path):
    model = fitted
    model.save(tmp_path)
    described = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(described | change))
    with pytest.raises(RunError, match="version"):
        type(model).load(tmp_path)


def test_loading_what_is_not_there(fitted, tmp_path: Path):
    model = fitted
    with pytest.raises(RunError, match="no model"):
        type(model).load(tmp_path)
    if model.fitted:
        model.save(tmp_path)
        (tmp_path / f"{model.fitted[0].rstrip('_')}.npy").unlink()
        with pytest.raises(RunError, match="cannot be read"):
            type(model).load(tmp_path)
