"""`hemline graph load`, `write`, `similar`, `export`: the graph in Neo4j."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hemline.cli.app import AsJson, ConfigFile, Run, Settings
from hemline.cli.graph import graph_app
from hemline.cli.printing import print_json
from hemline.cli.progress import Shown, plain, seconds

if TYPE_CHECKING:
    from hemline.config import Graph
    from hemline.runs import RunFolder

To = Annotated[
    str,
    typer.Option(
        "--to",
        help="Server, bolt://HOST:7687 or neo4j+s://HOST:7687; graph.uri by default. The password "
        "is in the environment variable NEO4J_PASSWORD, or in [graph] of --config.",
        metavar="URI",
    ),
]
Embeddings = Annotated[
    bool | None,
    typer.Option(
        "--embeddings/--no-embeddings",
        help="Photo vectors as `embedding` of the products; as the settings say by default.",
    ),
]
Recommendations = Annotated[
    bool | None,
    typer.Option(
        "--recommendations/--no-recommendations",
        help="RECOMMENDED edges; as the settings say by default.",
    ),
]


@graph_app.command()
def load(
    run: Run,
    to: To = "",
    embeddings: Embeddings = None,
    recommendations: Recommendations = None,
    prune: Annotated[
        bool,
        typer.Option(
            "--prune", help="Delete nodes of the model's labels that the shop does not have."
        ),
    ] = False,
    compare: Annotated[
        bool,
        typer.Option("--compare", help="Compare everything, also what was loaded before."),
    ] = False,
    config: ConfigFile = None,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Load a run's graph into Neo4j over Bolt: what is there stays, what changed is updated.

    Killed, the same command goes on where it was. A big shop's first load is faster offline:
    `hemline graph export`.
    """  # fmt: skip
    from hemline.pipeline.graph_server import load_graph

    opened, graph = _opened(run, config, settings)
    with Shown() as shown:
        shown.begin("load")
        found = load_graph(
            opened,
            to,
            graph,
            embeddings=embeddings,
            recommendations=recommendations,
            prune=prune,
            compare=compare,
            progress=shown.progress,
        )
        shown.end("load", found)
    if as_json:
        print_json({key: one for key, one in found.items() if key != "lines"})


