"""Data that comes after the shop's own: told by its content, and kept beside the tables."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, Final, Self

import pyarrow.parquet as pq

from hemline.config import Ingest
from hemline.engines.chosen import place
from hemline.engines.hadoop import HadoopPath
from hemline.errors import DataError
from hemline.shop.source import VECTORS, CsvSource, FrameSource, ParquetSource, Shop

TABLES: Final = ("purchases", "articles", "customers")


@dataclass(frozen=True)
class Addition:
    """Purchases that were added to a shop, with new and changed rows of its other tables.

    Attributes
    ----------
    digest : str
        Of the content, whatever the files are called.
    update : int
        The number of the update that it came by, from 1.
    label : str
        What the purchases are called in messages.
    shop : Shop
        Its tables, as they were kept.
    span : (int, int) or None
        Purchases of the service's own log: the first second, and the first that is not in it.
    accepted : bool
        Purchases that are there already may be there once more.
    """

    digest: str
    update: int
    label: str
    shop: Shop
    span: tuple[int, int] | None = None
    accepted: bool = False
    tables: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_json(cls, entry: dict[str, Any], folder: Path) -> Self:
        """Open what `keep` kept under `folder`.

        Raises
        ------
        DataError
            Its files are gone.
        """
        home = folder / entry["digest"][:16]
        paths = {name: home / where for name, where in entry["tables"].items()}
        for path in paths.values():
            if not path.exists():
                raise DataError(
                    f"{path} is gone: the purchases of {entry['label']} cannot be read again",
                    hint="`hemline run DATA --out RUN --updates drop` starts from the shop's data",
                )
        span = entry.get("span")
        return cls(
            entry["digest"], entry["update"], entry["label"], Shop(**paths),
            tuple(span) if span else None, accepted=True, tables=entry["tables"],
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Return what `of_json` takes."""
        found = {
            "update": self.update,
            "digest": self.digest,
            "label": self.label,
            "tables": self.tables,
        }
        return found | ({"span": list(self.span)} if self.span else {})


def find_addition(named: Path | str, ingest: Ingest) -> Shop:
    """Find the purchases at a path, or on Spark at a URI, and what comes with them.

    A file of purchases; a folder with a shop's files under their names; or a folder of
    Parquet files that are all purchases.

    Raises
    ------
    DataError
        There is nothing of this kind.
    """
    path = place(named)
    if not path.is_dir():
        return Shop(purchases=named)
    try:
        return Shop.from_folder(named, ingest)
    except DataError:
        files = [one.name for one in path.iterdir()]
        tables = tuple(f"{getattr(ingest, one)}." for one in TABLES)
        if any(one.startswith(tables) for one in files) or not any(
            one.endswith(".parquet") for one in files
        ):
            raise
    return Shop(purchases=named)


def digest_of(shop: Shop) -> str:
    """Return a digest of the content of all files of a shop but its photos."""
    found = hashlib.blake2b(digest_size=16)
    for name in TABLES:
        source = shop.source(name)
        found.update(f"\0{name}\0".encode())
        if isinstance(source, FrameSource):
            found.update(str(source.state()).encode())
        elif source is not None:
            for file in _files(source):
                _digest_file(file, found)
    if shop.vectors is not None:
        found.update(b"\0vectors\0")
        for file in sorted(place(shop.vectors).iterdir()):
            _digest_file(file, found)
    return found.hexdigest()


def _files(source: CsvSource | ParquetSource) -> tuple[Any, ...]:
    return (source.file.path,) if isinstance(source, CsvSource) else source.files


def fetch(found: Any, target: Path) -> None:
    """Copy a file or a folder, of this machine or on a filesystem of Spark's."""
    if isinstance(found, HadoopPath):
        found.copy_to(target)
    elif found.is_dir():
        shutil.copytree(found, target)
    else:
        shutil.copyfile(found, target)


def _digest_file(path: Path, found: Any) -> None:
    each = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            each.update(block)
    found.update(each.digest())  # so that what moves from one file to the next is seen


def label_of(shop: Shop) -> str:
    """Return what a person calls the purchases."""
    source = shop.source("purchases")
    assert source is not None
    return PurePath(source.label).name if not isinstance(source, FrameSource) else source.label


def keep(shop: Shop, folder: Path, digest: str) -> dict[str, str]:
    """Copy a shop's tables and vectors into a folder of their own under `folder`.

    Returns
    -------
    dict
        Where each lies in that folder.
    """
    home = folder / digest[:16]
    work = folder / f"{digest[:16]}.tmp"
    shutil.rmtree(work, ignore_errors=True)
    found: dict[str, str] = {}
    for name, copy in _copies(shop, work):
        found[name] = str(copy.relative_to(work))
    shutil.rmtree(home, ignore_errors=True)
    work.rename(home)
    return found


def _copies(shop: Shop, work: Path) -> Iterator[tuple[str, Path]]:
    for name in TABLES:
        source = shop.source(name)
        if source is None:
            continue
        home = work / name
        home.mkdir(parents=True)
        if isinstance(source, FrameSource):
            pq.write_table(source.table, home / f"{name}.parquet")
            yield name, home / f"{name}.parquet"
            continue
        whole = source.file.path if isinstance(source, CsvSource) else source.path
        for file in _files(source):
            # the names stand in the list of rejects
            copy = home / whole.name
            if file != whole:
                copy = copy / file.relative_to(whole)
            copy.parent.mkdir(parents=True, exist_ok=True)
            fetch(file, copy)
        yield name, home / whole.name
    if shop.vectors is not None:
        work.mkdir(parents=True, exist_ok=True)
        fetch(place(shop.vectors), work / VECTORS)
        yield VECTORS, work / VECTORS
