"""What every section of the settings is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Base of every section: frozen, and no unknown key."""

    model_config = ConfigDict(frozen=True, extra="forbid")
