"""The guide's code runs, and its settings are settings."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from hemline.config import Config

GUIDE = (Path(__file__).parents[2] / "docs" / "guide" / "models.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def test_code():
    names: dict[str, object] = {}
    for code in blocks("python"):  # each goes on from the one before
        exec(code, names)
    assert names["today"].iterations_ < 15
    found = names["found"]
    assert found.articles.shape == (3, 2)
    assert np.array_equal(np.sort(found.articles[1]), [-1, 0])


def test_settings(tmp_path: Path):
    kinds = []
    for text in blocks("toml"):
        (tmp_path / "shop.toml").write_text(text)
        kinds.append(Config.load(tmp_path / "shop.toml").als.weights.kind)
    assert kinds == ["recent", "seasonal"]
