"""The last RETURN of a federated query, over the rows that its parts gave."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from hemline.graph.expressions import Expression, Name, aggregates_of
from hemline.graph.federation_form import FederatedQuery, Last
from hemline.graph.tokens import query_error
from hemline.graph.values import Evaluator, aggregated, identity, order

Row = dict[str, Any]
BATCH = 65_536
"""Rows of a batch of the answer."""


def answer(
    query: FederatedQuery, tables: Iterable[pa.Table], parameters: Mapping[str, Any]
) -> pa.RecordBatchReader:
    """Return the rows that the last RETURN makes of those of the parts.

    Rows that are only chosen, cut and renamed go through as they come; to order, to group
    and to compute, they are held.

    Parameters
    ----------
    query : FederatedQuery
    tables : iterable of Arrow tables
        The joined rows, a batch each; all have the same columns.
    parameters : mapping
    """
    last = query.last
    evaluator = Evaluator(query.text, parameters)
    skip = _count(query, evaluator, last.skip) or 0
    limit = _count(query, evaluator, last.limit)
    plain = all(isinstance(one.expression, Name) for one in last.items)
    if plain and not last.distinct and not last.order:
        return _passed(last, tables, skip, limit)
    rows = (row for table in tables for row in table.to_pylist())
    made = _grouped(last, evaluator, rows) if last.groups else _projected(last, evaluator, rows)
    if last.distinct:
        made = _distinct(made)
    found = _ordered(last, evaluator, made)
    chosen = found[skip : None if limit is None else skip + limit]
    columns = [[row[one.name] for row, _ in chosen] for one in last.items]
    return _table(last, columns).to_reader(BATCH)


def _count(query: FederatedQuery, evaluator: Evaluator, of: Expression | None) -> int | None:
    if of is None:
        return None
    found = evaluator.value(of, {})
    if isinstance(found, bool) or not isinstance(found, int) or found < 0:
        raise query_error(f"{found!r} is no number of rows", query.text, of.at)
    return found


def _passed(
    last: Last, tables: Iterable[pa.Table], skip: int, limit: int | None
) -> pa.RecordBatchReader:
    names = [one.expression.name for one in last.items if isinstance(one.expression, Name)]

    def cut() -> Iterator[pa.Table]:
        start, left = skip, limit
        for table in tables:
            if left == 0:
                return
            part = table.select(names).slice(start, left)
            start = max(0, start - table.num_rows)
            left = None if left is None else left - part.num_rows
            if part.num_rows:
                yield part.rename_columns([one.name for one in last.items])

    batches = cut()
    first = next(batches, None)
    if first is None:
        return _table(last, [[] for _ in names]).to_reader()

    def following() -> Iterator[pa.RecordBatch]:
        yield from first.to_batches()
        for table in batches:
            yield from table.cast(first.schema).to_batches()

    return pa.RecordBatchReader.from_batches(first.schema, following())


Made = Iterator[tuple[Row, Row]]
"""Rows that RETURN made, each with what its ORDER BY may name besides."""


def _projected(last: Last, evaluator: Evaluator, rows: Iterable[Row]) -> Made:
    for row in rows:
        yield {one.name: evaluator.value(one.expression, row) for one in last.items}, row


def _grouped(last: Last, evaluator: Evaluator, rows: Iterable[Row]) -> Made:
    keys = [one for one in last.items if not aggregates_of(one.expression)]
    calls = {call: None for one in last.items for call in aggregates_of(one.expression)}
    groups: dict[Any, tuple[Row, list[list[Any]]]] = {}
    if not keys:
        groups[()] = ({}, [[] for _ in calls])  # no row at all is a group, too
    for row in rows:
        values = [evaluator.value(one.expression, row) for one in keys]
        key = tuple(identity(one) for one in values)
        if key not in groups:
            named = {one.name: value for one, value in zip(keys, values, strict=True)}
            groups[key] = (named, [[] for _ in calls])
        for call, held in zip(calls, groups[key][1], strict=True):
            held.append(True if call.star else evaluator.value(call.arguments[0], row))
    for named, columns in groups.values():
        known: dict[Expression, Any] = {one.expression: named[one.name] for one in keys}
        for call, held in zip(calls, columns, strict=True):
            try:
                known[call] = aggregated(call.function, held, distinct=call.distinct)
            except TypeError as error:
                raise query_error(
                    f"this cannot be computed: {error}", evaluator.query, call.at
                ) from None
        yield (
            {one.name: evaluator.value(one.expression, named, known) for one in last.items},
            {},
        )


def _distinct(made: Made) -> Made:
    seen = set()
    for row, _ in made:
        key = tuple(identity(one) for one in row.values())
        if key not in seen:
            seen.add(key)
            yield row, {}


def _ordered(last: Last, evaluator: Evaluator, made: Made) -> list[tuple[Row, Row]]:
    rows = list(made)
    for expression, falls in reversed(last.order):  # sorting is stable: the last key first

        def key(pair: tuple[Row, Row], by: Expression = expression) -> Any:
            row, behind = pair
            known = {one.expression: row[one.name] for one in last.items}
            return order(evaluator.value(by, {**behind, **row}, known))

        rows.sort(key=key, reverse=falls)
    return rows


def _table(last: Last, columns: list[list[Any]]) -> pa.Table:
    arrays = [_array(values) for values in columns]
    return pa.Table.from_arrays(arrays, names=[one.name for one in last.items])


def _array(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # values of different kinds in one column
        return pa.array([None if one is None else str(one) for one in values], pa.string())
