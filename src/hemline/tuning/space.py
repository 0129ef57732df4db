"""Which settings are tried, and between which values."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemline.config import Config
from hemline.errors import ConfigError

if TYPE_CHECKING:
    import optuna

Value = int | float | str | bool


@dataclass(frozen=True)
class Dial:
    """One setting: between two numbers, or one of some values.

    Attributes
    ----------
    setting : str
        Its dotted name.
    low, high : int or float, optional
        Both ends are tried; whole numbers stay whole.
    log : bool
        Steps are equal in proportion.
    choices : tuple, optional
        In place of `low` and `high`.
    """

    setting: str
    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    choices: tuple[Value, ...] = ()

    def suggest(self, trial: optuna.Trial) -> Value:
        """Ask a trial for a value."""
        if self.choices:
            found = trial.suggest_categorical(self.setting, list(self.choices))
            assert found is not None
            return found
        assert self.low is not None
        assert self.high is not None
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(self.setting, self.low, self.high, log=self.log)
        return trial.suggest_float(self.setting, self.low, self.high, log=self.log)

    def holds(self, value: Any) -> bool:
        """Tell whether a value is one that could be suggested."""
        if self.choices:
            return value in self.choices
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        assert self.low is not None
        assert self.high is not None
        return self.low <= value <= self.high


_ALS = (
    Dial("als.factors", 16, 128, log=True),
    Dial("als.iterations", 5, 25),
    Dial("als.regularization", 0.001, 10.0, log=True),
    Dial("als.alpha", 0.3, 30.0, log=True),
    Dial("als.weights.kind", choices=("binary", "recent", "seasonal", "power_decay")),
)
_POPULAR = (Dial("popular.days", 1, 30, log=True),)
_REPURCHASE = (Dial("repurchase.days", 7, 730, log=True),)
_RANKER = (
    Dial("ranker.objective", choices=("lambdarank", "rank_xendcg")),
    Dial("ranker.trees", 60, 400, log=True),
    Dial("ranker.leaves", 7, 63, log=True),
    Dial("ranker.learning_rate", 0.03, 0.2, log=True),
    Dial("ranker.min_leaf", 10, 300, log=True),
    Dial("ranker.negatives", 10, 120, log=True),
    Dial("ranker.feature_share", 0.3, 1.0),
    Dial("features.decay", 0.1, 2.0),
)


def space_of(config: Config) -> tuple[Dial, ...]:
    """Return the settings worth trying for a recipe, and their bounds."""
    if config.recipe == "popular":
        return _POPULAR
    if config.recipe == "repurchase":
        return (*_REPURCHASE, *_POPULAR)
    if config.recipe == "cascade":
        return (*_ALS, Dial("also_bought.per_article", 20, 400, log=True), *_POPULAR)
    return (*_channels(config, whole=config.recipe == "two-stage"), *_ranking(config))


def _ranking(config: Config) -> tuple[Dial, ...]:
    return _RANKER if config.recipe == "two-stage" else _POPULAR


_BY_MODEL: dict[str, tuple[Dial, ...]] = {
    "co_purchase": (Dial("decay", 0.0, 2.0), Dial("history_decay", 0.0, 2.0)),
    "popular": (Dial("days", 1, 30, log=True),),
    "popular_at_age": (Dial("days", 1, 30, log=True),),
    "popular_in_group": (Dial("days", 1, 30, log=True),),
    "same_product": (Dial("days", 7, 90, log=True),),
    "als": tuple(
        Dial(one.setting.removeprefix("als."), one.low, one.high, one.log, one.choices)
        for one in _ALS
        if one.setting in ("als.factors", "als.regularization", "als.alpha")
    ),
}
"""Per model of a channel: what is tried besides the size."""


def _channels(config: Config, *, whole: bool) -> tuple[Dial, ...]:
    found: list[Dial] = []
    for name, channel in config.channel_settings().items():
        found.append(Dial(f"channels.{name}.n", 5, max(60, channel.common.n), log=True))
        if whole:
            found.extend(
                Dial(f"channels.{name}.{one.setting}", one.low, one.high, one.log, one.choices)
                for one in _BY_MODEL.get(channel.model_name, ())
            )
    return tuple(found)


def read_space(path: Path) -> tuple[Dial, ...]:
    """Read settings and their bounds from a TOML file.

    A line a setting: `"als.factors" = [16, 128]` for all between, `{ low = 0.01, high = 1.0,
    log = true }` likewise with equal proportions, `{ choices = ["recent", "binary"] }` for one
    of some.

    Raises
    ------
    ConfigError
        The file cannot be read, or a line says something else.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}", hint="a TOML file of bounds") from None
    found = tuple(_dial(path, name, value) for name, value in content.items())
    if not found:
        raise ConfigError(f"{path} names no setting", hint='such as "als.factors" = [16, 128]')
    return found


def _dial(path: Path, name: str, value: Any) -> Dial:
    given = {"low": value[0], "high": value[1]} if _is_pair(value) else value
    if isinstance(given, dict):
        numbers = [given.get("low"), given.get("high")]
        choices = given.get("choices")
        if set(given) == {"choices"} and isinstance(choices, list) and choices:
            return Dial(name, choices=tuple(choices))
        if set(given) <= {"low", "high", "log"} and all(_is_number(one) for one in numbers):
            low, high, log = given["low"], given["high"], bool(given.get("log", False))
            if low <= high and (low > 0 or not log):
                return Dial(name, low, high, log)
    raise ConfigError(
        f"{path}: {name} = {value!r}",
        hint="[low, high], { low = …, high = …, log = true } or { choices = […] }; a section is "
        'written with its name in quotes: "als.factors"',
    )


def _is_pair(value: Any) -> bool:
    return isinstance(value, Sequence) and len(value) == 2 and not isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
