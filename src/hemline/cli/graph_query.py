"""`hemline graph query`, `queries`, `shard` and `composite`: the graph asked in Cypher."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hemline.cli.app import AsJson, ConfigFile, Run, Settings
from hemline.cli.graph import graph_app
from hemline.cli.printing import print_json
from hemline.cli.progress import Shown, plain, seconds

if TYPE_CHECKING:
    import pyarrow as pa

    from hemline.config import Config
    from hemline.graph.queries import QueryFile
    from hemline.runs import RunFolder


@graph_app.command()
def query(
    run: Run,
    cypher: Annotated[
        str, typer.Argument(help="Cypher, or the name of a query of `hemline graph queries`.")
    ] = "",
    file: Annotated[
        str, typer.Option("--file", help="File with the query, or a name as above.", metavar="FILE")
    ] = "",
    param: Annotated[
        list[str] | None,
        typer.Option("--param", help="A parameter's value; may be repeated.", metavar="NAME=VALUE"),
    ] = None,
    store: Annotated[
        str,
        typer.Option(
            help="Store to ask: a name of the configuration, a folder or a URI; RUN/graph "
            "by default.",
            metavar="STORE",
        ),
    ] = "",
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write CSV.")] = False,
    as_parquet: Annotated[bool, typer.Option("--parquet", help="Write Parquet.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write into; stdout by default.")
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Let the query write, on a server.")
    ] = False,
    time_limit: Annotated[
        float | None, typer.Option(help="Seconds that it may take; 0: any.", metavar="SECONDS")
    ] = None,
    settings: Settings = None,
) -> None:
    """Ask the graph in Cypher; rows are printed as they come.

    A query with `CALL { USE fabric.NAME … }` asks several stores as one.
    """  # fmt: skip
    from hemline.cli.rows import write_rows
    from hemline.errors import ConfigError

    formats = [name for name, on in
               (("json", as_json), ("csv", as_csv), ("parquet", as_parquet)) if on]  # fmt: skip
    if len(formats) > 1:
        raise ConfigError(f"--{' --'.join(formats)}", hint="one of them")
    asked = _query_of(cypher, file)
    values = asked.values(dict(_pair("--param", one) for one in param or ()))
    with ExitStack() as stack:
        started = time.perf_counter()
        rows = _ask(stack, run, asked, values, store, write, time_limit, settings)
        n = write_rows(rows, formats[0] if formats else "table", out)
        took = seconds(time.perf_counter() - started)
    plain(f"{n:,} {'row' if n == 1 else 'rows'} in {took}" + (f": {out}" if out else ""))


def _query_of(cypher: str, file: str) -> QueryFile:
    from hemline.errors import ConfigError
    from hemline.graph.queries import find, parse_file, shipped

    if bool(cypher) is bool(file):
        raise ConfigError(
            "a query is given as text or by --file" if cypher else "no query was given",
            hint="hemline graph query RUN 'MATCH (p:Product) RETURN count(*) AS n'",
        )
    if file:
        return find(file)
    return shipped().get(cypher) or parse_file("query", cypher)


def _pair(option: str, text: str) -> tuple[str, str]:
    from hemline.errors import ConfigError

    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ConfigError(f"{option} {text}", hint=f"write it as {option} name=value")
    return name.strip().removeprefix("$"), value


def _ask(
    stack: ExitStack,
    path: Path,
    asked: QueryFile,
    values: dict[str, Any],
    store: str,
    write: bool,
    time_limit: float | None,
    settings: list[str] | None,
) -> pa.RecordBatchReader:
    from hemline.graph.federation_form import is_federated
    from hemline.pipeline.shards import open_shards

    run, config = _opened(path, settings)
    if is_federated(asked.text) and not store:
        found: Any = stack.enter_context(open_shards(run, config))
    else:
        found = stack.enter_context(_open_store(run, config, store, write))
    limit = config.graph.time_limit_seconds if time_limit is None else time_limit
    return found.query(asked.text, values, limit_seconds=limit)


def _open_store(run: RunFolder, config: Config, place: str, write: bool) -> Any:
    from hemline.errors import ConfigError
    from hemline.graph.embedded_files import StoreFiles
    from hemline.graph.federation_stores import named_stores, open_named
    from hemline.graph.stores import is_server, open_store
    from hemline.pipeline.graph import graph_folder, graph_is_stale, open_graph
    from hemline.pipeline.shards import shards_folder

    if not place and config.graph.uri and not StoreFiles(graph_folder(run)).exists():
        place = config.graph.uri  # the shop's graph is on a server, and only there
    named = named_stores(config.graph, shards_folder(run))
    at = named[place].at if place in named else place
    if write and not is_server(at):
        raise ConfigError(
            "--write: an embedded graph is a view of the run's tables",
            hint="change the tables and build it again; a server may be written to",
        )
    if place in named:
        return open_named(config.graph, named[place], read_only=not write)
    if place:
        return open_store(place, read_only=not write, settings=config.graph)
    found = open_graph(run)
    if graph_is_stale(run):
        plain(f"the graph is older than the run; `hemline graph build {run.path}` makes it new")
    return found


def _opened(path: Path, settings: list[str] | None) -> tuple[RunFolder, Config]:
    from hemline.config import parse_override
    from hemline.runs import RunFolder

    run = RunFolder.open(path)
    return run, run.config.replaced(dict(parse_override(one) for one in settings or ()))


@graph_app.command()
def queries(
    name: Annotated[
        str, typer.Argument(help="Show this one whole, as it can be copied and changed.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """List the queries that come with Hemline, or show one."""
    from rich.console import Console
    from rich.table import Table

    from hemline.graph.queries import find, shipped

    if name and not as_json:
        print(find(name).text, end="")
        return
    listed = [find(name)] if name else list(shipped().values())
    if as_json:
        print_json([_described(one) for one in listed])
        return
    table = Table(box=None, pad_edge=False)
    for column in ("query", "parameters", "what"):
        table.add_column(column, overflow="fold")
    for one in listed:
        parameters = (
            p.name if p.default is None else f"{p.name}={p.default}" for p in one.parameters
        )
        table.add_row(one.name, " ".join(parameters), one.what)
    Console().print(table)


def _described(one: QueryFile) -> dict[str, Any]:
    return {
        "name": one.name,
        "what": one.what,
        "parameters": [
            {"name": p.name, "type": p.type, "default": p.default, "what": p.text}
            for p in one.parameters
        ],
        "columns": one.columns,
        "text": one.text,
    }


@graph_app.command()
def shard(
    run: Run,
    preset: Annotated[
        str, typer.Option(help="sources or talk; what the settings say by default.", metavar="NAME")
    ] = "",
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to",
            help="Where a store is: a folder or a URI; RUN/shards/NAME by default.",
            metavar="NAME=PLACE",
        ),
    ] = None,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Load the parts of the graph into stores of their own, to be asked as one.

    sources: `products` has codes, embeddings and SIMILAR, `neo4j` all the rest. talk: `products`
    has the products with all their attributes, `customers` the customers and purchases.
    """  # fmt: skip
    from hemline.pipeline.shards import shard_graph

    opened, config = _opened(run, settings)
    with Shown() as shown:

        def progress(name: str) -> Any:
            shown.begin(f"shard {name}")
            return shown.progress

        found = shard_graph(
            opened,
            preset=preset,
            to=dict(_pair("--to", one) for one in to or ()),
            settings=config,
            progress=progress,
        )
    if as_json:
        print_json(found)
        return
    for name, one in found.items():
        counts = ", ".join(f"{n:,} {what}" for what, n in one["counts"].items() if n)
        plain(f"{name}: {one['at']}, {seconds(one['seconds'])}: {counts}")


@graph_app.command()
def composite(
    run: Annotated[
        Path | None, typer.Argument(help="Run folder whose stores to join.", metavar="[RUN]")
    ] = None,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Print the commands that make a composite database of the named stores (Neo4j Enterprise)."""
    from hemline.config import Config, parse_override
    from hemline.graph.composite import composite_commands
    from hemline.graph.federation_stores import named_stores
    from hemline.pipeline.shards import shards_folder
    from hemline.runs import RunFolder

    opened = RunFolder.open(run) if run else None
    chosen = Config.load(config) if config or opened is None else opened.config
    chosen = chosen.replaced(dict(parse_override(one) for one in settings or ()))
    stores = named_stores(chosen.graph, shards_folder(opened) if opened else None)
    sys.stdout.write(composite_commands(chosen.graph.composite, stores, uri=chosen.graph.uri))
