"""Loading the graph over Bolt: what is there already is left, what has changed is replaced.

Every batch covers an interval of keys and is one transaction: it makes the database hold
exactly what the tables have of that interval, and notes in the same transaction, on a node
`HemlineBatch`, the interval and a digest of its content. So a load that was killed goes on
where it was, a second load of the same data changes nothing, and of changed data only the
batches that differ are looked at.

An interval that nothing was loaded into before needs no looking: its edges are created
outright. One whose digest differs is read, compared, and corrected row by row; SIMILAR and
RECOMMENDED, of which hardly an edge survives a new run, are deleted and created instead.
Notes are believed as long as the database has as many nodes and edges as they say; where
it does not, everything is compared.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hemline.blocks import Progress, silent
from hemline.errors import GraphError
from hemline.graph.model import GraphModel, quoted
from hemline.graph.neo4j_batches import Batch, cut
from hemline.graph.neo4j_rows import EdgeRows, NodeRows, Rows
from hemline.graph.neo4j_server import Server
from hemline.graph.tables import END, START, GraphTables, edge_schema, node_schema
from hemline.schema import RECOMMENDATIONS, Label, Relationship

if TYPE_CHECKING:
    from neo4j import ManagedTransaction

BATCH: Final = "HemlineBatch"
"""Label of the notes on what was loaded."""

_MODEL: Final = "HemlineGraph"
_VALUES: Final = 400_000
"""Values of a transaction at most: vectors make rows long."""

_REPLACED: Final = ("SIMILAR", "RECOMMENDED")


@dataclass
class Changes:
    """What a load did.

    `unchanged` rows stood in batches that were done before and not looked at; `others` are
    nodes of the model's labels that the tables do not have and that Hemline did not load.
    """

    nodes_created: int = 0
    nodes_updated: int = 0
    nodes_deleted: int = 0
    edges_created: int = 0
    edges_deleted: int = 0
    batches_written: int = 0
    batches_unchanged: int = 0
    others: dict[str, int] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """Return the counts, and `lines` that say the same to a person."""
        return {**vars(self), "lines": self.lines()}

    def lines(self) -> list[str]:
        """Put the counts into lines."""
        nodes = (self.nodes_created, self.nodes_updated, self.nodes_deleted)
        edges = (self.edges_created, self.edges_deleted)
        lines = [
            f"nodes: {nodes[0]:,} created, {nodes[1]:,} updated, {nodes[2]:,} deleted",
            f"edges: {edges[0]:,} created, {edges[1]:,} deleted",
            f"batches: {self.batches_written:,} written, {self.batches_unchanged:,} done before",
        ]
        lines += [
            f"{n:,} {label} nodes are not of this shop; --prune deletes such nodes"
            for label, n in self.others.items()
        ]
        return lines


def load(
    server: Server,
    tables: GraphTables,
    *,
    rows: int = 10_000,
    prune: bool = False,
    compare: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Make a database hold the graph tables of a shop; return `Changes.summary`.

    Parameters
    ----------
    rows : int
        Rows of a transaction, about.
    prune : bool
        Also delete nodes of the model's labels that Hemline did not load and the tables lack.
    compare : bool
        Believe no notes: compare everything.
    progress : Progress
        Called with (rows done, rows in all).

    Raises
    ------
    GraphError
        An end of an edge is not there, or in the end counts differ from those of the tables.
    """
    model = tables.model
    prepare(server, model)
    total = sum(tables.node_counts.values()) + sum(tables.edge_counts.values())
    loader = Loader(server, rows, progress, total, compare=compare)
    for label in model.labels:
        batches = tables.nodes(label)
        loader.load(NodeRows(label, model.dimension), batches, node_schema(label), prune=prune)
    for edge in model.relationships:
        before = loader.changes.edges_created + loader.changes.edges_deleted
        rows_of = EdgeRows(edge, model, edge.name in _REPLACED)
        loader.load(rows_of, tables.edges(edge), edge_schema(edge))
        changed = loader.changes.edges_created + loader.changes.edges_deleted > before
        if edge.name == "PURCHASED" and changed:
            _check_units(server, tables.units)
    _remember(server, model)
    _check(server, tables, loader.changes)
    return loader.changes.summary()