@graph_app.command()
def write(
    run: Run,
    to: To = "",
    similar: Annotated[
        bool, typer.Option("--similar/--no-similar", help="Write SIMILAR edges.")
    ] = True,
    recommendations: Annotated[
        bool, typer.Option("--recommendations/--no-recommendations", help="Write RECOMMENDED.")
    ] = True,
    config: ConfigFile = None,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Write SIMILAR and RECOMMENDED edges into Neo4j in place of the earlier ones.

    At every instant each customer has the old twelve or the new twelve, and each product its
    old or its new similar ones.
    """  # fmt: skip
    from hemline.pipeline.graph_server import write_graph

    opened, graph = _opened(run, config, settings)
    with Shown() as shown:
        shown.begin("write")
        found = write_graph(
            opened,
            to,
            graph,
            similar=similar,
            recommendations=recommendations,
            progress=shown.progress,
        )
        shown.end("write", found)
    if as_json:
        print_json(found)


@graph_app.command()
def similar(
    run: Run,
    to: To = "",
    by: Annotated[
        str,
        typer.Option(
            help="exact: the run's own neighbours; knn: gds.knn; vector-index: Neo4j's index."
        ),
    ] = "exact",
    k: Annotated[int | None, typer.Option("-k", min=1, help="Neighbours of each.")] = None,
    write: Annotated[
        bool, typer.Option("--write/--no-write", help="Replace the SIMILAR edges, or only compare.")
    ] = True,
    concurrency: Annotated[
        int, typer.Option(min=1, help="knn: threads; the open edition allows 4.")
    ] = 4,
    sample_rate: Annotated[
        float, typer.Option(min=0.0001, max=1, help="knn: share of neighbours compared.")
    ] = 0.5,
    delta_threshold: Annotated[
        float, typer.Option(min=0, max=1, help="knn: ends when so small a share changes.")
    ] = 0.001,
    seed: Annotated[
        int | None, typer.Option(help="knn: the same answer every time, with one thread.")
    ] = None,
    quantized: Annotated[
        bool, typer.Option("--quantized", help="vector-index: a byte a number, less exact.")
    ] = False,
    keep_index: Annotated[
        bool, typer.Option("--keep-index", help="vector-index: leave the index there.")
    ] = False,
    config: ConfigFile = None,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Find similar products in Neo4j, compare them with the exact ones, write SIMILAR edges."""
    from hemline.errors import ConfigError
    from hemline.pipeline.graph_server import similar_in_graph

    if by not in ("exact", "knn", "vector-index"):
        raise ConfigError(f"--by {by}", hint="exact, knn or vector-index")
    options: dict[str, Any] = {}
    if by == "knn":
        options = {
            "concurrency": concurrency,
            "sample_rate": sample_rate,
            "delta_threshold": delta_threshold,
            "seed": seed,
        }
    elif by == "vector-index":
        options = {"quantized": quantized, "keep": keep_index}
    opened, graph = _opened(run, config, settings)
    with Shown() as shown:
        shown.begin("similar")
        found = similar_in_graph(
            opened,
            to,
            graph,
            by,  # type: ignore[arg-type]
            k=k,
            write=write,
            progress=shown.progress,
            **options,
        )
        shown.end("similar", {"lines": _said(found)})
    if as_json:
        print_json(found)


def _said(found: dict[str, Any]) -> list[str]:
    steps = ", ".join(f"{name} {seconds(took)}" for name, took in found["seconds"].items())
    lines = [f"{found['edges']:,} edges by {found['by']}" + (f": {steps}" if steps else "")]
    if found["by"] != "exact":
        exact = found["exact_seconds"]
        took = f", which took {seconds(exact)}" if exact is not None else ""
        lines.append(f"recall {found['recall']:.1%} of the run's exact neighbours{took}")
    return [*lines, *found["notes"]]


@graph_app.command()
def export(
    run: Run,
    out: Annotated[Path, typer.Option("--out", help="New folder to write into.")],
    format: Annotated[str, typer.Option("--format", help="parquet or csv.")] = "parquet",  # noqa: A002
    embeddings: Embeddings = None,
    recommendations: Recommendations = None,
    config: ConfigFile = None,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Write the graph as files for `neo4j-admin database import`, with a script that runs it."""
    from hemline.errors import ConfigError
    from hemline.pipeline.graph_server import export_graph

    if format not in ("parquet", "csv"):
        raise ConfigError(f"--format {format}", hint="parquet or csv")
    opened, graph = _opened(run, config, settings)
    with Shown() as shown:
        shown.begin("export")
        found = export_graph(
            opened,
            out,
            graph,
            format="csv" if format == "csv" else "parquet",
            embeddings=embeddings,
            recommendations=recommendations,
            progress=shown.progress,
        )
        shown.end("export", found)
    if as_json:
        print_json({key: one for key, one in found.items() if key != "lines"})


def _opened(path: Path, config: Path | None, settings: list[str] | None) -> tuple[RunFolder, Graph]:
    """Open a run; the settings of its graph are those of a file where one is given."""
    from hemline.config import Config, parse_override
    from hemline.runs import RunFolder

    run = RunFolder.open(path)
    chosen = run.config if config is None else Config.load(config)
    chosen = chosen.replaced(dict(parse_override(one) for one in settings or ()))
    if chosen.graph.password is not None and any(
        one.partition("=")[0].strip() == "graph.password" for one in settings or ()
    ):
        plain("a password on the command line is seen by everyone on the machine: NEO4J_PASSWORD")
    return run, chosen.graph
