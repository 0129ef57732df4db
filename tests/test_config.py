from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path

import pytest

from hemline.config import Config, parse_override, reference
from hemline.errors import ConfigError


def test_a_file_with_overrides(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_text("k = 5\n[als]\nfactors = 8\niterations = 3\n")
    config = Config.load(path, ["als.factors=16", "ingest.until=2020-09-01", "photos.embedder=x:y"])
    assert (config.k, config.als.factors, config.als.iterations) == (5, 16, 3)
    assert config.ingest.until == dt.date(2020, 9, 1)
    assert config.photos.embedder == "x:y"
    assert Config().als.factors == 64


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("als.factor=16", "als.factor"),
        ("als.factors=0", "greater than or equal to 1"),
        ("als.factors", "section.key=value"),
        ("k.x=1", "valid integer"),
        ("als.weights.values=[1.0]", "need 3 values"),
        ("als.weights.months=[13]", "1 to 12"),
        ("nothing=1", "nothing"),
    ],
)
def test_what_is_wrong_is_said(override: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Config.load(None, [override])
    assert said in f"{raised.value} {raised.value.hint}"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        Config.load(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("k = = 1")
    with pytest.raises(ConfigError, match=r"bad\.toml"):
        Config.load(tmp_path / "bad.toml")


def test_override_values_are_toml_or_text() -> None:
    assert parse_override("a.b=1.5") == ("a.b", 1.5)
    assert parse_override('a=["x", "y"]') == ("a", ["x", "y"])
    assert parse_override("a=onnx:file") == ("a", "onnx:file")


def test_the_reference_is_the_defaults() -> None:
    settings = tomllib.loads(reference())
    assert Config.of(settings) == Config()


def test_settings_survive_json() -> None:
    config = Config.load(None, ["ingest.until=2020-09-01", "als.weights.kind=seasonal"])
    assert Config.of(config.model_dump(mode="json", exclude_defaults=True)) == config
