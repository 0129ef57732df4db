"""The embedded store: a graph in a folder, asked in Cypher, without a server (LadybugDB)."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, ClassVar

import ladybug
import pyarrow as pa

from hemline.blocks import Progress, available_threads, silent
from hemline.config import Graph
from hemline.errors import GraphError, QueryError, ReadOnlyError, StoreUnavailableError
from hemline.graph import embedded_errors as messages
from hemline.graph.base import GraphStore
from hemline.graph.dialect import Rewritten, embedded
from hemline.graph.embedded_connections import Connections, Held
from hemline.graph.embedded_files import FILE, StoreFiles, hold
from hemline.graph.embedded_results import stream
from hemline.graph.embedded_running import run
from hemline.graph.model import GraphModel, quoted
from hemline.graph.tables import GraphTables
from hemline.graph.tokens import parameters_of, query_error, tokens

_OUTSIDE = ("COPY", "LOAD", "EXPORT", "IMPORT", "INSTALL", "UNINSTALL", "ATTACH", "DETACH", "USE")
"""Statements that reach files or databases outside the store."""

LONG_SECONDS = 1.0
"""After a query that took longer its connection is closed, which takes some milliseconds.

A connection keeps the plans of its queries, each with the memory that it took last; many such
plans fill the buffer pool until nothing more can be asked.
"""

WAIT_SECONDS = 10.0
"""How long a query that finds no memory waits for those that are being asked."""


class EmbeddedStore(GraphStore):
    """A graph in a folder.

    Any number of readers may have it open, in one process or several; a writer has it alone.
    A store may be used from several threads at once.

    Parameters
    ----------
    path : path
        A folder that `hemline graph build` or `load` published.
    read_only : bool
        When False, the folder may also be new: `load` fills it.
    settings : Graph, optional
        Section `[graph]` of the configuration.
    threads : int
        Of one query; 0 for one a processor.

    Raises
    ------
    StoreUnavailableError
        There is no store, its format is another one, or a writer has it open.
    """

    kind: ClassVar[str] = "embedded"

    def __init__(
        self,
        path: Path,
        *,
        read_only: bool = True,
        settings: Graph | None = None,
        threads: int = 0,
    ) -> None:
        self.files = StoreFiles(Path(path))
        self.read_only = read_only
        self.settings = settings or Graph()
        self.threads = available_threads(threads)
        self._database: ladybug.Database | None = None
        self._held: IO[bytes] | None = None
        self._connections: Connections | None = None
        self._closed = False
        if read_only or self.files.exists():
            self._open()

    def _open(self) -> None:
        folder = self.files.current()
        path = folder / FILE
        held = hold(folder, alone=not self.read_only)
        try:
            self._database = ladybug.Database(
                str(path),
                read_only=self.read_only,
                buffer_pool_size=self.settings.buffer_pool_mb << 20,
                max_num_threads=self.threads,
            )
        except (RuntimeError, OSError, IndexError) as error:
            held.close()
            raise StoreUnavailableError(
                f"{path} cannot be opened: {messages.first_line(error)}",
                hint="`hemline graph build RUN` builds it anew",
            ) from None
        self._held = held
        self._connections = Connections(self._database, self.threads)

    @property
    def model(self) -> GraphModel:
        """What of the graph this store holds."""
        return GraphModel.from_json(self.files.description()["model"])

    @property
    def description(self) -> dict[str, Any]:
        """What was kept with the store: counts, irregularities, fingerprint, versions."""
        return self.files.description()

    def _opened(self) -> Connections:
        if self._closed:
            raise GraphError("the store is closed", hint="open it again")
        if self._connections is None:
            raise StoreUnavailableError(
                f"{self.files.path} holds no graph yet", hint="`hemline graph build RUN` makes one"
            )
        return self._connections

    def query(
        self,
        cypher: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        limit_seconds: float | None = None,
    ) -> pa.RecordBatchReader:
        """Run one query; see `GraphStore.query`.

        What Neo4j spells in another way is rewritten first (dialect.py).

        The engine holds the whole answer, within its buffer pool, before the first row is
        given; what is read of it comes in batches.
        """
        given = _checked(cypher, parameters or {})
        if self.read_only:
            _refuse_outside(cypher)
        limit = self.settings.time_limit_seconds if limit_seconds is None else limit_seconds
        connections = self._opened()
        rewritten = embedded(cypher)
        started = time.monotonic()
        try:
            held, result = _asked(connections, rewritten.text, given, limit)
        except (RuntimeError, IndexError, ValueError, OverflowError) as error:
            raise _translated(error, cypher, rewritten, limit) from None
        assert not isinstance(result, list)  # _checked lets one statement through
        keep = not self.read_only or time.monotonic() - started < LONG_SECONDS
        return stream(result, then=partial(connections.give_back, held, keep=keep))

    def counts(self) -> dict[str, int]:
        """Return nodes by label, edges by name, and units, counted by the engine."""
        model = self.model
        found = {
            one.name: self._number(f"MATCH (n:{quoted(one.name)}) RETURN count(*) AS n")
            for one in model.labels
        }
        for name in dict.fromkeys(one.name for one in model.relationships):
            found[name] = self._number(f"MATCH ()-[r:{quoted(name)}]->() RETURN count(*) AS n")
        bought = "PURCHASED" in found
        units = "MATCH ()-[r:PURCHASED]->() RETURN sum(r.quantity) AS n"
        return {**found, "units": self._number(units) if bought else 0}

    def _number(self, cypher: str) -> int:
        found = self.rows(cypher, limit_seconds=0)[0]["n"]
        return int(found or 0)

    def load(self, tables: GraphTables, *, progress: Progress = silent) -> dict[str, Any]:
        """Build the store from these tables in a new folder and publish it in place of the old.

        Readers of the old one keep it until they close it. Nothing is done when the store was
        built from the very same sources.
        """
        from hemline.graph.embedded_build import build_store

        self._must_write("load")
        if self.files.fits(tables.summary["fingerprint"]):
            return {**self.files.description(), "built": False}
        self._release()
        found = build_store(
            tables, self.files, settings=self.settings, threads=self.threads, progress=progress
        )
        self._open()
        return {**found, "built": True}

    def write_similar(self, edges: Path, *, progress: Progress = silent) -> int:
        """Replace all SIMILAR edges in one transaction; see `GraphStore.write_similar`."""
        from hemline.graph.embedded_build import replace_edges

        self._must_write("write SIMILAR edges")
        with self._opened().use() as connection:
            return replace_edges(connection, "SIMILAR", Path(edges), self.files, progress)

    def write_recommendations(self, recommendations: Path, *, progress: Progress = silent) -> int:
        """Replace all RECOMMENDED edges in one transaction; see the contract."""
        from hemline.graph.embedded_build import replace_edges

        self._must_write("write RECOMMENDED edges")
        edges = Path(recommendations)
        with self._opened().use() as connection:
            return replace_edges(connection, "RECOMMENDED", edges, self.files, progress)

    def _must_write(self, what: str) -> None:
        if self._closed:
            raise GraphError("the store is closed", hint="open it again")
        if self.read_only:
            raise ReadOnlyError(
                f"cannot {what}: {self.files.path} was opened for reading",
                hint="open it with read_only=False",
            )

    def _release(self) -> None:
        if self._connections is not None:
            self._connections.close()
            self._connections = None
        if self._database is not None:
            self._database.close()
            self._database = None
        if self._held is not None:
            self._held.close()
            self._held = None

    def close(self) -> None:
        """Close all connections and let go of the files."""
        if not self._closed:
            self._release()
            self._closed = True


def _asked(
    connections: Connections, statement: str, given: dict[str, Any], limit: float, tries: int = 3
) -> tuple[Held, Any]:
    """Run a statement; where plans of earlier ones have the memory, again without them."""
    held = connections.take()
    asked_before = held.asked_before
    try:
        held.connection.set_query_timeout(max(1, round(limit * 1000)) if limit else 0)
        return held, run(held.connection, statement, given)
    except BaseException as error:
        full = messages.is_out_of_memory(error)
        connections.give_back(held, keep=not full)
        if not full or tries == 1:
            raise
        if not connections.free(WAIT_SECONDS) and not asked_before:
            raise
    return _asked(connections, statement, given, limit, tries - 1)


def _checked(cypher: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that a query names, in types that the engine takes."""
    found = tokens(cypher)
    for one, following in pairwise(found):
        if one.is_symbol(";") and following.kind != "end":
            raise query_error("one statement at a time", cypher, following.start)
    named = parameters_of(cypher)
    for name, at in named.items():
        if name not in parameters:
            raise query_error(
                f"no value was given for ${name}", cypher, at, hint=f"--param {name}=VALUE"
            )
    return {name: _taken(parameters[name]) for name in named}


