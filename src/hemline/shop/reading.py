"""One table of a shop, opened: its rows for the engine, its lines for the list of rejects."""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice, zip_longest
from pathlib import Path

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from hemline.engines.base import Engine, UnreadableError
from hemline.errors import DataError
from hemline.shop.columns import find_columns
from hemline.shop.csvfile import CsvFile
from hemline.shop.records import Record, shown
from hemline.shop.rejects import TEXT_LENGTH, Bad, Reject
from hemline.shop.source import CsvSource, FrameSource, ParquetSource, Source

_SOME = 1_000_000
"""Rejects of a CSV file that are looked up in one walk through it."""


def rows_name(table: str, numbered: bool) -> str:
    """Return what the engine calls the rows of a table."""
    return f"{table}_numbered" if numbered else f"{table}_rows"


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
    engine: Engine
    columns: dict[str, str]
    broken: list[Reject] = field(default_factory=list)
    clean: Path | None = None

    @classmethod
    def open(cls, name: str, source: Source, engine: Engine, mapping: dict[str, str]) -> Reader:
        """Find the columns of a table.

        Raises
        ------
        MissingColumnError
            A column that Hemline cannot do without is not there.
        """
        columns = find_columns(name, source.columns, mapping, source.label)
        return cls(name, source, engine, columns)

    def rows(self, *, numbered: bool = False, copy: Path | None = None) -> ibis.Table:
        """Return the rows as a lazy table with Hemline's names, and `row` when numbered.

        `copy` is a file with some of the records, to be read in place of the whole.
        """
        view = rows_name(self.name, numbered)
        source = self.source
        if isinstance(source, CsvSource):
            return self.engine.csv(
                view,
                copy or self.clean or source.file.path,
                delimiter=source.file.delimiter,
                width=source.file.width,
                picks={one: source.columns.index(name) for one, name in self.columns.items()},
                numbered=numbered,
                newline=b"\n" if copy or self.clean else source.file.newline,
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
            rows = self.rows(numbered=numbered)
            found = self.engine.store(name, build(rows), progress, self.size)
            self.broken = [
                Reject(self.file_name, None, reason, text)
                for reason, text in self.engine.broken(rows_name(self.name, numbered))
            ]
            return found
        except UnreadableError as error:
            if not isinstance(self.source, CsvSource):
                raise self._unreadable(error) from None
        # a line is broken, or lines end in different ways: the walk settles both
        self.clean = self.engine.spill / f"{self.name}.csv"
        self.broken = self._file().sieve(self.clean)
        try:
            return self.engine.store(name, build(self.rows(numbered=numbered)))
        except UnreadableError as error:
            raise self._unreadable(error) from None

    def peek(self, name: str, rows: int) -> list[str]:
        """Return the first values of a column as text, from at most `rows` sound rows."""
        source, column = self.source, self.columns[name]
        if isinstance(source, CsvSource):
            place = source.columns.index(column)
            # where it lies: a copy of a file elsewhere would be of all of it
            records = self._of_used(source.file).records()
            sound = (one.raw for one in records if one.problem is None)
            text = (raw.decode(errors="replace") for raw in islice(sound, rows))
            fields = csv.reader(text, delimiter=source.file.delimiter)
            return [one[place] for one in fields if one[place]]
        if isinstance(source, ParquetSource):
            with source.files[0].open("rb") as opened:
                batches = pq.ParquetFile(opened).iter_batches(rows, columns=[column])
                values = next((batch.column(0) for batch in batches), pa.array([], pa.string()))
        else:
            values = source.table.column(column).slice(0, rows)
        return [str(one) for one in values.to_pylist() if one is not None]

    def records(self, rows: npt.NDArray[np.int64]) -> Iterator[Record]:
        """Yield records of a CSV file by their places, ascending, as the engine counts them."""
        return self._file().take(rows)

    def copy(self, records: Iterable[Record], name: str) -> Path:
        """Write records into a file of their own beside what the engine spills."""
        path = self.engine.spill / f"{name}.csv"
        with path.open("wb") as out:
            out.write(self._file().head())
            out.writelines(record.raw + b"\n" for record in records)
        return path

    def rejected(self, copy: Path, lines: list[int], found: list[Bad]) -> Iterator[Reject]:
        """Yield the rejects among the records of a copy, given the line of each record."""
        places = np.array([one.row for one in found])
        records = replace(self._file(), path=copy, newline=b"\n").take(places)
        for one, record in zip(found, records, strict=True):
            assert one.row is not None
            text = shown(record.raw)
            yield Reject(self.file_name, lines[one.row], one.reason, text, one.purchase)

    def locate(self, found: Iterator[Bad]) -> Iterator[Reject]:
        """Say where rows stood, in ascending order of rows."""
        source = self.source
        if isinstance(source, CsvSource):
            while some := list(islice(found, _SOME)):
                if some[0].row is None:  # read in parts: the text is the line itself
                    yield from (Reject(self.file_name, *one) for one in some)
                    continue
                records = self.records(np.array([one.row for one in some]))
                for one, record in zip_longest(some, records):
                    line, text = None, one.text[:TEXT_LENGTH]
                    if record is not None:  # never seen; else no line rather than a wrong one
                        line, text = record.line, shown(record.raw)
                    yield Reject(self.file_name, line, one.reason, text, one.purchase)
            return
        for row, reason, text, purchase in found:
            assert row is not None
            name, before = self.file_name, 0
            if isinstance(source, ParquetSource):
                at = bisect_right(source.offsets, row) - 1
                file, before = source.files[at], source.offsets[at]
                name = str(file.relative_to(source.path) if source.path != file else file.name)
            yield Reject(name, row - before + 1, reason, text[:TEXT_LENGTH], purchase)

    @property
    def size(self) -> int:
        """Bytes of the files; 0 for a frame."""
        source = self.source
        if isinstance(source, FrameSource):
            return 0
        files = (source.file.path,) if isinstance(source, CsvSource) else source.files
        return sum(file.stat().st_size for file in files)

    @property
    def file_name(self) -> str:
        """What the list of rejects calls the source."""
        if isinstance(self.source, FrameSource):
            return self.name
        return Path(self.source.label).name

    def _file(self) -> CsvFile:
        assert isinstance(self.source, CsvSource)
        file = self.source.file
        return self._of_used(replace(file, path=self.engine.nearby(file.path)))

    def _of_used(self, file: CsvFile) -> CsvFile:
        header = self.source.columns
        return file.using(tuple(header.index(one) for one in self.columns.values()))

    def _unreadable(self, error: UnreadableError) -> DataError:
        return DataError(
            f"{self.source.label} cannot be read: {' '.join(str(error).split())[:300]}",
            hint="is it whole, and of the kind its ending says?",
        )
