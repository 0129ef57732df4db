"""The guide's code runs, and its settings are settings."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from hemline.config import Config

GUIDE = (Path(__file__).parents[2] / "docs" / "guide" / "learned-models.md").read_text()


def section(title: str) -> str:
    (found,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", GUIDE, re.DOTALL | re.MULTILINE)
    return found


def test_code():
    (code,) = re.findall(r"```python\n(.*?)```", section("SAR"), re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)
    *_, last = [line for line in code.splitlines() if line]
    call, _, said = last.partition("  # ")
    assert eval(call, names).tolist() == eval(said)


def test_settings():
    text = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)[0]
    config = Config.of(tomllib.loads(text))
    channel = config.channel_settings()["filtered"]
    assert (channel.model.per_article, channel.model.factors) == (100, 128)
    for model in ("sar", "ease", "bpr"):
        settings = {"channels": {"one": {"model": model}}}
        assert Config.of(settings).channel_settings()["one"].model_name == model