def _taken(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.astimezone(dt.UTC).replace(tzinfo=None)
    if isinstance(value, Mapping):
        return {str(name): _taken(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_taken(one) for one in value]
    if hasattr(value, "item") and hasattr(value, "dtype"):
        return value.item() if getattr(value, "ndim", 0) == 0 else _taken(value.tolist())
    return value


def _refuse_outside(cypher: str) -> None:
    """Refuse what the engine would do in a read-only session although it reaches files."""
    found = [one for one in tokens(cypher) if not one.is_word("EXPLAIN", "PROFILE")]
    for one, following in pairwise(found):
        first = one is found[0] and one.is_word(*_OUTSIDE)
        if first or (one.is_word("LOAD") and following.is_word("FROM", "WITH")):
            raise ReadOnlyError(
                f"{one.text.upper()} is not possible in a read-only session: it reaches files",
                hint="a query reads the graph: MATCH … RETURN …",
            )


def _translated(error: Exception, cypher: str, rewritten: Rewritten, limit: float) -> GraphError:
    text = messages.first_line(error)
    if "read-only" in text:
        return ReadOnlyError(
            f"the store was opened for reading: {text}", hint="open it with read_only=False"
        )
    if text.startswith("Interrupted"):
        return QueryError(
            f"the query took longer than {limit:g} s and was ended",
            hint="ask for less, or give it longer: graph.time_limit_seconds",
        )
    if messages.is_out_of_memory(error):
        return QueryError(
            f"the query needs more memory than it may take: {text}",
            hint="ask for less, or allow more: graph.buffer_pool_mb",
        )
    return messages.placed(str(error), cypher, rewritten)
