"""Settings of the ranker: the second of two stages."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hemline.config.section import Section


class Ranker(Section):
    """Boosted trees that put the candidates of all channels in order (LightGBM)."""

    objective: Literal["lambdarank", "rank_xendcg"] = Field(
        "rank_xendcg", description="loss of the trees, over the candidates of one customer"
    )
    trees: int = Field(120, ge=1, description="boosting rounds")
    leaves: int = Field(15, ge=2, le=64, description="leaves of a tree")
    learning_rate: float = Field(0.05, gt=0, description="weight of each tree")
    min_leaf: int = Field(100, ge=1, description="candidates a leaf is made of at least")
    l2: float = Field(30.0, ge=0, description="weight of the squared leaf values")
    feature_share: float = Field(0.7, gt=0, le=1, description="share of the features a tree sees")
    windows: int = Field(5, ge=1, description="periods before the cutoff that are learned from")
    most_windows: int = Field(
        16, ge=1, description="so many while fewer than `enough_customers` have been found"
    )
    enough_customers: int = Field(
        3000, ge=1, description="customers with a hit, beyond which no window is added"
    )
    horizon_days: int = Field(
        7, ge=1, description="days of a window; short data has shorter ones that overlap"
    )
    customers: int = Field(
        30_000, ge=1, description="buyers taken of one window, drawn by their history"
    )
    negatives: int = Field(
        40, ge=1, description="candidates not bought that are kept of a customer, in training only"
    )
    stale: tuple[str, ...] = Field(
        ("als",),
        description="models fitted once before all windows, for their cost, and then for the "
        "cutoff; all others are fitted for each window",
    )
    cold: Literal["popular", "popular-at-age"] = Field(
        "popular", description="what customers without any purchase get"
    )
    calibration: Literal["isotonic", "platt", "none"] = Field(
        "isotonic", description="score to probability of a purchase, on customers held out"
    )
    held_share: float = Field(
        0.125, ge=0, lt=1, description="share of the newest window's buyers that is held out"
    )
    min_customers: int = Field(
        150, ge=1, description="customers with a hit, below which a simple recipe is taken"
    )
    fallback: tuple[str, ...] = Field(
        ("repurchase", "rules", "popular"),
        min_length=1,
        description="the simple recipes; the best on the newest windows stands in",
    )
