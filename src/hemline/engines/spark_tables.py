"""Tables of Spark for the ingest: read where they lie, kept as Parquet that all executors see.

The same methods as DuckDB's (`engines.base.Engine`). What is stored is written by the executors
into a scratch folder, so that it is computed once and a lost executor costs its own tasks alone;
what has an order is written in parts that follow each other, and read here as a stream.
"""

from __future__ import annotations

import itertools
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import ibis
import pyarrow as pa
import pyarrow.parquet as pq

from hemline.engines.base import ROW
from hemline.engines.spark_csv_files import CsvFiles
from hemline.engines.spark_errors import explaining
from hemline.engines.spark_names import kind_of, picked, quoted, uri_of
from hemline.engines.spark_parquet import parts_of, read_parquet
from hemline.engines.spark_progress import watched

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from hemline.engines.spark import Spark


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
        self.csv_files = CsvFiles(self.session, scratch, threads, memory_gb)
        # views are the session's: another ingest may have its own
        self.token = uuid.uuid4().hex[:8]
        self.views: dict[str, ibis.Table] = {}
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
        """Name a CSV file as a lazy table of text; see `Engine.csv`."""
        found = self.csv_files.frame(
            name,
            path,
            delimiter=delimiter,
            width=width,
            picks=picks,
            numbered=numbered,
            newline=newline,
        )
        return self._view(name, found)

    def broken(self, name: str) -> Iterator[tuple[str, str]]:
        """Yield reason and text of the lines that were left out of a table."""
        lines = self.csv_files.broken(name)
        for batch in () if lines is None else self._streamed(lines, 50_000):
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
        return self._view(
            name, self._run(lambda: read_parquet(self.session, files, offsets, picks, numbered))
        )

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
        self._view(name, self.session.read.parquet(uri_of(folder)))

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
            self._run(lambda: frame.write.parquet(uri_of(folder)))
        else:
            self._run(
                lambda: watched(self.session, lambda: frame.write.parquet(uri_of(folder)), progress)
            )
        return self._view(name, self.session.read.schema(frame.schema).parquet(uri_of(folder)))

    def ranked(self, name: str, expression: ibis.Table, key: str, place: str) -> ibis.Table:
        """Store an expression with the place of each row in the order of `key`, int32 from 0.

        Executors sort it into parts that follow each other; a row's place is its place in its
        part and the lengths of the parts before, and no single task sees all rows.
        """
        folder = self._fresh(name)
        ordered = self._frame(expression.order_by(key))
        self._run(lambda: ordered.write.parquet(uri_of(folder)))
        files = parts_of(folder)
        offsets = [0, *itertools.accumulate(pq.read_metadata(one).num_rows for one in files)]
        picks = {one: one for one in expression.columns}
        if not files:  # an empty table may be no part at all
            empty = self.session.createDataFrame([], ordered.schema)
            return self._view(name, empty.selectExpr("*", f"int(null) AS {quoted(place)}"))
        frame = self._run(lambda: read_parquet(self.session, files, offsets[:-1], picks, True))
        columns = picked({one: one for one in picks})
        return self._view(name, frame.selectExpr(*columns, f"int({ROW}) AS {quoted(place)}"))

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
        return self.csv_files.nearby(path)

    def _frame(self, expression: ibis.Table) -> DataFrame:
        sql = self.spark.ibis.compile(expression)
        return self._run(lambda: self.session.sql(sql))

    def _run(self, work: Callable[[], Any]) -> Any:
        return explaining(self.session, work)

    def _streamed(self, frame: DataFrame, rows: int) -> Iterator[pa.RecordBatch]:
        folder = self._fresh("ordered")
        self._run(lambda: frame.write.parquet(uri_of(folder)))
        for path in parts_of(folder):
            with pq.ParquetFile(path) as file:
                yield from file.iter_batches(batch_size=rows)
            path.unlink()  # what has passed by needs no room any more
        shutil.rmtree(folder, ignore_errors=True)

    def _fresh(self, name: str) -> Path:
        return self.spill / f"{name}-{next(self.numbers)}"

    def _view_name(self, name: str) -> str:
        return f"hemline_{self.token}_{name}"

    def _view(self, name: str, frame: DataFrame) -> ibis.Table:
        frame.createOrReplaceTempView(self._view_name(name))
        kinds = {one.name: kind_of(one.dataType) for one in frame.schema.fields}
        self.views[name] = ibis.table(kinds, name=self._view_name(name))
        return self.views[name]
