from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from hemline.config import Ranker as Settings
from hemline.errors import RunError
from hemline.recommend.ranker import Examples, Ranker

NAMES = ("said", "noise", "flag.a-b")


def examples(seed: int = 0, customers: int = 300) -> Examples:
    """What is bought follows from the first feature."""
    random = np.random.default_rng(seed)
    counts = random.integers(5, 20, customers)
    features = random.normal(size=(int(counts.sum()), 3)).astype(np.float32)
    features[random.random(len(features)) < 0.1, 0] = np.nan
    chance = 1 / (1 + np.exp(2 - 3 * np.nan_to_num(features[:, 0], nan=-1)))
    return Examples(features, random.random(len(features)) < chance, counts)


@pytest.mark.parametrize("objective", ["lambdarank", "rank_xendcg"])
def test_it_learns_what_decides_and_says_so(objective: str, tmp_path: Path) -> None:
    settings = Settings(objective=objective, trees=20, min_leaf=20, l2=1, learning_rate=0.1)
    told: list[tuple[int, int]] = []
    ranker = Ranker(settings).fit(
        examples(), NAMES, progress=lambda done, total: told.append((done, total))
    )
    assert told == [(one + 1, 20) for one in range(20)]
    best, *_, last = ranker.importance()
    assert best["feature"] == "said"
    assert best["gain"] > 0.6 > last["gain"]
    assert sum(one["gain"] for one in ranker.importance()) == pytest.approx(1)
    new = examples(1)
    score = ranker.score(new.features)
    assert score[new.bought].mean() > score[~new.bought].mean() + 0.2
    ranker.calibrate(score, new.bought, np.ones(len(score)))
    ranker.save(tmp_path)
    assert (tmp_path / "model.txt").read_text().startswith("tree\n")
    again = Ranker.load(tmp_path, settings, NAMES)
    assert np.array_equal(again.score(new.features), score)
    assert np.array_equal(again.calibration_(score), ranker.calibration_(score))
    with pytest.raises(RunError, match="other features"):
        Ranker.load(tmp_path, settings, NAMES[:2])
    (tmp_path / "model.txt").unlink()
    with pytest.raises(RunError, match="no ranker"):
        Ranker.load(tmp_path, settings, NAMES)


def test_threads_do_not_change_the_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hemline.recommend.ranker._FEW_ROWS", 0)
    texts = set()
    for threads in (1, 2, 3):
        ranker = Ranker(Settings(trees=15, min_leaf=5), threads=threads).fit(examples(), NAMES)
        text = ranker.text_.split("parameters:")[0]
        texts.add(text)
    assert len(texts) == 1
    other = Ranker(Settings(trees=15, min_leaf=5), seed=2).fit(examples(), NAMES)
    assert other.text_.split("parameters:")[0] not in texts


def test_beside_torch_it_is_trained_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    here = Ranker(Settings(trees=5)).fit(examples(), NAMES)
    monkeypatch.setitem(sys.modules, "torch", ModuleType("torch"))
    monkeypatch.setitem(sys.modules, "lightgbm", None)  # importing it here would fail
    there = Ranker(Settings(trees=5)).fit(examples(), NAMES)
    assert there.text_ == here.text_
    with pytest.raises(RunError, match="own process"):
        Ranker(Settings(trees=5)).fit(examples(), ("twice", "twice", "c"))


def test_serving_does_not_load_lightgbm(tmp_path: Path) -> None:
    ranker = Ranker(Settings(trees=3)).fit(examples(), NAMES)
    ranker.save(tmp_path)
    code = f"""
import sys, numpy as np
from pathlib import Path
from hemline.config import Ranker as Settings
from hemline.recommend.ranker import Ranker
import hemline.recommend.two_stage
ranker = Ranker.load(Path({str(tmp_path)!r}), Settings(), {NAMES!r})
ranker.score(np.zeros((2, 3), np.float32))
assert "lightgbm" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
