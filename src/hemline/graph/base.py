"""The contract of a graph store: load it, ask it in Cypher, close it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import pyarrow as pa

from hemline.blocks import Progress, silent
from hemline.graph.tables import GraphTables


class GraphStore(ABC):
    """A store of the graph, opened; read-only unless it was opened for writing.

    The same questions get the same answers from every store: columns are named as RETURN
    names them (name computed ones with AS), keys and names are text, numbers int64 or
    float64, dates date32, moments timestamp, lists Arrow lists, a whole node or edge a struct
    of its properties. Parameters are handed over as parameters and never become part of the
    query's text.
    """

    kind: ClassVar[str]
    read_only: bool = True

    @abstractmethod
    def query(
        self,
        cypher: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        limit_seconds: float | None = None,
    ) -> pa.RecordBatchReader:
        """Run one Cypher query and stream its rows.

        Parameters
        ----------
        cypher : str
            One statement.
        parameters : dict, optional
            Values of the `$name`s of the query: text, numbers, dates, None, lists, maps, and
            lists of maps. Each name in the query must be given.
        limit_seconds : float, optional
            The store's own limit when None; 0 for none.

        Raises
        ------
        QueryError
            The query is wrong, a parameter is missing, or the time is up; says where.
        ReadOnlyError
            The query would write, and the store was opened for reading.
        """

    def rows(
        self,
        cypher: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        limit_seconds: float | None = None,
    ) -> list[dict[str, Any]]:
        """Run one query and return all its rows; for answers that are known to be short."""
        with self.query(cypher, parameters, limit_seconds=limit_seconds) as reader:
            found: list[dict[str, Any]] = reader.read_all().to_pylist()
        return found

    @abstractmethod
    def counts(self) -> dict[str, int]:
        """Return how many nodes each label and edges each relationship has, and `units`.

        As `GraphTables.counts`: `units` is the sum of the quantities of all purchases.
        """

    @abstractmethod
    def load(self, tables: GraphTables, *, progress: Progress = silent) -> dict[str, Any]:
        """Make the store hold these tables; return what was done.

        Loading the same tables again changes nothing; changed nodes are updated.

        Raises
        ------
        ReadOnlyError
            The store was opened for reading.
        GraphError
            Counts or the sum of quantities differ from those of the tables.
        """

    @abstractmethod
    def write_similar(self, edges: Path, *, progress: Progress = silent) -> int:
        """Replace all SIMILAR edges by those of a file, and return how many there are.

        Parameters
        ----------
        edges : path
            Parquet as in GraphTables: `start`, `end` (codes), `score`.
        """

    @abstractmethod
    def write_recommendations(self, recommendations: Path, *, progress: Progress = silent) -> int:
        """Replace all RECOMMENDED edges by those of a file, and return how many there are.

        Parameters
        ----------
        recommendations : path
            Parquet, schema.RECOMMENDATIONS.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of the store. A second call does nothing; a query after it is a GraphError."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
