"""Settings of the models."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from hemline.config.section import Section


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
    iterations: int = Field(15, ge=1, description="passes over customers and articles, at most")
    trainer: Literal["own", "implicit", "mllib"] = Field(
        "own",
        description="what trains: our own kernels, the library implicit, or Spark's MLlib "
        "(--engine spark) for a matrix that does not fit one machine",
    )
    tolerance: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="ends when an iteration takes less than this share of the loss; 0: never",
    )
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
    max_customers: int = Field(
        0,
        ge=0,
        description="customers trained on, about; more are sampled by a hash of the seed and the "
        "history; 0: as many as fit memory_gb",
    )
    memory_gb: float = Field(
        12.0, gt=0, description="what training may take; customers are sampled where all take more"
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
    decay: float = Field(0.0, ge=0, description="a sale of age a days counts (1 + a) ** -decay")
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
