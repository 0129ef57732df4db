"""A run's graph on a Neo4j server: loaded, written to, exported, its similar products compared."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from hemline.blocks import Progress, silent
from hemline.config import Graph
from hemline.errors import ConfigError, RunError
from hemline.graph.tables import GraphTables
from hemline.pipeline.graph import graph_fingerprint, graph_sources
from hemline.runs import RunFolder

if TYPE_CHECKING:
    from hemline.graph.neo4j import Neo4jStore
    from hemline.graph.neo4j_offline import Format

By = Literal["exact", "knn", "vector-index"]

_TABLES = "graph-tables"


@contextmanager
def open_server(uri: str, settings: Graph) -> Iterator[Neo4jStore]:
    """Open a Neo4j database for writing: the one at `uri`, or that of the settings.

    Raises
    ------
    ConfigError
        Neither names one.
    """
    from hemline.graph.neo4j import Neo4jStore
    from hemline.graph.stores import SCHEMES, is_server

    place = uri or settings.uri
    if not place:
        raise ConfigError("no server was named", hint="--to bolt://HOST:7687, or graph.uri")
    if not is_server(place):
        raise ConfigError(
            f"{place} is no URI of a Neo4j server", hint=f"it begins with {', '.join(SCHEMES)}"
        )
    with Neo4jStore(place, read_only=False, settings=settings) as store:
        yield store


def load_graph(
    run: RunFolder,
    uri: str,
    settings: Graph,
    *,
    embeddings: bool | None = None,
    recommendations: bool | None = None,
    prune: bool = False,
    compare: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Make a Neo4j database hold a run's graph; what is there already is left as it is.

    The graph's tables are kept in RUN/graph-tables until the load is done, so that one that
    was killed goes on at once.

    Returns
    -------
    dict
        What was created, updated, deleted, and `counts`; `lines` says it to a person.
    """
    sources = graph_sources(run, settings, embeddings=embeddings, recommendations=recommendations)
    with open_server(uri, settings) as store:
        tables = _tables(run, graph_fingerprint(run, sources), sources, progress)
        found = store.load(tables, progress=progress, prune=prune, compare=compare)
        counts = tables.counts
    shutil.rmtree(run.path / _TABLES, ignore_errors=True)
    return {**found, "counts": counts}


def _tables(run: RunFolder, digest: str, sources: Any, progress: Progress) -> GraphTables:
    from hemline.graph.making import make_graph_tables

    folder = run.path / _TABLES
    if (folder / "graph.json").exists():
        tables = GraphTables.open(folder)
        if tables.summary["fingerprint"] == digest:
            return tables
    work = Path(tempfile.mkdtemp(prefix=f"{_TABLES}-", dir=run.path))
    try:
        make_graph_tables(sources, work, fingerprint=digest, progress=progress)
        shutil.rmtree(folder, ignore_errors=True)
        work.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return GraphTables.open(folder)


def export_graph(
    run: RunFolder,
    out: Path,
    settings: Graph,
    *,
    format: Format = "parquet",  # noqa: A002
    embeddings: bool | None = None,
    recommendations: bool | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Write a run's graph as files that neo4j-admin imports, with the script that does it."""
    from hemline.graph.neo4j_offline import export

    sources = graph_sources(run, settings, embeddings=embeddings, recommendations=recommendations)
    return export(sources, out, format=format, progress=progress)


def write_graph(
    run: RunFolder,
    uri: str,
    settings: Graph,
    *,
    similar: bool = True,
    recommendations: bool = True,
    progress: Progress = silent,
) -> dict[str, int]:
    """Put a run's SIMILAR and RECOMMENDED edges into a Neo4j database in place of earlier ones.

    Bounded transactions: killed at any instant, each product and each customer has its old
    edges or its new ones, and the same call goes on.

    Returns
    -------
    dict
        How many edges of each there are now.
    """
    sources = graph_sources(run, settings, recommendations=recommendations)
    found: dict[str, int] = {}
    if recommendations and sources.recommendations is None:
        raise RunError(
            f"{run.path} has no recommendations yet",
            hint=f"`hemline run DATA --out {run.path}` makes them",
        )
    with open_server(uri, settings) as store:
        if similar and sources.neighbours is not None:
            with _exact(run, settings) as path:
                found["SIMILAR"] = store.write_similar(path, progress=progress)
        if recommendations and sources.recommendations is not None:
            path = sources.recommendations
            found["RECOMMENDED"] = store.write_recommendations(path, progress=progress)
    return found


@contextmanager
def _exact(run: RunFolder, settings: Graph) -> Iterator[Path]:
    """Have the exact neighbours of a run as a file of edges for a while."""
    from hemline.graph.edges import similar_edges

    sources = graph_sources(run, settings)
    if sources.neighbours is None:
        raise RunError(f"{run.path} has no neighbours yet", hint=f"`hemline neighbours {run.path}`")
    schema = pa.schema([("start", pa.string()), ("end", pa.string()), ("score", pa.float64())])
    with tempfile.TemporaryDirectory(prefix="similar-", dir=run.path) as folder:
        path = Path(folder) / "similar.parquet"
        with pq.ParquetWriter(path, schema) as writer:
            for batch in similar_edges(sources.neighbours, sources.tables.article_ids):
                writer.write_table(pa.Table.from_batches([batch]).cast(schema))
        yield path


def similar_in_graph(
    run: RunFolder,
    uri: str,
    settings: Graph,
    by: By,
    *,
    k: int | None = None,
    write: bool = True,
    progress: Progress = silent,
    **options: Any,
) -> dict[str, Any]:
    """Find similar products by Neo4j, or take the exact ones; compare, and write SIMILAR edges.

    Parameters
    ----------
    by : str
        "exact": the run's own neighbours; "knn": `gds.knn`; "vector-index": Neo4j's index.
    k : int, optional
        Neighbours of each; as many as the run has when None.
    write : bool
        Replace the SIMILAR edges of the database.
    **options
        Of `hemline.graph.neo4j_similar.by_knn` or `by_vector_index`.

    Returns
    -------
    dict
        `edges`, `recall` against the run's exact neighbours, `seconds` of each step, and
        `exact_seconds`, what the run's own stage took.
    """
    from hemline.graph.neo4j_similar import by_knn, by_vector_index, recall

    record = run.record("neighbours")
    with _exact(run, settings) as path, open_server(uri, settings) as store:
        exact = pq.read_table(path)
        wanted = k or run.config.similar.neighbours
        if by == "exact":
            edges, took, notes = exact, {}, []
        else:
            if by == "knn":
                found = by_knn(store.server, k=wanted, **options)
            else:
                found = by_vector_index(store.server, k=wanted, progress=progress, **options)
            edges, took, notes = found.edges, dict(found.seconds), found.notes
            pq.write_table(edges, path)
        if write:
            started = time.perf_counter()
            store.write_similar(path, progress=progress)
            took["write"] = time.perf_counter() - started
    return {
        "by": by,
        "edges": edges.num_rows,
        "written": write,
        "recall": recall(edges, exact),
        "seconds": took,
        "exact_seconds": None if record is None else record.seconds,
        "notes": notes,
    }
