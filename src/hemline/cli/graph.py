"""`hemline graph`: the shop as a graph."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hemline.cli.app import AsJson, Run, Settings, app
from hemline.cli.printing import print_json
from hemline.cli.progress import Shown, plain, seconds

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

    model, counts = GraphModel.full(), None
    if run is not None:
        from hemline.pipeline.graph import graph_model
        from hemline.runs import RunFolder

        model, counts = graph_model(RunFolder.open(run))
    if format == "json":
        print_json(model.to_json())
    elif format == "mermaid":
        print(model.to_mermaid(), end="")
    elif format == "text":
        print(model.to_text(counts), end="")
    else:
        raise ConfigError(f"--format {format}", hint="text, mermaid or json")


@graph_app.command()
def build(
    run: Run,
    settings: Settings = None,
    embeddings: Annotated[
        bool | None,
        typer.Option(
            "--embeddings/--no-embeddings",
            help="Photo vectors as `embedding` of the products; as the settings say by default.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build the embedded graph of a run, RUN/graph, and reconcile it with the tables.

    A graph that is there, fits the run, and can be read is kept.
    """
    from hemline.config import parse_override
    from hemline.pipeline.graph import build_graph
    from hemline.runs import RunFolder

    opened = RunFolder.open(run)
    chosen = opened.config.replaced(dict(parse_override(one) for one in settings or ()))
    with Shown() as shown:
        shown.begin("graph")
        found = build_graph(opened, settings=chosen, embeddings=embeddings, progress=shown.progress)
    if as_json:
        print_json({key: one for key, one in found.items() if key != "model"})
        return
    _print_counts(found["counts"])
    for one in found["irregular"]:
        if one["count"]:
            plain(f"{one['what']}: {one['count']:,} of {one['of']:,} (as {one['examples'][0]})")
    done = f"built in {seconds(sum(found['seconds'].values()))}" if found["built"] else "it fits"
    plain(f"{run / 'graph'}: {done}; ask it with `hemline graph query {run} 'MATCH …'`")


def _print_counts(counts: dict[str, int]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("label or relationship")
    table.add_column("count", justify="right")
    for name, count in counts.items():
        table.add_row("units bought" if name == "units" else name, f"{count:,}")
    Console().print(table)
