"""CSV files as frames of Spark: by the executors, or where they cannot, by the driver first."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemline.engines.base import ROW
from hemline.engines.duckdb import DuckDB
from hemline.engines.spark_csv import OPEN, Lines
from hemline.engines.spark_errors import explaining
from hemline.engines.spark_names import picked, uri_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_BOM = b"\xef\xbb\xbf"
_HEAD = 1 << 20


@dataclass
class CsvFiles:
    """The CSV files of one ingest.

    Parameters
    ----------
    spill : path
        A folder that driver and executors see under the same path.
    threads, memory_gb
        What the driver may take for a file that it reads itself.
    """

    session: SparkSession
    spill: Path
    threads: int
    memory_gb: float
    lines: dict[str, Lines] = field(default_factory=dict)
    converted: dict[tuple[str, int], Path] = field(default_factory=dict)
    copies: dict[Any, Path] = field(default_factory=dict)
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def frame(
        self,
        name: str,
        path: Any,
        *,
        delimiter: str,
        width: int,
        picks: Mapping[str, int],
        numbered: bool = False,
        newline: bytes = b"\n",
    ) -> DataFrame:
        """Read a CSV file as a frame of text; see `Engine.csv`.

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
            lines = Lines(uri_of(path), delimiter, width, newline.decode(), used)
            head, problems = explaining(self.session, lambda: lines.counts(self.session))
            if OPEN not in problems and head == _first_line(path, newline):
                if problems:
                    self.lines[name] = lines
                return explaining(self.session, lambda: lines.rows(self.session, picks))
        file = self._rewritten(path, delimiter, width)
        chosen = {one: f"c{place}" for one, place in picks.items()}
        found = self.session.read.parquet(uri_of(file))
        return found.selectExpr(*picked(chosen), ROW)

    def broken(self, name: str) -> DataFrame | None:
        """Return `problem` and `text` of the lines that were left out of a table, if any were."""
        lines = self.lines.get(name)
        return None if lines is None else lines.broken(self.session)

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


def _first_line(path: Any, newline: bytes) -> str:
    """Return the first line of a CSV file, plain or gzipped, without its end."""
    with path.open("rb") as file, gzip.open(file) as unpacked:
        start = (unpacked if path.suffix == ".gz" else file).read(_HEAD).removeprefix(_BOM)
    first = start.split(newline, 1)[0]
    first = first.removesuffix(b"\r") if newline == b"\n" else first
    return first.decode(errors="replace")
