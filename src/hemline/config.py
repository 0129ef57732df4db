"""The settings of a run: one TOML file per shop, every value checked, nothing ignored."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from hemline.errors import ConfigError


class Section(BaseModel):
    """Base of every section: frozen, and no unknown key."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Columns(Section):
    """What the shop calls Hemline's columns: `hemline name = "shop's name"`.

    A column that is not named here is looked for under Hemline's own name and under the
    name that the H&M files use.
    """

    articles: dict[str, str] = Field(default={}, description="columns of the product table")
    customers: dict[str, str] = Field(default={}, description="columns of the customer table")
    purchases: dict[str, str] = Field(
        default={},
        description="customer_id, article_id, time, price, channel, quantity of the purchases",
    )


class Ingest(Section):
    """Reading the shop's files."""

    articles: str = Field("articles", description="file of the product table, without ending")
    customers: str = Field("customers", description="file of the customer table, without ending")
    purchases: str = Field(
        "transactions_train", description="file of the purchases, without ending"
    )
    images: str = Field("images", description="folder of the photos")
    until: dt.date | None = Field(None, description="purchases after this day are not read")
    max_reject_share: float = Field(
        0.01, ge=0, le=1, description="a larger share of rejected rows stops the run"
    )
    memory_gb: float = Field(3.0, gt=0, description="memory DuckDB may take before it spills")


class Photos(Section):
    """Photos into vectors."""

    embedder: str = Field(
        "",
        description='"onnx:FILE_OR_URL", "keras:ResNet50V2", "hf:NAME", "descriptor", or "" for '
        "none: then photos are not used",
    )
    batch: int = Field(
        32, ge=1, description="photos that a worker takes at once; with torch, through the model"
    )
    preprocessing: dict[str, Any] = Field(
        default={},
        description="of an ONNX model, winning over its sidecar TOML: size, channels, mean, scale, "
        "layout, resize, interpolation, fill, output, sha256; keras: weights; hf: revision",
    )


class Similar(Section):
    """Visually similar articles."""

    neighbours: int = Field(10, ge=1, description="similar articles kept for each")


class Weights(Section):
    """Confidence of a purchase, from its date."""

    kind: Literal["binary", "recent", "seasonal", "power_decay"] = Field(
        "recent", description="how a purchase's weight follows from its date"
    )
    horizon_days: int = Field(7, ge=1, description="the days ahead that are recommended for")
    horizons: tuple[int, ...] = Field(
        (26, 52), description="recent: ages, in horizons, up to which `values` hold"
    )
    values: tuple[float, ...] = Field(
        (5.0, 3.0, 1.0), description="recent and seasonal: weights, the last for all the rest"
    )
    dates: tuple[dt.date, ...] = Field(
        (), description="fixed first days in place of `horizons`, the latest first"
    )
    season_horizons: int = Field(13, ge=1, description="seasonal: horizons with the first value")
    months: tuple[int, ...] = Field(
        (), description="seasonal: months with the second value; empty: the quarter recommended for"
    )
    exponent: float = Field(0.5, gt=0, description="power_decay: (1 + age in horizons) ** -this")
    repeats: Literal["sum", "max", "last"] = Field(
        "sum", description="how the weights of one customer's purchases of one article add up"
    )
    quantity: bool = Field(False, description="a purchase of n pieces weighs n times as much")

    @model_validator(mode="after")
    def _steps_fit(self) -> Self:
        if self.kind == "recent":
            steps = self.dates or self.horizons
            if len(self.values) != len(steps) + 1:
                raise ValueError(f"{len(steps)} steps need {len(steps) + 1} values")
        if self.kind == "seasonal" and len(self.values) != 3:
            raise ValueError("seasonal needs 3 values: lately, in season, the rest")
        if self.kind == "seasonal" and len(self.dates) > 1:
            raise ValueError("seasonal takes one date, the first day that weighs the most")
        if list(self.dates) != sorted(set(self.dates), reverse=True):
            raise ValueError("dates stand with the latest first")
        if list(self.horizons) != sorted(set(self.horizons)):
            raise ValueError("horizons rise")
        if not all(1 <= month <= 12 for month in self.months):
            raise ValueError("months are 1 to 12")
        return self


class Als(Section):
    """Alternating least squares for implicit feedback (Hu, Koren and Volinsky 2008)."""

    factors: int = Field(64, ge=1, description="length of a vector")
    iterations: int = Field(15, ge=1, description="passes over customers and articles")
    regularization: float = Field(0.01, ge=0, description="weight of the squared norms")
    seed: int = Field(1, ge=0, description="of the first factors; a run gives its own")
    alpha: float = Field(1.0, gt=0, description="confidence = alpha x weight")
    min_customer: int = Field(
        5,
        ge=0,
        description="k-core: articles a customer has at least; lowered where it leaves nothing",
    )
    min_article: int = Field(
        5,
        ge=0,
        description="k-core: customers an article has at least; lowered where it leaves nothing",
    )
    weights: Weights = Field(Weights(), description="confidence weights")

    @field_validator("weights", mode="before")
    @classmethod
    def _kind_alone(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value


class AlsoBought(Section):
    """Others who bought what you bought also bought."""

    per_article: int | None = Field(
        100, ge=1, description="counts kept for each article, the largest; 0: all of them"
    )

    @field_validator("per_article", mode="before")
    @classmethod
    def _zero_is_all(cls, value: Any) -> Any:
        return None if value == 0 else value  # TOML has no null


class Popular(Section):
    """Popularity, overall and by age."""

    days: int = Field(7, ge=1, description="window before the cutoff")
    by: Literal["customers", "units"] = Field(
        "customers", description="count distinct customers, or pieces sold"
    )
    age_bounds: tuple[int, ...] = Field(
        (25, 35, 45, 55, 65), description="last year of age of each band but the oldest"
    )
    by_age: bool = Field(False, description="each customer gets what sells in their age band")

    @field_validator("age_bounds")
    @classmethod
    def _bounds_rise(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if list(value) != sorted(set(value)):
            raise ValueError("ages rise")
        return value


class Repurchase(Section):
    """What the customer bought lately."""

    days: int | None = Field(None, ge=1, description="how far back; unset: the whole history")
    order: tuple[Literal["day", "price", "count"], ...] = Field(
        ("day", "price"), description="latest day, dearest, most often first; ties by position"
    )


class Cascade(Section):
    """The sources' way: similar to what you bought, ranked by ALS, filled in order."""

    attributes: tuple[str, ...] = Field(
        ("department_no", "index_code"),
        description="a similar article must share each of these with some purchase",
    )
    similar_repeat: str | int = Field("allow", description="repeat policy of the similar articles")
    also_bought_repeat: str | int = Field("exclude", description="repeat policy of also-bought")
    popular_repeat: str | int = Field("allow", description="repeat policy of the popular articles")


class Evaluate(Section):
    """Backtest: the same function, at earlier cutoffs."""

    folds: int = Field(1, ge=0, description="cutoffs, one horizon apart; 0: no backtest")
    horizon_days: int = Field(7, ge=1, description="days after a cutoff that are predicted")
    k: int = Field(12, ge=1, description="length of the list that is judged")


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
            model = model.model_fields[part].annotation
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
