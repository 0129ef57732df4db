"""Making the graph tables of a shop from its checked tables, in bounded memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hemline.blocks import Progress, silent
from hemline.graph.edges import edges_of
from hemline.graph.irregular import irregularities
from hemline.graph.model import GraphModel
from hemline.graph.nodes import nodes_of
from hemline.graph.sources import DAY, ROWS, Sources
from hemline.graph.tables import GraphTables, edge_schema, node_schema
from hemline.schema import Relationship

_MANY = ("purchases", "neighbours", "recommendations")
"""Sources with so many edges that their progress is told."""


def make_graph_tables(
    sources: Sources, out: Path, *, fingerprint: str = "", progress: Progress = silent
) -> GraphTables:
    """Write the nodes and edges of a shop as Parquet into a folder that is new or empty.

    Purchases stream through: many millions of edges take the memory of one batch.

    Parameters
    ----------
    fingerprint : str
        Of the sources; kept in graph.json, so that a reader can tell what it was made from.
    progress : Progress
        Called with (edges written, edges in all).
    """
    model = model_of(sources)
    for name in ("nodes", "edges"):
        (out / name).mkdir(parents=True, exist_ok=True)
    found = GraphTables(out)
    nodes = {
        one.name: _write(found.node_path(one), node_schema(one), nodes_of(one, sources))
        for one in model.labels
    }
    counter = _Counter(_expected(sources), progress)
    edges = {
        one.table: _write(
            found.edge_path(one), edge_schema(one), counter.counting(one, edges_of(one, sources))
        )
        for one in model.relationships
    }
    summary = {
        "model": model.to_json(),
        "nodes": nodes,
        "edges": edges,
        "units": counter.units,
        "irregular": irregularities(sources.tables.articles, model),
        "fingerprint": fingerprint,
    }
    (out / "graph.json").write_text(json.dumps(summary, indent=1, ensure_ascii=False))
    return GraphTables.open(out)


def model_of(sources: Sources) -> GraphModel:
    """Return what of the graph these sources allow."""
    tables = sources.tables
    present = {"articles": _filled(tables.articles), "customers": _filled(tables.customers)}
    if "age" in present["customers"]:
        present["ages"] = {"age"}
    if purchases := _purchase_columns(tables.purchases_path):
        present["purchases"] = purchases
    dimension = 0
    if sources.vectors is not None:
        vectors = np.load(sources.vectors / "vectors.npy", mmap_mode="r", allow_pickle=False)
        if len(vectors):
            dimension = int(vectors.shape[1])
            present["articles"].add("embedding")
    if sources.neighbours is not None and (sources.neighbours.articles >= 0).any():
        present["neighbours"] = {"score"}
    if sources.recommendations is not None:
        present["recommendations"] = {"rank", "score", "channel"}
    return GraphModel.of(present, dimension)


def _filled(table: pa.Table) -> set[str]:
    return {name for name in table.column_names if table.column(name).null_count < table.num_rows}


def _purchase_columns(path: Path) -> set[str]:
    with pq.ParquetFile(path) as file:
        if not file.metadata.num_rows:
            return set()
        found = {"time", "quantity"}
        for batch in file.iter_batches(ROWS, columns=["time", "price", "channel"]):
            found.update(
                name
                for name in ("price", "channel")
                if batch.column(name).null_count < batch.num_rows
            )
            if (batch.column("time").to_numpy() % DAY).any():
                found.add("time_of_day")
    return found


def _expected(sources: Sources) -> int:
    total: int = pq.read_metadata(sources.tables.purchases_path).num_rows
    if sources.neighbours is not None:
        total += int((sources.neighbours.articles >= 0).sum())
    if sources.recommendations is not None:
        total += pq.read_metadata(sources.recommendations).num_rows
    return total


class _Counter:
    """Tells the progress of the many edges, and adds up their quantities."""

    def __init__(self, total: int, progress: Progress) -> None:
        self.total, self.progress = total, progress
        self.done = self.units = 0

    def counting(
        self, relationship: Relationship, batches: Iterable[pa.RecordBatch]
    ) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield batch
            if relationship.source == "purchases":
                self.units += pc.sum(batch.column("quantity")).as_py() or 0
            if relationship.source in _MANY:
                self.done += batch.num_rows
                self.progress(self.done, self.total)


def _write(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    rows, writer = 0, None
    try:
        for batch in batches:
            cast = _cast(batch, schema)
            writer = writer or _writer(path, cast.schema)
            writer.write_batch(cast)
            rows += batch.num_rows
        writer = writer or _writer(path, schema)
    finally:
        if writer is not None:
            writer.close()
    return rows


def write_edges(path: Path, relationship: Relationship, batches: Iterable[pa.RecordBatch]) -> Path:
    """Write edges as the Parquet file of a relationship, and return its path."""
    _write(path, edge_schema(relationship), batches)
    return path


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=[one.name for one in schema if not _dense(one.type)],
        # the ids of a row group are one dictionary, however long they are
        dictionary_pagesize_limit=1 << 28,
        write_statistics=False,
        # what was written as a dictionary is read as the text it stands for
        store_schema=False,
    )


def _dense(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_floating(kind))


def _cast(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns, fields = [], []
    for field in schema:
        column = batch.column(field.name)
        if not pa.types.is_dictionary(column.type):
            column = column.cast(field.type)
        columns.append(column)
        fields.append(pa.field(field.name, column.type, field.nullable))
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))
