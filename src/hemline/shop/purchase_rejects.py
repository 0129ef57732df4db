"""Where the purchases that were not taken stand in their file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import ibis

from hemline.shop import rejects as why
from hemline.shop.checks import checked_purchases
from hemline.shop.keyed import found_rows, with_text
from hemline.shop.records import shown
from hemline.shop.rejects import VERDICTS, Reject
from hemline.shop.source import CsvSource

if TYPE_CHECKING:
    from hemline.shop.purchases import Purchases

MOST_GUESSED = 1_000_000
"""Bad rows that are held in memory at once."""


def rejected_purchases(found: Purchases) -> Iterator[Reject]:
    """Say of every purchase that was not taken where it stands, with reason and text."""
    if isinstance(found.reader.source, CsvSource):
        guessed = _guessed(found)
        if guessed is not None:
            return guessed
    # read the source a second time, row by row
    rows = _judged(found, found.reader.rows(numbered=True))
    return found.reader.locate(found_rows(found.engine, _bad_rows(rows)))


def _guessed(found: Purchases) -> Iterator[Reject] | None:
    """Take bad rows for where they lie in the staged table, and prove it; None where it fails.

    The proof: the records at these places, read and judged alone, are bad for the same
    reasons. They are as many as there are bad rows, so they are the bad rows.
    """
    reader, engine = found.reader, found.engine
    placed = engine.placed(found.staged, "staged")
    bad = _bad_rows(_with_fates(found, placed, "text"))
    (counted,) = engine.rows(bad.aggregate(n=bad.count()))
    if counted["n"] > MOST_GUESSED:
        return None
    expected = engine.table(bad.select("row", "verdict").order_by("row"))
    records = list(reader.records(expected.column("row").to_numpy()))
    copy = reader.copy(records, "guessed")
    judged = _judged(found, reader.rows(numbered=True, copy=copy))
    verdicts = engine.table(judged.order_by("row").select("verdict")).column(0).to_pylist()
    if verdicts != expected.column("verdict").to_pylist():
        return None
    return (
        Reject(reader.file_name, record.line, VERDICTS[one], shown(record.raw))
        for record, one in zip(records, verdicts, strict=True)
    )


def _judged(found: Purchases, raw: ibis.Table) -> ibis.Table:
    """Return numbered rows with their `text` and the final `verdict`."""
    rows = checked_purchases(with_text(raw, found.reader.columns), found.until)
    return _with_fates(found, rows, "id")


def _bad_rows(rows: ibis.Table) -> ibis.Table:
    return rows.filter(~rows.verdict.isin([why.TAKEN, why.AFTER_UNTIL]))


def _with_fates(found: Purchases, rows: ibis.Table, column: str) -> ibis.Table:
    """Let the fates of unknown ids have a say in the verdict on each row."""
    for name in found.names:
        bad = bad_names(found, name)
        if bad is None:
            continue
        fates = bad.select(**{f"{name}_bad": bad[f"{name}_text"], f"{name}_fate": bad.fate})
        rows = rows.left_join(fates, rows[f"{name}_{column}"] == fates[f"{name}_bad"])
        fate = rows[f"{name}_fate"].fill_null(why.TAKEN)
        rows = rows.mutate(verdict=ibis.ifelse(rows.verdict == why.TAKEN, fate, rows.verdict))
    return rows


def bad_names(found: Purchases, name: str) -> ibis.Table | None:
    """Return the unknown ids that cost their purchases; None when there are none."""
    names = found.names[name]
    bad = names.filter(names.fate != why.TAKEN)
    (counted,) = found.engine.rows(bad.aggregate(n=bad.count()))
    return bad if counted["n"] else None
