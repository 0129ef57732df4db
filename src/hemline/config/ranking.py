"""Settings of the two stages: channels that propose, features that tell, a ranker that decides."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field, ValidationError, field_validator

from hemline.config.channel_models import (
    CoPurchase,
    Count,
    Days,
    LooksLike,
    NewArrivals,
    PopularAtAge,
    PopularInGroup,
    SameProduct,
    Trending,
)
from hemline.config.learned import Bpr, Ease, GraphFilter, Sar
from hemline.config.models import Als, AlsoBought, Popular, Repurchase
from hemline.config.neural import DotBias, LightGcn, TwoTower
from hemline.config.section import Section
from hemline.errors import ConfigError

ATTRIBUTES = (
    "product_code",
    "product_type_no",
    "department_no",
    "index_code",
    "section_no",
    "garment_group_no",
    "colour_group_code",
    "perceived_colour_master_id",
    "graphical_appearance_no",
    "index_group_no",
)
"""What channels and features ask of the product table; a shop may lack any of them."""


ALL = "all"
"""What reports call all channels together."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")  # it names a folder and features

CHANNEL_MODELS: dict[str, type[Section]] = {
    "als": Als,
    "also_bought": AlsoBought,
    "bpr": Bpr,
    "co_purchase": CoPurchase,
    "dot_bias": DotBias,
    "ease": Ease,
    "graph_filter": GraphFilter,
    "light_gcn": LightGcn,
    "new_arrivals": NewArrivals,
    "popular": Popular,
    "popular_at_age": PopularAtAge,
    "popular_in_group": PopularInGroup,
    "repurchase": Repurchase,
    "same_product": SameProduct,
    "sar": Sar,
    "similar": LooksLike,
    "trending": Trending,
    "two_tower": TwoTower,
}
"""The settings of each model that a channel can be."""


class ChannelSettings(Section):
    """What every channel has, whatever its model."""

    model: str = Field(description="which model; its settings stand beside these")
    n: int = Field(20, ge=1, le=1000, description="articles proposed to a customer, at most")
    repeat: str | int = Field(
        "allow", description='of what the customer bought: "allow", "exclude" or a number of days'
    )
    sold_days: Days = Field(
        None, description="only what sold in the last days before the cutoff; 0: everything"
    )
    sold_most: Count = Field(
        None, description="of those only so many, the most sold in these days; 0: all of them"
    )
    score_all: bool = Field(
        False, description="the model scores every candidate, whichever channel proposed it"
    )
    enabled: bool = Field(True, description="false: the channel is left out")

    @field_validator("repeat")
    @classmethod
    def _policy(cls, value: str | int) -> str | int:
        days = int(value) if str(value).isdigit() else 0
        if value not in ("allow", "exclude") and days < 1:
            raise ValueError('"allow", "exclude" or a number of days')
        return value


@dataclass(frozen=True)
class Channel:
    """A channel's settings, checked: its own, and those of its model."""

    name: str
    common: ChannelSettings
    model: Section

    @property
    def model_name(self) -> str:
        """Which model it is."""
        return self.common.model


DEFAULT_CHANNELS: dict[str, dict[str, Any]] = {
    "repurchase": {"model": "repurchase", "n": 20},
    "same-product": {"model": "same_product", "n": 15, "sold_days": 30},
    "also-bought": {"model": "co_purchase", "n": 25, "sold_days": 30},
    "same-day": {"model": "co_purchase", "n": 15, "window_days": 0, "sold_days": 30},
    "similar": {"model": "similar", "n": 15, "sold_days": 30},
    "als": {"model": "als", "n": 20, "sold_days": 14, "sold_most": 5000, "score_all": True},
    "popular": {"model": "popular", "n": 30},
    "popular-at-age": {"model": "popular_at_age", "n": 40},
    "popular-in-department": {"model": "popular_in_group", "n": 30},
    "popular-in-section": {"model": "popular_in_group", "n": 30, "attribute": "section_no"},
    "trending": {"model": "trending", "n": 10},
    "new-arrivals": {"model": "new_arrivals", "n": 10},
}
"""The channels of a run that says nothing of them, in the order of the candidates."""


