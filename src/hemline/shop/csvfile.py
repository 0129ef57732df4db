"""Where a CSV file's records begin and end, line by line.

The engine reads files at full speed and stops at the first broken line. Only then is a file
walked through here: slower, but every line gets its number and every broken one its reason,
and one broken line costs that line alone.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, cast

import numpy as np
import numpy.typing as npt

from hemline.errors import DataError, EmptyTableError
from hemline.shop.records import MAX_RECORD, Grammar, Record, Span, Walk, shown
from hemline.shop.rejects import Reject

DELIMITERS = (",", ";", "\t", "|")
BLOCK = 1 << 24
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class CsvFile:
    """A CSV file with a header, plain or gzipped.

    Attributes
    ----------
    header : tuple of str
        Names of the columns as they stand in the file.
    newline : bytes
        What ends a line; a carriage return before a line feed belongs to it.
    used : tuple of int
        The columns that are read, from 0: only they must be UTF-8. Empty: all.
    """

    path: Path
    delimiter: str
    header: tuple[str, ...]
    newline: bytes
    used: tuple[int, ...] = ()

    @classmethod
    def open(cls, path: Path) -> CsvFile:
        """Look at the first line of a file.

        Raises
        ------
        EmptyTableError
            There is nothing in the file.
        DataError
            It cannot be read, or is no text.
        """
        with _opened(path) as file:
            start = _read(file, 1 << 20, path)
        start = start.removeprefix(_BOM)
        if not start.strip():
            raise EmptyTableError(f"{path} is empty", hint="a header and rows are expected")
        newline = b"\r" if b"\n" not in start and b"\r" in start else b"\n"
        first = start.split(newline, 1)[0].rstrip(b"\r")
        try:
            text = first.decode()
        except UnicodeDecodeError as error:
            raise DataError(
                f"{path}, line 1, byte {error.start + 1}: not UTF-8",
                hint="save the file as UTF-8",
            ) from None
        if "\0" in text or len(first) > MAX_RECORD // 4:
            raise DataError(f"{path}: not a CSV file in UTF-8", hint="save it as CSV in UTF-8")
        delimiter = max(DELIMITERS, key=lambda one: len(_fields(text, one)))
        return cls(path, delimiter, tuple(one.strip() for one in _fields(text, delimiter)), newline)

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.header)

    def using(self, used: tuple[int, ...]) -> CsvFile:
        """Return the same file with the columns that are read."""
        return replace(self, used=used)

    def records(self) -> Iterator[Record]:
        """Yield every record after the header; empty lines are none.

        A quoted field may hold line ends. One that is never closed, or closed in the middle
        of a field, makes its first line a broken record, and the next line starts afresh.
        """
        for piece in self.pieces():
            if isinstance(piece, Record):
                yield piece
            else:
                yield from piece.records(self.newline)

    def pieces(self) -> Iterator[Record | Span]:
        """Yield the same as `records`, many sound records without quotes at a time as a span."""
        return Walk(self.grammar, self.blocks()).pieces()

    @property
    def grammar(self) -> Grammar:
        """How this file writes its records."""
        return Grammar(self.delimiter, self.width, self.newline, self.used)

    def take(self, places: npt.NDArray[np.int64]) -> Iterator[Record]:
        """Yield the sound records at some places among the sound ones, from 0, ascending."""
        at, wanted = 0, 0
        for piece in self.pieces():
            if wanted == len(places):
                return
            if isinstance(piece, Span):
                last = int(np.searchsorted(places, at + piece.n))
                if last > wanted:
                    held = list(piece.records(self.newline))
                    yield from (held[place - at] for place in places[wanted:last].tolist())
                at, wanted = at + piece.n, last
            elif piece.problem is None:
                if places[wanted] == at:
                    yield piece
                    wanted += 1
                at += 1

    def sieve(self, clean: Path) -> list[Reject]:
        """Write the sound records to the file `clean` and return the broken ones."""
        broken: list[Reject] = []
        with clean.open("wb") as out:
            out.write(self.head())
            for piece in self.pieces():
                if isinstance(piece, Span):
                    ends_apart = self.newline != b"\n" or b"\r" in piece.raw
                    raw = b"\n".join(piece.lines(self.newline)) if ends_apart else piece.raw
                    out.write(raw + b"\n")
                elif piece.problem is None:
                    out.write(piece.raw + b"\n")
                else:
                    text = shown(piece.raw)
                    broken.append(Reject(self.path.name, piece.line, piece.problem, text))
        return broken

    def head(self) -> bytes:
        """Return a header for copies of this file; what it says is of no account."""
        return self.delimiter.join(["h"] * self.width).encode() + b"\n"

    def blocks(self) -> Iterator[tuple[int, bytes]]:
        """Yield the number of the first line and whole lines, without the last one's end.

        Lines are cut after MAX_RECORD + 1 bytes or later.
        """
        number, rest = 1, b""
        with _opened(self.path) as file:
            if file.read(len(_BOM)) != _BOM:
                file.seek(0)
            while block := _read(file, BLOCK, self.path):
                end = block.rfind(self.newline)
                if end < 0:
                    rest = (rest + block)[: MAX_RECORD + 1]
                    continue
                whole = rest + block[:end]
                yield number, whole
                number += whole.count(self.newline) + 1
                rest = block[end + 1 :][: MAX_RECORD + 1]
            if rest:
                yield number, rest


def _fields(text: str, delimiter: str) -> list[str]:
    return next(csv.reader([text], delimiter=delimiter), [])


def _opened(path: Path) -> IO[bytes]:
    try:
        if path.suffix == ".gz":
            return cast("IO[bytes]", gzip.open(path) if _is_here(path) else _unpacked(path))
        return path.open("rb")
    except OSError as error:
        raise DataError(f"{path} cannot be opened: {error.strerror}") from None


def _is_here(path: object) -> bool:
    return isinstance(path, Path)


def _unpacked(path: Path) -> gzip.GzipFile:
    """Unpack a file of another filesystem, which Python's gzip does not open by name."""
    return gzip.GzipFile(fileobj=path.open("rb"))


def _read(file: IO[bytes], size: int, path: Path) -> bytes:
    try:
        return file.read(size)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path} cannot be read: {error}", hint="is the file whole? copy or unpack it again"
        ) from None
