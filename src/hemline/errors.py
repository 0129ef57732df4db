"""Every error Hemline raises on purpose.

    HemlineError                 exit status 1
    ├── ConfigError              2   a setting is unknown or has a value that cannot be
    ├── DataError                3   the shop's files are not what they should be
    │   ├── MissingColumnError
    │   ├── EmptyTableError
    │   └── TooManyRejectsError
    ├── UnknownIdError           4   a customer or article that the run does not know
    ├── RunError                 5   a run folder lacks a stage, or was written by another version
    ├── CutoffError              6   something would look into the future
    ├── MissingExtraError        7   an optional package is not installed
    ├── GraphError               8   a graph store cannot do what it was asked
    │   ├── QueryError               a query is wrong, or took too long
    │   ├── ReadOnlyError            something would write where only reading is allowed
    │   └── StoreUnavailableError    no store there, wrong credentials, a part is missing
    └── EngineError              9   a cluster is not there, or lacks what the work needs

Each says what happened, where, the value, and in `hint` what to do. The command line
prints `error: …` and `hint: …` without a traceback and exits with `exit_status`.
"""

from __future__ import annotations

from typing import ClassVar


class HemlineError(Exception):
    """The base of every error raised on purpose; anything else is a defect of Hemline."""

    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ConfigError(HemlineError):
    """A setting is unknown, malformed or out of its range."""

    exit_status = 2


class DataError(HemlineError):
    """The shop's files cannot be used as they are."""

    exit_status = 3


class MissingColumnError(DataError):
    """A table lacks a column that Hemline cannot do without."""


class EmptyTableError(DataError):
    """A file or table that must have rows has none."""


class TooManyRejectsError(DataError):
    """A larger share of rows was rejected than the configuration allows."""


class UnknownIdError(HemlineError):
    """A customer or an article that the run has never seen."""

    exit_status = 4


class RunError(HemlineError):
    """A run folder is missing, lacks the stage asked for, or has another format version."""

    exit_status = 5


class CutoffError(HemlineError):
    """An answer was asked for as of a moment before what the models were trained on."""

    exit_status = 6


class MissingExtraError(HemlineError):
    """An optional dependency is not installed."""

    exit_status = 7

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"this needs the package {package!r}, which is not installed",
            hint=f"pip install 'hemline[{extra}]'",
        )


class GraphError(HemlineError):
    """A graph store cannot do what it was asked."""

    exit_status = 8


class QueryError(GraphError):
    """A query is wrong, lacks a parameter, or took longer than it may.

    `line` and `column` count from 1 and say where, when that is known.
    """

    def __init__(
        self, message: str, *, hint: str = "", line: int | None = None, column: int | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.line = line
        self.column = column


class ReadOnlyError(GraphError):
    """Something would write to a store that was opened for reading."""


class StoreUnavailableError(GraphError):
    """There is no store at that place, it refuses the credentials, or it lacks a part."""


class EngineError(HemlineError):
    """Spark cannot start, its master does not answer, or its executors lack what they need."""

    exit_status = 9