def channels_of(
    given: Mapping[str, Mapping[str, Any]], sections: Mapping[str, Section] | None = None
) -> dict[str, Channel]:
    """Return every channel that is enabled, in order: the defaults, changed by what is given.

    Parameters
    ----------
    given : dict of dicts
        `Config.channels`: settings of channels by name. A name of the defaults changes that
        channel, another one adds a channel, and needs a `model`.
    sections : dict of Section, optional
        The settings of models in the sections of their names, as `[als]`. They hold for a
        channel of that model where the channel says nothing.

    Raises
    ------
    ConfigError
        A channel has no model, an unknown one, or a setting that it does not know.
    """
    found = {}
    for name in dict.fromkeys([*DEFAULT_CHANNELS, *given]):
        settings = {**DEFAULT_CHANNELS.get(name, {}), **given.get(name, {})}
        channel = _channel(name, settings, sections or {})
        if channel.common.enabled:
            found[name] = channel
    return found


def check_channels(given: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return `Config.channels` as they are, or raise ConfigError; see `channels_of`."""
    channels_of(given)
    return given


def _channel(name: str, given: dict[str, Any], sections: Mapping[str, Section]) -> Channel:
    if not _NAME.fullmatch(name) or name == ALL:
        raise ConfigError(
            f"channels.{name}: a channel cannot have this name",
            hint=f"small letters, digits, - and _, at most 60; {ALL!r} stands for all channels",
        )
    if "model" not in given:
        raise ConfigError(
            f"channels.{name}: no model",
            hint=f"a new channel names its model, one of {', '.join(CHANNEL_MODELS)}; "
            f"the channels that are there already: {', '.join(DEFAULT_CHANNELS)}",
        )
    model = given["model"]
    if model not in CHANNEL_MODELS:
        raise ConfigError(
            f"channels.{name}: no model {model!r}", hint=f"models: {', '.join(CHANNEL_MODELS)}"
        )
    own = ChannelSettings.model_fields
    kind = CHANNEL_MODELS[model]
    for key in given:
        if key not in own and key not in kind.model_fields:
            known = [*own, *kind.model_fields]
            raise ConfigError(
                f"channels.{name}: no setting {key!r}",
                hint=f"known of a channel of {model}: {', '.join(known)}",
            )
    section = sections.get(model)
    # what is set alone: a preset that the channel names is under it, and above the defaults
    base = section.model_dump(exclude_unset=True) if isinstance(section, kind) else {}
    try:
        common = ChannelSettings(**{key: one for key, one in given.items() if key in own})
        settings = kind(**{**base, **{key: one for key, one in given.items() if key not in own}})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"channels.{name}.{where} = {first.get('input')!r}: {first['msg']}",
            hint="`hemline config` lists every setting with its default",
        ) from None
    return Channel(name, common, settings)


def describe_channels(toml: Callable[[Any], str]) -> list[str]:
    """Return the channels as lines of a TOML file, all of them comments.

    Parameters
    ----------
    toml : callable
        Writes a value.
    """
    lines = [
        "",
        "# Channels: each a model, asked for its best. What is set under [channels.NAME] changes",
        "# one of those below, or, under a new name, adds one of any of the models",
        f"# {', '.join(CHANNEL_MODELS)}.",
        "# Where a channel says nothing, the section of its model holds, if it has one, as [als].",
    ]
    for name, settings in DEFAULT_CHANNELS.items():
        channel = _channel(name, settings, {})
        lines.extend(["", f"# [channels.{name}]"])
        shown: list[Section] = [channel.common]
        if type(channel.model).__module__ == CoPurchase.__module__:
            shown.append(channel.model)  # the others have sections of their own above
        for section in shown:
            for key, field in type(section).model_fields.items():
                value = getattr(section, key)
                written = f"{key} = {toml(value)}" if value is not None else f"{key} ="
                lines.append(f"# {written}  # {field.description}")
    return lines
