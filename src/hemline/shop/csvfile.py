"""Where a CSV file's records begin and end, line by line.

The engine reads files at full speed and stops at the first broken line. Only then is a file
walked through here: slower, but every line gets its number and every broken one its reason,
and one broken line costs that line alone.
"""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import IO, NamedTuple, cast

from hemline.errors import DataError, EmptyTableError
from hemline.shop.rejects import (
    BROKEN_QUOTING,
    LINE_TOO_LONG,
    NOT_UTF8,
    TEXT_LENGTH,
    WRONG_COLUMN_COUNT,
    Reject,
)

DELIMITERS = (",", ";", "\t", "|")
MAX_RECORD = 2_000_000
"""Bytes of a record; the engine takes no longer ones either."""

_BLOCK = 1 << 24
_BOM = b"\xef\xbb\xbf"


class Record(NamedTuple):
    """A record: its first line (from 1), its bytes without the line's end, what is wrong."""

    line: int
    raw: bytes
    problem: str | None


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
        lines = _Lines(self._lines())
        next(lines)  # the header
        mark = self.delimiter.encode()
        between = self.width - 1
        blank = self.width > 1
        for line, whole in lines:
            raw = self._trimmed(whole)
            if not raw and blank:
                continue
            if len(raw) > MAX_RECORD:
                yield Record(line, raw[:TEXT_LENGTH], LINE_TOO_LONG)
            elif b'"' in raw:
                yield self._quoted(line, whole, lines)
            elif raw.count(mark) != between and not (
                raw.count(mark) == between + 1 and raw.endswith(mark)
            ):
                yield Record(line, raw, WRONG_COLUMN_COUNT)
            else:
                yield Record(line, raw, None if raw.isascii() else self._encoding(raw))

    def sieve(self, clean: Path) -> list[Reject]:
        """Write the sound records to the file `clean` and return the broken ones."""
        broken: list[Reject] = []
        with clean.open("wb") as out:
            header = ["h"] * self.width
            out.write(self.delimiter.join(header).encode() + b"\n")
            for line, raw, problem in self.records():
                if problem is None:
                    out.write(raw + b"\n")
                else:
                    broken.append(Reject(self.path.name, line, problem, shown(raw)))
        return broken

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield every line with its number, cut after MAX_RECORD + 1 bytes.

        The line feed is off, a carriage return before it still there.
        """
        number, rest = 1, b""
        with _opened(self.path) as file:
            if file.read(len(_BOM)) != _BOM:
                file.seek(0)
            while block := _read(file, _BLOCK, self.path):
                lines = block.split(self.newline)
                lines[0] = rest + lines[0]
                rest = lines.pop()[: MAX_RECORD + 1]
                for raw in lines:
                    yield number, raw
                    number += 1
            if rest:
                yield number, rest

    def _quoted(self, line: int, raw: bytes, lines: _Lines) -> Record:
        """Judge a record with quotes, taking further lines while a quoted field is open."""
        taken: list[tuple[int, bytes]] = []
        first, whole = self._trimmed(raw), raw
        while self._open_end.fullmatch(whole):
            pieces, size = [whole], len(whole)
            for following in lines:
                taken.append(following)
                pieces.append(following[1])
                size += len(following[1]) + 1
                if b'"' in following[1] or size > MAX_RECORD:
                    break
            else:
                break
            whole = self.newline.join(pieces)
            if size > MAX_RECORD:
                break
        whole = self._trimmed(whole)
        if self._exact.fullmatch(whole):
            return Record(line, whole, None if whole.isascii() else self._encoding(whole))
        lines.back(taken)
        sound = self._any.fullmatch(first)
        return Record(line, first, WRONG_COLUMN_COUNT if sound else BROKEN_QUOTING)

    def _trimmed(self, raw: bytes) -> bytes:
        return raw.removesuffix(b"\r") if self.newline == b"\n" else raw

    def _encoding(self, raw: bytes) -> str | None:
        try:
            raw.decode()
        except UnicodeDecodeError:
            fields = self._field.findall(raw)
            used = [fields[place] for place in self.used] if self.used else fields
            try:
                b"".join(used).decode()
            except UnicodeDecodeError:
                return NOT_UTF8
        return None

    @property
    def _pattern(self) -> str:
        # a quoted field, spaces around it allowed, or one that does not start with a quote
        quoted = r' *+"[^"]*+(?:""[^"]*+)*+" *+'
        return rf'(?:{quoted}|(?! *+")[^{re.escape(self.delimiter)}]*+)'

    @cached_property
    def _exact(self) -> re.Pattern[bytes]:
        mark = re.escape(self.delimiter)
        rest = rf"(?:{mark}{self._pattern}){{{self.width - 1}}}{mark}?"
        return re.compile((self._pattern + rest).encode(), re.DOTALL)

    @cached_property
    def _any(self) -> re.Pattern[bytes]:
        mark = re.escape(self.delimiter)
        return re.compile(rf"{self._pattern}(?:{mark}{self._pattern})*+".encode(), re.DOTALL)

    @cached_property
    def _open_end(self) -> re.Pattern[bytes]:
        mark = re.escape(self.delimiter)
        before = rf"(?:{self._pattern}{mark})*"
        return re.compile((before + r' *+"[^"]*+(?:""[^"]*+)*+').encode(), re.DOTALL)

    @cached_property
    def _field(self) -> re.Pattern[bytes]:
        mark = re.escape(self.delimiter)
        return re.compile(rf"(?:^|{mark})({self._pattern})".encode(), re.DOTALL)


class _Lines:
    """An iterator that takes lines back."""

    def __init__(self, lines: Iterator[tuple[int, bytes]]) -> None:
        self.lines = lines
        self.returned: deque[tuple[int, bytes]] = deque()

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> tuple[int, bytes]:
        return self.returned.popleft() if self.returned else next(self.lines)

    def back(self, taken: list[tuple[int, bytes]]) -> None:
        self.returned.extendleft(reversed(taken))


def shown(raw: bytes) -> str:
    """Return a record as text for the list of rejects; bytes that are none are replaced."""
    return raw[: 4 * TEXT_LENGTH].decode(errors="replace")[:TEXT_LENGTH]


def _fields(text: str, delimiter: str) -> list[str]:
    return next(csv.reader([text], delimiter=delimiter), [])


def _opened(path: Path) -> IO[bytes]:
    try:
        if path.suffix == ".gz":
            return cast("IO[bytes]", gzip.open(path))
        return path.open("rb")
    except OSError as error:
        raise DataError(f"{path} cannot be opened: {error.strerror}") from None


def _read(file: IO[bytes], size: int, path: Path) -> bytes:
    try:
        return file.read(size)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path} cannot be read: {error}", hint="is the file whole? copy or unpack it again"
        ) from None
