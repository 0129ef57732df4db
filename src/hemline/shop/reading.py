"""One table of a shop, opened: its rows for the engine, its lines for the list of rejects."""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq

from hemline.engines.duckdb import DuckDB, UnreadableError
from hemline.errors import DataError
from hemline.shop.columns import find_columns
from hemline.shop.csvfile import CsvFile, shown
from hemline.shop.rejects import TEXT_LENGTH, Reject
from hemline.shop.source import CsvSource, FrameSource, ParquetSource, Source


@dataclass
class Reader:
    """Reads one table; what it found broken in a file's structure is in `broken`.

    Attributes
    ----------
    columns : dict
        Hemline's name -> the file's, for every column that is read.
    clean : path or None
        A copy of the file without its broken lines, once there was one.
    """

    name: str
    source: Source
    engine: DuckDB
    columns: dict[str, str]
    broken: list[Reject] = field(default_factory=list)
    clean: Path | None = None

    @classmethod
    def open(cls, name: str, source: Source, engine: DuckDB, mapping: dict[str, str]) -> Reader:
        """Find the columns of a table.

        Raises
        ------
        MissingColumnError
            A column that Hemline cannot do without is not there.
        """
        columns = find_columns(name, source.columns, mapping, source.label)
        return cls(name, source, engine, columns)

    def rows(self, *, numbered: bool = False) -> ibis.Table:
        """Return the rows as a lazy table with Hemline's names, and `row` when numbered."""
        view = f"{self.name}_numbered" if numbered else f"{self.name}_rows"
        source = self.source
        if isinstance(source, CsvSource):
            return self.engine.csv(
                view,
                self.clean or source.file.path,
                delimiter=source.file.delimiter,
                width=source.file.width,
                picks={one: source.columns.index(name) for one, name in self.columns.items()},
                numbered=numbered,
            )
        if isinstance(source, ParquetSource):
            return self.engine.parquet(
                view,
                source.files,
                offsets=source.offsets[:-1],
                picks=self.columns,
                numbered=numbered,
            )
        return self.engine.arrow(view, source.table, picks=self.columns, numbered=numbered)

    def store(
        self,
        name: str,
        build: Callable[[ibis.Table], ibis.Table],
        *,
        numbered: bool = False,
        progress: Callable[[float], None] | None = None,
    ) -> ibis.Table:
        """Read the table once into what `build` makes of its rows.

        A CSV file with a broken line is read again without its broken lines, which are
        added to `broken`.

        Raises
        ------
        DataError
            The file cannot be read at all.
        """
        try:
            return self.engine.store(name, build(self.rows(numbered=numbered)), progress)
        except UnreadableError as error:
            if not isinstance(self.source, CsvSource):
                raise self._unreadable(error) from None
        # a line is broken, or lines end in different ways: the walk settles both
        self.clean = self.engine.spill / f"{self.name}.csv"
        self.broken = self._file().sieve(self.clean)
        try:
            return self.engine.store(name, build(self.rows(numbered=numbered)), progress)
        except UnreadableError as error:
            raise self._unreadable(error) from None

    def peek(self, name: str, rows: int) -> list[str]:
        """Return the first values of a column as text, from at most `rows` sound rows."""
        source, column = self.source, self.columns[name]
        if isinstance(source, CsvSource):
            place = source.columns.index(column)
            sound = (one.raw for one in self._file().records() if one.problem is None)
            text = (raw.decode(errors="replace") for raw in islice(sound, rows))
            fields = csv.reader(text, delimiter=source.file.delimiter)
            return [one[place] for one in fields if one[place]]
        if isinstance(source, ParquetSource):
            batches = pq.ParquetFile(source.files[0]).iter_batches(rows, columns=[column])
            values = next((batch.column(0) for batch in batches), pa.array([], pa.string()))
        else:
            values = source.table.column(column).slice(0, rows)
        return [str(one) for one in values.to_pylist() if one is not None]

    def locate(self, found: Iterable[tuple[int, str, str]]) -> Iterator[Reject]:
        """Say where rows stood, given (row, reason, values) in ascending order of rows."""
        source = self.source
        if isinstance(source, CsvSource):
            yield from self._lines(found)
        elif isinstance(source, ParquetSource):
            for row, reason, text in found:
                at = bisect_right(source.offsets, row) - 1
                file = source.files[at]
                name = file.relative_to(source.path) if source.path != file else file.name
                yield Reject(str(name), row - source.offsets[at] + 1, reason, text[:TEXT_LENGTH])
        else:
            for row, reason, text in found:
                yield Reject(self.file_name, row + 1, reason, text[:TEXT_LENGTH])

    @property
    def file_name(self) -> str:
        """What the list of rejects calls the source."""
        if isinstance(self.source, FrameSource):
            return self.name
        return Path(self.source.label).name

    def _file(self) -> CsvFile:
        assert isinstance(self.source, CsvSource)
        header = self.source.columns
        return self.source.file.using(tuple(header.index(one) for one in self.columns.values()))

    def _lines(self, found: Iterable[tuple[int, str, str]]) -> Iterator[Reject]:
        # the engine counts sound records; so does this walk through the file
        sound = (one for one in self._file().records() if one.problem is None)
        at, record = -1, None
        for row, reason, text in found:
            while at < row:
                at, record = at + 1, next(sound, None)
            if record is None:  # never seen; without a line rather than with a wrong one
                yield Reject(self.file_name, None, reason, text[:TEXT_LENGTH])
            else:
                yield Reject(self.file_name, record.line, reason, shown(record.raw))

    def _unreadable(self, error: UnreadableError) -> DataError:
        return DataError(
            f"{self.source.label} cannot be read: {' '.join(str(error).split())[:300]}",
            hint="is it whole, and of the kind its ending says?",
        )
