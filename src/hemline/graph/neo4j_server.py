"""A Neo4j server: reaching it, transactions that are tried again, and its errors in plain words."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from hemline.config import Graph
from hemline.errors import (
    ConfigError,
    GraphError,
    HemlineError,
    MissingExtraError,
    QueryError,
    ReadOnlyError,
    StoreUnavailableError,
)

if TYPE_CHECKING:
    from neo4j import Driver, ManagedTransaction, Session

T = TypeVar("T")

_CONNECT_SECONDS = 10.0
_PLACE = re.compile(r"\(line (\d+), column (\d+)")
_UNKNOWN_GDS = re.compile(r"Unknown (function|procedure) '?`?gds\.", re.IGNORECASE)
_BARE_PASSWORD = re.compile(r"(://)[^/@\s]*@")


class Server:
    """A connection to one database of a Neo4j server, checked when it is made.

    Parameters
    ----------
    uri : str
        `bolt://…`, `neo4j://…`; with `+s` for TLS, with `+ssc` for TLS with a certificate that
        nobody has signed.
    settings : Graph
        User, password or the variable that holds it, database, and how long to try again.
    user, password, database : str, optional
        In place of those of the settings.

    Raises
    ------
    StoreUnavailableError
        No server answers there, it refuses the credentials, or it has no such database.
    ConfigError
        The URI has a password in it.
    MissingExtraError
        The driver is not installed.
    """

    def __init__(
        self,
        uri: str,
        settings: Graph,
        *,
        user: str | None = None,
        password: str | None = None,
        database: str | None = None,
        read_only: bool = True,
    ) -> None:
        if "@" in urlsplit(uri).netloc:
            bare = _BARE_PASSWORD.sub(r"\1", uri)
            raise ConfigError(
                f"{bare}: a user or password stands in the URI",
                hint=f"put the password into the environment variable {settings.password_env}",
            )
        self.uri, self.read_only = uri, read_only
        self.variable = settings.password_env
        self.user = user or _user(settings)
        self.database = (settings.database if database is None else database) or None
        found = _password(settings, password)
        self.has_password = bool(found)
        self.driver = _driver(uri, self.user, found, settings.retry_seconds)
        try:
            with self.explained(), self.session() as session:
                session.run("RETURN 1").consume()
        except BaseException:
            self.driver.close()
            raise

    def session(self, *, write: bool = False, fetch: int = 1000) -> Session:
        """Open a session; one that only reads is refused by the server when it writes."""
        from neo4j import READ_ACCESS, WRITE_ACCESS

        return self.driver.session(
            database=self.database,
            default_access_mode=WRITE_ACCESS if write else READ_ACCESS,
            fetch_size=fetch,
        )

    def write(self, work: Callable[[ManagedTransaction], T]) -> T:
        """Do some work in one transaction, again where the server says that it may go better.

        Raises
        ------
        ReadOnlyError
            The connection was made for reading.
        """
        self.refuse_when_read_only()
        with self.explained(), self.session(write=True) as session:
            return session.execute_write(work)

    def read(self, cypher: str, **parameters: Any) -> list[dict[str, Any]]:
        """Ask something whose answer is short."""

        def work(tx: ManagedTransaction) -> list[dict[str, Any]]:
            return [one.data() for one in tx.run(cypher, parameters)]

        with self.explained(), self.session() as session:
            return session.execute_read(work)

    def stream(self, cypher: str, *, fetch: int = 5000, **parameters: Any) -> Iterator[Any]:
        """Yield the records of a query one by one; `fetch` of them are in memory."""
        with (
            self.explained(),
            self.session(fetch=fetch) as session,
            session.begin_transaction() as tx,
        ):
            yield from tx.run(cypher, parameters)

    def command(self, cypher: str, **parameters: Any) -> list[dict[str, Any]]:
        """Run a statement that wants a transaction of its own, such as a change of the schema."""
        self.refuse_when_read_only()
        with self.explained(), self.session(write=True) as session:
            return [one.data() for one in session.run(cypher, parameters)]

    def refuse_when_read_only(self) -> None:
        """Raise ReadOnlyError where the connection was made for reading."""
        if self.read_only:
            raise ReadOnlyError(
                f"{self.uri} was opened for reading only", hint="open it with read_only=False"
            )

    @contextmanager
    def explained(self, limit_seconds: float | None = None) -> Iterator[None]:
        """Turn the driver's errors into Hemline's."""
        from neo4j.exceptions import DriverError, Neo4jError

        try:
            yield
        except (DriverError, Neo4jError, OSError) as error:
            raise self.explain(error, limit_seconds) from None

    def explain(self, error: Exception, limit_seconds: float | None = None) -> HemlineError:
        """Return an error of the driver in plain words, with what to do."""
        code = str(getattr(error, "code", None) or "")
        text = _said(error)
        if ".Security." in code:
            return self._refused(code, text)
        if code.endswith("DatabaseNotFound"):
            return StoreUnavailableError(
                f"{self.uri} has no database {self.database!r}",
                hint="graph.database names it; empty is the server's default one",
            )
        if code.endswith("ProcedureNotFound") or _UNKNOWN_GDS.search(text):
            return _lacking(self.uri, text)
        if "TransactionTimedOut" in code or code.endswith("LockClientStopped"):
            limit = "it may" if limit_seconds is None else f"{limit_seconds:g} s"
            return QueryError(
                f"the query took longer than {limit} and was ended",
                hint="ask for less, or give it longer: graph.time_limit_seconds",
            )
        if code.endswith(("AccessMode", "Forbidden")) or "read access mode" in text:
            return ReadOnlyError(
                f"the query writes, and {self.uri} was opened for reading: {text}",
                hint="open it with read_only=False",
            )
        if ".Statement." in code:
            return _wrong_query(text)
        if code:
            return GraphError(f"{self.uri}: {text}", hint=_HINTS.get(code.split(".")[2], ""))
        return _unreachable(self.uri, error)

    def _refused(self, code: str, text: str) -> HemlineError:
        if code.endswith("Forbidden"):
            return ReadOnlyError(f"{self.uri} does not let user {self.user!r} do this: {text}")
        if code.endswith("RateLimit"):
            return StoreUnavailableError(
                f"{self.uri} takes no more attempts of user {self.user!r} for now",
                hint="wait some seconds; the password was wrong too often",
            )
        if code.endswith("CredentialsExpired"):
            return StoreUnavailableError(
                f"{self.uri} wants user {self.user!r} to choose another password first",
                hint="ALTER CURRENT USER SET PASSWORD FROM 'old' TO 'new', in cypher-shell",
            )
        if not self.has_password:
            return StoreUnavailableError(
                f"{self.uri} asks for a password, and none was given",
                hint=f"put it into the environment variable {self.variable}",
            )
        return StoreUnavailableError(
            f"{self.uri} refuses user {self.user!r}: wrong user or password",
            hint=f"set graph.user, and the password in the environment variable {self.variable}",
        )

    def close(self) -> None:
        """Close the connection."""
        self.driver.close()


_HINTS = {
    "General": "the server's log tells more",
    "Schema": "an index or constraint of another kind is in the way; SHOW INDEXES lists them",
    "Transaction": "run the same command again; what is done is kept",
}


def _user(settings: Graph) -> str:
    if "user" in settings.model_fields_set:
        return settings.user
    return os.environ.get("NEO4J_USERNAME") or settings.user


def _password(settings: Graph, given: str | None) -> str | None:
    if given is not None:
        return given
    if settings.password is not None:
        return settings.password.get_secret_value()
    return os.environ.get(settings.password_env)


def _driver(uri: str, user: str, password: str | None, retry_seconds: float) -> Driver:
    try:
        from neo4j import GraphDatabase
    except ImportError:
        raise MissingExtraError("neo4j", "neo4j") from None
    from neo4j.exceptions import DriverError

    # what the driver logs on the way to an error would stand on stderr before the error
    logging.getLogger("neo4j").addHandler(logging.NullHandler())
    try:
        return GraphDatabase.driver(
            uri,
            auth=(user, password) if password else None,
            connection_timeout=_CONNECT_SECONDS,
            max_transaction_retry_time=retry_seconds,
            # the server's remarks on queries would be logged to stderr, among the messages
            notifications_min_severity="OFF",
            user_agent="hemline",
        )
    except (DriverError, ValueError) as error:
        raise ConfigError(
            f"{uri} is no URI of a Neo4j server: {_said(error)}",
            hint="bolt://HOST:7687, neo4j://HOST:7687, or neo4j+s://HOST:7687 with TLS",
        ) from None


def _said(error: BaseException) -> str:
    """Return the one sentence of an error that says what is the matter."""
    message = getattr(error, "message", None) or str(error)
    lines = [one.strip() for one in str(message).splitlines() if one.strip()]
    return lines[0] if lines else type(error).__name__


def _lacking(uri: str, text: str) -> HemlineError:
    if "gds." in text:
        return StoreUnavailableError(
            f"{uri} has no Graph Data Science, or one without this: {text}",
            hint="put its jar into the server's plugins folder; --by exact needs none",
        )
    return QueryError(text, hint="SHOW PROCEDURES lists those that the server has")


def _wrong_query(text: str) -> QueryError:
    place = _PLACE.search(text)
    line, column = (int(place[1]), int(place[2])) if place else (None, None)
    return QueryError(text, line=line, column=column)


def _unreachable(uri: str, error: BaseException) -> StoreUnavailableError:
    reason: BaseException | None = error
    while reason is not None and reason.__cause__ is not None:
        reason = reason.__cause__
    text = _said(reason or error)
    scheme = uri.partition("://")[0]
    hint = "is the server running, and is this its Bolt address and port?"
    if scheme.endswith(("+s", "+ssc")):
        hint += f" {scheme}:// needs a server that speaks TLS"
    elif "routing" in _said(error):
        hint += " bolt:// asks this server alone"
    return StoreUnavailableError(f"no Neo4j server answers at {uri}: {text}", hint=hint)
