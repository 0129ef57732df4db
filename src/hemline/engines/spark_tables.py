"""Tables of Spark for the ingest: read where they lie, kept as Parquet that all executors see.

The same methods as DuckDB's (`engines.base.Engine`). What is stored is written by the executors
into a scratch folder, so that it is computed once and a lost executor costs its own tasks alone;
what has an order is written in parts that follow each other, and read here as a stream.
"""

from __future__ import annotations

import gzip
import itertools
import re
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import ibis
import ibis.expr.datatypes as dt
import pyarrow as pa
import pyarrow.parquet as pq

from hemline.engines.base import ROW
from hemline.engines.duckdb import DuckDB
from hemline.engines.spark_csv import OPEN, Lines
from hemline.engines.spark_errors import explained
from hemline.engines.spark_progress import watched

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from hemline.engines.spark import Spark

_BOM = b"\xef\xbb\xbf"
_HEAD = 1 << 20


class SparkTables:
    """Tables that Spark reads, computes and keeps under a scratch folder.

    Parameters
    ----------
    spark : Spark
    scratch : path
        A folder that driver and executors see under the same path; the caller removes it.
    threads : int
        For the small CSV files that are read by the driver.
    memory_gb : float
        What the driver may take for them.
    """

    numbers_csv = False

    def __init__(
        self, spark: Spark, scratch: Path, *, threads: int = 0, memory_gb: float = 3.0
    ) -> None:
        scratch.mkdir(parents=True, exist_ok=True)
        self.spark = spark
        self.session = spark.session
        self.spill = scratch
        self.threads, self.memory_gb = threads, memory_gb
        # views are the session's: another ingest may have its own
        self.token = uuid.uuid4().hex[:8]
        self.views: dict[str, ibis.Table] = {}
        self.lines: dict[str, Lines] = {}
        self.converted: dict[tuple[str, int], Path] = {}
        self.copies: dict[Any, Path] = {}
        self.numbers = itertools.count()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.drop(*list(self.views))

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
        """Name a CSV file as a lazy table of text; see `Engine.csv`.

        The executors read it in parts, where each line is a record. One whose records go over
        several lines, and one whose rows are to be numbered, is rewritten by the driver first.
        Lines that are no records are left out, and told by `broken`.

        Raises
        ------
        UnreadableError
            The driver had to read it, and it has broken lines.
        """
        self.lines.pop(name, None)
        if not numbered and (str(path), width) not in self.converted:
            used = tuple(sorted(set(picks.values())))
            lines = Lines(_uri(path), delimiter, width, newline.decode(), used)
            head, problems = self._run(lambda: lines.counts(self.session))
            if OPEN not in problems and head == _first_line(path, newline):
                if problems:
                    self.lines[name] = lines
                return self._view(name, self._run(lambda: lines.rows(self.session, picks)))
        file = self._rewritten(path, delimiter, width)
        chosen = {one: f"c{place}" for one, place in picks.items()}
        found = self.session.read.parquet(_uri(file))
        return self._view(name, found.selectExpr(*_chosen(chosen), ROW))

    def broken(self, name: str) -> Iterator[tuple[str, str]]:
        """Yield reason and text of the lines that were left out of a table."""
        if name not in self.lines:
            return
        lines = self.lines[name].broken(self.session)
        for batch in self._streamed(lines, 50_000):
            for one in batch.to_pylist():
                yield one["problem"], one["text"]

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
        return self._view(name, self._run(lambda: self._read(files, offsets, picks, numbered)))

    def arrow(
        self, name: str, table: pa.Table, *, picks: Mapping[str, str], numbered: bool = False
    ) -> ibis.Table:
        """Name an Arrow table, which is written for the executors first."""
        path = self._fresh(name) / "part-0.parquet"
        path.parent.mkdir()
        table = table.select(list(dict.fromkeys(picks.values())))
        pq.write_table(table, path, row_group_size=1 << 20)
        return self.parquet(name, [path], offsets=[0], picks=picks, numbered=numbered)

    def append(self, name: str, table: pa.Table) -> None:
        """Add the rows of an Arrow table to a stored table, which is made when there is none."""
        folder = self.spill / f"{name}-appended"
        folder.mkdir(exist_ok=True)
        pq.write_table(table, folder / f"part-{next(self.numbers)}.parquet")
        self._view(name, self.session.read.parquet(_uri(folder)))

    def stored(self, name: str) -> ibis.Table:
        """Return a stored table."""
        return self.views[name]

    def store(
        self,
        name: str,
        expression: ibis.Table,
        progress: Callable[[float], None] | None = None,
        size: int = 0,
    ) -> ibis.Table:
        """Compute an expression into a table of that name and return it; see `Engine.store`.

        Raises
        ------
        UnreadableError
            A file that the expression reads is not what it was said to be.
        EngineError
            Executors lack memory or were lost.
        """
        folder = self._fresh(name)
        frame = self._frame(expression)
        if progress is None:
            self._run(lambda: frame.write.parquet(_uri(folder)))
        else:
            self._run(
                lambda: watched(self.session, lambda: frame.write.parquet(_uri(folder)), progress)
            )
        return self._view(name, self.session.read.schema(frame.schema).parquet(_uri(folder)))

    def ranked(self, name: str, expression: ibis.Table, key: str, place: str) -> ibis.Table:
        """Store an expression with the place of each row in the order of `key`, int32 from 0.

        Executors sort it into parts that follow each other; a row's place is its place in its
        part and the lengths of the parts before, and no single task sees all rows.
        """
        folder = self._fresh(name)
        ordered = self._frame(expression.order_by(key))
        self._run(lambda: ordered.write.parquet(_uri(folder)))
        files = _parts(folder)
        offsets = [0, *itertools.accumulate(pq.read_metadata(one).num_rows for one in files)]
        picks = {one: one for one in expression.columns}
        if not files:  # an empty table may be no part at all
            empty = self.session.createDataFrame([], ordered.schema)
            return self._view(name, empty.selectExpr("*", f"int(null) AS {_name(place)}"))
        frame = self._run(lambda: self._read(files, offsets[:-1], picks, True))
        columns = _chosen({one: one for one in picks})
        return self._view(name, frame.selectExpr(*columns, f"int({ROW}) AS {_name(place)}"))

    def table(self, expression: ibis.Table) -> pa.Table:
        """Compute an expression into an Arrow table."""
        return self._run(lambda: self._frame(expression).toArrow())

    def rows(self, expression: ibis.Table) -> list[dict[str, Any]]:
        """Compute a small expression into a list of dicts."""
        found: list[dict[str, Any]] = self.table(expression).to_pylist()
        return found

    def batches(self, expression: ibis.Table, rows: int) -> Iterator[pa.RecordBatch]:
        """Compute an expression and yield its rows in order, about `rows` at a time.

        Executors sort and write it in parts, which are read here one after another.
        """
        yield from self._streamed(self._frame(expression), rows)

    def placed(self, table: ibis.Table, name: str) -> ibis.Table | None:
        """Return None: what executors store has not the order of its source."""
        return None

    def drop(self, *names: str) -> None:
        """Forget stored tables and remove their files."""
        for name in names:
            if self.views.pop(name, None) is not None:
                self.session.catalog.dropTempView(self._view_name(name))
            for folder in self.spill.glob(f"{name}-*"):
                if folder.name.removeprefix(f"{name}-").isdigit():
                    shutil.rmtree(folder, ignore_errors=True)

    def nearby(self, path: Any) -> Path:
        """Return a file of this machine; of one elsewhere, a copy in the scratch folder."""
        if isinstance(path, Path):
            return path
        if path not in self.copies:
            copy: Path = self.spill / f"near{next(self.numbers)}" / path.name
            copy.parent.mkdir()
            path.copy_to(copy)
            self.copies[path] = copy
        return self.copies[path]

    def _frame(self, expression: ibis.Table) -> DataFrame:
        sql = self.spark.ibis.compile(expression)
        return self._run(lambda: self.session.sql(sql))

    def _run(self, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except Exception as error:  # Spark's and py4j's, which are many
            raise explained(error, self.session) from None

    def _streamed(self, frame: DataFrame, rows: int) -> Iterator[pa.RecordBatch]:
        folder = self._fresh("ordered")
        self._run(lambda: frame.write.parquet(_uri(folder)))
        for path in _parts(folder):
            with pq.ParquetFile(path) as file:
                yield from file.iter_batches(batch_size=rows)
            path.unlink()  # what has passed by needs no room any more
        shutil.rmtree(folder, ignore_errors=True)

    def _read(
        self,
        files: Sequence[Any],
        offsets: Sequence[int],
        picks: Mapping[str, str],
        numbered: bool,
    ) -> DataFrame:
        schemas = [_schema(one, picks.values()) for one in files]
        names = [one.name for one in files]
        alike = all(one.equals(schemas[0]) for one in schemas)
        if alike and (not numbered or (len(set(names)) == len(names) and _plain(names))):
            places = ", ".join(f"'{n}', {o}L" for n, o in zip(names, offsets, strict=True))
            row = f"_metadata.row_index + map({places})[_metadata.file_name]"
            return self._part(files, schemas[0], picks, row if numbered else None)
        parts = [
            self._part(
                [one], schema, picks, f"_metadata.row_index + {offset}L" if numbered else None
            )
            for one, schema, offset in zip(files, schemas, offsets, strict=True)
        ]
        found = parts[0]
        for part in parts[1:]:
            found = found.unionByName(part)
        return found

    def _part(
        self, files: Sequence[Any], schema: pa.Schema, picks: Mapping[str, str], row: str | None
    ) -> DataFrame:
        found = self.session.read.parquet(*(_uri(one) for one in files))
        kinds = dict(found.dtypes)
        columns = []
        for name, column in picks.items():
            text, kind = _name(column), schema.field(column).type
            if pa.types.is_timestamp(kind) and kind.unit == "ns" and kinds[column] == "bigint":
                text = f"timestamp_micros({text} div 1000)"  # Spark's moments have no nanoseconds
            columns.append(f"{text} AS {_name(name)}")
        if row is not None:
            columns.append(f"{row} AS {ROW}")
        return found.selectExpr(*columns)

    def _rewritten(self, path: Any, delimiter: str, width: int) -> Path:
        """Return a CSV file as Parquet, its rows numbered, as the driver's DuckDB reads it."""
        key = (str(path), width)
        if key not in self.converted:
            near: Path = self.nearby(path)
            target = self.spill / f"rewritten{next(self.numbers)}.parquet"
            spill = self.spill / "duckdb"
            with DuckDB(spill, threads=self.threads, memory_gb=self.memory_gb) as engine:
                picks = {f"c{place}": place for place in range(width)}
                table = engine.csv(
                    "rows", near, delimiter=delimiter, width=width, picks=picks, numbered=True
                )
                engine.write(table, target)
            self.converted[key] = target
        found: Path = self.converted[key]
        return found

    def _fresh(self, name: str) -> Path:
        return self.spill / f"{name}-{next(self.numbers)}"

    def _view_name(self, name: str) -> str:
        return f"hemline_{self.token}_{name}"

    def _view(self, name: str, frame: DataFrame) -> ibis.Table:
        frame.createOrReplaceTempView(self._view_name(name))
        kinds = {one.name: _kind(one.dataType) for one in frame.schema.fields}
        self.views[name] = ibis.table(kinds, name=self._view_name(name))
        return self.views[name]


def _kind(kind: Any) -> Any:
    from ibis.backends.pyspark.datatypes import PySparkType

    try:
        return PySparkType.to_ibis(kind)
    except Exception:  # Ibis' own, which are many, and what is unknown here cannot be used
        return dt.unknown


def _schema(file: Any, columns: Any) -> pa.Schema:
    """Return the columns of a Parquet file that are read."""
    if isinstance(file, Path):
        found = pq.read_schema(file)
    else:
        with file.open("rb") as source:
            found = pq.read_schema(source)
    return pa.schema([found.field(one) for one in dict.fromkeys(columns)])


def _first_line(path: Any, newline: bytes) -> str:
    """Return the first line of a CSV file, plain or gzipped, without its end."""
    with path.open("rb") as file, gzip.open(file) as unpacked:
        start = (unpacked if path.suffix == ".gz" else file).read(_HEAD).removeprefix(_BOM)
    first = start.split(newline, 1)[0]
    first = first.removesuffix(b"\r") if newline == b"\n" else first
    return first.decode(errors="replace")


def _parts(folder: Path) -> list[Path]:
    """Return the files that executors wrote, in the order of their rows."""
    return sorted(folder.glob("part-*.parquet"), key=lambda one: one.name)


def _plain(names: Sequence[str]) -> bool:
    return all(
        one.isascii() and one.replace("-", "").replace(".", "").isalnum()
        for one in (name.replace("_", "") for name in names)
    )


def _chosen(picks: Mapping[str, str]) -> list[str]:
    return [f"{_name(column)} AS {_name(one)}" for one, column in picks.items()]


def _uri(path: Any) -> str:
    """Return a place as Spark names it: whatever its default filesystem, a path is this one's.

    Signs that Spark would take for a pattern are marked as none.
    """
    uri = f"file://{path.resolve()}" if isinstance(path, Path) else str(path)
    return re.sub(r"([\[\]{}*?\\])", r"\\\1", uri)


def _name(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
