"""What Ibis says otherwise on Spark than on DuckDB: text into numbers and moments, patterns.

Ibis' `try_cast` is each engine's own, and they differ in what text they take: Spark reads
"1.5d" as a number and "2020" as a date, DuckDB "1_000" and "2020/9/2". Here Spark is told
DuckDB's rules, as functions in its own SQL, which need no Python on the executors.
"""

from __future__ import annotations

from typing import Any, Final

import sqlglot.expressions as sge
from ibis.backends.sql.compilers.pyspark import PySparkCompiler

_SPACE: Final = r"[ \t\n\x0b\f\r]*"
_DIGITS: Final = "[0-9]+(?:_[0-9]+)*"
_NUMBER: Final = (
    rf"^{_SPACE}[+]?-?(?:{_DIGITS}(?:[.](?:{_DIGITS})?)?|[.]{_DIGITS})"
    rf"(?:[eE][+-]?{_DIGITS})?{_SPACE}\z"
)
_DAY: Final = rf"{_SPACE}([0-9]{{1,5}})([-/ \\])([0-9]{{1,2}})\2([0-9]{{1,2}})"
_CLOCK: Final = r"([0-9]{1,2}):([0-9]{1,2})"
_ZONE: Final = r"(Z|[+-][0-9]{2}(?::[0-9]{2}(?::[0-9]{2})?|[0-9]{2})?| [A-Za-z][A-Za-z0-9_/+-]+)?"
_MOMENT: Final = (
    rf"^{_DAY}(?:\z|(?:T|[ \t\n\x0b\f\r]){_SPACE}{_CLOCK}"
    rf"(?:\z|:([0-9]{{1,2}})(?:[.][0-9]*)?{_ZONE} *\z))"
)
"""1 year, 2 mark, 3 month, 4 day, 5 hour, 6 minute, 7 second, 8 zone."""


_PATTERNS: Final = {
    "PLAIN_NUMBER": r"^-?[0-9]+(?:[.][0-9]+)?\z",
    "NUMBER": _NUMBER,
    "NO_DIGIT": rf"_|^{_SPACE}[+]?|{_SPACE}\z",
    "NAN": rf"^{_SPACE}[+]?-?(?i:nan)(?:[(][0-9A-Za-z_]*[)])?{_SPACE}\z",
    "INFINITE": rf"^{_SPACE}[+]?(?i:inf|infinity){_SPACE}\z",
    "BOUNDLESS": rf"^{_SPACE}[+]?-(?i:inf|infinity){_SPACE}\z",
    "PLAIN_DATE": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\z",
    # anything may stand behind a day but a further digit, and what moves it before Christ
    "DATE": rf"^{_DAY}(?![0-9])(?! [(][bB][cC][)])",
    "PLAIN_MOMENT": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\z",
    "MOMENT": _MOMENT,
}
"""What stands as <NAME> in the functions."""

