"""Rows of a query as they come: a table on the terminal, JSON, CSV or Parquet."""

from __future__ import annotations

import csv
import datetime as dt
import json
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from hemline.cli.progress import plain

if TYPE_CHECKING:
    import pyarrow as pa

SHOWN = 1000
"""Rows of a table on the terminal; all of them are written in every other format."""


def write_rows(rows: pa.RecordBatchReader, format: str, out: Path | None = None) -> int:  # noqa: A002
    """Write rows while they come, and return how many there were.

    Parameters
    ----------
    format : str
        "table", "json", "csv" or "parquet".
    out : path, optional
        File to write into, which is there when it is whole; stdout when None.
    """
    writers: dict[str, Callable[[pa.RecordBatchReader, IO[Any]], int]] = {
        "json": _json, "csv": _csv, "parquet": _parquet, "table": _table,
    }  # fmt: skip
    with _output(out, binary=format == "parquet") as file:
        return writers[format](rows, file)


@contextmanager
def _output(out: Path | None, *, binary: bool) -> Iterator[IO[Any]]:
    from hemline.errors import ConfigError

    if out is None:
        if binary and sys.stdout.isatty():
            raise ConfigError("Parquet is not for a terminal", hint="--out FILE")
        yield sys.stdout.buffer if binary else sys.stdout
        return
    temporary = out.with_name(f"{out.name}.tmp")
    try:
        with temporary.open("wb") if binary else temporary.open("w", newline="") as file:
            yield file
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)


def _json(rows: pa.RecordBatchReader, file: IO[str]) -> int:
    n = 0
    for batch in rows:
        for row in batch.to_pylist():
            file.write(("[\n " if n == 0 else ",\n ") + json.dumps(_plain(row), ensure_ascii=False))
            n += 1
    file.write("\n]\n" if n else "[]\n")
    return n


def _csv(rows: pa.RecordBatchReader, file: IO[str]) -> int:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(rows.schema.names)
    n = 0
    for batch in rows:
        writer.writerows([_field(one) for one in row.values()] for row in batch.to_pylist())
        n += batch.num_rows
    return n


def _parquet(rows: pa.RecordBatchReader, file: IO[bytes]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    # a column of nothing but nulls has no type, and Parquet readers want one
    fields = [
        one.with_type(pa.string()) if pa.types.is_null(one.type) else one for one in rows.schema
    ]
    schema, n = pa.schema(fields), 0
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in rows:
            writer.write_batch(batch.cast(schema))
            n += batch.num_rows
    return n


def _table(rows: pa.RecordBatchReader, file: IO[str]) -> int:
    table = Table(box=None, pad_edge=False)
    for field in rows.schema:
        number = str(field.type) in ("int64", "double")
        table.add_column(field.name, justify="right" if number else "left", overflow="fold")
    n = 0
    for batch in rows:
        for row in batch.slice(0, max(0, SHOWN - n)).to_pylist():
            table.add_row(*(_shown(one) for one in row.values()))
        n += batch.num_rows
    console = Console(file=file, width=None if file is sys.stdout else 200, markup=False)
    console.print(table)
    if n > SHOWN:
        plain(f"the first {SHOWN:,} rows; --json, --csv and --parquet give all")
    return n


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return "" if value is None else str(_field(value))


def _field(value: Any) -> Any:
    if isinstance(value, list | dict):
        return json.dumps(_plain(value), ensure_ascii=False)
    return _plain(value)


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: days and moments as ISO text, no NaN."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
