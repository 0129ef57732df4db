"""What a batch of nodes or of edges does in a transaction."""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hemline.errors import GraphError
from hemline.graph.model import GraphModel, quoted
from hemline.graph.neo4j_batches import Batch
from hemline.graph.neo4j_server import Server
from hemline.graph.neo4j_values import plain
from hemline.schema import Label, Relationship

if TYPE_CHECKING:
    from neo4j import ManagedTransaction


class Rows(ABC):
    """Nodes of a label or edges of a relationship: how they are created and corrected.

    Attributes
    ----------
    name : str
        What the notes call it.
    width : int
        Values of a row.
    owned : bool
        Whether whatever the tables do not have of it is deleted, whoever made it.
    """

    name: str
    width: int
    owned: bool

    @abstractmethod
    def count(self, server: Server) -> int:
        """Return how many there are."""

    @abstractmethod
    def create(self, tx: ManagedTransaction, batch: Batch) -> Counter[str]:
        """Write the rows of an interval that nothing was loaded into."""

    @abstractmethod
    def correct(
        self, tx: ManagedTransaction, batch: Batch, *, remove: bool, changed: bool
    ) -> Counter[str]:
        """Make the database hold the rows of the interval, and no others where `remove`.

        `changed` when it is known to hold other rows: comparing them one by one may not pay.
        """


class NodeRows(Rows):
    """Nodes of a label. Properties that are not of the model are left alone."""

    owned = False

    def __init__(self, label: Label, dimension: int) -> None:
        self.label, self.name = label, label.name
        self.key = quoted(label.key.name)
        self.names = [quoted(one.name) for one in label.properties]
        vectors = sum(one.type == "vector" for one in label.properties)
        self.width = 1 + len(self.names) + vectors * dimension

    def count(self, server: Server) -> int:
        """Return how many nodes the label has."""
        found = server.read(f"MATCH (n:{quoted(self.label.name)}) RETURN count(n) AS n")
        return int(found[0]["n"])

    def create(self, tx: ManagedTransaction, batch: Batch) -> Counter[str]:
        """Write the nodes; one that is there by another hand is taken over."""
        return self._merge(tx, batch.tuples())

    def correct(
        self, tx: ManagedTransaction, batch: Batch, *, remove: bool, changed: bool
    ) -> Counter[str]:
        """Compare the nodes of the interval with the rows, and write those that differ."""
        wanted = {row[0]: row for row in batch.tuples()}
        returned = ", ".join([f"n.{self.key}", *(f"n.{one}" for one in self.names)])
        query = f"MATCH (n:{quoted(self.label.name)}) WHERE {_within('n', self.key, batch)} "
        found = tx.run(query + f"RETURN {returned}", low=batch.low, high=batch.high)
        extra = []
        same = set()
        for record in found:
            row = tuple(plain(one) for one in record)
            if row[0] not in wanted:
                extra.append(row[0])
            elif wanted[row[0]] == row:
                same.add(row[0])
        changes = self._merge(tx, [row for key, row in wanted.items() if key not in same])
        if extra and remove:
            delete = f"UNWIND $keys AS key MATCH (n:{quoted(self.label.name)} {{{self.key}: key}}) "
            done = tx.run(delete + "DETACH DELETE n", keys=extra).consume().counters
            changes["nodes_deleted"] += done.nodes_deleted
        return changes

    def _merge(self, tx: ManagedTransaction, rows: list[tuple[Any, ...]]) -> Counter[str]:
        if not rows:
            return Counter()
        values = ", ".join(f"n.{name} = row[{place}]" for place, name in enumerate(self.names, 1))
        query = f"UNWIND $rows AS row MERGE (n:{quoted(self.label.name)} {{{self.key}: row[0]}})"
        sent = [list(row) for row in rows]
        done = tx.run(query + (f" SET {values}" if values else ""), rows=sent).consume().counters
        created = done.nodes_created
        return Counter(nodes_created=created, nodes_updated=len(rows) - created)


