"""Settings of the recipes, and of their evaluation."""

from __future__ import annotations

from pydantic import Field

from hemline.config.section import Section


class Cascade(Section):
    """The sources' way: similar to what you bought, ranked by ALS, filled in order."""

    attributes: tuple[str, ...] = Field(
        ("department_no", "index_code"),
        description="a similar article must share each of these with some purchase",
    )
    similar_repeat: str | int = Field("allow", description="repeat policy of the similar articles")
    also_bought_repeat: str | int = Field("exclude", description="repeat policy of also-bought")
    popular_repeat: str | int = Field("allow", description="repeat policy of the popular articles")


class Rules(Section):
    """Channels that fill a row one after another, and nothing learned between them."""

    channels: tuple[str, ...] = Field(
        ("repurchase", "also-bought", "popular-at-age"),
        min_length=1,
        description="in this order; their settings are those of [channels.NAME]",
    )


class Evaluate(Section):
    """Backtest: the same function, at earlier cutoffs."""

    folds: int = Field(1, ge=0, description="cutoffs, one horizon apart; 0: no backtest")
    horizon_days: int = Field(7, ge=1, description="days after a cutoff that are predicted")
    k: int = Field(12, ge=1, description="length of the list that is judged")
