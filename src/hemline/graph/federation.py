"""Several stores asked as one: each part of a query on its store, with the rows before it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa

from hemline.errors import QueryError
from hemline.graph.base import GraphStore
from hemline.graph.federation_answer import answer
from hemline.graph.federation_form import FederatedQuery, Part, check_parameters
from hemline.graph.federation_parse import parse
from hemline.graph.tokens import parameters_of, query_error
from hemline.graph.values import identity

ROWS: Final = "hemline_rows"
ROW: Final = "hemline_row"
PLACE: Final = "hemline_place"
VALUE: Final = "hemline_value"
"""Names that the texts sent to the stores use beside those of the query."""


class Federation:
    """Stores with names, and queries over several of them in the form of Neo4j's Fabric.

    Parameters
    ----------
    stores : dict
        Name -> store, or a function that opens it; called when a query first asks for it.
    composite : str
        What stands before the dot in `USE fabric.products`.
    batch_rows : int
        Rows of a part that are handed to the next one at once.
    """

    def __init__(
        self,
        stores: Mapping[str, GraphStore | Callable[[], GraphStore]],
        *,
        composite: str = "fabric",
        batch_rows: int = 10_000,
    ) -> None:
        self.stores = dict(stores)
        self.composite = composite
        self.batch_rows = batch_rows
        self._opened: dict[str, GraphStore] = {}

    def store(self, name: str) -> GraphStore:
        """Return the store of a name, opened."""
        if name not in self._opened:
            found = self.stores[name]
            self._opened[name] = found if isinstance(found, GraphStore) else found()
        return self._opened[name]

    def query(
        self,
        cypher: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        limit_seconds: float | None = None,
    ) -> pa.RecordBatchReader:
        """Run one query over the stores it names, and stream its rows.

        Where one of the stores has the name of the composite database itself, it is a Neo4j
        Enterprise server that can do all of it, and the query is handed over whole.

        Parameters
        ----------
        cypher : str
            `CALL { USE fabric.name [WITH …] MATCH … RETURN … } … RETURN …`.
        parameters : dict, optional
            Values of the `$name`s.
        limit_seconds : float, optional
            Of all parts together; each store's own limit when None, 0 for none.

        Raises
        ------
        QueryError
            The query is out of the supported form, wrong, or took too long; shows the place.
        """
        given = dict(parameters or {})
        if self.composite in self.stores:
            whole = self.store(self.composite)
            return whole.query(cypher, given, limit_seconds=limit_seconds)
        query = parse(cypher, composite=self.composite, stores=list(self.stores))
        check_parameters(query, given)
        limit = _Limit(limit_seconds)
        rows: Iterator[pa.Table] | None = None
        for part in query.parts:
            call = _Call(query, part, self.store(part.store), given, limit)
            rows = self._first(call) if rows is None else self._next(call, rows)
        assert rows is not None
        return answer(query, rows, given)

    def rows(
        self, cypher: str, parameters: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """Run one query and return all its rows."""
        found: list[dict[str, Any]] = self.query(cypher, parameters).read_all().to_pylist()
        return found

    def close(self) -> None:
        """Close the stores that were opened here."""
        for name, one in self._opened.items():
            if one is not self.stores[name]:
                one.close()
        self._opened.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _first(self, call: _Call) -> Iterator[pa.Table]:
        return _batches(call.once(), self.batch_rows)

    def _next(self, call: _Call, rows: Iterable[pa.Table]) -> Iterator[pa.Table]:
        alone: pa.Table | None = None
        for table in rows:
            if not call.part.imports:  # it sees nothing of the rows, so one answer is for all
                alone = pa.concat_tables(call.once()) if alone is None else alone
                left = np.repeat(np.arange(table.num_rows), alone.num_rows)
                right = np.tile(np.arange(alone.num_rows), table.num_rows)
                joined = _beside(table.take(left), alone.take(right))
            else:
                joined = call.joined(table)
            yield from _batches([joined], self.batch_rows)


@dataclass
class _Limit:
    """The time that a whole query has."""

    seconds: float | None

    def __post_init__(self) -> None:
        self.until = None if not self.seconds else time.monotonic() + self.seconds

    def left(self) -> float | None:
        """Return the seconds that are left; what the store takes for none, where there is none."""
        if self.until is None:
            return self.seconds
        left = self.until - time.monotonic()
        if left <= 0:
            raise QueryError(
                f"the query took longer than {self.seconds:g} s",
                hint="ask for less, or raise graph.time_limit_seconds",
            )
        return left


@dataclass(frozen=True)
class _Text:
    """A text for a store, with where its pieces stand in the query they were taken from."""

    text: str
    pieces: tuple[tuple[int, int, int], ...]
    """Place in `text`, length, place in the query."""

    @classmethod
    def of(cls, *parts: str | tuple[str, int]) -> _Text:
        text, pieces = "", []
        for one in parts:
            if isinstance(one, tuple):
                pieces.append((len(text), len(one[0]), one[1]))
                one = one[0]
            text += one
        return cls(text, tuple(pieces))

    def origin(self, line: int, column: int) -> int | None:
        """Return the place in the query of a line and a column of the text, where it has one."""
        lines = self.text.split("\n")
        at = sum(len(one) + 1 for one in lines[: line - 1]) + column - 1
        for start, length, origin in self.pieces:
            if start <= at <= start + length:
                return origin + at - start
        return None


@dataclass(frozen=True)
class _Call:
    """One part of a query, and the store that answers it."""

    query: FederatedQuery
    part: Part
    store: GraphStore
    given: Mapping[str, Any]
    limit: _Limit

    def once(self) -> Iterator[pa.Table]:
        """Yield the answer of a part that sees no rows."""
        part = self.part
        distinct = "DISTINCT " if part.distinct else ""
        text = _Text.of(
            (part.body, part.body_at), f"RETURN {distinct}", (part.items, part.items_at)
        )
        with self._errors(text):
            reader = self._ask(text, {})
            yield pa.Table.from_batches([], _plain(reader.schema))
            for batch in reader:
                yield _plain_table(pa.Table.from_batches([batch]))

    def joined(self, table: pa.Table) -> pa.Table:
        """Return each row of a table beside each row that the part gives for it."""
        numbers, rows = _numbered(table, self.part.imports)
        found = self._answers(rows)
        place = found.column(PLACE).to_numpy().astype(np.int64)
        order = np.argsort(place, kind="stable")  # a part's ORDER BY holds for each row
        count = np.bincount(place, minlength=len(rows))
        first = np.cumsum(count) - count
        often = count[numbers]
        left = np.repeat(np.arange(len(numbers)), often)
        within = np.arange(len(left)) - np.repeat(np.cumsum(often) - often, often)
        right = order[np.repeat(first[numbers], often) + within]
        return _beside(table.take(left), found.drop_columns([PLACE]).take(right))

    def _answers(self, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
        """Return what the part gives for rows of variables, numbered in the column PLACE."""
        if self.store.kind == "neo4j":
            return self._batch(self._nested(), rows)
        if self.part.together:
            return self._batch(self._unwound(), rows)
        # LIMIT, aggregates and WITH would join rows: each is asked for alone
        found = []
        text = self._single()
        for place, row in enumerate(rows):
            values = {f"{VALUE}{at}": one for at, one in enumerate(row.values())}
            with self._errors(text):
                one = _plain_table(self._ask(text, values).read_all())
            found.append(one.append_column(PLACE, pa.array(np.full(one.num_rows, place))))
        return pa.concat_tables(found, promote_options="permissive")

    def _batch(self, text: _Text, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
        numbered = [{PLACE: place, **row} for place, row in enumerate(rows)]
        with self._errors(text):
            return _plain_table(self._ask(text, {ROWS: numbered}).read_all())

    def _nested(self) -> _Text:
        """Return the text for a store that has subqueries: the part is one, as it stands."""
        part = self.part
        distinct = "DISTINCT " if part.distinct else ""
        columns = ", ".join([f"{ROW}.{PLACE} AS {PLACE}", *map(_quoted, part.columns)])
        return _Text.of(
            f"UNWIND ${ROWS} AS {ROW} CALL {{ WITH {ROW} WITH {_imports(part)} ",
            (part.body, part.body_at),
            f"RETURN {distinct}",
            (part.items, part.items_at),
            f" }} RETURN {columns}",
        )

    def _unwound(self) -> _Text:
        """Return the text for a store without: the number of the row goes through the part."""
        part = self.part
        distinct = "DISTINCT " if part.distinct else ""
        return _Text.of(
            f"UNWIND ${ROWS} AS {ROW} WITH {ROW}.{PLACE} AS {PLACE}, {_imports(part)} ",
            (part.body, part.body_at),
            f"RETURN {distinct}{PLACE} AS {PLACE}, ",
            (part.items, part.items_at),
        )

    def _single(self) -> _Text:
        part = self.part
        distinct = "DISTINCT " if part.distinct else ""
        return _Text.of(
            "WITH "
            + ", ".join(f"${VALUE}{at} AS {_quoted(one)}" for at, one in enumerate(part.imports))
            + " ",
            (part.body, part.body_at),
            f"RETURN {distinct}",
            (part.items, part.items_at),
        )

    def _ask(self, text: _Text, rows: Mapping[str, Any]) -> pa.RecordBatchReader:
        values = {**self.given, **rows}
        used = {name: values[name] for name in parameters_of(text.text)}
        return self.store.query(text.text, used, limit_seconds=self.limit.left())

    def _errors(self, text: _Text) -> _Errors:
        return _Errors(self.query, self.part, text)


@dataclass(frozen=True)
class _Errors:
    """Lets a store's error show the place in the whole query instead of that in its text."""

    query: FederatedQuery
    part: Part
    text: _Text

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: Any
    ) -> None:
        if not isinstance(error, QueryError):
            return
        at = None
        if error.line is not None and error.column is not None:
            at = self.text.origin(error.line, error.column)
        message = str(error)
        if error.line is not None and error.column is not None:
            message = message.removeprefix(f"line {error.line}, column {error.column}: ")
            message = message.partition("\n  ")[0]  # the line of the text that was sent
        raise query_error(
            f"{self.part.store}: {message}", self.query.text,
            self.part.at if at is None else at, error.hint,
        ) from None  # fmt: skip


