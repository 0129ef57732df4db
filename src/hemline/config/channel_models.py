"""Settings of the models that were made to be channels."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from hemline.config.section import Section


def _zero_is_all(value: Any) -> Any:
    return None if value == 0 else value  # TOML has no null


Count = Annotated[Annotated[int, Field(ge=1)] | None, BeforeValidator(_zero_is_all)]
"""At least 1, or 0 for no limit, which is None inside."""
Days = Count


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
