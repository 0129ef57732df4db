"""The graph in Neo4j: asked in Cypher, loaded in batches, by the official driver."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa

from hemline.blocks import Progress, silent
from hemline.config import Graph
from hemline.errors import GraphError, ReadOnlyError
from hemline.graph.base import GraphStore
from hemline.graph.model import GraphModel
from hemline.graph.neo4j_server import Server
from hemline.graph.neo4j_values import reader, to_driver
from hemline.graph.tables import GraphTables
from hemline.graph.tokens import parameters_of, query_error, tokens
from hemline.schema import GRAPH

if TYPE_CHECKING:
    from neo4j import Session

_STEP = 5000


class Neo4jStore(GraphStore):
    """A database of a Neo4j server, 5.7 or later.

    May be used from several threads. What else is in the database stays as it is; the
    relationships of the model between its labels are Hemline's.

    Parameters
    ----------
    uri : str
        `bolt://…`, `neo4j://…`; with `+s` for TLS.
    read_only : bool
        The server itself refuses whatever would write.
    settings : Graph, optional
        Section `[graph]` of the configuration.
    user, password, database : str, optional
        In place of those of the settings and of the environment.

    Raises
    ------
    StoreUnavailableError
        No server answers, it refuses the credentials, or it has no such database.
    """

    kind: ClassVar[str] = "neo4j"

    def __init__(
        self,
        uri: str,
        *,
        read_only: bool = True,
        settings: Graph | None = None,
        user: str | None = None,
        password: str | None = None,
        database: str | None = None,
    ) -> None:
        self.settings = settings or Graph()
        self.read_only = read_only
        self.server = Server(
            uri,
            self.settings,
            user=user,
            password=password,
            database=database,
            read_only=read_only,
        )
        self._lock = threading.Lock()
        self._sessions: set[Session] = set()
        self._closed = False

    @property
    def uri(self) -> str:
        """Where the server is."""
        return self.server.uri

    def query(
        self,
        cypher: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        limit_seconds: float | None = None,
    ) -> pa.RecordBatchReader:
        """Run one query and stream its rows; see `GraphStore.query`.

        A query that writes is committed when its last row has been read.
        """
        self._must_be_open()
        if self.read_only:
            _refuse_files(cypher)
        given = to_driver(parameters)
        for name, at in parameters_of(cypher).items():
            if name not in given:
                hint = f"--param {name}=VALUE"
                raise query_error(f"no value was given for ${name}", cypher, at, hint=hint)
        limit = self.settings.time_limit_seconds if limit_seconds is None else limit_seconds
        until = time.monotonic() + self.settings.retry_seconds
        pause = 0.5
        while True:
            try:
                return self._stream(cypher, given, limit)
            except _TryAgainError as again:
                if time.monotonic() + pause > until:
                    raise self.server.explain(again.error, limit) from None
                time.sleep(pause * random.uniform(0.8, 1.2))
                pause *= 2

    def _stream(self, cypher: str, given: dict[str, Any], limit: float) -> pa.RecordBatchReader:
        from neo4j.exceptions import DriverError, Neo4jError

        session = self.server.session(write=not self.read_only, fetch=_STEP)
        with self._lock:
            self._sessions.add(session)
        try:
            tx = session.begin_transaction(timeout=limit or None)
            result = tx.run(cypher, given)
            names = list(result.keys())
            ends = _Ends(self, session, tx.commit)
            return reader(names, self._rows(result, limit), ends, _STEP)
        except (DriverError, Neo4jError, OSError) as error:
            self._release(session)
            if getattr(error, "is_retryable", lambda: False)():
                raise _TryAgainError(error) from None
            raise self.server.explain(error, limit) from None
        except BaseException:
            self._release(session)
            raise

    def _rows(self, result: Any, limit: float) -> Iterator[Any]:
        from neo4j.exceptions import DriverError, Neo4jError

        started = False
        try:
            for one in result:
                started = True
                yield one
        except (DriverError, Neo4jError, OSError) as error:
            if not started:
                raise  # may be tried again
            if self._closed:
                raise GraphError("the store was closed while its answer was read") from None
            raise self.server.explain(error, limit) from None

    def _release(self, session: Session) -> None:
        with self._lock:
            self._sessions.discard(session)
        session.close()

    def model(self) -> GraphModel:
        """Return the model that was loaded; all of schema.GRAPH where another tool loaded it."""
        from hemline.graph.neo4j_loading import loaded_model

        self._must_be_open()
        return loaded_model(self.server) or GraphModel.full()

    def counts(self) -> dict[str, int]:
        """Return nodes by label, edges by name, and units; see `GraphStore.counts`.

        In a database that Hemline did not load, what it has none of is left away.
        """
        from hemline.graph.neo4j_loading import count_edges, count_nodes, count_units, loaded_model

        self._must_be_open()
        known = loaded_model(self.server)
        found: dict[str, int] = {}
        for one in known.labels if known else GRAPH.labels:
            found[one.name] = count_nodes(self.server, one)
        for edge in known.relationships if known else GRAPH.relationships:
            found[edge.name] = found.get(edge.name, 0) + count_edges(self.server, edge)
        if known is None:
            found = {name: n for name, n in found.items() if n}
        units = count_units(self.server) if "PURCHASED" in found else 0
        return {**found, "units": units}

    def load(
        self,
        tables: GraphTables,
        *,
        progress: Progress = silent,
        prune: bool = False,
        compare: bool = False,
    ) -> dict[str, Any]:
        """Make the database hold these tables; see `hemline.graph.neo4j_loading`.

        Parameters
        ----------
        prune : bool
            Also delete nodes of the model's labels that Hemline did not load and the tables
            do not have.
        compare : bool
            Believe no notes on what was loaded: read and compare everything.
        """
        from hemline.graph.neo4j_loading import load

        self._must_write("load")
        return load(
            self.server,
            tables,
            rows=self.settings.batch_rows,
            prune=prune,
            compare=compare,
            progress=progress,
        )

    def write_similar(self, edges: Path, *, progress: Progress = silent) -> int:
        """Replace all SIMILAR edges in bounded transactions; see `GraphStore.write_similar`.

        A crash midway leaves the old or the new edges of each product.
        """
        return self._write("SIMILAR", edges, progress)

    def write_recommendations(self, recommendations: Path, *, progress: Progress = silent) -> int:
        """Replace all RECOMMENDED edges in bounded transactions; see the contract.

        A crash midway leaves the old or the new twelve of each customer.
        """
        return self._write("RECOMMENDED", recommendations, progress)

    def _write(self, name: str, path: Path, progress: Progress) -> int:
        from hemline.graph.neo4j_loading import write_edges

        self._must_write(f"write {name} edges")
        relationship = GraphModel.full().relationship(name)
        return write_edges(
            self.server, relationship, Path(path), self.settings.batch_rows, progress
        )

    def _must_be_open(self) -> None:
        if self._closed:
            raise GraphError("the store is closed", hint="open it again")

    def _must_write(self, what: str) -> None:
        self._must_be_open()
        if self.read_only:
            raise ReadOnlyError(
                f"cannot {what}: {self.uri} was opened for reading",
                hint="open it with read_only=False",
            )

    def close(self) -> None:
        """Close every connection; answers that are still being read end with an error."""
        if not self._closed:
            self._closed = True
            for session in list(self._sessions):
                self._release(session)
            self.server.close()


class _TryAgainError(Exception):
    """The server says that the same query may succeed a moment later."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class _Ends:
    """Ends the transaction of an answer once: committed when it was read to its end."""

    def __init__(self, store: Neo4jStore, session: Session, commit: Callable[[], None]) -> None:
        self.store, self.session, self.commit = store, session, commit
        self.done = False

    def __call__(self, whole: bool) -> None:
        if self.done:
            return
        self.done = True
        try:
            if whole and not self.store.read_only:
                with self.store.server.explained():
                    self.commit()
        finally:
            self.store._release(self.session)


def _refuse_files(cypher: str) -> None:
    """Refuse LOAD CSV, with which even a reading session reaches files and other machines."""
    if "LOAD" not in cypher.upper():
        return
    for one, following in pairwise(tokens(cypher)):
        if one.is_word("LOAD") and following.is_word("CSV"):
            raise ReadOnlyError(
                "LOAD CSV is not possible in a read-only session: it reaches files",
                hint="a query reads the graph: MATCH … RETURN …",
            )
