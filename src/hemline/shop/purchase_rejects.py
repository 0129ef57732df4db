"""Where the purchases that were not taken stand in their file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import ibis
import numpy as np
import numpy.typing as npt

from hemline.engines.base import Engine
from hemline.shop import rejects as why
from hemline.shop.checks import checked_purchases
from hemline.shop.keyed import found_rows, with_text
from hemline.shop.records import Record
from hemline.shop.rejects import WAITING, Reject
from hemline.shop.source import CsvSource

if TYPE_CHECKING:
    from hemline.shop.purchases import Purchases

FARTHEST = 4096
"""How far two joins may move a row: a vector of 2,048 rows each."""

MOST_JUDGED = 2_000_000
"""Rows around bad ones that are judged again; beyond it the whole file is read again."""


def rejected_purchases(found: Purchases) -> Iterator[Reject]:
    """Say of every purchase that was not taken where it stands, with reason and text."""
    if isinstance(found.reader.source, CsvSource):
        guessed = _guessed(found)
        if guessed is not None:
            return guessed
    # read the source a second time, row by row
    numbered = found.engine.numbers_csv or not isinstance(found.reader.source, CsvSource)
    rows = _judged(found, found.reader.rows(numbered=numbered))
    return found.reader.locate(found_rows(found.engine, _bad_rows(rows), WAITING))


def _guessed(found: Purchases) -> Iterator[Reject] | None:
    """Look for bad rows near where they lie in the staged table; None where that fails.

    Joins move rows a little while they are staged. So the records around each place are
    judged again, by themselves. When they hold as many bad rows for each reason as there
    are in all, they hold all bad rows: none is found twice, and each found is bad.
    """
    reader, engine = found.reader, found.engine
    placed = engine.placed(found.staged, "staged")
    if placed is None:
        return None
    bad = _bad_rows(_with_fates(found, placed, "text"))
    near = _near(engine, bad, found.staged)
    if near is None:
        return None
    lines: list[int] = []
    copy = reader.copy(_noted(reader.records(near), lines), "near")
    again = _bad_rows(_judged(found, reader.rows(numbered=True, copy=copy)))
    if _by_verdict(engine, again) != _by_verdict(engine, bad):
        return None
    return reader.rejected(copy, lines, list(found_rows(engine, again, WAITING)))


def _near(engine: Engine, bad: ibis.Table, staged: ibis.Table) -> npt.NDArray[np.int64] | None:
    """Return the places around bad rows, int64 ascending; None when they are too many."""
    (counted,) = engine.rows(bad.aggregate(n=bad.count()))
    if counted["n"] > MOST_JUDGED:
        return None
    (size,) = engine.rows(staged.aggregate(n=staged.count()))
    places = engine.table(bad.select("row").order_by("row")).column(0).to_numpy()
    low = np.maximum(places - FARTHEST, 0)
    high = np.minimum(places + FARTHEST + 1, size["n"])
    low[1:] = np.maximum(low[1:], high[:-1])  # each place once
    lengths = np.maximum(high - low, 0)
    if lengths.sum() > MOST_JUDGED:
        return None
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    near: npt.NDArray[np.int64] = np.repeat(low, lengths) + within
    return near


def _noted(records: Iterator[Record], lines: list[int]) -> Iterator[Record]:
    for record in records:
        lines.append(record.line)
        yield record


def _by_verdict(engine: Engine, rows: ibis.Table) -> dict[int, int]:
    counted = engine.rows(rows.group_by("verdict").aggregate(n=rows.count()))
    return {one["verdict"]: one["n"] for one in counted}


def _judged(found: Purchases, raw: ibis.Table) -> ibis.Table:
    """Return numbered rows with their `text` and the final `verdict`."""
    rows = checked_purchases(with_text(raw, found.reader.columns), found.until)
    return _with_fates(found, rows, "id")


def _bad_rows(rows: ibis.Table) -> ibis.Table:
    return rows.filter(~rows.verdict.isin([why.TAKEN, why.AFTER_UNTIL]))


def _with_fates(found: Purchases, rows: ibis.Table, column: str) -> ibis.Table:
    """Let the fates of unknown ids have a say in the verdict on each row."""
    for name in found.names:
        bad = found.bad_names(name)
        if bad is None:
            continue
        fates = bad.select(**{f"{name}_bad": bad[f"{name}_text"], f"{name}_fate": bad.fate})
        rows = rows.left_join(fates, rows[f"{name}_{column}"] == fates[f"{name}_bad"])
        fate = rows[f"{name}_fate"].fill_null(why.TAKEN)
        rows = rows.mutate(verdict=ibis.ifelse(rows.verdict == why.TAKEN, fate, rows.verdict))
    return rows