_FUNCTIONS: Final = {
    "hemline_number(x STRING) RETURNS DOUBLE": """CASE
  WHEN x RLIKE <PLAIN_NUMBER> THEN try_cast(x AS DOUBLE)
  WHEN x RLIKE <NUMBER> THEN try_cast(regexp_replace(x, <NO_DIGIT>, '') AS DOUBLE)
  WHEN x RLIKE <NAN> THEN double('NaN')
  WHEN x RLIKE <INFINITE> THEN double('Infinity')
  WHEN x RLIKE <BOUNDLESS> THEN double('-Infinity')
END""",
    # years of five digits have leading zeros, or are no years that a calendar shows
    "hemline_day(year STRING, month STRING, day STRING) RETURNS DATE": """CASE
  WHEN length(ltrim('0', year)) <= 4 THEN try_cast(concat(
    lpad(ltrim('0', year), 4, '0'), '-', lpad(month, 2, '0'), '-', lpad(day, 2, '0')) AS DATE)
END""",
    "hemline_date(x STRING) RETURNS DATE": """CASE
  WHEN x RLIKE <PLAIN_DATE> THEN try_cast(x AS DATE)
  WHEN x RLIKE <DATE> THEN hemline_day(regexp_extract(x, <DATE>, 1),
    regexp_extract(x, <DATE>, 3), regexp_extract(x, <DATE>, 4))
END""",
    "hemline_seconds(day DATE, hour BIGINT, minute BIGINT, second BIGINT) RETURNS BIGINT": """CASE
  WHEN hour < 24 AND minute < 60 AND second < 60 OR hour = 24 AND minute = 0 AND second = 0
  THEN bigint(unix_date(day)) * 86400 + hour * 3600 + minute * 60 + second
END""",
    "hemline_zoned(seconds BIGINT, zone STRING) RETURNS TIMESTAMP": """CASE
  WHEN zone IN ('', 'Z') OR upper(trim(zone)) = 'UTC' THEN timestamp_seconds(seconds)
  WHEN zone RLIKE '^[+-]' THEN timestamp_seconds(seconds - if(zone LIKE '-%', -1, 1) * (
    bigint(substr(zone, 2, 2)) * 3600
    + bigint('0' || substr(replace(zone, ':'), 4, 2)) * 60
    + bigint('0' || substr(replace(zone, ':'), 6, 2))))
  ELSE try_cast(date_format(timestamp_seconds(seconds), 'yyyy-MM-dd HH:mm:ss ') || trim(zone)
    AS TIMESTAMP)
END""",
    "hemline_moment(x STRING) RETURNS TIMESTAMP": """CASE
  WHEN x RLIKE <PLAIN_MOMENT> THEN try_cast(x AS TIMESTAMP)
  WHEN x RLIKE <MOMENT> THEN hemline_zoned(
    hemline_seconds(
      hemline_day(regexp_extract(x, <MOMENT>, 1), regexp_extract(x, <MOMENT>, 3),
        regexp_extract(x, <MOMENT>, 4)),
      bigint('0' || regexp_extract(x, <MOMENT>, 5)),
      bigint('0' || regexp_extract(x, <MOMENT>, 6)),
      bigint('0' || regexp_extract(x, <MOMENT>, 7))),
    regexp_extract(x, <MOMENT>, 8))
  WHEN lower(trim(x)) = 'epoch' THEN timestamp_seconds(0)
END""",
}
"""What each function is called with, and what it answers, in the order in which they are made."""


def make_functions(session: Any) -> None:
    """Make the functions that the dialect calls, for the time of the session."""
    for head, body in _FUNCTIONS.items():
        for name, pattern in _PATTERNS.items():
            body = body.replace(f"<{name}>", f"r'{pattern}'")
        session.sql(f"CREATE OR REPLACE TEMPORARY FUNCTION {head} RETURN {body}")


class SparkDialect(PySparkCompiler):  # type: ignore[misc]
    """Ibis' compiler for Spark, with DuckDB's rules where the two differ."""

    __slots__ = ()

    def visit_TryCast(self, op: Any, *, arg: Any, to: Any) -> Any:  # noqa: N802
        """Turn text into a number, a date or a moment as DuckDB does; null where it is none."""
        if op.arg.dtype.is_string():
            for name, fits in (
                ("hemline_number", to.is_floating()),
                ("hemline_date", to.is_date()),
                ("hemline_moment", to.is_timestamp()),
            ):
                if fits:
                    return sge.Anonymous(this=name, expressions=[arg])
        return super().visit_TryCast(op, arg=arg, to=to)

    def visit_IsInf(self, op: Any, *, arg: Any) -> Any:  # noqa: N802
        """Say whether a number has no end, either way; Ibis 12 answers no to all of them."""
        return self.f.abs(arg).eq(self.POS_INF)

    def visit_RegexSearch(self, op: Any, *, arg: Any, pattern: Any) -> Any:  # noqa: N802
        """Search for a pattern whose `$` is the end of the text, not of its last line."""
        if isinstance(pattern, sge.Literal) and pattern.this.endswith("$"):
            pattern = sge.Literal.string(pattern.this[:-1] + r"\z")
        return super().visit_RegexSearch(op, arg=arg, pattern=pattern)
