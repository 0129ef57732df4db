"""CSV files read by Spark, line by line, by the rules of the walk through a file.

Spark's own CSV reader takes a line with too few fields, a quote that is never closed and text
that is no text, each in its way. Here a line is first of all a line: it is judged by the patterns
that `shop.records` judges by, and what is wrong with it is known with its text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hemline.engines.base import TEXT

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

MAX_RECORD: Final = 2_000_000
TEXT_LENGTH: Final = 1000

LINE_TOO_LONG: Final = "line too long"
WRONG_COLUMN_COUNT: Final = "wrong column count"
BROKEN_QUOTING: Final = "broken quoting"
NOT_UTF8: Final = "not UTF-8"
OPEN: Final = "open"
"""A line that is not judged by itself: a quoted field may go on in the next one."""

HEADER: Final = "header"


@dataclass(frozen=True)
class Lines:
    """The lines of one CSV file, for Spark.

    Attributes
    ----------
    width : int
        Number of columns.
    newline : str
        What ends a line; a carriage return before a line feed belongs to it.
    used : tuple of int
        The columns that are read, from 0: only they must be UTF-8.
    """

    uri: str
    delimiter: str
    width: int
    newline: str
    used: tuple[int, ...]

    def judged(self, session: SparkSession) -> DataFrame:
        """Return `line`, `id` (0 for the header), `fields` and `problem` of every line.

        `problem` is null for a sound record, and empty lines of several columns are left out.
        """
        from pyspark.sql import functions as f

        raw = f.col("value")
        # without a pattern, which would make text of bytes that are none
        cut = "if(endswith(value, '\\r'), left(value, length(value) - 1), value)"
        line = f.expr(cut) if self.newline == "\n" else raw
        read = session.read.option("lineSep", self.newline)
        lines = read.text(self.uri).select(
            raw, f.monotonically_increasing_id().alias("id"), line.alias("line")
        )
        if self.width > 1:
            lines = lines.filter(f.expr("line != '' OR id = 0"))
        lines = lines.withColumn("parts", f.expr(f"split(line, {_sql(self._mark)}, -1)"))
        return lines.withColumn("problem", f.expr(self._problem())).select(
            "line", "id", "parts", "problem"
        )

    def rows(self, session: SparkSession, picks: Mapping[str, int]) -> DataFrame:
        """Return the sound records: columns by name, empty fields null, and the line as `TEXT`."""
        from pyspark.sql import functions as f

        sound = self.judged(session).filter("problem IS NULL AND id > 0")
        columns = [
            f.expr(f"nullif({self._field(at)}, '')").alias(name) for name, at in picks.items()
        ]
        return sound.select(*columns, f.expr(_SHOWN).alias(TEXT))

    def counts(self, session: SparkSession) -> tuple[str, dict[str, int]]:
        """Return the first line, and how many lines each problem has; one pass over the file."""
        from pyspark.sql import functions as f

        lines = self.judged(session)
        found = lines.filter("id = 0 OR problem IS NOT NULL").groupBy(
            f.expr(f"CASE WHEN id = 0 THEN '{HEADER}' ELSE problem END").alias("problem")
        )
        rows = found.agg(f.count("*").alias("n"), f.first("line").alias("line")).collect()
        head = next((one["line"] for one in rows if one["problem"] == HEADER), "")
        return head, {one["problem"]: one["n"] for one in rows if one["problem"] != HEADER}

    def broken(self, session: SparkSession) -> DataFrame:
        """Return `problem` and `TEXT` of the lines that are no records."""
        from pyspark.sql import functions as f

        lines = self.judged(session).filter("problem IS NOT NULL AND id > 0")
        return lines.select("problem", f.expr(_SHOWN).alias(TEXT))

    @property
    def _mark(self) -> str:
        # a pattern of one character is none, and fast
        return "\\|" if self.delimiter == "|" else self.delimiter

    def _problem(self) -> str:
        mark = _sql(self.delimiter)
        # fields cut by a pattern are made text; so are a line's with quotes, which is left to
        # the driver when it has bytes that are no text
        used = ", ".join(
            f"substring_index(substring_index(line, {mark}, {at + 1}), {mark}, -1)"
            for at in self.used
        )
        encoding = (
            f"CASE WHEN NOT is_valid_utf8(line) AND NOT is_valid_utf8(concat({used})) "
            f"THEN '{NOT_UTF8}' END"
        )
        return f"""CASE
  WHEN octet_length(line) > {MAX_RECORD} THEN '{LINE_TOO_LONG}'
  WHEN contains(line, '"') THEN CASE
    WHEN NOT is_valid_utf8(line) THEN '{OPEN}'
    WHEN line RLIKE {_sql(self._exact)} THEN NULL
    WHEN value RLIKE {_sql(self._open)} THEN '{OPEN}'
    WHEN line RLIKE {_sql(self._any)} THEN '{WRONG_COLUMN_COUNT}'
    ELSE '{BROKEN_QUOTING}' END
  WHEN size(parts) != {self.width}
    AND NOT (size(parts) = {self.width + 1} AND endswith(line, {mark}))
    THEN '{WRONG_COLUMN_COUNT}'
  ELSE {encoding} END"""

    def _field(self, at: int) -> str:
        """Return the SQL of one field: by its place, or by pattern where the line has quotes."""
        mark = re.escape(self.delimiter)
        before = f"^(?:{self._one}{mark}){{{at}}}({self._one})"
        found = f"regexp_extract(line, {_sql(before)}, 1)"
        within = _sql('(?s)^ *"(.*)" *\\z')
        inner = f"replace(regexp_extract({found}, {within}, 1), '\"\"', '\"')"
        return (
            f"CASE WHEN contains(line, '\"') THEN CASE WHEN ltrim({found}) LIKE '\"%' "
            f"THEN {inner} ELSE {found} END ELSE get(parts, {at}) END"
        )

    @property
    def _one(self) -> str:
        # a quoted field, spaces around it allowed, or one that does not start with a quote
        quoted = r' *+"[^"]*+(?:""[^"]*+)*+" *+'
        return rf'(?:{quoted}|(?! *+")[^{re.escape(self.delimiter)}]*+)'

    @property
    def _exact(self) -> str:
        mark = re.escape(self.delimiter)
        return rf"^{self._one}(?:{mark}{self._one}){{{self.width - 1}}}{mark}?\z"

    @property
    def _any(self) -> str:
        return rf"^{self._one}(?:{re.escape(self.delimiter)}{self._one})*+\z"

    @property
    def _open(self) -> str:
        before = rf"(?:{self._one}{re.escape(self.delimiter)})*"
        return rf'^{before} *+"[^"]*+(?:""[^"]*+)*+\z'


_SHOWN: Final = f"make_valid_utf8(substr(line, 1, {TEXT_LENGTH}))"


def _sql(text: str) -> str:
    """Return text as a literal of SQL."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
