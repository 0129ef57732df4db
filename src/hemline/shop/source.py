"""A shop's data as a person has it: files, folders, or frames in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from hemline.config import Ingest
from hemline.engines.chosen import place
from hemline.engines.hadoop import HadoopPath
from hemline.errors import DataError, EmptyTableError
from hemline.shop.csvfile import CsvFile

ENDINGS = (".csv", ".csv.gz", ".parquet")
VECTORS = "vectors"
"""Folder of ready photo vectors: vectors.npy, float32 (n, d), and article_ids.txt."""

_TABLES = ("purchases", "articles", "customers")


@dataclass(frozen=True)
class CsvSource:
    """A CSV file, plain or gzipped."""

    file: CsvFile

    @property
    def label(self) -> str:
        """What the table is called in messages."""
        return str(self.file.path)

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in their order."""
        return list(self.file.header)

    def state(self) -> Any:
        """Describe the content, for noticing a change."""
        return _file_state(self.file.path)


@dataclass(frozen=True)
class ParquetSource:
    """A Parquet file, or a folder of them read in the order of their names.

    Attributes
    ----------
    offsets : tuple of int
        Number of rows before each file, and of all of them.
    """

    path: Path
    files: tuple[Path, ...]
    offsets: tuple[int, ...]

    @classmethod
    def open(cls, path: Path) -> ParquetSource:
        """Read the footers of a Parquet file or of a folder of them.

        Raises
        ------
        EmptyTableError
            The folder has no Parquet file.
        DataError
            A file is not Parquet, or another file of the folder has other columns.
        """
        files = tuple(sorted(path.rglob("*.parquet"))) if path.is_dir() else (path,)
        if not files:
            raise EmptyTableError(f"{path} has no .parquet file in it")
        offsets = [0]
        names: list[str] | None = None
        for file in files:
            try:
                with file.open("rb") as opened:
                    found = pq.read_metadata(opened)
            except (OSError, pa.ArrowException) as error:
                raise DataError(f"{file} is not a readable Parquet file: {error}") from None
            columns = found.schema.to_arrow_schema().names
            if names is not None and sorted(columns) != sorted(names):
                raise DataError(
                    f"{file} has the columns {', '.join(columns)}, but {files[0]} has "
                    f"{', '.join(names)}",
                    hint="all files of a folder are one table and have the same columns",
                )
            names = names or columns
            offsets.append(offsets[-1] + found.num_rows)
        return cls(path, files, tuple(offsets))

    @property
    def label(self) -> str:
        """What the table is called in messages."""
        return str(self.path)

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in their order."""
        with self.files[0].open("rb") as opened:
            return list(pq.read_schema(opened).names)

    def state(self) -> Any:
        """Describe the content, for noticing a change."""
        return [_file_state(file) for file in self.files]


@dataclass(frozen=True)
class FrameSource:
    """A table in memory."""

    name: str
    table: pa.Table

    @property
    def label(self) -> str:
        """What the table is called in messages."""
        return f"the frame of the {self.name}"

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in their order."""
        return list(self.table.column_names)

    def state(self) -> Any:
        """Describe the content, for noticing a change."""
        sink = _Digest()
        with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), self.table.schema) as writer:
            writer.write_table(self.table, max_chunksize=1 << 16)
        return sink.digest.hexdigest()


Source: TypeAlias = CsvSource | ParquetSource | FrameSource


