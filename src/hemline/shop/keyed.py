"""Tables with one row an id: products and customers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import and_
from typing import Any

import ibis
import ibis.expr.types as ir

from hemline.engines.base import ROW, TEXT, Engine
from hemline.errors import EmptyTableError
from hemline.shop import rejects as why
from hemline.shop.checks import usable_id
from hemline.shop.padding import NO_PADDING, Padding, find_padding
from hemline.shop.reading import Reader
from hemline.shop.rejects import VERDICTS, Bad, Rejects, verdict


@dataclass(frozen=True)
class Keyed:
    """The rows that were kept of a table.

    Attributes
    ----------
    table : ibis.Table
        One row an id, with what `typed` made of the columns.
    summary : dict
        Rows read, kept, repeats, rejects by reason, ids padded.
    padding : Padding
        How the ids are written.
    """

    table: ibis.Table
    summary: dict[str, Any] = field(default_factory=dict)
    padding: Padding = NO_PADDING


def read_keyed(
    reader: Reader,
    key: str,
    typed: Callable[[ibis.Table], dict[str, ir.Value]],
    rejects: Rejects,
    elsewhere: Callable[[], Iterable[str]] = tuple,
    padding: Padding | None = None,
) -> Keyed:
    """Read a table, give its ids their zeros back, and keep the first row of each id.

    A later row that says the same is a repeat; one that says something else is rejected.

    Parameters
    ----------
    typed : function
        From the raw rows to Hemline's columns by name, `key` among them.
    padding : Padding, optional
        How the ids are written; found out when None.

    Raises
    ------
    EmptyTableError
        The file has no rows.
    """
    engine, name = reader.engine, reader.name

    def judged(raw: ibis.Table) -> ibis.Table:
        columns = raw.select(**typed(raw), row=raw.row)
        bad = ibis.cases(
            (columns[key].isnull(), verdict(why.EMPTY_ID)),
            (~usable_id(columns[key]), verdict(why.UNUSABLE_ID)),
            else_=why.TAKEN,
        )
        return columns.mutate(verdict=bad.cast("int8"))

    read = reader.store(f"{name}_read", judged, numbered=True)
    n = engine.rows(read.aggregate(n=read.count()))[0]["n"]
    if n + len(reader.broken) == 0:
        raise EmptyTableError(
            f"{reader.source.label} has no rows", hint="leave it away if the shop has none"
        )
    sound = read.filter(read.verdict == why.TAKEN)
    if padding is None:
        padding = find_padding(engine, sound, key, elsewhere)
    padded = engine.rows(sound.aggregate(n=padding.short(sound[key]).sum()))[0]["n"] or 0
    if padded:
        sound = sound.mutate(**{key: padding(sound[key])})
        if padding.code_width:
            code = Padding(padding.code_width)(sound.product_code)
            sound = sound.mutate(product_code=code)
    others = _second_rows(engine, name, sound, key)
    rejected = read.filter(read.verdict != why.TAKEN)
    repeats = 0
    if others is not None:
        (counted,) = engine.rows(others.aggregate(n=others.repeat.sum()))
        repeats = int(counted["n"] or 0)
        taken = others.filter(~others.repeat).select("row")
        again = read.semi_join(taken, "row")
        again = again.mutate(verdict=ibis.literal(verdict(why.ID_TAKEN), rejected.verdict.type()))
        rejected = rejected.union(again)
        sound = sound.anti_join(others, "row")
    rejects.add(name, reader.broken)
    listed = with_text(rejected, reader.columns)
    rejects.add(name, reader.locate(found_rows(engine, listed)))
    kept = engine.store(f"{name}_kept", sound.drop("row", "verdict"))
    engine.drop(f"{name}_read", f"{name}_others")
    summary = {
        "rows_read": n + len(reader.broken),
        "rows_kept": engine.rows(kept.aggregate(n=kept.count()))[0]["n"],
        "repeats": repeats,
        "rejects": rejects.reasons(name),
        "ids_padded": int(padded),
    }
    return Keyed(kept, summary, padding)


def count_nulls(engine: Engine, kept: ibis.Table, names: Iterable[str]) -> dict[str, int]:
    """Return how many values are missing, for those columns that are there and lack some."""
    counts = {name: kept[name].isnull().sum() for name in names if name in kept.columns}
    if not counts:
        return {}
    (found,) = engine.rows(kept.aggregate(**counts))
    return {name: int(n) for name, n in found.items() if n}


def with_text(table: ibis.Table, columns: Iterable[str]) -> ibis.Table:
    """Add `text`: the values of a row with commas between, for the list of rejects.

    A line of a file that is there already stays.
    """
    if TEXT in table.columns:
        return table
    values = [table[one].cast("string").fill_null("") for one in columns]
    return table.mutate(text=reduce(lambda left, right: left + "," + right, values))


def found_rows(engine: Engine, rejected: ibis.Table, waiting: Sequence[str] = ()) -> Iterator[Bad]:
    """Yield rejected rows in the order of the source.

    Parameters
    ----------
    waiting : names of columns
        What is kept of those whose article is unknown, `rejects.WAITING` or nothing.
    """
    if ROW not in rejected.columns:
        # the engine reads a file in parts, and numbers no rows
        rejected = rejected.mutate(row=ibis.null("int64"))
    listed = rejected.select("row", "verdict", "text", *waiting).order_by("row")
    for batch in engine.batches(listed, 50_000):
        for one in batch.to_pylist():
            reason, kept = VERDICTS[one["verdict"]], None
            if waiting and reason == why.UNKNOWN_ARTICLE:
                kept = tuple(one[name] for name in waiting)
            yield Bad(one["row"], reason, one["text"], kept)


def _second_rows(engine: Engine, name: str, sound: ibis.Table, key: str) -> ibis.Table | None:
    """Return `row` and `repeat` of all but the first row of each id; None where there are none."""
    firsts = sound.group_by(key).aggregate(first=sound.row.min(), n=sound.count())
    twice = firsts.filter(firsts.n > 1)
    if not engine.rows(twice.aggregate(n=twice.count()))[0]["n"]:
        return None
    several = sound.inner_join(twice, key)
    first = several.filter(several.row == several.first).view()
    later = several.filter(several.row != several.first)
    pairs = later.inner_join(first, later.first == first.first)
    columns = [one for one in sound.columns if one not in ("row", "verdict")]
    same = reduce(and_, (later[one].identical_to(first[one]) for one in columns))
    return engine.store(f"{name}_others", pairs.select(row=later.row, repeat=same))
