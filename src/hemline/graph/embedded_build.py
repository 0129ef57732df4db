"""Building the embedded store from graph tables, and putting edges into it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import ladybug
import numpy as np
import pyarrow.parquet as pq

from hemline.blocks import Progress, silent
from hemline.config import Graph
from hemline.errors import GraphError
from hemline.graph.embedded_errors import first_line
from hemline.graph.embedded_files import FILE, StoreFiles, engine_format
from hemline.graph.embedded_running import run
from hemline.graph.model import GraphModel, quoted
from hemline.graph.tables import END, START, GraphTables
from hemline.schema import GRAPH, Property, Relationship

_TYPES = {
    "string": "STRING",
    # an edge of a purchase has four of them, and each direction of it is sorted in memory
    "int": "INT32",
    "float": "DOUBLE",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}

SLICE = 15_000_000
"""Edges of one COPY. The engine sorts them in memory, those of all products in one piece."""


def build_store(
    tables: GraphTables,
    files: StoreFiles,
    *,
    settings: Graph,
    threads: int = 0,
    progress: Progress = silent,
    remember: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Build a store in a new folder, reconcile it with the tables, and publish it.

    Parameters
    ----------
    remember : dict, optional
        Kept with the store beside its description.

    Returns
    -------
    dict
        What is kept with the store, and the seconds of each step.

    Raises
    ------
    GraphError
        The engine cannot take the tables, or its counts differ from theirs.
    """
    work = files.work()
    try:
        seconds = _fill(work / FILE, tables, settings, threads, progress)
        description = {
            "fingerprint": tables.summary["fingerprint"],
            "engine": ladybug.Database.get_version(),
            "engine_format": engine_format(),
            "model": tables.model.to_json(),
            "counts": tables.counts,
            "edges": tables.edge_counts,
            "irregular": tables.irregular,
            **(remember or {}),
        }
        started = time.perf_counter()
        reconcile(work / FILE, tables, settings, threads)
        seconds["reconcile"] = time.perf_counter() - started
        files.publish(work, description)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    return {**description, "seconds": seconds}


def _fill(
    path: Path, tables: GraphTables, settings: Graph, threads: int, progress: Progress
) -> dict[str, float]:
    model = tables.model
    total = sum(tables.node_counts.values()) + sum(tables.edge_counts.values())
    done, seconds = 0, {}
    database = ladybug.Database(
        str(path),
        buffer_pool_size=pool_bytes(tables, settings),
        max_num_threads=threads,
        auto_checkpoint=False,  # after every COPY it would take longer than the small ones do
    )
    with database, ladybug.Connection(database, num_threads=threads) as connection:
        for statement in definitions(model):
            _run(connection, statement)
        for label in model.labels:
            started = time.perf_counter()
            names = [label.key.name, *(one.name for one in label.properties)]
            columns = ", ".join(map(quoted, names))
            _copy(connection, f"{quoted(label.name)}({columns})", tables.node_path(label), "")
            seconds[label.name] = time.perf_counter() - started
            done += tables.node_counts[label.name]
            progress(done, total)
        _run(connection, "CHECKPOINT")
        for edge in model.relationships:
            started = time.perf_counter()
            copy_edges(connection, edge, tables.edge_path(edge), path.parent)
            seconds[edge.table] = time.perf_counter() - started
            done += tables.edge_counts[edge.table]
            progress(done, total)
        started = time.perf_counter()
        _run(connection, "CHECKPOINT")
        seconds["checkpoint"] = time.perf_counter() - started
    return seconds


def pool_bytes(tables: GraphTables, settings: Graph) -> int:
    """Return how much memory the pages of a build may take: as set, or as its tables need.

    Measured at H&M's size: 3 GiB are enough without vectors and RECOMMENDED edges, and too
    little with both, which the engine holds until they are written down; 6 GiB were enough.
    """
    if settings.build_memory_mb:
        return settings.build_memory_mb << 20
    vectors = tables.node_counts.get("Product", 0) * tables.model.dimension * 4
    recommended = sum(n for name, n in tables.edge_counts.items() if "-RECOMMENDED-" in name)
    return (3072 << 20) + 2 * vectors + 100 * recommended


def definitions(model: GraphModel) -> list[str]:
    """Return the statements that define every table of the whole model.

    What a shop does not have is there and empty, so that a query which asks for it finds
    nothing, as it would in Neo4j, and is not refused.
    """
    found = []
    for label in GRAPH.labels:
        columns = [_column(one, model.dimension) for one in (label.key, *label.properties)]
        found.append(
            f"CREATE NODE TABLE {quoted(label.name)}({', '.join(columns)}, "
            f"PRIMARY KEY({quoted(label.key.name)}))"
        )
    for name in dict.fromkeys(one.name for one in GRAPH.relationships):
        same = [one for one in GRAPH.relationships if one.name == name]
        ends = [f"FROM {quoted(one.start)} TO {quoted(one.end)}" for one in same]
        columns = [_column(one, 0) for one in same[0].properties]
        found.append(f"CREATE REL TABLE {quoted(name)}({', '.join([*ends, *columns])})")
    return found


def _column(one: Property, dimension: int) -> str:
    if one.type == "vector":
        return f"{quoted(one.name)} FLOAT[{dimension or ''}]"
    return f"{quoted(one.name)} {_TYPES[one.type]}"