def write_edges(
    server: Server, relationship: Relationship, path: Path, rows: int, progress: Progress = silent
) -> int:
    """Make a database hold one relationship as a Parquet file has it; return the edges.

    The file has `start`, `end` and the properties, or is of schema.RECOMMENDATIONS.

    Raises
    ------
    GraphError
        The nodes are not there, or the file lacks a column.
    """
    model = GraphModel.full().only({relationship.start, relationship.end}, {relationship.name})
    prepare(server, model)
    total: int = pq.read_metadata(path).num_rows
    loader = Loader(server, rows, progress, total)
    edges = EdgeRows(relationship, model, True)
    loader.load(edges, _edges_of(path, relationship), edge_schema(relationship))
    known = loaded_model(server)
    if known is not None and relationship.table not in {one.table for one in known.relationships}:
        _remember(server, replace(known, relationships=(*known.relationships, relationship)))
    return total


def _edges_of(path: Path, relationship: Relationship) -> Iterator[pa.RecordBatch]:
    names = {"customer_id": START, "article_id": END}
    with pq.ParquetFile(path) as file:
        found = {names.get(one, one) for one in file.schema_arrow.names}
        wanted = edge_schema(relationship).names
        if missing := [one for one in wanted if one not in found]:
            raise GraphError(
                f"{path} has no column {missing[0]!r}",
                hint=f"{relationship.name} edges have {', '.join(wanted)}; or the columns of "
                f"recommendations.parquet, {', '.join(RECOMMENDATIONS.names)}",
            )
        start = next(one for one in file.schema_arrow.names if names.get(one, one) == START)
        batches = file.iter_batches(65_536)
        if not _ascends(file, start):
            batches = _sorted(file.read(), start).to_batches(65_536)
        for batch in batches:
            yield batch.rename_columns([names.get(one, one) for one in batch.schema.names])


def _sorted(table: pa.Table, column: str) -> pa.Table:
    place = table.schema.get_field_index(column)
    keys = table.column(place).cast(pa.string())
    return table.set_column(place, column, keys).sort_by(column)


def _ascends(file: pq.ParquetFile, column: str) -> bool:
    last: str | None = None
    for batch in file.iter_batches(65_536, columns=[column]):
        keys = batch.column(0).cast(pa.string())
        if len(keys) and last is not None and keys[0].as_py() < last:
            return False
        if len(keys) > 1 and pc.any(pc.less(keys[1:], keys[:-1])).as_py():
            return False
        last = keys[-1].as_py() if len(keys) else last
    return True


def prepare(server: Server, model: GraphModel) -> None:
    """Make the constraints of a model, and that of the notes, and wait until they hold."""
    for statement in [
        *model.constraints(),
        f"CREATE CONSTRAINT unique{BATCH} IF NOT EXISTS FOR (n:{BATCH}) REQUIRE n.key IS UNIQUE",
    ]:
        server.command(statement)
    server.command("CALL db.awaitIndexes(3600)")


@dataclass(frozen=True)
class _Way:
    """How a batch is written: see `Rows`; `stale` are notes that it takes the place of."""

    fresh: bool
    changed: bool
    remove: bool
    stale: tuple[str, ...]