class EdgeRows(Rows):
    """Edges of a relationship between its labels, all of which are Hemline's."""

    owned = True

    def __init__(self, edge: Relationship, model: GraphModel, replace: bool) -> None:
        self.edge, self.name, self.replace = edge, edge.table, replace
        start, end = model.label(edge.start), model.label(edge.end)
        self.start, self.end = quoted(start.name), quoted(end.name)
        self.start_key, self.end_key = quoted(start.key.name), quoted(end.key.name)
        self.type = quoted(edge.name)
        self.names = [quoted(one.name) for one in edge.properties]
        # there are few days and many purchases on each: a moment is sent once
        self.moments = {
            place for place, one in enumerate(edge.properties, 2) if one.type in _MOMENTS
        }
        self.known: dict[str, Any] = {}
        self.width = 2 + len(self.names)
        self._create = self._create_query()

    def count(self, server: Server) -> int:
        """Return how many edges begin at the label."""
        query = f"MATCH (:{self.start})-[r:{self.type}]->() RETURN count(r) AS n"
        return int(server.read(query)[0]["n"])

    def create(self, tx: ManagedTransaction, batch: Batch) -> Counter[str]:
        """Create the edges of an interval that has none."""
        return self._add(tx, batch.tuples())

    def correct(
        self, tx: ManagedTransaction, batch: Batch, *, remove: bool, changed: bool
    ) -> Counter[str]:
        """Delete the edges that the rows do not have, and create those that are missing."""
        where = _within("a", self.start_key, batch)
        match = f"MATCH (a:{self.start}) WHERE {where} MATCH (a)-[r:{self.type}]->(b:{self.end}) "
        if self.replace and changed:
            done = tx.run(match + "DELETE r", low=batch.low, high=batch.high).consume().counters
            changes = self._add(tx, batch.tuples())
            changes["edges_deleted"] += done.relationships_deleted
            return changes
        rows = batch.tuples()
        missing = Counter(rows)
        extra = Counter[tuple[Any, ...]]()
        for row in self._there(tx, batch):
            if missing[row] > 0:
                missing[row] -= 1
            else:
                extra[row] += 1
        deleted = self._delete(tx, batch, match, extra) if extra else 0
        # in the order of the rows, so that edges of one start stay together
        new = []
        for row in rows:
            if missing[row] > 0:
                missing[row] -= 1
                new.append(row)
        changes = self._add(tx, new)
        changes["edges_deleted"] += deleted
        return changes

    def _there(self, tx: ManagedTransaction, batch: Batch) -> Iterator[tuple[Any, ...]]:
        """Yield the edges of an interval that are there, one record a start: far fewer records."""
        way = f"(a)-[r:{self.type}]->(b:{self.end})"
        query = (
            f"MATCH (a:{self.start}) WHERE {_within('a', self.start_key, batch)} "
            f"RETURN a.{self.start_key}, [{way} | [{self._returned()}]]"
        )
        for start, edges in tx.run(query, low=batch.low, high=batch.high):
            for edge in edges:
                yield (start, *self._values(edge))

    def _returned(self) -> str:
        values = (
            # the driver takes long to make dates, and they are the same few
            f"toString(r.{name})" if place in self.moments else f"r.{name}"
            for place, name in enumerate(self.names, 2)
        )
        return ", ".join([f"b.{self.end_key}", *values])

    def _values(self, edge: list[Any]) -> list[Any]:
        for place in self.moments:
            text = edge[place - 1]
            edge[place - 1] = None if text is None else self._moment(text, place)
        return edge

    def _moment(self, text: str, place: int) -> Any:
        if text not in self.known:
            if len(self.known) > _MOMENTS_KNOWN:
                self.known.clear()
            dated = self.edge.properties[place - 2].type == "date"
            kind: Any = dt.date if dated else dt.datetime
            try:
                self.known[text] = kind.fromisoformat(text)
            except ValueError:
                self.known[text] = text  # not of the model, so it equals no row
        return self.known[text]

    def _delete(
        self, tx: ManagedTransaction, batch: Batch, match: str, extra: Counter[tuple[Any, ...]]
    ) -> int:
        """Delete edges of the interval, told by their values; as many of each as is said."""
        query = f"{match}RETURN elementId(r), a.{self.start_key}, [{self._returned()}]"
        ids = []
        for one, start, edge in tx.run(query, low=batch.low, high=batch.high):
            row = (start, *self._values(edge))
            if extra[row] > 0:
                extra[row] -= 1
                ids.append(one)
        delete = "UNWIND $ids AS id MATCH ()-[r]->() WHERE elementId(r) = id DELETE r"
        done = tx.run(delete, ids=ids).consume().counters
        return int(done.relationships_deleted)

    def _add(self, tx: ManagedTransaction, rows: list[tuple[Any, ...]]) -> Counter[str]:
        if not rows:
            return Counter()
        ends = sorted({row[1] for row in rows})
        moments = sorted({row[place] for place in self.moments for row in rows} - {None}, key=str)
        end_at = {one: place for place, one in enumerate(ends)}
        moment_at = {one: place for place, one in enumerate(moments)}
        groups: dict[str, list[list[Any]]] = {}
        for row in rows:
            values = [
                moment_at.get(one) if place in self.moments else one
                for place, one in enumerate(row[2:], 2)
            ]
            groups.setdefault(row[0], []).append([end_at[row[1]], *values])
        done = tx.run(
            self._create,
            ends=ends,
            moments=moments,
            rows=[[start, edges] for start, edges in groups.items()],
        )
        created = done.consume().counters.relationships_created
        if created != len(rows):
            raise self._missing(tx, rows, created)
        return Counter(edges_created=created)

    def _create_query(self) -> str:
        """Return the statement that creates edges, about twice as fast as one row an edge.

        Each start and each end is looked up once, the ends into a list that the edges name by
        place; that the list is in order is checked, not assumed.
        """
        values = ", ".join(
            f"{name}: $moments[e[{place - 1}]]"
            if place in self.moments
            else f"{name}: e[{place - 1}]"
            for place, name in enumerate(self.names, 2)
        )
        key = self.end_key
        return (
            f"UNWIND $ends AS key MATCH (b:{self.end} {{{key}: key}}) "
            f"WITH collect(b) AS ends WHERE [one IN ends | one.{key}] = $ends "
            f"UNWIND $rows AS row MATCH (a:{self.start} {{{self.start_key}: row[0]}}) "
            "UNWIND row[1] AS e WITH a, ends[e[0]] AS b, e "
            f"CREATE (a)-[:{self.type}{f' {{{values}}}' if values else ''}]->(b)"
        )

    def _missing(
        self, tx: ManagedTransaction, rows: list[tuple[Any, ...]], created: int
    ) -> GraphError:
        """Say which ends of edges are not in the database."""
        for label, key, place in ((self.start, self.start_key, 0), (self.end, self.end_key, 1)):
            keys = sorted({row[place] for row in rows})
            lost = tx.run(
                f"UNWIND $keys AS key OPTIONAL MATCH (n:{label} {{{key}: key}}) "
                "WITH key, n WHERE n IS NULL RETURN key LIMIT 3",
                keys=keys,
            )
            if names := [one["key"] for one in lost]:
                return GraphError(
                    f"{self.edge.name}: the database has no {label.strip('`')} {names[0]!r}",
                    hint="load the graph first: `hemline graph load RUN --to URI`",
                )
        return GraphError(f"{self.edge.table}: {created:,} of {len(rows):,} edges were created")


_MOMENTS = ("date", "timestamp")
_MOMENTS_KNOWN = 100_000


def _within(node: str, key: str, batch: Batch) -> str:
    bounded = "" if batch.high is None else f" AND {node}.{key} <= $high"
    # '' is below every key, and keys are never empty
    return f"{node}.{key} > $low{bounded}"