def copy_edges(
    connection: ladybug.Connection, edge: Relationship, path: Path, work: Path | None = None
) -> None:
    """Copy the edges of a file (`start`, `end`, properties) into the store.

    Parameters
    ----------
    work : path, optional
        A folder for slices: more edges than SLICE are then copied in several steps, each
        written down before the next, so that memory does not grow with their number. Without
        it they are copied at once, as a transaction needs.
    """
    columns = ", ".join(quoted(one.name) for one in edge.properties)
    into = f"{quoted(edge.name)}({columns})" if columns else quoted(edge.name)
    options = f"(from='{edge.start}', to='{edge.end}')"
    if work is None or pq.read_metadata(path).num_rows <= SLICE:
        _copy(connection, into, path, options)
        return
    for one in _slices(path, work / "slice.parquet"):
        _copy(connection, into, one, options)
        _run(connection, "CHECKPOINT")
        one.unlink()


def _slices(path: Path, out: Path) -> Iterator[Path]:
    """Write the rows of a file as files of about equal length, one after another, to one path."""
    with pq.ParquetFile(path, read_dictionary=[START, END]) as file:
        groups, rows = file.num_row_groups, file.metadata.num_rows
        bounds = np.linspace(0, groups, min(groups, -(-rows // SLICE)) + 1).round().astype(int)
        for low, high in pairwise(bounds.tolist()):
            with pq.ParquetWriter(out, file.schema_arrow, store_schema=False) as writer:
                for group in range(low, high):
                    writer.write_table(file.read_row_group(group))
            yield out


def _copy(connection: ladybug.Connection, into: str, path: Path, options: str) -> None:
    if not pq.read_metadata(path).num_rows:
        return
    # COPY takes no parameters; the path is ours, and is written as a text of Cypher
    where = str(path.resolve()).replace("\\", "\\\\").replace("'", "\\'")
    _run(connection, f"COPY {into} FROM '{where}' {options}")


def _run(connection: ladybug.Connection, statement: str) -> None:
    try:
        result = run(connection, statement)
    except RuntimeError as error:
        hint = "give it more: graph.build_memory_mb" if "buffer pool" in str(error).lower() else ""
        raise GraphError(f"{statement[:60]}…: {first_line(error)}", hint=hint) from None
    if not isinstance(result, list):
        result.close()


def reconcile(path: Path, tables: GraphTables, settings: Graph, threads: int = 0) -> None:
    """Compare the counts of a built file with those of its tables.

    Raises
    ------
    GraphError
        A count or the sum of the quantities differs.
    """
    found: dict[str, int] = {}
    database = ladybug.Database(
        str(path),
        read_only=True,
        buffer_pool_size=pool_bytes(tables, settings),
        max_num_threads=threads,
    )
    with database, ladybug.Connection(database, num_threads=threads) as connection:
        for label in tables.model.labels:
            found[label.name] = _number(connection, f"(n:{quoted(label.name)})", "count(*)")
        for name in dict.fromkeys(one.name for one in tables.model.relationships):
            found[name] = _number(connection, f"()-[r:{quoted(name)}]->()", "count(*)")
        found["units"] = (
            _number(connection, "()-[r:PURCHASED]->()", "sum(r.quantity)")
            if "PURCHASED" in found
            else 0
        )
    wrong = {
        name: (found.get(name), count)
        for name, count in tables.counts.items()
        if found.get(name) != count
    }
    if wrong:
        name, (here, there) = next(iter(wrong.items()))
        raise GraphError(
            f"the graph has {here:,} {name}, its tables have {there:,}",
            hint="a key may be missing or repeated; ingest the shop again",
        )


def _number(connection: ladybug.Connection, pattern: str, value: str) -> int:
    result: Any = connection.execute(f"MATCH {pattern} RETURN {value} AS n")
    number = result.get_next()[0]
    result.close()
    return int(number or 0)


def replace_edges(
    connection: ladybug.Connection, name: str, path: Path, files: StoreFiles, progress: Progress
) -> int:
    """Replace all edges of SIMILAR or RECOMMENDED in one transaction; return how many there are."""
    from hemline.graph.edges import recommended_edges
    from hemline.graph.making import write_edges

    edge = next(one for one in GRAPH.relationships if one.name == name)
    prepared: Path | None = None
    if pq.read_schema(path).names[:2] != [START, END]:
        prepared = files.work()
        path = write_edges(prepared / "edges.parquet", edge, recommended_edges(path))
    count = int(pq.read_metadata(path).num_rows)
    try:
        connection.execute("BEGIN TRANSACTION")
        try:
            _run(connection, f"MATCH ()-[r:{quoted(name)}]->() DELETE r")
            copy_edges(connection, edge, path)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        found = _number(connection, f"()-[r:{quoted(name)}]->()", "count(*)")
    finally:
        if prepared is not None:
            shutil.rmtree(prepared, ignore_errors=True)
    if found != count:
        raise GraphError(f"{found:,} {name} edges were written, of {count:,}")
    known = files.description()
    model = GraphModel.from_json(known["model"]).with_relationship(edge)
    files.describe(
        {
            "counts": {**known["counts"], name: found},
            "edges": {**known["edges"], edge.table: found},
            "model": model.to_json(),
        }
    )
    progress(found, found)
    return found
