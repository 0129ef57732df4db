"""Settings of the service."""

from __future__ import annotations

from pydantic import Field

from hemline.config.section import Section


class Serve(Section):
    """The HTTP service and its pages."""

    host: str = Field("127.0.0.1", description="address to bind; 0.0.0.0 for all of the machine")
    port: int = Field(8000, ge=0, le=65535, description="0: any that is free")
    workers: int = Field(1, ge=1, le=64, description="processes; all follow the purchase log")
    key_env: str = Field(
        "HEMLINE_API_KEY",
        description="environment variable with the key that POST /api/purchases needs",
    )
    stock: str = Field(
        "", description="text file of the articles in stock, one id a line; read again on change"
    )
    max_k: int = Field(500, ge=1, description="articles asked for at once, at most")
    max_body_kb: int = Field(256, ge=1, description="larger requests are refused")
