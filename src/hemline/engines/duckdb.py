"""DuckDB, the relational engine that Hemline runs on by default.

What is computed is written as Ibis expressions elsewhere; here is what only the engine can
know: how it reads files, where it keeps what it holds, how much memory it may take.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import ibis
import ibis.expr.datatypes as dt
import numpy as np
import pyarrow as pa
from ibis.backends.sql.datatypes import DuckDBType

from hemline.blocks import available_threads
from hemline.engines.base import ROW, UnreadableError
from hemline.errors import DataError

_GLOB = frozenset("*?[")


class DuckDB:
    """A DuckDB that keeps its tables compressed in memory and spills them to a folder.

    Parameters
    ----------
    spill : path
        A folder for what does not fit into memory; the caller removes it.
    threads : int
        0 for one a processor.
    memory_gb : float
        What DuckDB may hold before it spills; the process takes some more.
    """

    numbers_csv = True

    def __init__(self, spill: Path, *, threads: int = 0, memory_gb: float = 3.0) -> None:
        spill.mkdir(parents=True, exist_ok=True)
        self.spill = spill
        self.links = 0
        self.ibis = ibis.duckdb.connect(
            threads=available_threads(threads),
            memory_limit=f"{int(memory_gb * 1024)}MiB",
            temp_directory=str(spill),
        )
        self.native: duckdb.DuckDBPyConnection = self.ibis.con
        # text with a zone offset is read as a moment; without one it is UTC
        self.native.execute("SET TimeZone = 'UTC'")
        self.native.execute("SET enable_progress_bar = false")
        # the size of a CSV file's table is guessed at 42 rows, and the millions would be hashed:
        # joins hash their right side, as they are written
        self.native.execute("SET disabled_optimizers = 'build_side_probe_side'")
        self.native.execute("ATTACH ':memory:' AS stage (COMPRESS)")
        self.native.execute("USE stage")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.ibis.disconnect()

    def csv(
        self,
        name: str,
        path: Path,
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
        picks : dict
            Name in the table -> column of the file, from 0. Empty fields are null.
        numbered : bool
            Add the place of each row in the file as `ROW`, which costs the parallel read.
        newline : bytes
            Of no account: DuckDB sees for itself.
        """
        types = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(width))
        chosen = {one: f"c{place}" for one, place in picks.items()}
        return self._view(
            name,
            chosen,
            f"read_csv({self._path(path)}, auto_detect = false, header = true, "
            f"delim = {_text(delimiter)}, quote = '\"', escape = '\"', nullstr = '', "
            f"columns = {{{types}}})",
            "row_number() OVER () - 1" if numbered else None,
        )

    def broken(self, name: str) -> Iterator[tuple[str, str]]:
        """Yield nothing: a file with a broken line is refused as a whole."""
        yield from ()

    def parquet(
        self,
        name: str,
        files: Sequence[Path],
        *,
        offsets: Sequence[int],
        picks: Mapping[str, str],
        numbered: bool = False,
    ) -> ibis.Table:
        """Name Parquet files as one lazy table, numbered through from `offsets` if wanted."""
        paths = [self._path(one) for one in files]
        if not numbered:
            source = f"read_parquet([{', '.join(paths)}], binary_as_string = true, "
            return self._view(name, picks, source + "union_by_name = true)")
        parts = " UNION ALL BY NAME ".join(
            f"(SELECT *, file_row_number + {offset} AS hemline_row FROM read_parquet({path}, "
            "binary_as_string = true, file_row_number = true))"
            for path, offset in zip(paths, offsets, strict=True)
        )
        return self._view(name, picks, f"({parts})", "hemline_row")

    def arrow(
        self, name: str, table: pa.Table, *, picks: Mapping[str, str], numbered: bool = False
    ) -> ibis.Table:
        """Name an Arrow table; nothing is copied."""
        table = table.select(list(dict.fromkeys(picks.values())))
        if numbered:
            table = table.append_column("hemline_row", pa.array(np.arange(table.num_rows)))
        try:
            self.native.register(f"{name}_arrow", table)
        except duckdb.Error as error:
            raise _explained(error) from None
        return self._view(name, picks, f"{name}_arrow", "hemline_row" if numbered else None)

    def append(self, name: str, table: pa.Table) -> None:
        """Add the rows of an Arrow table to a stored table, which is made when there is none."""
        self.native.register("appended", table)
        try:
            self._execute(f"CREATE TABLE IF NOT EXISTS {name} AS FROM appended LIMIT 0")
            self._execute(f"INSERT INTO {name} FROM appended")
        finally:
            self.native.unregister("appended")

    def stored(self, name: str) -> ibis.Table:
        """Return a stored table."""
        return self.ibis.table(name)

    def store(
        self,
        name: str,
        expression: ibis.Table,
        progress: Callable[[float], None] | None = None,
        size: int = 0,
    ) -> ibis.Table:
        """Compute an expression into a table of that name and return it.

        `progress` is called with the share that is done, 0 to 1, every fifth of a second:
        the share of the `size` bytes of the files that have been read.

        Raises
        ------
        UnreadableError
            A file that the expression reads is not what it was said to be.
        """
        sql = f"CREATE OR REPLACE TABLE {_name(name)} AS {self.ibis.compile(expression)}"
        if progress is None:
            self._execute(sql)
        else:
            self._watched(sql, progress, size)
        return self.ibis.table(name)

    def ranked(self, name: str, expression: ibis.Table, key: str, place: str) -> ibis.Table:
        """Store an expression with the place of each row in the order of `key`, int32 from 0."""
        at = ibis.row_number().over(order_by=expression[key]).cast("int32")
        return self.store(name, expression.mutate(**{place: at}))

    def write(self, expression: ibis.Table, path: Path) -> None:
        """Compute an expression into a Parquet file."""
        self._execute(
            f"COPY ({self.ibis.compile(expression)}) TO {_text(str(path))} (FORMAT parquet)"
        )

    def table(self, expression: ibis.Table) -> pa.Table:
        """Compute an expression into an Arrow table."""
        return self._execute(self.ibis.compile(expression)).to_arrow_table()

    def rows(self, expression: ibis.Table) -> list[dict[str, Any]]:
        """Compute a small expression into a list of dicts."""
        found: list[dict[str, Any]] = self.table(expression).to_pylist()
        return found

    def batches(self, expression: ibis.Table, rows: int) -> Iterator[pa.RecordBatch]:
        """Compute an expression and yield its rows in order, about `rows` at a time."""
        reader = self._execute(self.ibis.compile(expression)).to_arrow_reader(rows)
        while True:
            try:
                yield reader.read_next_batch()
            except StopIteration:
                return
            except (duckdb.Error, pa.ArrowException) as error:
                raise _explained(error) from None

    def placed(self, table: ibis.Table, name: str) -> ibis.Table | None:
        """Return a stored table with the place of each row as `ROW`.

        Rows lie about where they lay in the file that they were read from: a left join puts
        those without a partner at the end of each vector of 2,048.
        """
        return self._view(
            f"{name}_placed", {one: one for one in table.columns}, _name(name), "rowid"
        )

    def drop(self, *names: str) -> None:
        """Forget stored tables."""
        for name in names:
            self._execute(f"DROP TABLE IF EXISTS {_name(name)}")

    def nearby(self, path: Path) -> Path:
        """Return the file itself: DuckDB reads this machine's files."""
        return path

    def _view(
        self, name: str, picks: Mapping[str, str], source: str, row: str | None = None
    ) -> ibis.Table:
        chosen = [f"{_name(column)} AS {_name(one)}" for one, column in picks.items()]
        if row is not None:
            chosen.append(f"{row} AS {ROW}")
        self._execute(
            f"CREATE OR REPLACE TEMP VIEW {_name(name)} AS SELECT {', '.join(chosen)} FROM {source}"
        )
        described = self._execute(f"DESCRIBE {_name(name)}").fetchall()
        kinds = {column: _kind(kind) for column, kind, *_ in described}
        return ibis.table(kinds, name=name)

    def _path(self, path: Path) -> str:
        """Return a path as SQL text; one that would be taken for a pattern, by a link to it."""
        path = path.resolve()
        if _GLOB & set(str(path)):
            link = self.spill / f"link{self.links}{''.join(path.suffixes[-2:])}"
            self.links += 1
            link.symlink_to(path)
            path = link
        return _text(str(path))

    def _execute(self, sql: str) -> duckdb.DuckDBPyConnection:
        try:
            return self.native.execute(sql)
        except duckdb.Error as error:
            raise _explained(error) from None

    def _watched(self, sql: str, progress: Callable[[float], None], size: int) -> None:
        # DuckDB's own progress stands still while a file is read through joins
        before = _bytes_read()
        with ThreadPoolExecutor(1) as pool:
            work: Future[Any] = pool.submit(self.native.execute, sql)
            try:
                while True:
                    try:
                        work.result(timeout=0.2)
                        return
                    except NotYet:
                        progress(min(1.0, (_bytes_read() - before) / max(1, size)))
            except duckdb.Error as error:
                raise _explained(error) from None
            except BaseException:  # Ctrl-C: the query would otherwise run to its end first
                self.native.interrupt()
                raise


def _bytes_read() -> int:
    """Return how many bytes this process has read so far; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/io").read_text().split()[1])
    except OSError:
        return 0


def _explained(error: Exception) -> DataError:
    message = str(error)
    if isinstance(error, duckdb.OutOfMemoryException) or "Out of Memory" in message:
        return DataError(
            f"the database ran out of memory: {message.splitlines()[0]}",
            hint="raise ingest.memory_gb, or free space where the run folder lies",
        )
    if "No space left" in message:
        return DataError(message.splitlines()[0], hint="free space where the run folder lies")
    return UnreadableError(message.strip())


def _kind(kind: str) -> Any:
    """Return Ibis' type for a type of DuckDB."""
    try:
        return DuckDBType.from_string(kind)
    except Exception:  # sqlglot's errors are many, and what is unknown here cannot be used
        return dt.unknown


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
