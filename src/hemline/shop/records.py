"""The records of a CSV file: where one ends, and what is wrong with it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from hemline.shop.rejects import (
    BROKEN_QUOTING,
    LINE_TOO_LONG,
    NOT_UTF8,
    TEXT_LENGTH,
    WRONG_COLUMN_COUNT,
)

MAX_RECORD = 2_000_000
"""Bytes of a record; the engine takes no longer ones either."""


class Record(NamedTuple):
    """A record: its first line (from 1), its bytes without the line's end, what is wrong."""

    line: int
    raw: bytes
    problem: str | None


class Span(NamedTuple):
    """Sound records without quotes, a line each: the first one's number, bytes, how many."""

    line: int
    raw: bytes
    n: int

    def lines(self, newline: bytes) -> list[bytes]:
        """Return the lines without their ends."""
        lines = self.raw.split(newline)
        return [one.removesuffix(b"\r") for one in lines] if newline == b"\n" else lines

    def records(self, newline: bytes) -> Iterator[Record]:
        """Yield each line as a record."""
        for place, raw in enumerate(self.lines(newline)):
            yield Record(self.line + place, raw, None)


@dataclass(frozen=True)
class Grammar:
    """How a file writes its records.

    Attributes
    ----------
    newline : bytes
        What ends a line; a carriage return before a line feed belongs to it.
    used : tuple of int
        The columns that are read, from 0: only they must be UTF-8. Empty: all.
    """

    delimiter: str
    width: int
    newline: bytes
    used: tuple[int, ...] = ()

    def judge(self, line: int, whole: bytes, walk: Walk) -> Record | None:
        """Return the record that begins with a line; None when the line is empty."""
        raw = self.trimmed(whole)
        if not raw and self.width > 1:
            return None
        if len(raw) > MAX_RECORD:
            return Record(line, raw[:TEXT_LENGTH], LINE_TOO_LONG)
        if b'"' in raw:
            return self._quoted(line, whole, walk)
        mark = self.delimiter.encode()
        extra = raw.count(mark) - (self.width - 1)
        if extra and not (extra == 1 and raw.endswith(mark)):
            return Record(line, raw, WRONG_COLUMN_COUNT)
        return Record(line, raw, None if raw.isascii() else self._encoding(raw))

    def span(self, line: int, block: bytes) -> Span | None:
        """Return a block of lines as a span when each of them is a sound record without quotes."""
        if b'"' in block or not block.isascii():
            return None
        if self.newline == b"\n" and block.count(b"\r\n") + block.endswith(b"\r") != block.count(
            b"\r"
        ):
            return None
        held = np.frombuffer(block, np.uint8)
        ends = np.flatnonzero(held == ord(self.newline))
        marks = np.flatnonzero(held == ord(self.delimiter))
        n, between = len(ends) + 1, self.width - 1
        if (
            len(marks) != n * between
            or np.diff(ends, prepend=-1, append=len(held)).max() > MAX_RECORD
        ):
            return None
        # so many marks in all, and as many in each line
        if between and not (
            (marks[between - 1 : -1 : between] < ends).all()
            and (marks[between::between] > ends).all()
        ):
            return None
        return Span(line, block, n)

    def _quoted(self, line: int, raw: bytes, walk: Walk) -> Record:
        """Judge a record with quotes, taking further lines while a quoted field is open."""
        taken: list[tuple[int, bytes]] = []
        first, whole = self.trimmed(raw), raw
        while self._open_end.fullmatch(whole):
            pieces, size = [whole], len(whole)
            while (following := walk.line()) is not None:
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
        whole = self.trimmed(whole)
        if self._exact.fullmatch(whole):
            return Record(line, whole, None if whole.isascii() else self._encoding(whole))
        walk.back(taken)
        sound = self._any.fullmatch(first)
        return Record(line, first, WRONG_COLUMN_COUNT if sound else BROKEN_QUOTING)

    def trimmed(self, raw: bytes) -> bytes:
        """Return a line without the carriage return before its line feed."""
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


class Walk:
    """Goes through a file by blocks and lines, and takes lines back."""

    def __init__(self, grammar: Grammar, blocks: Iterator[tuple[int, bytes]]) -> None:
        self.grammar = grammar
        self.blocks = blocks
        self.lines: deque[tuple[int, bytes]] = deque()
        self.block: tuple[int, bytes] | None = None
        first = next(self.blocks, None)
        if first is not None and grammar.newline in first[1]:
            self.block = (2, first[1].split(grammar.newline, 1)[1])  # behind the header

    def pieces(self) -> Iterator[Record | Span]:
        """Yield everything: spans where a whole block is sound, single records elsewhere."""
        while (piece := self.span() or self.line()) is not None:
            if isinstance(piece, Span):
                yield piece
            elif (record := self.grammar.judge(*piece, self)) is not None:
                yield record

    def span(self) -> Span | None:
        """Return the next block if no line before it waits and all of it is sound."""
        if self.lines or not self._has_block():
            return None
        assert self.block is not None
        found = self.grammar.span(*self.block)
        if found is not None:
            self.block = None
        return found

    def line(self) -> tuple[int, bytes] | None:
        """Return the next line and its number; None at the end."""
        if not self.lines and self._has_block():
            assert self.block is not None
            number, raw = self.block
            self.lines.extend(enumerate(raw.split(self.grammar.newline), number))
            self.block = None
        return self.lines.popleft() if self.lines else None

    def back(self, taken: list[tuple[int, bytes]]) -> None:
        """Take back lines that were the last to be returned."""
        self.lines.extendleft(reversed(taken))

    def _has_block(self) -> bool:
        self.block = self.block or next(self.blocks, None)
        return self.block is not None


def shown(raw: bytes) -> str:
    """Return a record as text for the list of rejects; bytes that are none are replaced."""
    return raw[: 4 * TEXT_LENGTH].decode(errors="replace")[:TEXT_LENGTH]
