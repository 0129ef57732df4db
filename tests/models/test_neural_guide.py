"""The guide to the models on torch: its code runs, and its settings are settings."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from hemline.config import Config
from hemline.models.neural import Neural
from hemline.shop.histories import Histories

GUIDE = (Path(__file__).parents[2] / "docs" / "guide" / "neural-models.md").read_text()


def test_settings():
    (text,) = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    for model in ("light_gcn", "dot_bias", "two_tower"):
        settings = tomllib.loads(text.replace('model = "light_gcn"', f'model = "{model}"'))
        channel = Config.of(settings).channel_settings()["vectors"]
        assert channel.model_name == model
        assert channel.model.epochs == (30 if model == "light_gcn" else channel.model.epochs)


@pytest.mark.neural
def test_code(tmp_path, monkeypatch, capsys):
    pytest.importorskip("torch", reason="needs the extra neural")
    monkeypatch.setattr(Neural, "own_process", False)
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    baskets = [[0, 1], [0, 1, 2], [2, 3]]
    names = {"histories": Histories.from_baskets(baskets, n_articles=4), "folder": tmp_path}
    exec(code, names)
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert [path.name for path in names["pictures"]] == ["dot_bias-loss.svg"]
