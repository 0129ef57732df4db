from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path

import pytest

from hemline.config import Config, parse_override, preset_names, preset_text, reference
from hemline.config.presets import _preset
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
    assert Config.of(config.given()) == config
    assert Config.of(config.model_dump(mode="json")) == config


def test_a_recipe_of_ones_own_stands_on_a_preset_and_under_the_settings(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('recipe = "popular"\nk = 7\n[popular]\ndays = 3\nby = "units"\n')
    shop = tmp_path / "shop.toml"
    shop.write_text('recipe = "mine.toml"\n[popular]\ndays = 5\n')
    config = Config.load(shop)
    assert (config.recipe, config.k) == ("popular", 7)
    assert (config.popular.days, config.popular.by) == (5, "units")
    assert Config.of(config.given()) == config
    assert config.replaced({"popular.by": "customers"}).popular.days == 5
    assert Config().replaced({"recipe": str(mine)}).k == 7


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("k = 3", "names no recipe"),
        ('recipe = "mine.toml"', "names itself"),
        ("k = = 3", r"mine\.toml cannot be read"),
        ('recipe = "none"', "no recipe 'none'"),
    ],
)
def test_a_recipe_that_is_none(text: str, match: str, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(ConfigError, match=match):
        Config.of({"recipe": str(tmp_path / "mine.toml")})


def test_another_recipe_brings_its_own_preset(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {
        "popular": 'recipe = "popular"\n[popular]\ndays = 9\n',
        "cascade": 'recipe = "cascade"\nk = 4\n',
    }
    monkeypatch.setattr("hemline.config.presets.preset_text", texts.__getitem__)
    _preset.cache_clear()
    try:
        config = Config.of({"recipe": "popular", "popular": {"by": "units"}})
        assert (config.k, config.popular.days, config.popular.by) == (12, 9, "units")
        other = config.replaced({"recipe": "cascade"})
        assert (other.k, other.popular.days, other.popular.by) == (4, 7, "units")
        assert other == Config.of(other.model_dump(mode="json"))
    finally:
        _preset.cache_clear()


def test_every_preset_is_read_and_says_its_name() -> None:
    for name in preset_names():
        assert tomllib.loads(preset_text(name))["recipe"] == name
        assert Config.of({"recipe": name}).recipe == name
