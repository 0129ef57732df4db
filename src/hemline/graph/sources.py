"""What the graph of a shop is made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hemline.photos.neighbours import Neighbours
from hemline.shop.tables import Tables

ROWS: Final = 1 << 18
"""Rows of a batch and of a row group: what is in memory at once."""

DAY: Final = 86_400


@dataclass(frozen=True)
class Sources:
    """What the graph of a shop is made from.

    Attributes
    ----------
    tables : Tables
        What `ingest` wrote.
    neighbours : Neighbours, optional
        Similar articles by position.
    vectors : path, optional
        Folder with `vectors.npy` and `positions.npy`.
    recommendations : path, optional
        Parquet, schema.RECOMMENDATIONS.
    """

    tables: Tables
    neighbours: Neighbours | None = None
    vectors: Path | None = None
    recommendations: Path | None = None