def _imports(part: Part) -> str:
    return ", ".join(f"{ROW}.{_quoted(one)} AS {_quoted(one)}" for one in part.imports)


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _numbered(
    table: pa.Table, names: Sequence[str]
) -> tuple[np.ndarray[Any, np.dtype[np.int64]], list[dict[str, Any]]]:
    """Return the number of each row's values among the distinct ones, and these."""
    places: dict[Any, int] = {}
    distinct: list[dict[str, Any]] = []
    numbers = np.empty(table.num_rows, np.int64)
    for at, row in enumerate(table.select(list(names)).to_pylist()):
        key = tuple(identity(one) for one in row.values())
        place = places.setdefault(key, len(places))
        if place == len(distinct):
            distinct.append(row)
        numbers[at] = place
    return numbers, distinct


def _beside(left: pa.Table, right: pa.Table) -> pa.Table:
    for name, column in zip(right.column_names, right.columns, strict=True):
        left = left.append_column(name, column)
    return left


def _batches(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Yield the rows of tables in pieces of at most `rows`; nothing where there are none."""
    for table in tables:
        for start in range(0, table.num_rows, rows):
            yield table.slice(start, rows)


def _plain_table(table: pa.Table) -> pa.Table:
    return table.cast(_plain(table.schema))


def _plain(schema: pa.Schema) -> pa.Schema:
    """Return a schema without decimals, which not every store takes as a parameter."""
    fields = []
    for one in schema:
        kind = one.type
        if pa.types.is_decimal(kind):
            kind = pa.int64() if kind.scale == 0 else pa.float64()
        fields.append(pa.field(one.name, kind))
    return pa.schema(fields)
