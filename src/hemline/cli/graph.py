"""`hemline graph`: the shop as a graph."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hemline.cli.app import app
from hemline.cli.printing import print_json

graph_app = typer.Typer(
    help="The shop as a graph: embedded, or in Neo4j.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(graph_app, name="graph")


@graph_app.command()
def schema(
    run: Annotated[
        Path | None, typer.Argument(help="Run folder; without it the whole model.", metavar="[RUN]")
    ] = None,
    format: Annotated[  # noqa: A002
        str, typer.Option("--format", help="text, mermaid or json.")
    ] = "text",
) -> None:
    """Show the model: labels, relationships, properties and the columns they come from."""
    from hemline.errors import ConfigError
    from hemline.graph.model import GraphModel

    model = GraphModel.full()
    if run is not None:
        from hemline.graph.making import model_of
        from hemline.pipeline.graph import graph_sources
        from hemline.runs import RunFolder

        model = model_of(graph_sources(RunFolder.open(run)))
    if format == "json":
        print_json(model.to_json())
    elif format == "mermaid":
        print(model.to_mermaid(), end="")
    elif format == "text":
        print(model.to_text(), end="")
    else:
        raise ConfigError(f"--format {format}", hint="text, mermaid or json")
