"""Join orders for the embedded engine, where it would lose rows without one.

The engine (0.22.0) walks `(a)-[:PURCHASED]->(p)<-[:PURCHASED]-(b)` edge by edge. It takes the
nodes that it came to as different ones; but two purchases of one product come to it twice, and
where the edges of a repeated node reach over the block of 2,048 rows that is in memory, all that
follow are lost without a word. Given a join order, the next edges are scanned for the set of
these nodes and joined by hash: every path is found, and in a large shop sooner.

So a MATCH with a hop over PURCHASED and another hop from the node in the middle that may have
many edges gets a HINT, which needs a name for each node and each edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from hemline.graph.model import GraphModel
from hemline.graph.tokens import Token

PARALLEL: Final = frozenset({"PURCHASED"})
"""Relationships with more than one edge between the same two nodes."""

MANY: Final = frozenset({"PURCHASED", "SIMILAR", "RECOMMENDED"})
"""Relationships of which a product or a customer has many."""

_OPENING: Final = ("(", "[", "{")
_CLOSING: Final = (")", "]", "}")


@dataclass
class Node:
    """A node of a pattern; nodes of one name are one."""

    name: str
    anchored: bool


@dataclass
class Edge:
    """A hop between two nodes; no types means any."""

    name: str
    types: frozenset[str]
    ends: tuple[str, str]
    plain: bool = True
    """Not of variable length."""


@dataclass
class Patterns:
    """What a MATCH asks for, and the names that were put into it."""

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    names: list[tuple[int, str]] = field(default_factory=list)
    """Place in the query, and what is to be inserted there."""

    def loses_rows(self) -> bool:
        """Tell whether the engine would come to a node more than once and go on from there.

        Edges of variable length are walked by another operator, which does not.
        """
        if not all(one.plain for one in self.edges):
            return False
        return any(
            one is not other
            and (not one.types or one.types & PARALLEL)
            and (not other.types or other.types & MANY)
            and set(one.ends) & set(other.ends)
            for one in self.edges
            for other in self.edges
        )

    def order(self) -> str:
        """Return a join order that starts where the fewest nodes are; empty where there is none."""
        start = next((one.name for one in self.nodes.values() if one.anchored), "")
        start = start or next(iter(self.nodes), "")
        joined, text, rest = {start}, _quoted(start), list(self.edges)
        while rest:
            edge = next((one for one in rest if set(one.ends) & joined), None)
            if edge is None:
                return ""  # patterns that do not hang together
            rest.remove(edge)
            text = f"({text} JOIN {_quoted(edge.name)})"
            for name in edge.ends:
                if name not in joined:
                    joined.add(name)
                    text = f"({text} JOIN {_quoted(name)})"
        return text[1:-1] if len(joined) == len(self.nodes) and text.startswith("(") else ""


def patterns(tokens: Sequence[Token], first: int, end: int, number: int = 0) -> Patterns:
    """Read the patterns of a MATCH.

    Parameters
    ----------
    tokens : of the whole query
    first, end : int
        Places of what follows MATCH, and of what follows the clause.
    number : int
        Of the clause, for names that no other has.
    """
    return _PatternReader(tokens, first, end, f"hemline_{number}_").read()


def goes_on(before: Patterns, after: Patterns) -> bool:
    """Tell whether a MATCH goes on from a node that the one before may have come to twice."""
    twice = {name for one in before.edges if one.types & PARALLEL for name in one.ends}
    return any(set(one.ends) & twice and (not one.types or one.types & MANY) for one in after.edges)


class _PatternReader:
    def __init__(self, tokens: Sequence[Token], first: int, end: int, prefix: str) -> None:
        self.tokens, self.place, self.end, self.prefix = tokens, first, end, prefix
        self.found = Patterns()

    @property
    def now(self) -> Token:
        return self.tokens[self.place]

    def read(self) -> Patterns:
        while self.place < self.end:
            if self.tokens[self.place + 1].is_symbol("="):  # a path with a name
                self.place += 2
            if not self.now.is_symbol("("):
                break  # shortestPath: another operator, which comes to a node once
            self.path()
            if self.place < self.end and self.now.is_symbol(","):
                self.place += 1
                continue
            break
        if self.place < self.end and self.now.is_word("WHERE"):
            self.conditions()
        return self.found

    def path(self) -> None:
        left = self.node()
        while self.place < self.end and self.now.is_symbol("-", "<"):
            edge = self.edge()
            if self.place >= self.end or not self.now.is_symbol("("):
                return
            right = self.node()
            edge.ends = (left, right)
            self.found.edges.append(edge)
            left = right

    def named(self, opening: Token, kind: str) -> str:
        """Return the name that stands here, or a new one that is put here."""
        if self.now.kind in ("word", "quoted"):
            name = self.now.name
            self.place += 1
            return name
        name = f"{self.prefix}{kind}{len(self.found.names)}"
        self.found.names.append((opening.end, name))
        return name

    def node(self) -> str:
        opening = self.now
        self.place += 1
        name = self.named(opening, "n")
        anchored = any(one.is_symbol("{") for one in self.upto(")"))
        known = self.found.nodes.setdefault(name, Node(name, anchored))
        known.anchored |= anchored
        return name

    def upto(self, closing: str) -> list[Token]:
        """Go over the bracket that closes, and return what stood before it."""
        start, depth = self.place, 0
        while self.place < self.end:
            one = self.now
            if depth == 0 and one.is_symbol(closing):
                break
            depth += one.is_symbol(*_OPENING) - one.is_symbol(*_CLOSING)
            self.place += 1
        found = list(self.tokens[start : self.place])
        self.place += 1
        return found

    def edge(self) -> Edge:
        if self.now.is_symbol("<"):
            self.place += 1
        dash = self.now
        self.place += 1  # the first dash
        types: set[str] = set()
        plain = True
        if self.now.is_symbol("["):
            opening = self.now
            self.place += 1
            name = self.named(opening, "r")
            for one in self.upto("]"):
                if one.is_symbol("{"):
                    break
                plain &= not one.is_symbol("*")
                if one.kind in ("word", "quoted"):
                    types.add(one.name)
        else:
            name = f"{self.prefix}r{len(self.found.names)}"
            self.found.names.append((dash.end, f"[{name}]"))
        self.place += 1  # the second dash
        if self.place < self.end and self.now.is_symbol(">"):
            self.place += 1
        return Edge(name, frozenset(types), ("", ""), plain)

    def conditions(self) -> None:
        """Mark the nodes whose key is compared: `WHERE c.id = $customer_id`."""
        for place in range(self.place, self.end - 3):
            variable, dot, key, equals = self.tokens[place : place + 4]
            if dot.is_symbol(".") and equals.is_symbol("=") and key.name in _KEYS:
                node = self.found.nodes.get(variable.name)
                if node is not None:
                    node.anchored = True


_KEYS: Final = frozenset(one.key.name for one in GraphModel.full().labels)


def _quoted(name: str) -> str:
    return name if name.isidentifier() else "`" + name.replace("`", "``") + "`"
