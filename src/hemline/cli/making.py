"""Commands that need no run: a simulated shop, and the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hemline.cli.app import app
from hemline.cli.progress import Shown, plain


@app.command()
def simulate(
    out: Annotated[Path, typer.Argument(help="Folder to write the shop into.", metavar="OUT")],
    customers: Annotated[int, typer.Option(min=1, help="Customers.")] = 2000,
    articles: Annotated[int, typer.Option(min=1, help="Articles.")] = 1000,
    days: Annotated[int, typer.Option(min=1, help="Days of sales.")] = 365,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything random.")] = 1,
    purchases: Annotated[
        int | None, typer.Option(min=1, help="Rows of purchases, about; by default 23 a customer.")
    ] = None,
    format: Annotated[str, typer.Option(help="csv or parquet.")] = "csv",  # noqa: A002
    photos: Annotated[bool, typer.Option(help="Draw product photos.")] = True,
    vectors: Annotated[
        int, typer.Option(min=0, help="Photo vectors of this length in place of photos.")
    ] = 0,
) -> None:
    """Simulate a shop: products, customers, purchases and drawn photos, in the Kaggle layout."""
    from hemline.errors import ConfigError
    from hemline.shop.simulate import simulate as make

    if format not in ("csv", "parquet"):
        raise ConfigError(f"--format {format}", hint="csv or parquet")
    with Shown() as shown:
        shown.begin("simulate")
        summary = make(
            out,
            customers=customers,
            articles=articles,
            days=days,
            seed=seed,
            purchases=purchases,
            format="parquet" if format == "parquet" else "csv",
            photos=photos and not vectors,
            vectors=vectors,
            progress=shown.progress,
        )
        shown.end("simulate", summary)


@app.command()
def config(
    file: Annotated[
        Path | None,
        typer.Argument(help="TOML file to check; without one, every setting.", metavar="FILE"),
    ] = None,
) -> None:
    """List every setting with its default and meaning, or check a file of settings."""
    from hemline.config import Config, reference

    if file is not None:
        Config.load(file)
        plain(f"{file}: every setting is known and has a value that can be")
        return
    print(reference(), end="")
