"""Cypher cut into tokens, each with its place, so that a message can point at it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from hemline.errors import QueryError

Kind = Literal["word", "quoted", "string", "number", "parameter", "symbol", "end"]

_PATTERNS: tuple[tuple[str, str], ...] = (
    ("space", r"\s+|//[^\n]*|/\*.*?\*/"),
    ("number", r"(?:\d+\.\d+|\d+|\.\d+)(?:[eE][+-]?\d+)?"),
    ("parameter", r"\$(?:[^\W\d]\w*|\d+|`(?:[^`]|``)+`)"),
    ("word", r"[^\W\d]\w*"),
    ("quoted", r"`(?:[^`]|``)+`"),
    ("string", r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""),
    ("symbol", r"<>|<=|>=|=~|\.\.|\|\||/(?!\*)|[-+*%^=<>()\[\]{},.:;|&!?]"),
)
_TOKEN = re.compile("|".join(f"(?P<{kind}>{one})" for kind, one in _PATTERNS), re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


@dataclass(frozen=True)
class Token:
    """One piece of a query: `text` as it was written, from `start` to before `end`."""

    kind: Kind
    text: str
    start: int
    end: int

    def is_word(self, *words: str) -> bool:
        """Tell whether this is one of some keywords, in whatever case."""
        return self.kind == "word" and self.text.upper() in words

    def is_symbol(self, *symbols: str) -> bool:
        """Tell whether this is one of some signs."""
        return self.kind == "symbol" and self.text in symbols

    @property
    def name(self) -> str:
        """What a word, a quoted name or a parameter names, without its signs."""
        text = self.text.removeprefix("$")
        return text[1:-1].replace("``", "`") if text.startswith("`") else text

    @property
    def string(self) -> str:
        """The content of a text between quotation marks."""

        def plain(found: re.Match[str]) -> str:
            sign = found[1]
            if sign[0] == "u":
                return chr(int(sign[1:], 16))
            return _ESCAPES.get(sign, sign)

        return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", plain, self.text[1:-1], flags=re.DOTALL)


def query_error(message: str, query: str, at: int, hint: str = "") -> QueryError:
    """Return an error that shows its place: line and column from 1, and the line itself."""
    line, column = query.count("\n", 0, at) + 1, at - (query.rfind("\n", 0, at) + 1) + 1
    shown = query.split("\n")[line - 1]
    first = max(0, column - 60)  # of a long line the part around the place
    part = shown[first : column + 40]
    return QueryError(
        f"line {line}, column {column}: {message}\n  {part}\n  {' ' * (column - 1 - first)}^",
        hint=hint,
        line=line,
        column=column,
    )


def tokens(query: str) -> list[Token]:
    """Return the tokens of a query, comments and spaces left out; the last is its end.

    Raises
    ------
    QueryError
        A text or a comment is not closed, or there is a sign that Cypher does not have.
    """
    return list(_tokens(query))


def _tokens(query: str) -> Iterator[Token]:
    at = 0
    while at < len(query):
        found = _TOKEN.match(query, at)
        if found is None:
            opening = {"'": "text", '"': "text", "`": "name", "/": "comment"}.get(query[at])
            what = f"a {opening} that is not closed" if opening else f"the sign {query[at]!r}"
            raise query_error(f"{what} cannot be read", query, at)
        at = found.end()
        if found.lastgroup != "space":
            kind: Kind = found.lastgroup  # type: ignore[assignment]
            yield Token(kind, found.group(), found.start(), found.end())
    yield Token("end", "", len(query), len(query))


def parameters_of(query: str) -> dict[str, int]:
    """Return the names of a query's parameters, each with the place where it stands first."""
    found: dict[str, int] = {}
    for one in tokens(query):
        if one.kind == "parameter":
            found.setdefault(one.name, one.start)
    return found


def without_comments(query: str) -> str:
    """Return the query with every comment as spaces: the places of the rest do not change."""
    pieces = [" " if sign != "\n" else sign for sign in query]
    for one in tokens(query):
        pieces[one.start : one.end] = query[one.start : one.end]
    return "".join(pieces)
