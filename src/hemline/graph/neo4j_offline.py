"""The offline way into Neo4j: files for `neo4j-admin database import`, and the script that runs it.

Nodes get numbers, and edges name their ends by them: an import that need not look up
64 characters for each end of each purchase takes less time and memory. The shop's ids are
the keys of the nodes all the same; the numbers are not kept.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from hemline.blocks import Progress, silent
from hemline.errors import GraphError
from hemline.graph.edges import edges_of, purchase_edges, similar_edges
from hemline.graph.making import model_of
from hemline.graph.model import GraphModel
from hemline.graph.nodes import nodes_of
from hemline.graph.sources import Sources
from hemline.graph.tables import END, START
from hemline.schema import Label, Property, Relationship
from hemline.shop.ids import IdMap

Format = Literal["parquet", "csv"]

SCRIPT: Final = "import.sh"
CONSTRAINTS: Final = "constraints.cypher"

_CSV_TYPES: Final = {
    "string": "string",
    "int": "long",
    "float": "double",
    "date": "date",
    "timestamp": "localdatetime",
    "vector": "float[]",
}
_ARROW: Final[dict[str, pa.DataType]] = {
    "string": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "vector": pa.list_(pa.float32()),
}
_NUMBER: Final = pa.int64()


def export(
    sources: Sources,
    out: Path,
    *,
    format: Format = "parquet",  # noqa: A002
    progress: Progress = silent,
) -> dict[str, Any]:
    """Write the graph of a shop as files that neo4j-admin imports, into a new folder.

    Written are nodes/LABEL.parquet, edges/START-NAME-END.parquet (or .csv), import.sh and
    constraints.cypher. Purchases stream through; what is in memory is one batch.

    Parameters
    ----------
    format : str
        "parquet" (Neo4j 5.25 or later) or "csv".
    progress : Progress
        Called with (rows written, rows in all).

    Returns
    -------
    dict
        `nodes` and `edges`, how many of each, and `lines`, the same for a person.

    Raises
    ------
    GraphError
        The folder has something in it.
    """
    if out.exists() and any(out.iterdir()):
        raise GraphError(f"{out} is not empty", hint="name a new folder")
    for name in ("nodes", "edges"):
        (out / name).mkdir(parents=True, exist_ok=True)
    model = model_of(sources)
    places = _Places(model, sources)
    counted = _Counted(progress, _expected(sources))
    nodes = {
        label.name: _write(
            out / "nodes" / f"{label.name}.{format}",
            _node_columns(label),
            counted(_numbered(label, sources)),
        )
        for label in model.labels
    }
    edges = {
        edge.table: _write(
            out / "edges" / f"{edge.table}.{format}",
            _edge_columns(edge),
            counted(places.edges(edge)),
        )
        for edge in model.relationships
    }
    (out / SCRIPT).write_text(script(model, format), encoding="utf-8")
    (out / SCRIPT).chmod(0o755)
    constraints = "".join(f"{one};\n" for one in model.constraints())
    (out / CONSTRAINTS).write_text(constraints, encoding="utf-8")
    lines = [
        f"{sum(nodes.values()):,} nodes and {sum(edges.values()):,} edges in {out}",
        f"stop the server, then: {out / SCRIPT}",
    ]
    return {"nodes": nodes, "edges": edges, "lines": lines}


@dataclass(frozen=True)
class _Column:
    """A column of a file: what the files call it, and what it is called and typed for Neo4j."""

    source: str
    name: str
    kind: str

    def heading(self, format: Format) -> str:  # noqa: A002
        if self.name.startswith(":"):
            return self.name
        if format == "parquet":
            # Parquet tells the types of all but lists
            return f"{self.name}:float[]" if self.kind == "vector" else self.name
        return f"{self.name}:{_CSV_TYPES[self.kind]}"


def _node_columns(label: Label) -> list[_Column]:
    number = _Column(START, f":ID({label.name})", "int")
    return [number, *_property_columns((label.key, *label.properties))]


def _edge_columns(edge: Relationship) -> list[_Column]:
    ends = [
        _Column(START, f":START_ID({edge.start})", "int"),
        _Column(END, f":END_ID({edge.end})", "int"),
    ]
    return [*ends, *_property_columns(edge.properties)]


def _property_columns(properties: Iterable[Property]) -> list[_Column]:
    return [_Column(one.name, one.name, one.type) for one in properties]


def _numbered(label: Label, sources: Sources) -> Iterator[pa.RecordBatch]:
    done = 0
    for batch in nodes_of(label, sources):
        numbers = pa.array(np.arange(done, done + batch.num_rows), _NUMBER)
        done += batch.num_rows
        yield pa.RecordBatch.from_arrays(
            [numbers, *batch.columns], names=[START, *batch.schema.names]
        )


class _Positions:
    """Stands for ids where their places are wanted."""

    def __init__(self, n: int) -> None:
        self.n = n

    def to_arrow(self, low: int = 0, high: int | None = None) -> pa.Array:
        return pa.array(np.arange(low, self.n if high is None else high), _NUMBER)


class _Places:
    """The number of each node: its place among those of its label."""

    def __init__(self, model: GraphModel, sources: Sources) -> None:
        self.model, self.sources = model, sources
        tables = sources.tables
        self.customers, self.articles = tables.customer_ids, tables.article_ids
        self.keys: dict[str, pa.Array] = {}

    def edges(self, edge: Relationship) -> Iterator[pa.RecordBatch]:
        """Yield the edges with numbers for their ends."""
        if edge.source == "purchases":
            found = purchase_edges(
                self.sources.tables.purchases_path,
                _Positions(len(self.customers)),
                _Positions(len(self.articles)),
                edge,
            )
        elif edge.source == "neighbours" and self.sources.neighbours is not None:
            found = similar_edges(self.sources.neighbours, _Positions(len(self.articles)))
        else:
            yield from self._looked_up(edge)
            return
        for batch in found:
            columns = [_decoded(one) for one in batch.columns]
            yield pa.RecordBatch.from_arrays(columns, names=batch.schema.names)

    def _looked_up(self, edge: Relationship) -> Iterator[pa.RecordBatch]:
        for batch in edges_of(edge, self.sources):
            columns = {name: batch.column(name) for name in batch.schema.names}
            columns[START] = self._numbers(edge.start, columns[START])
            columns[END] = self._numbers(edge.end, columns[END])
            yield pa.record_batch({name: _decoded(one) for name, one in columns.items()})

    def _numbers(self, label: str, keys: pa.Array) -> pa.Array:
        if not pa.types.is_dictionary(keys.type):
            keys = keys.dictionary_encode()
        known = keys.dictionary
        if label in ("Customer", "Product"):
            ids: IdMap = self.customers if label == "Customer" else self.articles
            numbers = ids.positions(known.to_pylist()).astype(np.int64)
        else:
            numbers = pc.index_in(known, value_set=self._keys(label)).to_numpy()
        return pa.array(numbers[keys.indices.to_numpy()], _NUMBER)

    def _keys(self, label: str) -> pa.Array:
        if label not in self.keys:
            parts = [one.column(0) for one in nodes_of(self.model.label(label), self.sources)]
            self.keys[label] = pa.concat_arrays(parts)
        return self.keys[label]


def _decoded(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


class _Counted:
    """Passes batches on and tells the progress."""

    def __init__(self, progress: Progress, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield batch
            self.done += batch.num_rows
            self.progress(min(self.done, self.total), self.total)


def _expected(sources: Sources) -> int:
    tables = sources.tables
    articles, customers = len(tables.article_ids), len(tables.customer_ids)
    total = pq.read_metadata(tables.purchases_path).num_rows + 10 * articles + 2 * customers
    if sources.neighbours is not None:
        total += int((sources.neighbours.articles >= 0).sum())
    if sources.recommendations is not None:
        total += pq.read_metadata(sources.recommendations).num_rows
    return int(total)


def _write(path: Path, columns: list[_Column], batches: Iterable[pa.RecordBatch]) -> int:
    writer: _CsvFile | _ParquetFile
    writer = _CsvFile(path, columns) if path.suffix == ".csv" else _ParquetFile(path, columns)
    rows = 0
    with writer:
        for batch in batches:
            arrays = [batch.column(one.source).cast(_ARROW[one.kind]) for one in columns]
            writer.write(arrays)
            rows += batch.num_rows
    return rows


class _File:
    close: Callable[[], None]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _ParquetFile(_File):
    def __init__(self, path: Path, columns: list[_Column]) -> None:
        fields = [pa.field(one.heading("parquet"), _ARROW[one.kind]) for one in columns]
        self.schema = pa.schema(fields)
        self.writer = pq.ParquetWriter(
            path,
            self.schema,
            compression="snappy",
            use_dictionary=[one.name for one in self.schema if not pa.types.is_nested(one.type)],
            write_statistics=False,
            store_schema=False,
        )
        self.close = self.writer.close

    def write(self, arrays: list[pa.Array]) -> None:
        self.writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self.schema))


class _CsvFile(_File):
    def __init__(self, path: Path, columns: list[_Column]) -> None:
        self.schema = pa.schema(
            [pa.field(one.heading("csv"), _csv_type(_ARROW[one.kind])) for one in columns]
        )
        self.file = path.open("wb")
        self.file.write((",".join(self.schema.names) + "\n").encode())
        self.close = self.file.close

    def write(self, arrays: list[pa.Array]) -> None:
        batch = pa.RecordBatch.from_arrays([_csv_text(one) for one in arrays], schema=self.schema)
        pa_csv.write_csv(batch, self.file, pa_csv.WriteOptions(include_header=False))


def _csv_type(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_list(kind) or pa.types.is_timestamp(kind) else kind


def _csv_text(column: pa.Array) -> pa.Array:
    if pa.types.is_list(column.type):
        return pc.binary_join(column.cast(pa.list_(pa.string())), ";")
    if pa.types.is_timestamp(column.type):
        return pc.strftime(column, format="%Y-%m-%dT%H:%M:%S")
    return column


def script(model: GraphModel, format: Format) -> str:  # noqa: A002
    """Return the shell script that imports the files beside it."""
    # numbers are of 64 bits as they are; the vectors, of 32, would take twice the room
    options = ["--id-type=integer", "--normalize-types=false"]
    options.append('--report-file="$here/import.report"')
    if format == "parquet":
        options.append("--input-type=parquet")
    else:
        options.append("--multiline-fields=true")
    options += [f"--nodes={one.name}=nodes/{one.name}.{format}" for one in model.labels]
    options += [
        f"--relationships={one.name}={shlex.quote(f'edges/{one.table}.{format}')}"
        for one in model.relationships
    ]
    joined = " \\\n    ".join(options)
    return _SCRIPT.format(options=joined, constraints=CONSTRAINTS)


_SCRIPT: Final = """#!/bin/sh
# Imports the files in this folder into a database of Neo4j whose server is stopped.
#
#   ./import.sh [DATABASE [OPTION ...]]
#
# DATABASE  neo4j, unless another is named
# OPTION    of `neo4j-admin database import full`, such as --overwrite-destination=true
#           for a database that has something in it
# NEO4J_ADMIN names the command where neo4j-admin is not on the path.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
database=${{1:-neo4j}}
[ $# -eq 0 ] || shift
cd "$here"
# the command may be several words
# shellcheck disable=SC2086
${{NEO4J_ADMIN:-neo4j-admin}} database import full "$database" "$@" \\
    {options}
echo "imported. Start the server; then, for unique keys, either"
echo "  hemline graph load RUN --to bolt://HOST:7687    which also checks what is there, or"
echo "  cypher-shell -d $database -f $here/{constraints}"
"""
