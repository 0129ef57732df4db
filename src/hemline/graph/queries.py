"""The queries that come with Hemline, one `.cypher` file each, and those of a user's own."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from hemline.errors import ConfigError, GraphError
from hemline.graph.tokens import parameters_of

_PARAMETER = re.compile(
    r"(?P<name>\w+)\s+(?P<type>\w+)(?:\s*=\s*(?P<default>[^:]*[^:\s]))?:\s*(?P<text>.*)"
)
_COLUMN = re.compile(r"(?P<name>\w+)(?:\s+(?P<text>.*))?")

_READ: Final[dict[str, Callable[[str], Any]]] = {
    "string": str,
    "int": int,
    "float": float,
    "date": dt.date.fromisoformat,
    "list": lambda text: [one.strip() for one in text.split(",") if one.strip()],
}
"""How the text of a parameter becomes a value of its type."""


@dataclass(frozen=True)
class QueryParameter:
    """A parameter as the head of a query's file describes it."""

    name: str
    type: str
    text: str
    default: Any = None


@dataclass(frozen=True)
class QueryFile:
    """A query with what the comment at its head says.

    Attributes
    ----------
    name : str
        Of the file, without `.cypher`.
    text : str
        The whole file.
    what : str
    parameters : tuple of QueryParameter
    columns : dict of str to str
    """

    name: str
    text: str
    what: str
    parameters: tuple[QueryParameter, ...]
    columns: dict[str, str]

    def values(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Return the parameters' values: those given as text, in their types, and defaults.

        Raises
        ------
        ConfigError
            A value cannot be read as its type, or the query has no such parameter.
        """
        declared = {one.name: one for one in self.parameters}
        used = parameters_of(self.text)
        for name in given:
            if name not in used:
                raise ConfigError(
                    f"--param {name}: the query {self.name} has no parameter ${name}",
                    hint=f"it has {', '.join(used) or 'none'}",
                )
        found = {name: one.default for name, one in declared.items() if one.default is not None} | {
            name: _read(name, text, declared.get(name)) for name, text in given.items()
        }
        return {name: value for name, value in found.items() if name in used}


def _read(name: str, text: str, declared: QueryParameter | None) -> Any:
    if declared is None:
        return guessed(text)
    try:
        return _READ[declared.type](text)
    except ValueError:
        raise ConfigError(
            f"--param {name}={text}: not of type {declared.type}", hint=declared.text
        ) from None


def guessed(text: str) -> Any:
    """Return the value of a parameter whose type nobody declared.

    A whole number without leading zeros, a decimal number, a day (2020-09-22), true, false and
    null are what they look like; everything else is text, and so is what stands between
    quotation marks. An article id keeps its leading zeros.
    """
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    constants = {"true": True, "false": False, "null": None}
    if text in constants:
        return constants[text]
    if re.fullmatch(r"-?(0|[1-9]\d{0,17})", text):
        return int(text)
    if re.fullmatch(r"-?\d+\.\d+", text):
        return float(text)
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            return text
    return text


def parse_file(name: str, text: str) -> QueryFile:
    """Read the comment at the head of a query.

        // What it answers, in one or more lines.
        // Parameters:
        //   customer_id  string: the customer
        //   limit        int = 12: how many
        // Columns:
        //   code  of the product

    A file without such a head is taken as it is.

    Raises
    ------
    GraphError
        A line under Parameters or Columns cannot be read.
    """
    what: list[str] = []
    parameters: list[QueryParameter] = []
    columns: dict[str, str] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.startswith("//"):
            break
        content = line.removeprefix("//").strip()
        if content in ("Parameters:", "Columns:"):
            section = content
        elif section == "Parameters:":
            found = _PARAMETER.fullmatch(content)
            if not found or found["type"] not in _READ:
                raise GraphError(
                    f"{name}, line {number}: {content!r} describes no parameter",
                    hint=f"write name, type and what it is: `limit  int = 12: how many`; "
                    f"types: {', '.join(_READ)}",
                )
            default = None if found["default"] is None else _READ[found["type"]](found["default"])
            parameters.append(QueryParameter(found["name"], found["type"], found["text"], default))
        elif section == "Columns:":
            found = _COLUMN.fullmatch(content)
            if not found:
                raise GraphError(f"{name}, line {number}: {content!r} describes no column")
            columns[found["name"]] = found["text"] or ""
        elif content:
            what.append(content)
    return QueryFile(name, text, " ".join(what), tuple(parameters), columns)


@cache
def shipped() -> dict[str, QueryFile]:
    """Return the queries that come with Hemline, by name."""
    folder = resources.files("hemline.graph") / "queries"
    files = {
        one.name.removesuffix(".cypher"): one
        for one in folder.iterdir()
        if one.name.endswith(".cypher")
    }
    return {name: parse_file(name, files[name].read_text("utf-8")) for name in sorted(files)}


def find(name: str) -> QueryFile:
    """Return the query in a file, or the one of that name that comes with Hemline.

    Raises
    ------
    GraphError
        There is neither.
    """
    path = Path(name)
    if path.is_file():
        return parse_file(path.name.removesuffix(".cypher"), path.read_text(encoding="utf-8"))
    known = shipped()
    found = known.get(path.name.removesuffix(".cypher"))
    if found is None or (path.parent != Path() and not path.is_file()):
        raise GraphError(
            f"no file {name}, and no query of that name comes with Hemline",
            hint=_close(path.name.removesuffix(".cypher"), known)
            + "`hemline graph queries` lists them",
        )
    return found


def _close(name: str, known: Iterable[str]) -> str:
    found = get_close_matches(name, list(known), n=3)
    return f"close to it: {', '.join(found)}; " if found else ""
