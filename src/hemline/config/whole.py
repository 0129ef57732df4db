"""All settings together: read, checked, replaced, listed."""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from hemline.config.data import Columns, Ingest, Photos, Similar
from hemline.config.features import Features
from hemline.config.graph import Graph
from hemline.config.learned import Bpr, Ease, GraphFilter, Sar
from hemline.config.models import Als, AlsoBought, Popular, Repurchase
from hemline.config.neural import DotBias, LightGcn, TwoTower
from hemline.config.presets import DEFAULT, beside, expand
from hemline.config.ranker import Ranker
from hemline.config.ranking import Channel, channels_of, check_channels, describe_channels
from hemline.config.recipes import Cascade, Evaluate, Rules
from hemline.config.section import Section
from hemline.config.serve import Serve
from hemline.config.spark import Spark
from hemline.config.update import Update
from hemline.errors import ConfigError


class Config(Section):
    """All settings of a run: a recipe's own, and over them what was given."""

    recipe: str = Field(
        DEFAULT, description="a recipe's name (`hemline recipes` lists them), or its TOML file"
    )
    k: int = Field(12, ge=1, description="articles recommended to each customer")
    seed: int = Field(1, ge=0, description="of every random choice")
    threads: int = Field(0, ge=0, description="0: one for each processor")
    columns: Columns = Columns()
    ingest: Ingest = Ingest()
    photos: Photos = Photos()
    similar: Similar = Similar()
    als: Als = Als()
    also_bought: AlsoBought = AlsoBought()
    popular: Popular = Popular()
    repurchase: Repurchase = Repurchase()
    sar: Sar = Sar()
    ease: Ease = Ease()
    graph_filter: GraphFilter = GraphFilter()
    bpr: Bpr = Bpr()
    dot_bias: DotBias = DotBias()
    light_gcn: LightGcn = LightGcn()
    two_tower: TwoTower = TwoTower()
    cascade: Cascade = Cascade()
    features: Features = Features()
    rules: Rules = Rules()
    ranker: Ranker = Ranker()
    channels: Annotated[dict[str, dict[str, Any]], AfterValidator(check_channels)] = Field(
        {}, description="[channels.NAME]: settings of the channels that differ from their defaults"
    )
    update: Update = Update()
    evaluate: Evaluate = Evaluate()
    serve: Serve = Serve()
    graph: Graph = Graph()
    spark: Spark = Spark()

    _given: dict[str, Any] = PrivateAttr(default_factory=dict)

    @model_validator(mode="wrap")
    @classmethod
    def _over_its_recipe(cls, settings: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(settings, Mapping):
            return handler(settings)
        given, whole = expand(settings)
        found = handler(whole)
        found._given = given
        return found

    def __eq__(self, other: object) -> bool:
        # by value: it does not matter which of them were the recipe's own
        return isinstance(other, Config) and self.__dict__ == other.__dict__

    def given(self) -> dict[str, Any]:
        """Return what was set, as JSON: `Config.of` of it is this, under any recipe's preset.

        Passwords are left out, and Spark's own settings, which may hold keys.
        """
        plain: dict[str, Any] = json.loads(json.dumps(self._given, default=str))
        graph = plain.get("graph", {})
        for one in (graph, *graph.get("stores", {}).values()):
            one.pop("password", None)
        plain.get("spark", {}).pop("settings", None)
        return plain

    def channel_settings(self) -> dict[str, Channel]:
        """Return every channel that is enabled, in order, with all its settings."""
        return channels_of(self.channels, self.__dict__)

    @classmethod
    def load(cls, path: Path | None = None, overrides: Iterable[str] = ()) -> Config:
        """Read a TOML file and apply `section.key=value` overrides, which win.

        Raises
        ------
        ConfigError
            The file cannot be read, or a key or value is not one of the settings.
        """
        settings: dict[str, Any] = {}
        if path is not None:
            try:
                settings = tomllib.loads(path.read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
                raise ConfigError(
                    f"{path} cannot be read: {error}", hint="it is a TOML file of settings"
                ) from None
            settings = beside(settings, path)
        return cls.of(settings, str(path or "settings")).replaced(
            dict(parse_override(one) for one in overrides)
        )

    @classmethod
    def of(cls, settings: dict[str, Any], where: str = "settings") -> Config:
        """Check a dict of settings."""
        try:
            return cls.model_validate(settings)
        except ValidationError as error:
            raise _config_error(error, where) from None

    def replaced(self, changes: dict[str, Any]) -> Config:
        """Return the settings with some replaced, each named as `section.key`."""
        if not changes:
            return self
        settings = copy.deepcopy(self._given)
        for name, value in changes.items():
            *sections, last = name.split(".")
            at = settings
            for section in sections:
                at = at.setdefault(section, {})
                if not isinstance(at, dict):
                    raise ConfigError(f"{name} = {value!r}", hint=f"{section!r} is no section")
            at[last] = value
        return Config.of(settings)


def parse_override(override: str) -> tuple[str, Any]:
    """Read `section.key=value`; the value as TOML where it is TOML, else as text."""
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set {override}", hint="write it as section.key=value")
    try:
        return key.strip(), tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), text


def _config_error(error: ValidationError, where: str) -> ConfigError:
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    if first["type"] == "extra_forbidden":
        model: Any = Config
        for part in path[:-1]:
            fields = getattr(model, "model_fields", None)
            # a table of named sections has their names in the path, and no fields
            model = fields[part].annotation if fields else get_args(model)[1]
        known = ", ".join(getattr(model, "model_fields", {}))
        return ConfigError(f"{where}: no setting {'.'.join(path)!r}", hint=f"known here: {known}")
    # what is missing has the whole section as its input, which may hold a password
    hidden = first["type"] == "missing" or path[-1:] == ["password"]
    value = "" if hidden else f" = {first.get('input')!r}"
    return ConfigError(
        f"{where}: {'.'.join(path)}{value}: {first['msg']}",
        hint="`hemline config` lists every setting with its default",
    )


def reference() -> str:
    """Return every setting with its default and meaning, as a TOML file of comments."""
    lines: list[str] = []
    _describe(Config(), "", lines)
    lines.extend(describe_channels(_toml))
    return "\n".join(lines).strip() + "\n"


def _describe(section: BaseModel, path: str, lines: list[str]) -> None:
    # an instance, since one section may stand in two others with other defaults
    nested: list[tuple[str, BaseModel]] = []
    for name, one in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            nested.append((f"{path}.{name}".lstrip("."), value))
            continue
        lines.append(f"# {one.description}")
        lines.append(f"{name} = {_toml(value)}" if value is not None else f"# {name} =")
    for name, inner in nested:
        title = (inner.__doc__ or "").strip().splitlines()[0]
        lines.extend(["", f"# {title}", f"[{name}]"])
        _describe(inner, name, lines)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + "}"
    return f'"{value}"' if isinstance(value, str) else str(value)
