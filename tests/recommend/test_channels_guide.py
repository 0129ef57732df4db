"""The page on the channels: its code runs, its settings are settings, its tables are whole."""

from __future__ import annotations

import re
from pathlib import Path

from hemline.config import Config
from hemline.config.ranking import DEFAULT_CHANNELS, ChannelSettings

GUIDE = (Path(__file__).parents[2] / "docs" / "guide" / "channels.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def test_code():
    (code,) = blocks("python")
    names: dict[str, object] = {}
    exec(code, names)
    found = names["found"]
    assert found.article.min() == 0
    assert set(found.channels) == {
        "repurchase", "also-bought", "same-day", "popular", "popular-at-age", "trending"
    }  # fmt: skip


def test_settings(tmp_path: Path):
    (text,) = blocks("toml")
    (tmp_path / "shop.toml").write_text(text)
    found = Config.load(tmp_path / "shop.toml").channel_settings()
    assert list(found)[-1] == "last-month"
    assert "same-day" not in found


def test_every_channel_and_setting_is_described():
    for name in (*DEFAULT_CHANNELS, *ChannelSettings.model_fields):
        assert f"`{name}`" in GUIDE
