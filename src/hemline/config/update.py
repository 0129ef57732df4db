"""Settings of an update: a new day of purchases into a run."""

from __future__ import annotations

from pydantic import Field

from hemline.config.section import Section


class Update(Section):
    """What an update learns again, and what it keeps."""

    als_iterations: int = Field(
        2, ge=1, description="passes of ALS that begins at the vectors of before"
    )
    keep: tuple[str, ...] = Field(
        ("bpr", "dot_bias", "light_gcn", "two_tower"),
        description="models of channels that stay as they are while there is no new article; "
        "others are fitted again",
    )
