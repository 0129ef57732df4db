"""[channels.NAME]: defaults, changes, additions, and what is refused."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from hemline.config import Config, reference
from hemline.config.ranking import CHANNEL_MODELS, DEFAULT_CHANNELS
from hemline.errors import ConfigError


def test_a_default_is_changed_and_a_channel_added(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_text(
        "[channels.popular]\nn = 7\n[channels.monthly]\nmodel = 'popular'\ndays = 30\n"
        "[channels.als]\nenabled = false\n"
    )
    config = Config.load(path, ["channels.same-day.days=90", "channels.popular.days=3"])
    found = config.channel_settings()
    assert list(found) == [*(one for one in DEFAULT_CHANNELS if one != "als"), "monthly"]
    assert (found["popular"].common.n, dict(found["popular"].model)["days"]) == (7, 3)
    assert dict(found["monthly"].model)["days"] == 30
    assert dict(found["same-day"].model)["window_days"] == 0
    assert dict(found["same-day"].model)["days"] == 90
    assert Config.of(config.model_dump(mode="json")).channel_settings() == found


def test_the_section_of_a_model_holds_where_the_channel_says_nothing() -> None:
    config = Config.of(
        {"als": {"factors": 16, "alpha": 3}, "channels": {"als": {"alpha": 2}}}
    ).replaced({"als.iterations": 4})
    found = dict(config.channel_settings()["als"].model)
    assert (found["factors"], found["alpha"], found["iterations"]) == (16, 2, 4)


def test_every_default_has_a_model_that_is_known() -> None:
    for name, channel in Config().channel_settings().items():
        assert DEFAULT_CHANNELS[name]["model"] == channel.model_name
        assert isinstance(channel.model, CHANNEL_MODELS[channel.model_name])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"popular": {"m": 3}}, "no setting 'm'"),
        ({"popular": {"n": 0}}, "greater than or equal to 1"),
        ({"popular": {"days": 0}}, "channels.popular.days = 0"),
        ({"popular": {"window_days": 3}}, "no setting 'window_days'"),
        ({"mine": {"n": 3}}, "no model"),
        ({"../mine": {"model": "popular"}}, "cannot have this name"),
        ({"all": {"model": "popular"}}, "cannot have this name"),
        ({"mine": {"model": "magic"}}, "no model 'magic'"),
        ({"popular": {"repeat": "sometimes"}}, "repeat"),
        ({"popular": {"repeat": -3}}, "repeat"),
        ({"als": {"weights": {"kind": "odd"}}}, "weights.kind"),
    ],
)
def test_what_is_refused_is_said(given: dict, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Config.of({"channels": given})
    assert said in f"{raised.value} {raised.value.hint}"


def test_the_reference_lists_every_channel_as_comments() -> None:
    text = reference()
    listed = [
        one for one in text.splitlines() if one.startswith("# [channels.") and one.endswith("]")
    ]
    assert listed == [f"# [channels.{name}]" for name in DEFAULT_CHANNELS]
    uncommented = "\n".join(
        one.removeprefix("# ").partition("  # ")[0]
        for one in text[text.index(listed[0]) :].splitlines()
        if not one.endswith("=") and " =  # " not in one
    )
    assert Config.of(tomllib.loads(uncommented)).channel_settings() == Config().channel_settings()
