"""Rows that cannot be taken: why, where they stood, and what they said."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import ibis
import pyarrow as pa

from hemline import schema
from hemline.engines.base import Engine
from hemline.errors import TooManyRejectsError
from hemline.shop.writing import write_parquet

WRONG_COLUMN_COUNT: Final = "wrong column count"
BROKEN_QUOTING: Final = "broken quoting"
NOT_UTF8: Final = "not UTF-8"
LINE_TOO_LONG: Final = "line too long"
UNPARSABLE_DATE: Final = "unparsable date"
EMPTY_ID: Final = "empty id"
UNUSABLE_ID: Final = "unusable id"
UNPARSABLE_PRICE: Final = "unparsable price"
NEGATIVE_PRICE: Final = "negative price"
UNPARSABLE_CHANNEL: Final = "unparsable channel"
UNPARSABLE_QUANTITY: Final = "unparsable quantity"
UNKNOWN_ARTICLE: Final = "unknown article"
ID_TAKEN: Final = "another row has this id"

VERDICTS: Final = (
    "taken",
    "after until",
    UNPARSABLE_DATE,
    EMPTY_ID,
    UNUSABLE_ID,
    UNPARSABLE_PRICE,
    NEGATIVE_PRICE,
    UNPARSABLE_CHANNEL,
    UNPARSABLE_QUANTITY,
    UNKNOWN_ARTICLE,
    ID_TAKEN,
)
"""What a check of values may find, by number: tables hold a byte, not a sentence."""

TAKEN: Final = 0
AFTER_UNTIL: Final = 1

TABLES: Final = ("articles", "customers", "purchases")

WAITING: Final = ("customer_id", "article_id", "time", "price", "channel", "quantity")
"""What is kept of a purchase of an unknown article; a null for any other row."""

TEXT_LENGTH: Final = 1000
"""Longer rows are cut in the list of rejects."""


def verdict(reason: str) -> int:
    """Return the number of a reason that a check of values may find."""
    return VERDICTS.index(reason)


class Bad(NamedTuple):
    """One row that was not taken, by its number in the source; None where rows have none.

    `purchase` has the values of `WAITING`.
    """

    row: int | None
    reason: str
    text: str
    purchase: tuple[Any, ...] | None = None


class Reject(NamedTuple):
    """The same by its file and line; `line` is None where it could not be told."""

    file: str
    line: int | None
    reason: str
    text: str | None
    purchase: tuple[Any, ...] | None = None


class Rejects:
    """Collects rejected rows in the engine and writes them in the order of the files."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.counts: dict[str, dict[str, int]] = {one: {} for one in TABLES}
        self.any = False

    def add(self, table: str, rejects: Iterable[Reject]) -> None:
        """Take rejects of a table, a block at a time."""
        rejects = iter(rejects)
        counts = self.counts[table]
        while block := list(islice(rejects, 50_000)):
            for one in block:
                counts[one.reason] = counts.get(one.reason, 0) + 1
            columns: dict[str, Any] = {
                name: [getattr(one, name) for one in block] for name in Reject._fields[:-1]
            }
            nothing = (None,) * len(WAITING)
            said = zip(*(one.purchase or nothing for one in block), strict=True)
            columns |= {name: list(values) for name, values in zip(WAITING, said, strict=True)}
            rows = pa.table(columns, schema=schema.REJECTS)
            place = pa.array([TABLES.index(table)] * len(block), pa.int8())
            self.engine.append("rejects", rows.append_column("place", place))
            self.any = True

    def count(self, table: str) -> int:
        """Return how many rows of a table were rejected."""
        return sum(self.counts[table].values())

    def reasons(self, table: str) -> dict[str, int]:
        """Return how often each reason was found in a table, the commonest first."""
        return dict(sorted(self.counts[table].items(), key=lambda one: (-one[1], one[0])))

    def write(self, path: Path) -> None:
        """Write all rejects, schema.REJECTS, by table, file and line."""
        batches: Iterable[pa.RecordBatch] = ()
        if self.any:
            stored = self._stored()
            order = ["place", "file", stored.line.asc(nulls_first=False), "reason", "text"]
            ordered = stored.order_by(order).select(*schema.REJECTS.names)
            batches = self.engine.batches(ordered, 50_000)
        write_parquet(path, schema.REJECTS, batches)

    def check(self, table: str, read: int, most: float, path: Path) -> None:
        """Stop the run when too large a share of a table was rejected.

        Raises
        ------
        TooManyRejectsError
            More than the share `most` of the `read` rows; the rejects are at `path` then.
        """
        count = self.count(table)
        if count <= most * read:
            return
        self.write(path)
        reasons = list(self.reasons(table).items())[:3]
        commonest = ", ".join(f"{reason} ({n:,})" for reason, n in reasons)
        example = self._example(table, reasons[0][0])
        raise TooManyRejectsError(
            f"{count:,} of {read:,} rows of the {table} were rejected "
            f"({count / read:.1%}, allowed are {most:.1%}): {commonest}. "
            f"For example {example}. All of them are in {path}",
            hint="correct the file or [columns]; a larger share is allowed by "
            "ingest.max_reject_share",
        )

    def _example(self, table: str, reason: str) -> str:
        stored = self._stored()
        chosen = (stored.place == TABLES.index(table)) & (stored.reason == reason)
        first = stored.filter(chosen).order_by(stored.line).limit(1)
        row = self.engine.rows(first)[0]
        return f"{row['file']}, line {row['line']}, {reason}: {(row['text'] or '')[:120]!r}"

    def _stored(self) -> ibis.Table:
        return self.engine.stored("rejects")
