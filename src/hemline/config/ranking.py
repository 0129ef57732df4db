"""Settings of the two stages: channels that propose, features that tell, a ranker that decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, field_validator

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


def _zero_is_all(value: Any) -> Any:
    return None if value == 0 else value  # TOML has no null


Days = Annotated[Annotated[int, Field(ge=1)] | None, BeforeValidator(_zero_is_all)]


class CoPurchase(Section):
    """Bought by one customer within a few days, the later the weightier."""

    window_days: int = Field(
        28, ge=0, description="days between two purchases of a customer, at most; 0: one day"
    )
    days: Days = Field(None, description="pairs of the last days only; 0: of the whole history")
    decay: float = Field(0.5, ge=0, description="a pair of age a days counts (1 + a) ** -decay")
    per_article: int = Field(50, ge=1, description="articles kept for each, the weightiest")
    share: float = Field(
        1.0,
        ge=0,
        le=1,
        description="sums are divided by those of all pairs of the article bought, to this power",
    )
    history_days: Days = Field(
        None, description="purchases of the customer that speak: of the last days; 0: all"
    )
    history_decay: float = Field(
        1.0, ge=0, description="the customer's purchase of age a days speaks (1 + a) ** -this"
    )


class SameProduct(Section):
    """Other articles of a product that was bought."""

    attribute: str = Field("product_code", description="what the articles of a product share")
    days: Days = Field(30, description="window of the sales that put them in order; 0: all")
    decay: float = Field(0.0, ge=0, description="a sale of age a days counts (1 + a) ** -decay")
    per_article: int = Field(50, ge=1, description="articles kept for each, the best-selling")
    history_days: Days = Field(
        None, description="purchases of the customer that speak: of the last days; 0: all"
    )
    history_decay: float = Field(
        1.0, ge=0, description="the customer's purchase of age a days speaks (1 + a) ** -this"
    )


class LooksLike(Section):
    """Visually similar to what was bought."""

    attributes: tuple[str, ...] = Field(
        ("department_no", "index_code"),
        description="a similar article must share each of these with some purchase",
    )
    history_days: Days = Field(
        None, description="purchases of the customer that speak: of the last days; 0: all"
    )
    history_decay: float = Field(
        1.0, ge=0, description="the customer's purchase of age a days speaks (1 + a) ** -this"
    )


class PopularAtAge(Section):
    """Popularity around the customer's age."""

    days: int = Field(7, ge=1, description="window before the cutoff")
    decay: float = Field(0.0, ge=0, description="a sale of age a days counts (1 + a) ** -decay")
    by: Literal["customers", "units"] = Field(
        "customers", description="count distinct customers, or pieces sold"
    )
    enough: float = Field(
        20_000, gt=0, description="ages around the customer's are added until so much was sold"
    )


class PopularInGroup(Section):
    """Popularity in the departments, sections, … of the customer's purchases."""

    attribute: str = Field("department_no", description="what makes a group of articles")
    days: int = Field(7, ge=1, description="window before the cutoff")
    decay: float = Field(0.0, ge=0, description="a sale of age a days counts (1 + a) ** -decay")
    by: Literal["customers", "units"] = Field(
        "customers", description="count distinct customers, or pieces sold"
    )
    share: float = Field(
        0.5, ge=0, le=1, description="sales are divided by those of the group, to this power"
    )
    history_days: Days = Field(
        None, description="purchases of the customer that speak: of the last days; 0: all"
    )
    history_decay: float = Field(
        0.5, ge=0, description="the customer's purchase of age a days speaks (1 + a) ** -this"
    )


class Trending(Section):
    """Sells more and more."""

    days: int = Field(3, ge=1, description="window before the cutoff")
    before_days: int = Field(14, ge=1, description="window before that, which it is held against")


class NewArrivals(Section):
    """New in the departments of the customer's purchases, sold already or not."""

    attribute: str = Field("department_no", description="what makes a group of articles")
    days: int = Field(14, ge=1, description="age up to which an article is new")
    neighbours: int = Field(
        5, ge=1, description="articles in the order of ids, on each side, that date an unsold one"
    )
    prior: float = Field(
        3.0, gt=0, description="days at the department's mean sales that every article is given"
    )
    history_days: Days = Field(
        None, description="purchases of the customer that speak: of the last days; 0: all"
    )
    history_decay: float = Field(
        0.5, ge=0, description="the customer's purchase of age a days speaks (1 + a) ** -this"
    )


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

    model: str = Field(description=f"one of {', '.join(CHANNEL_MODELS)}")
    n: int = Field(20, ge=1, le=1000, description="articles proposed to a customer, at most")
    repeat: str | int = Field(
        "allow", description='of what the customer bought: "allow", "exclude" or a number of days'
    )
    sold_days: Days = Field(
        None, description="only what sold in the last days before the cutoff; 0: everything"
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
    "als": {"model": "als", "n": 20, "sold_days": 14, "score_all": True},
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
