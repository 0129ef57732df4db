"""All settings together: read, checked, replaced, listed."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, Field, ValidationError

from hemline.config.data import Columns, Ingest, Photos, Similar
from hemline.config.graph import Graph
from hemline.config.models import Als, AlsoBought, Popular, Repurchase
from hemline.config.recipes import Cascade, Evaluate
from hemline.config.section import Section
from hemline.errors import ConfigError


class Config(Section):
    """All settings of a run."""

    recipe: str = Field("cascade", description='"cascade", "popular" or "repurchase"')
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
    cascade: Cascade = Cascade()
    evaluate: Evaluate = Evaluate()
    graph: Graph = Graph()

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
        settings = self.model_dump(exclude_unset=True)
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
    return ConfigError(
        f"{where}: {'.'.join(path)} = {first.get('input')!r}: {first['msg']}",
        hint="`hemline config` lists every setting with its default",
    )


def reference() -> str:
    """Return every setting with its default and meaning, as a TOML file of comments."""
    lines: list[str] = []
    _describe(Config, "", lines)
    return "\n".join(lines).strip() + "\n"


def _describe(section: type[BaseModel], path: str, lines: list[str]) -> None:
    nested: list[tuple[str, type[BaseModel]]] = []
    for name, one in section.model_fields.items():
        kind = one.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            nested.append((f"{path}.{name}".lstrip("."), kind))
            continue
        lines.append(f"# {one.description}")
        lines.append(f"{name} = {_toml(one.default)}" if one.default is not None else f"# {name} =")
    for name, kind in nested:
        title = (kind.__doc__ or "").strip().splitlines()[0]
        lines.extend(["", f"# {title}", f"[{name}]"])
        _describe(kind, name, lines)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + "}"
    return f'"{value}"' if isinstance(value, str) else str(value)
