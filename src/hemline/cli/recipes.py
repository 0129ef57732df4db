"""Commands about recipes: which there are, and what the ranker of a run goes by."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from hemline.cli.app import AsJson, Run, app
from hemline.cli.printing import print_json


@app.command()
def recipes(
    name: Annotated[
        str | None,
        typer.Argument(help="Print this recipe's TOML file, to start one's own.", metavar="NAME"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the recipes that come with Hemline, or print one as a TOML file."""
    from hemline.config import Config, preset_names, preset_text

    if name is not None:
        print(preset_text(name), end="")
        return
    rows = [
        {
            "recipe": one,
            "default": one == Config().recipe,
            "what": preset_text(one).splitlines()[0].lstrip("# "),
        }
        for one in preset_names()
    ]
    if as_json:
        print_json(rows)
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    for row in rows:
        table.add_row(f"{row['recipe']}{' (default)' * bool(row['default'])}", str(row["what"]))
    Console().print(table)


@app.command()
def importance(
    run: Run,
    top: Annotated[int, typer.Option(min=1, help="Features that are shown.")] = 30,
    as_json: AsJson = False,
) -> None:
    """Show what the ranker of a run goes by: each feature's share of the gain."""
    from hemline.service import Recommender

    found = Recommender.open(run).importance()
    if as_json:
        print_json(found)
        return
    console = Console()
    for line in found["lines"]:
        console.print(line, style="dim")
    if not found["features"]:
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("feature", no_wrap=True)
    table.add_column("gain", justify="right", no_wrap=True)
    table.add_column("splits", justify="right", no_wrap=True)
    table.add_column("meaning")
    for one in found["features"][:top]:
        table.add_row(one["feature"], f"{one['gain']:.1%}", str(one["splits"]), one["meaning"])
    console.print(table)
