"""Recipes as TOML files: the base that a shop's own settings win over."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from hemline.errors import ConfigError

DEFAULT: Final = "two-stage"
"""The recipe of whoever names none."""


@cache
def preset_names() -> tuple[str, ...]:
    """Return the names of the recipes that come with Hemline."""
    folder = files("hemline").joinpath("recipes")
    return tuple(sorted(one.name[:-5] for one in folder.iterdir() if one.name.endswith(".toml")))


def preset_text(name: str) -> str:
    """Return the TOML file of a recipe that comes with Hemline.

    Raises
    ------
    ConfigError
        There is none of that name.
    """
    if name not in preset_names():
        raise ConfigError(
            f"no recipe {name!r}",
            hint=f"recipes: {', '.join(preset_names())}, or the path of a TOML file",
        )
    return files("hemline").joinpath("recipes", f"{name}.toml").read_text(encoding="utf-8")


def expand(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Put the recipe that settings name under them.

    Returns
    -------
    given : dict
        The settings, with those of a recipe's own file; `recipe` is a name in it.
    whole : dict
        The same over the preset of that name.

    Raises
    ------
    ConfigError
        There is no such recipe, or its file cannot be read.
    """
    given = {name: _plain(value) for name, value in settings.items()}
    seen: set[Path] = set()
    while _is_file(given.get("recipe")):
        path = Path(given.pop("recipe")).resolve()
        if path in seen:
            raise ConfigError(f"{path} names itself as its recipe", hint='such as "two-stage"')
        seen.add(path)
        given = merged(read_recipe(path), given)
    name = given.get("recipe", DEFAULT)
    base = _preset(name) if isinstance(name, str) else {}
    return given, merged(base, given)


def read_recipe(path: Path) -> dict[str, Any]:
    """Read a recipe's file; a recipe that it builds on is found beside it.

    Raises
    ------
    ConfigError
        It cannot be read, or does not say which recipe it builds on.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read: {error}", hint="a recipe is a TOML file of settings"
        ) from None
    if "recipe" not in found:
        raise ConfigError(
            f"{path} names no recipe that it builds on",
            hint=f'recipe = "two-stage"; there are {", ".join(preset_names())}',
        )
    return beside(found, path)


def beside(settings: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return settings read from `path`, in which a recipe's file is named from there."""
    name = settings.get("recipe")
    return {**settings, "recipe": str(path.parent / str(name))} if _is_file(name) else settings


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with the values of `over`, section by section, as new dicts."""
    found = copy.deepcopy(dict(base))
    for name, value in over.items():
        if isinstance(value, Mapping) and isinstance(found.get(name), Mapping):
            found[name] = merged(found[name], value)
        else:
            found[name] = copy.deepcopy(value)
    return found


@cache
def _preset(name: str) -> dict[str, Any]:
    return tomllib.loads(preset_text(name))


def _is_file(recipe: Any) -> bool:
    return isinstance(recipe, str) and recipe.endswith(".toml")


def _plain(value: Any) -> Any:
    """Return a section as the dict of what was set in it."""
    if isinstance(value, BaseModel):
        return {name: _plain(getattr(value, name)) for name in sorted(value.model_fields_set)}
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return value
