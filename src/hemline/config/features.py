"""Settings of the features that the ranker sees."""

from __future__ import annotations

from pydantic import Field

from hemline.config.section import Section


class Features(Section):
    """What the ranker is told of a customer and a candidate."""

    decay: float = Field(
        0.5, ge=0, description="a purchase weighs (1 + days since it) ** -this in a share"
    )
    pairs_days: int = Field(
        60, ge=0, description="days before the cutoff whose purchases make pairs; 0: no pairs"
    )
    pairs_kept: int = Field(50, ge=1, description="pairs kept of each article, the weightiest")
    leave_out: tuple[str, ...] = Field(
        ("flags",),
        description="features and families that are not used, by name; a flag says no more than "
        "that the rank is not NaN",
    )
