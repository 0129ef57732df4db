"""What the ingest asks of a relational engine, whichever it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from hemline.errors import DataError

if TYPE_CHECKING:
    import ibis
    import pyarrow as pa

ROW: Final = "row"
"""Name of the column with the place of a row in its source, from 0, where it is asked for."""

TEXT: Final = "text"
"""Name of the column with a line of a CSV file as it stands there, where an engine gives it."""


class UnreadableError(DataError):
    """The engine could not read a file; `str` says what it found."""


class Engine(Protocol):
    """Reads files into tables, computes Ibis expressions over them, and keeps what it is told to.

    Attributes
    ----------
    spill : path
        A folder for what is kept on the way; the caller removes it.
    numbers_csv : bool
        Whether the rows of a large CSV file can be numbered at the price of one reading.
    """

    spill: Path
    numbers_csv: bool

    def csv(
        self,
        name: str,
        path: Any,
        *,
        delimiter: str,
        width: int,
        picks: Mapping[str, int],
        numbered: bool = False,
        newline: bytes = b"\n",
    ) -> ibis.Table:
        """Name a CSV file with a header and `width` columns, all text, as a lazy table.

        Parameters
        ----------
        path : path
            Of this machine's files, or like one.
        picks : dict
            Name in the table -> column of the file, from 0. Empty fields are null.
        numbered : bool
            Add the place of each row in the file as `ROW`.
        newline : bytes
            What ends a line; a carriage return before a line feed belongs to it.
        """
        ...

    def broken(self, name: str) -> Iterator[tuple[str, str]]:
        """Yield reason and text of the lines that `csv` left out of the table of that name.

        An engine that refuses a file with broken lines (UnreadableError) has none.
        """
        ...

    def parquet(
        self,
        name: str,
        files: Sequence[Any],
        *,
        offsets: Sequence[int],
        picks: Mapping[str, str],
        numbered: bool = False,
    ) -> ibis.Table:
        """Name Parquet files as one lazy table, numbered through from `offsets` if wanted."""
        ...

    def arrow(
        self, name: str, table: pa.Table, *, picks: Mapping[str, str], numbered: bool = False
    ) -> ibis.Table:
        """Name an Arrow table as a lazy table."""
        ...

    def append(self, name: str, table: pa.Table) -> None:
        """Add the rows of an Arrow table to a stored table, which is made when there is none."""
        ...

    def stored(self, name: str) -> ibis.Table:
        """Return a stored table."""
        ...

    def store(
        self,
        name: str,
        expression: ibis.Table,
        progress: Callable[[float], None] | None = None,
        size: int = 0,
    ) -> ibis.Table:
        """Compute an expression into a table of that name and return it.

        `progress` is called with the share that is done, 0 to 1; `size` are the bytes of the
        files that are read.
        """
        ...

    def ranked(self, name: str, expression: ibis.Table, key: str, place: str) -> ibis.Table:
        """Store an expression with the place of each row in the order of `key`, int32 from 0."""
        ...

    def table(self, expression: ibis.Table) -> pa.Table:
        """Compute an expression into an Arrow table."""
        ...

    def rows(self, expression: ibis.Table) -> list[dict[str, Any]]:
        """Compute a small expression into a list of dicts."""
        ...

    def batches(self, expression: ibis.Table, rows: int) -> Iterator[pa.RecordBatch]:
        """Compute an expression and yield its rows in order, about `rows` at a time."""
        ...

    def placed(self, table: ibis.Table, name: str) -> ibis.Table | None:
        """Return a stored table with about the place of each row in its source as `ROW`.

        None where the engine keeps no order.
        """
        ...

    def drop(self, *names: str) -> None:
        """Forget stored tables."""
        ...

    def nearby(self, path: Any) -> Path:
        """Return a file as one of this machine, copied where it lies elsewhere."""
        ...
