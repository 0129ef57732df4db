"""Settings of the shop's files and photos."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pydantic import Field

from hemline.config.section import Section


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