@dataclass(frozen=True)
class Shop:
    """Purchases, and what else there is: products, customers, photos or their vectors.

    Parameters
    ----------
    purchases, articles, customers : frame or path
        A pandas or polars frame, an Arrow table or anything else with
        `__arrow_c_stream__`; or a .csv, .csv.gz or .parquet file, or a folder of
        Parquet files; on Spark also by a URI, such as s3a://. Only purchases must be there.
    images : path, optional
        Folder of photos, named by article: 010/0108775015.jpg. A folder of this machine.
    vectors : path, optional
        Folder with vectors.npy, float32 (n, d), and article_ids.txt, an id a line; on Spark
        also by a URI.
    """

    purchases: Any
    articles: Any = None
    customers: Any = None
    images: Path | str | None = None
    vectors: Path | str | None = None

    @classmethod
    def from_folder(cls, path: Path | str, ingest: Ingest | None = None) -> Shop:
        """Find a shop's files in a folder: the Kaggle layout, names from the settings.

        On Spark the folder may be a URI; `ingest.images` may be the path of a folder of this
        machine all the same.

        Raises
        ------
        DataError
            There is no such folder, no purchases in it, or a table is there twice.
        """
        folder, names = place(path), ingest or Ingest()
        if not folder.is_dir():
            what = "is a file, not a folder" if folder.exists() else "does not exist"
            raise DataError(f"{folder} {what}", hint="give the folder that holds the shop's files")
        found = {table: _find(folder, getattr(names, table)) for table in _TABLES}
        for table, file in found.items():
            if file is None and (table == "purchases" or table in names.model_fields_set):
                raise _not_found(folder, table, getattr(names, table))
        here = Path(names.images)
        images = here if here.is_absolute() else folder / names.images
        folders = {"images": images, VECTORS: folder / VECTORS}
        found |= {name: one if one.is_dir() else None for name, one in folders.items()}
        return cls(**{name: _named(one) for name, one in found.items()})

    def source(self, table: str) -> Source | None:
        """Open "purchases", "articles" or "customers"; None where the shop has none.

        Raises
        ------
        DataError
            The file is missing, empty or of a kind that is not read, or the object is no frame.
        """
        value = getattr(self, table)
        if value is None and table != "purchases":
            return None
        if isinstance(value, str | Path):
            return _open(place(value))
        if not hasattr(value, "__arrow_c_stream__"):
            raise DataError(
                f"{table}: a {type(value).__name__} is neither a frame nor a path",
                hint="give a pandas or polars frame, an Arrow table, or the path of a file",
            )
        try:
            return FrameSource(table, pa.table(value))
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise DataError(
                f"the frame of the {table} cannot be read as an Arrow table: {error}",
                hint="each column must hold values of one type; text for ids",
            ) from None


def fingerprint(shop: Shop) -> dict[str, Any]:
    """Describe the tables of a shop so that a change of their content shows, as JSON can hold.

    Files are told by path, size and time of change, frames by a digest of their values.
    """
    sources = {table: shop.source(table) for table in _TABLES}
    state = {table: source.state() if source else None for table, source in sources.items()}
    # photos and vectors are read here for nothing but the length of article ids
    for name, folder in (("images", shop.images), ("vectors", shop.vectors)):
        state[name] = None if folder is None else str(place(folder).resolve())
    return state


def _named(path: Any) -> Any:
    """Return a place as a shop holds it: what Spark reads by its URI."""
    return str(path) if isinstance(path, HadoopPath) else path


def _open(path: Path) -> Source:
    if not path.exists():
        raise DataError(f"{path} does not exist", hint="give the path of a file that is there")
    if path.is_dir() or path.suffix in (".parquet", ".pq"):
        return ParquetSource.open(path)
    if path.name.endswith((".csv", ".csv.gz", ".tsv", ".txt")):
        return CsvSource(CsvFile.open(path))
    raise DataError(f"{path} is of a kind that is not read", hint=f"read are {', '.join(ENDINGS)}")


def _find(folder: Path, name: str) -> Path | None:
    candidates = [folder / (name + ending) for ending in ENDINGS]
    found = [one for one in candidates if one.exists()]
    plain = folder / name
    if plain.is_file() or (plain.is_dir() and next(plain.rglob("*.parquet"), None)):
        found.append(plain)
    if len(found) > 1:
        names = " and ".join(one.name for one in found)
        raise DataError(
            f"{folder} has both {names}", hint="move all but one of them out of the folder"
        )
    return found[0] if found else None


def _not_found(folder: Path, table: str, name: str) -> DataError:
    there = sorted(one.name + ("/" if one.is_dir() else "") for one in folder.iterdir())
    listed = ", ".join(there[:12]) + (", …" if len(there) > 12 else "")
    expected = ", ".join(name + ending for ending in ENDINGS)
    hint = f'if the file is called otherwise, write under [ingest]: {table} = "ITS NAME"'
    if inner := [one.name for one in folder.iterdir() if one.is_dir() and _find(one, name)]:
        hint = f"{inner[0]}/ in it has one: give that folder"
    elif zipped := [one for one in there if one.endswith((".zip", ".7z", ".tar", ".tgz"))]:
        hint = f"unpack {zipped[0]} first"
    return DataError(
        f"{folder} has no {table}: expected {expected} or a folder {name}/ of Parquet files; "
        f"found {listed or 'nothing'}",
        hint=hint,
    )


def _file_state(path: Path) -> list[Any]:
    state = path.stat()
    return [str(path.resolve()), state.st_size, state.st_mtime_ns]


class _Digest:
    """A file that keeps nothing but a digest of what is written."""

    closed = False

    def __init__(self) -> None:
        self.digest = hashlib.blake2b(digest_size=16)

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is open."""
