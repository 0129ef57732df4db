"""What Neo4j spells one way and the embedded store another, rewritten with every place kept.

    EXISTS ((a)-->(b)), EXISTS { (a)-->(b) }   EXISTS { MATCH (a)-->(b) }
    exists(a.name)                             (a.name IS NOT NULL)
    (:Index), a.`order`                        keywords of the embedded store in back quotes
    toInteger(x), toFloat(x), toString(x)      CAST(x AS INT64), …
    labels(n), type(r)                         [label(n)], label(r)
    shortestPath((a)-[*..4]-(b))               (a)-[* SHORTEST 1..4]-(b)
    WITH a ORDER BY b [LIMIT n] …              … UNWIND [0] AS kept …, and SKIP 0 without a LIMIT
    (a)-[:PURCHASED]->(p)<-[:PURCHASED]-(b)    … HINT (a JOIN …), see dialect_joins.py

The last two are no spelling. The engine (0.22.0) forgets the order before an aggregate although the
LIMIT depends on it, and `WITH p ORDER BY p.code DESC LIMIT 3 RETURN collect(p.code)` would give
any three. What stands in between keeps it.

`id(a)` is the same in both for what it is good for, telling nodes apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from hemline.errors import QueryError
from hemline.graph.dialect_joins import Patterns, goes_on, patterns
from hemline.graph.expressions import AGGREGATES
from hemline.graph.tokens import Token, query_error, tokens

RESERVED: Final = frozenset({
    "ACYCLIC", "ALL", "AND", "ANY", "ASC", "CASE", "COLUMN", "CREATE", "DEFAULT", "DESC",
    "DISTINCT", "ELSE", "END", "EXISTS", "FALSE", "GLOB", "GROUP", "HINT", "IN", "INDEX",
    "INSTALL", "JOIN", "MACRO", "NONE", "NOT", "NULL", "ON", "ONLY", "OPTIONAL", "OR", "ORDER",
    "PRIMARY", "PROFILE", "SHORTEST", "SINGLE", "STARTS", "TABLE", "THEN", "TRAIL", "TRUE",
    "UNION", "UNWIND", "WHEN", "WHERE", "WITH", "WSHORTEST", "XOR",
})  # fmt: skip
"""Words that the embedded store takes as a name in back quotes only."""

_CASTS: Final = {"tointeger": "INT64", "tofloat": "DOUBLE", "tostring": "STRING"}
_CLAUSES: Final = (
    "MATCH", "OPTIONAL", "WITH", "RETURN", "UNWIND", "CALL", "CREATE", "MERGE", "SET", "DELETE",
    "DETACH", "UNION",
)  # fmt: skip
_GROUPING: Final = tuple(one.upper() for one in AGGREGATES)
_OPENING: Final = ("(", "[", "{")
_CLOSING: Final = (")", "]", "}")


@dataclass(frozen=True)
class Rewritten:
    """A query for the embedded store, and where its pieces come from."""

    text: str
    edits: tuple[tuple[int, int, str], ...]
    """Start and end in the original, and what stands there now; in order."""

    def origin(self, at: int) -> int:
        """Return the place in the original of a place in the text."""
        shift = 0
        for start, end, new in self.edits:
            if at < start + shift:
                break
            if at < start + shift + len(new):
                return start
            shift += len(new) - (end - start)
        return at - shift


def embedded(query: str) -> Rewritten:
    """Return a query as the embedded store takes it; unchanged where there is nothing to change.

    Raises
    ------
    QueryError
        The query cannot be cut into tokens, or the engine would answer it wrongly and cannot
        be kept from it.
    """
    edits = tuple(sorted(_Rewriter(query).edits()))
    text, at = "", 0
    for start, end, new in edits:
        text += query[at:start] + new
        at = end
    return Rewritten(text + query[at:], edits)


class _Rewriter:
    def __init__(self, query: str) -> None:
        self.query = query
        self.tokens = tokens(query)
        self.found: list[tuple[int, int, str]] = []

    def edits(self) -> list[tuple[int, int, str]]:
        for place, one in enumerate(self.tokens):
            if one.kind != "word":
                continue
            before = self.tokens[place - 1] if place else None
            if before is not None and before.is_symbol(":", "|", ".", "&"):
                # a label, a type, a property: never a keyword
                if one.text.upper() in RESERVED:
                    self.replace(one, f"`{one.text}`")
                continue
            self.word(place, one, self.tokens[place + 1])
        self.keep_orders()
        self.order_joins()
        return self.found

    def order_joins(self) -> None:
        """Give a join order to every MATCH that the engine would answer wrongly without one."""
        self.check_subqueries()
        matches = []
        for number, (first, end) in enumerate(pairwise(self.clauses())):
            optional = self.tokens[first].is_word("OPTIONAL")
            if not self.tokens[first + optional].is_word("MATCH"):
                continue
            found = patterns(self.tokens, first + optional + 1, end, number)
            if found.loses_rows():
                self.order_match(found, first, end, optional=optional)
            matches.append((first, end, found))
        for (_, end, found), (first, _, following) in pairwise(matches):
            if end == first and goes_on(found, following):
                self.insert(self.tokens[end - 1].end, f" UNWIND [0] AS hemline_next{first}")

    def order_match(self, found: Patterns, first: int, end: int, *, optional: bool) -> None:
        """Put a join order behind a MATCH, and names into its patterns."""
        at = self.tokens[first].start
        if optional:
            raise self.loses(at, "write a second OPTIONAL MATCH that goes on from there")
        if any(
            one.is_word("RETURN", "WITH", "DISTINCT") and following.is_symbol("*")
            for one, following in pairwise(self.tokens)
        ):  # the names that are put into the patterns would be returned
            raise self.loses(at, "name what is returned instead of *")
        order = found.order()
        if not order:
            raise self.loses(at, "write a MATCH of its own for what does not hang together")
        for place, name in found.names:
            self.insert(place, name)
        self.insert(self.tokens[end - 1].end, f" HINT {order}")

    def check_subqueries(self) -> None:
        """Refuse EXISTS and COUNT over paths that cannot be given an order there."""
        for place, one in enumerate(self.tokens[:-2]):
            opening = self.tokens[place + 1]
            if not one.is_word("EXISTS", "COUNT") or not opening.is_symbol("(", "{"):
                continue
            start = place + 2 + self.tokens[place + 2].is_word("MATCH")
            if self.tokens[start].is_symbol("("):
                found = patterns(self.tokens, start, self.end(place + 1))
                if found.loses_rows():
                    raise self.loses(one.start, "write it as a MATCH")

    def loses(self, at: int, hint: str) -> QueryError:
        """Return the error for a path that the engine would answer wrongly."""
        return query_error(
            "the embedded engine may lose rows here: the path goes on from what may have been "
            "bought twice",
            self.query,
            at,
            hint,
        )

    def keep_orders(self) -> None:
        """Put something that keeps the order behind every WITH that has one."""
        clauses = self.clauses()
        for number, (first, end) in enumerate(pairwise(clauses)):
            words = [one.text.upper() for one in self.tokens[first:end] if one.kind == "word"]
            if words[0] != "WITH" or "ORDER" not in words or self.passes_all(end):
                continue
            limited = "LIMIT" in words or "SKIP" in words
            if not limited and "WHERE" in words:
                continue  # where SKIP would have to go before it
            at = self.tokens[end - 1].end
            self.insert(at, ("" if limited else " SKIP 0") + f" UNWIND [0] AS hemline_kept{number}")

    def clauses(self) -> list[int]:
        """Return the places where the clauses of the query begin, and its end."""
        found, depth = [], 0
        for place, one in enumerate(self.tokens):
            depth += one.is_symbol(*_OPENING) - one.is_symbol(*_CLOSING)
            before = self.tokens[place - 1] if place else one
            named = before.is_symbol(":", "|", ".", "&") or before.is_word("STARTS", "ENDS", "AS")
            follows = before.is_word("OPTIONAL", "DETACH") and place > 0
            if one.is_word(*_CLAUSES) and depth == 0 and not named and not follows:
                found.append(place)
        return [*found, len(self.tokens) - 1]

    def passes_all(self, place: int) -> bool:
        """Tell whether all variables are returned as they are: `RETURN *` and no aggregate."""
        later = self.tokens[place:]
        return any(
            one.is_word("RETURN", "DISTINCT") and following.is_symbol("*")
            for one, following in pairwise(later)
        ) and not any(one.is_word(*_GROUPING) for one in later)

    def replace(self, one: Token, new: str) -> None:
        self.found.append((one.start, one.end, new))

    def insert(self, at: int, new: str) -> None:
        self.found.append((at, at, new))

    def word(self, place: int, one: Token, after: Token) -> None:
        name = one.text.lower()
        if after.is_symbol("{") and name in ("exists", "count"):
            if self.tokens[place + 2].is_symbol("("):
                self.insert(self.tokens[place + 2].start, "MATCH ")
        elif not after.is_symbol("("):
            return
        elif name == "exists":
            self.exists(place)
        elif name in _CASTS:
            self.replace(one, "CAST")
            self.insert(self.tokens[self.end(place + 1)].start, f" AS {_CASTS[name]}")
        elif name == "type":
            self.replace(one, "label")
        elif name == "labels":
            self.replace(one, "[label")
            self.insert(self.tokens[self.end(place + 1)].end, "]")
        elif name in ("shortestpath", "allshortestpaths"):
            self.shortest(place, "ALL " if name.startswith("all") else "")

    def exists(self, place: int) -> None:
        """Rewrite the function EXISTS: of a pattern, or of a property."""
        opening, closing = self.tokens[place + 1], self.tokens[self.end(place + 1)]
        if self.tokens[place + 2].is_symbol("("):
            self.replace(opening, "{ MATCH ")
            self.replace(closing, " }")
        else:
            self.found.append((self.tokens[place].start, opening.end, "("))
            self.replace(closing, " IS NOT NULL)")

    def shortest(self, place: int, which: str) -> None:
        """Rewrite the function shortestPath, whose pattern holds one edge of some length."""
        last = self.end(place + 1)
        stars = [at for at in range(place, last) if self.tokens[at].is_symbol("*")]
        if len(stars) != 1:
            return
        self.found.append((self.tokens[place].start, self.tokens[place + 1].end, ""))
        self.replace(self.tokens[last], "")
        star, after = self.tokens[stars[0]], self.tokens[stars[0] + 1]
        self.insert(star.end, f" {which}SHORTEST " + ("1" if after.is_symbol("..") else ""))

    def end(self, opening: int) -> int:
        """Return the place of the bracket that closes the one at a place."""
        depth = 0
        for place in range(opening, len(self.tokens)):
            one = self.tokens[place]
            depth += one.is_symbol(*_OPENING) - one.is_symbol(*_CLOSING)
            if depth == 0:
                return place
        return len(self.tokens) - 1  # the store will say what is not closed
