"""The graph as Parquet: one file a label, one a relationship. Every store is loaded from it.

FOLDER/graph.json                               model, counts, irregularities
FOLDER/nodes/Product.parquet                    the key, then the properties
FOLDER/edges/Customer-PURCHASED-Product.parquet `start`, `end` (keys), then the properties
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self

import pyarrow as pa
import pyarrow.parquet as pq

from hemline.errors import GraphError
from hemline.graph.model import GraphModel
from hemline.schema import Label, Property, Relationship

START: Final = "start"
END: Final = "end"

ARROW: Final[dict[str, pa.DataType]] = {
    "string": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "vector": pa.list_(pa.float32()),
}
"""Arrow type of each type of property."""


@dataclass(frozen=True)
class GraphTables:
    """A folder of the nodes and edges of a shop; `make_graph_tables` writes it."""

    folder: Path

    @classmethod
    def open(cls, folder: Path | str) -> Self:
        """Open a folder of graph tables.

        Raises
        ------
        GraphError
            The folder is not one, or not whole.
        """
        found = cls(Path(folder))
        try:
            files = [found.node_path(one) for one in found.model.labels]
            files += [found.edge_path(one) for one in found.model.relationships]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise GraphError(f"{folder} holds no graph tables: {error}") from None
        for path in files:
            if not path.exists():
                raise GraphError(f"{path} is missing", hint="make the graph tables again")
        return found

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Everything graph.json holds."""
        found: dict[str, Any] = json.loads((self.folder / "graph.json").read_text())
        return found

    @cached_property
    def model(self) -> GraphModel:
        """What of the graph this shop has."""
        return GraphModel.from_json(self.summary["model"])

    @property
    def node_counts(self) -> dict[str, int]:
        """Number of nodes of each label."""
        found: dict[str, int] = self.summary["nodes"]
        return found

    @property
    def edge_counts(self) -> dict[str, int]:
        """Number of edges of each relationship, by `Relationship.table`."""
        found: dict[str, int] = self.summary["edges"]
        return found

    @property
    def units(self) -> int:
        """Sum of the quantities of all purchases."""
        return int(self.summary["units"])

    @cached_property
    def counts(self) -> dict[str, int]:
        """Nodes by label and edges by name, as `GraphStore.counts` gives them, and `units`."""
        found = dict(self.node_counts)
        for one in self.model.relationships:
            found[one.name] = found.get(one.name, 0) + self.edge_counts[one.table]
        return {**found, "units": self.units}

    @property
    def irregular(self) -> list[dict[str, Any]]:
        """Where the data breaks the hierarchy: `what`, `count`, `of`, and some `examples`."""
        found: list[dict[str, Any]] = self.summary["irregular"]
        return found

    def node_path(self, label: Label | str) -> Path:
        """Return the file of a label's nodes."""
        name = label if isinstance(label, str) else label.name
        return self.folder / "nodes" / f"{name}.parquet"

    def edge_path(self, relationship: Relationship) -> Path:
        """Return the file of a relationship's edges."""
        return self.folder / "edges" / f"{relationship.table}.parquet"

    def nodes(self, label: Label | str, rows: int = 65_536) -> Iterator[pa.RecordBatch]:
        """Yield the nodes of a label in batches: columns are the property names, key first."""
        with pq.ParquetFile(self.node_path(label)) as file:
            yield from file.iter_batches(rows)

    def edges(self, relationship: Relationship, rows: int = 65_536) -> Iterator[pa.RecordBatch]:
        """Yield the edges of a relationship in batches: `start`, `end`, then the properties."""
        with pq.ParquetFile(self.edge_path(relationship)) as file:
            yield from file.iter_batches(rows)


def node_schema(label: Label) -> pa.Schema:
    """Return the columns of a label's file."""
    return pa.schema([_field(one) for one in (label.key, *label.properties)])


def edge_schema(relationship: Relationship) -> pa.Schema:
    """Return the columns of a relationship's file."""
    ends = [pa.field(name, pa.string(), nullable=False) for name in (START, END)]
    return pa.schema([*ends, *(_field(one) for one in relationship.properties)])


def _field(one: Property) -> pa.Field:
    return pa.field(one.name, ARROW[one.type])
