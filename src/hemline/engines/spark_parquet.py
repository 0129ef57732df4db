"""Parquet files read by Spark as one table, their rows numbered as they stand in the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from hemline.engines.base import ROW
from hemline.engines.spark_names import quoted, uri_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def read_parquet(
    session: SparkSession,
    files: Sequence[Any],
    offsets: Sequence[int],
    picks: Mapping[str, str],
    numbered: bool,
) -> DataFrame:
    """Read Parquet files as one frame, numbered through from `offsets` if wanted."""
    schemas = [_schema(one, picks.values()) for one in files]
    names = [one.name for one in files]
    alike = all(one.equals(schemas[0]) for one in schemas)
    if alike and (not numbered or (len(set(names)) == len(names) and _plain(names))):
        places = ", ".join(f"'{n}', {o}L" for n, o in zip(names, offsets, strict=True))
        row = f"_metadata.row_index + map({places})[_metadata.file_name]"
        return _part(session, files, schemas[0], picks, row if numbered else None)
    parts = [
        _part(
            session, [one], schema, picks, f"_metadata.row_index + {offset}L" if numbered else None
        )
        for one, schema, offset in zip(files, schemas, offsets, strict=True)
    ]
    found = parts[0]
    for part in parts[1:]:
        found = found.unionByName(part)
    return found


def _part(
    session: SparkSession,
    files: Sequence[Any],
    schema: pa.Schema,
    picks: Mapping[str, str],
    row: str | None,
) -> DataFrame:
    found = session.read.parquet(*(uri_of(one) for one in files))
    kinds = dict(found.dtypes)
    columns = []
    for name, column in picks.items():
        text, kind = quoted(column), schema.field(column).type
        if pa.types.is_timestamp(kind) and kind.unit == "ns" and kinds[column] == "bigint":
            text = f"timestamp_micros({text} div 1000)"  # Spark's moments have no nanoseconds
        columns.append(f"{text} AS {quoted(name)}")
    if row is not None:
        columns.append(f"{row} AS {ROW}")
    return found.selectExpr(*columns)


def _schema(file: Any, columns: Any) -> pa.Schema:
    """Return the columns of a Parquet file that are read."""
    if isinstance(file, Path):
        found = pq.read_schema(file)
    else:
        with file.open("rb") as source:
            found = pq.read_schema(source)
    return pa.schema([found.field(one) for one in dict.fromkeys(columns)])


def parts_of(folder: Path) -> list[Path]:
    """Return the files that executors wrote, in the order of their rows."""
    return sorted(folder.glob("part-*.parquet"), key=lambda one: one.name)


def _plain(names: Sequence[str]) -> bool:
    return all(
        one.isascii() and one.replace("-", "").replace(".", "").isalnum()
        for one in (name.replace("_", "") for name in names)
    )
