"""What the embedded engine's messages mean, and where in the query they point."""

from __future__ import annotations

import re

from hemline.errors import QueryError
from hemline.graph.dialect import Rewritten
from hemline.graph.tokens import Token, query_error, tokens
from hemline.schema import GRAPH

_PLACE = re.compile(r"\(line: (\d+), offset: (\d+)\)")
_KIND = re.compile(r"^(Parser|Binder|Catalog|Runtime|Conversion|Buffer manager) exception: ")
_NAMED = (
    re.compile(r"Table (?P<name>\S+) does not exist"),
    re.compile(r"Cannot find property (?P<name>\S+) for"),
    re.compile(r"[Ff]unction (?P<name>\S+) does not exist"),
    re.compile(r"Variable (?P<name>\S+) is not in scope"),
)


def first_line(error: Exception | str) -> str:
    """Return the first line of an engine's message."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether the engine ended a statement because the buffer pool was full."""
    return "buffer pool is full" in str(error).lower()


def placed(message: str, cypher: str, rewritten: Rewritten) -> QueryError:
    """Return the engine's message as an error that says where, as far as that can be known.

    The engine speaks of the text that it was given; the place is that in the query itself.
    """
    found = _PLACE.search(message)
    # a message about the syntax quotes the query, with its line ends
    text = " ".join(message[: found.start()].split()) if found else first_line(message)
    text = _KIND.sub("", text)
    if found:
        at = rewritten.origin(_offset(rewritten.text, int(found[1]), int(found[2])))
        return query_error(text, cypher, min(at, len(cypher)))
    for pattern in _NAMED:
        named = pattern.search(text)
        if named:
            place = _place_of(named["name"], cypher)
            hint = _hint(pattern, named["name"])
            return query_error(text, cypher, place, hint) if place >= 0 else QueryError(text)
    return QueryError(text)


def _offset(cypher: str, line: int, column: int) -> int:
    lines = cypher.split("\n")
    before = sum(len(one) + 1 for one in lines[: line - 1])
    return min(before + column, len(cypher))


def _place_of(name: str, cypher: str) -> int:
    def is_it(one: Token) -> bool:
        return one.kind in ("word", "quoted") and one.name.upper() == name.upper()

    return next((one.start for one in tokens(cypher) if is_it(one)), -1)


def _hint(pattern: re.Pattern[str], name: str) -> str:
    if pattern is _NAMED[0]:
        labels = ", ".join(one.name for one in GRAPH.labels)
        edges = ", ".join(dict.fromkeys(one.name for one in GRAPH.relationships))
        return f"labels: {labels}; relationships: {edges}"
    if pattern is _NAMED[1]:
        return "`hemline graph schema` lists the properties"
    return ""