class Loader:
    """Loads one kind of node or edge after the other, and counts what it changes."""

    def __init__(
        self,
        server: Server,
        rows: int,
        progress: Progress,
        total: int,
        *,
        compare: bool = False,
    ) -> None:
        self.server, self.rows, self.compare = server, rows, compare
        self.progress, self.total = progress, total
        self.done = 0
        self.changes = Changes()

    def load(
        self,
        kind: Rows,
        batches: Iterable[pa.RecordBatch],
        schema: pa.Schema,
        *,
        prune: bool = False,
    ) -> None:
        """Make the database hold these rows, which ascend by their first column."""
        notes = _Notes(self.server, kind)
        believed = notes.believed and not prune and not self.compare
        rows = max(1, min(self.rows, _VALUES // kind.width))
        for batch in cut(batches, schema, rows, kind.name):
            note = notes.of(batch)
            if believed and note == batch.digest:
                self.changes.batches_unchanged += 1
            else:
                touched = notes.overlapping(batch)
                way = _Way(
                    fresh=believed and not touched,
                    changed=believed,
                    remove=notes.believed or prune or kind.owned,
                    stale=tuple(one for one in touched if one != _key(kind, batch)),
                )
                self._write(kind, batch, way)
            self.done += batch.rows.num_rows
            self.progress(self.done, self.total)

    def _write(self, kind: Rows, batch: Batch, way: _Way) -> None:
        key = _key(kind, batch)

        def work(tx: ManagedTransaction) -> Counter[str] | None:
            before = tx.run(
                f"MERGE (m:{BATCH} {{key: $key}}) WITH m, m.digest AS before "
                "SET m.of = $of, m.low = $low, m.high = $high, m.rows = $rows, "
                "m.digest = $digest RETURN before",
                key=key,
                of=kind.name,
                low=batch.low,
                high=batch.high,
                rows=batch.rows.num_rows,
                digest=batch.digest,
            ).single(strict=True)["before"]
            if way.fresh and before == batch.digest:
                return None  # it was done meanwhile, or by this very try without our hearing of it
            if way.stale:
                query = f"MATCH (m:{BATCH}) WHERE m.key IN $keys DELETE m"
                tx.run(query, keys=list(way.stale)).consume()
            if way.fresh:
                return kind.create(tx, batch)
            return kind.correct(tx, batch, remove=way.remove, changed=way.changed)

        found = self.server.write(work)
        if found is None:
            self.changes.batches_unchanged += 1
            return
        self.changes.batches_written += 1
        for name, n in found.items():
            setattr(self.changes, name, getattr(self.changes, name) + n)


def _key(kind: Rows, batch: Batch) -> str:
    end = "the end" if batch.high is None else repr(batch.high)
    return f"{kind.name} after {batch.low!r} to {end}"


class _Notes:
    """What the database says was loaded of one kind.

    `believed` when it has as many nodes or edges of the kind as the notes add up to.
    """

    def __init__(self, server: Server, kind: Rows) -> None:
        self.kind = kind
        found = server.read(
            f"MATCH (m:{BATCH}) WHERE m.of = $of "
            "RETURN m.key AS key, m.low AS low, m.high AS high, m.rows AS rows, m.digest AS digest "
            "ORDER BY low",
            of=kind.name,
        )
        self.digests = {one["key"]: one["digest"] for one in found}
        self.intervals = [(one["low"], one["high"], one["key"]) for one in found]
        self.believed = kind.count(server) == sum(one["rows"] for one in found)

    def of(self, batch: Batch) -> str | None:
        """Return the digest that was noted of the very same interval."""
        return self.digests.get(_key(self.kind, batch))

    def overlapping(self, batch: Batch) -> list[str]:
        """Return the keys of the notes on intervals that share a part with this one."""
        return [
            key
            for low, high, key in self.intervals
            if (batch.high is None or low < batch.high) and (high is None or high > batch.low)
        ]


def count_nodes(server: Server, label: Label) -> int:
    """Return how many nodes a label has; the database keeps that number ready."""
    return int(server.read(f"MATCH (n:{quoted(label.name)}) RETURN count(n) AS n")[0]["n"])


def count_edges(server: Server, edge: Relationship, *, exact: bool = False) -> int:
    """Return how many edges of a relationship begin at its label; exact: and end at the other.

    The first the database keeps ready, for the second it walks along them.
    """
    end = f":{quoted(edge.end)}" if exact else ""
    query = f"MATCH (:{quoted(edge.start)})-[r:{quoted(edge.name)}]->({end}) RETURN count(r) AS n"
    return int(server.read(query)[0]["n"])


def count_units(server: Server) -> int:
    """Return the sum of the quantities of all purchases."""
    query = "MATCH (:Customer)-[r:PURCHASED]->() RETURN sum(coalesce(r.quantity, 1)) AS n"
    return int(server.read(query)[0]["n"])


def _check_units(server: Server, units: int) -> None:
    found = count_units(server)
    if found != units:
        raise GraphError(
            f"the purchases in the database have {found:,} units, the tables {units:,}",
            hint="something else writes PURCHASED edges; load again when it does not",
        )


def _check(server: Server, tables: GraphTables, changes: Changes) -> None:
    for label in tables.model.labels:
        n, wanted = count_nodes(server, label), tables.node_counts[label.name]
        if n < wanted:
            raise _differs(label.name, n, wanted)
        if n > wanted:
            changes.others[label.name] = n - wanted
    for edge in tables.model.relationships:
        n, wanted = count_edges(server, edge), tables.edge_counts[edge.table]
        if n > wanted:  # some may end at a label that is not of the model
            n = count_edges(server, edge, exact=True)
        if n != wanted:
            raise _differs(edge.table, n, wanted)


def _differs(name: str, n: int, wanted: int) -> GraphError:
    return GraphError(
        f"{name}: the database has {n:,}, the tables {wanted:,}",
        hint="something else writes to it; load again, which compares everything",
    )


def _remember(server: Server, model: GraphModel) -> None:
    text = json.dumps(model.to_json())

    def work(tx: ManagedTransaction) -> None:
        tx.run(f"MERGE (m:{_MODEL}) SET m.model = $text", text=text).consume()

    if loaded_model(server) != model:
        server.write(work)


def loaded_model(server: Server) -> GraphModel | None:
    """Return the model of what Hemline loaded; None where it did not."""
    found = server.read(f"MATCH (m:{_MODEL}) RETURN m.model AS model LIMIT 1")
    return GraphModel.from_json(json.loads(found[0]["model"])) if found else None
