"""Reading the parts of a query over several stores, each `CALL { USE … }`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hemline.graph.expressions import AGGREGATES, Reader
from hemline.graph.federation_form import Part
from hemline.graph.tokens import Token, tokens

WRITES: Final = (
    "CREATE", "MERGE", "SET", "DELETE", "DETACH", "REMOVE", "DROP", "ALTER", "LOAD", "COPY",
    "FOREACH",
)  # fmt: skip
_CLOSING: Final = {"(": ")", "[": "]", "{": "}"}
_AFTER_ITEMS: Final = ("ORDER", "SKIP", "LIMIT", "OFFSET")
_GROUPING: Final = (*(one.upper() for one in AGGREGATES), "PERCENTILECONT", "PERCENTILEDISC")


class PartReader(Reader):
    """Reads the parts of a query over several stores."""

    def __init__(self, query: str, composite: str, stores: Sequence[str]) -> None:
        super().__init__(query, tokens(query))
        self.composite = composite
        self.stores = stores
        self.scope: dict[str, int] = {}

    def part(self) -> Part:
        at = self.take().start
        imports: tuple[str, ...] | None = None
        if self.symbol("("):
            imports = self._imported(")")
            self.expect(")")
        if not self.now.is_symbol("{"):
            raise self.refused(f"'{{' is expected here, not {self.shown()}")
        opening = self.take()
        if imports is None and self.now.is_word("WITH"):  # it may stand before USE, too
            imports = self._with()
        store = self._use()
        if imports is None and self.now.is_word("WITH"):
            imports = self._with()
        body_at = self.now.start
        closing = self._closing(opening)
        found = self._returned(store, imports or (), at, body_at, closing)
        self.place = closing + 1
        if self.now.is_word("IN"):
            raise self.refused("CALL { } IN TRANSACTIONS is not supported over several stores")
        return found

    def _use(self) -> str:
        if not self.now.is_word("USE"):
            raise self.refused(
                f"'USE {self.composite}.name' is expected here, not {self.shown()}",
                hint="every part says which store it asks",
            )
        self.take()
        names = [self.name("the name of a store")]
        while self.symbol("."):
            names.append(self.name("the name of a store"))
        if self.now.is_symbol("("):
            raise self.refused(
                "USE with a function is not supported", names[0].start, "name the store"
            )
        if len(names) > 2:
            raise self.refused(f"a name of {len(names)} parts", names[0].start)
        if len(names) == 2 and names[0].name != self.composite:
            raise self.refused(
                f"no composite database {names[0].name!r}",
                names[0].start,
                f"it is called {self.composite!r}; graph.composite sets the name",
            )
        one = names[-1]
        if one.name not in self.stores:
            known = ", ".join(self.stores) or "none: name them under [graph.stores]"
            raise self.refused(f"no store {one.name!r}", one.start, f"known here: {known}")
        return one.name

    def _with(self) -> tuple[str, ...]:
        self.take()
        return self._imported("")

    def _imported(self, closing: str) -> tuple[str, ...]:
        found: list[str] = []
        if self.symbol("*"):
            return tuple(self.scope)
        while not (closing and self.now.is_symbol(closing)):
            one = self.name("the name of a variable")
            if one.name not in self.scope:
                raise self._unknown(one.name, one.start)
            if self.now.is_word("AS") or self.now.is_symbol("."):
                raise self.refused(
                    "the first WITH of a part only names what it takes from the parts before",
                    hint="compute and rename in a second WITH",
                )
            if one.name not in found:
                found.append(one.name)
            if not self.symbol(","):
                break
        return tuple(found)

    def _unknown(self, name: str, at: int) -> Exception:
        known = ", ".join(self.scope) or "nothing yet"
        return self.refused(f"no variable {name!r} here", at, f"known here: {known}")

    def _closing(self, opening: Token) -> int:
        """Return the place among the tokens of the brace that ends a part."""
        open_ = [opening]
        for place in range(self.place, len(self.tokens)):
            one = self.tokens[place]
            if one.is_symbol(*_CLOSING):
                open_.append(one)
            elif one.is_symbol(*_CLOSING.values()):
                if one.text != _CLOSING[open_[-1].text]:
                    raise self.refused(
                        f"{_CLOSING[open_[-1].text]!r} is expected here, not {one.text!r}",
                        one.start,
                    )
                open_.pop()
                if not open_:
                    return place
        raise self.refused(f"this {open_[-1].text!r} is not closed", open_[-1].start)

    def _returned(
        self, store: str, imports: tuple[str, ...], at: int, body_at: int, closing: int
    ) -> Part:
        top = self._top_level(closing)
        self._check_clauses(top)
        places = [place for place in top if self.tokens[place].is_word("RETURN")]
        if not places:
            raise self.refused("a part ends with RETURN", self.tokens[closing].start)
        if len(places) > 1:
            raise self.refused("a second RETURN", self.tokens[places[1]].start)
        first = places[0]
        distinct = self.tokens[first + 1].is_word("DISTINCT")
        start = first + 1 + distinct
        limited = any(self.tokens[one].is_word("LIMIT", "SKIP", "OFFSET") for one in top)
        columns, groups = self._columns(start, closing)
        rejoined = any(self.tokens[one].is_word("WITH") for one in top if one < first)
        calls = any(self.tokens[one].is_word("CALL") for one in top)
        for name, where in columns.items():
            if name in self.scope:
                raise self.refused(
                    f"{name!r} was returned by a part before", where, "give it another name"
                )
        self.scope.update(columns)
        end = self.tokens[closing].start
        items_at = self.tokens[start].start
        return Part(
            store, imports, self.query[body_at : self.tokens[first].start], distinct,
            self.query[items_at:end].rstrip(), tuple(columns),
            not (limited or groups or rejoined or calls), at, body_at, items_at,
        )  # fmt: skip

    def _top_level(self, closing: int) -> list[int]:
        """Return the places of a part's words that are in no bracket and no property."""
        found, depth = [], 0
        for place in range(self.place, closing):
            one = self.tokens[place]
            depth += one.is_symbol(*_CLOSING) - one.is_symbol(*_CLOSING.values())
            before = self.tokens[place - 1]
            # a property, a label, a name given; and STARTS WITH is no WITH
            inside = before.is_symbol(".", ":", "|", "&") or before.is_word("AS", "STARTS", "ENDS")
            if one.kind == "word" and depth == 0 and not inside:
                found.append(place)
        return found

    def _check_clauses(self, top: Sequence[int]) -> None:
        for place in top:
            one = self.tokens[place]
            if one.is_word("UNION"):
                raise self.refused("UNION in a part is not supported", one.start)
            if one.is_word("USE"):
                raise self.refused("a second USE", one.start, "one part asks one store")
            starts_clause = not self.tokens[place + 1].is_symbol(".", ",", ")", "=")
            if one.is_word(*WRITES) and starts_clause:
                raise self.refused(
                    f"{one.text.upper()} would write", one.start, "a query over stores only reads"
                )

    def _columns(self, start: int, closing: int) -> tuple[dict[str, int], bool]:
        """Return the names that a part's RETURN gives, with their places, and if it groups."""
        found: dict[str, int] = {}
        groups = False
        place = start
        while place < closing and not self.tokens[place].is_word(
            "ORDER", "SKIP", "LIMIT", "OFFSET"
        ):
            first, depth = place, 0
            while place < closing:
                one = self.tokens[place]
                if depth == 0 and (one.is_symbol(",") or one.is_word(*_AFTER_ITEMS)):
                    break
                called = self.tokens[place + 1].is_symbol("(")
                groups |= called and one.is_word(*_GROUPING)
                depth += one.is_symbol(*_CLOSING) - one.is_symbol(*_CLOSING.values())
                place += 1
            name = self._column(first, place)
            if name.name in found:
                raise self.refused(f"{name.name!r} is returned twice", name.start)
            found[name.name] = name.start
            place += place < closing and self.tokens[place].is_symbol(",")
        if not found:
            raise self.refused("something to return is expected here", self.tokens[start].start)
        return found, groups

    def _column(self, first: int, end: int) -> Token:
        tokens_ = self.tokens[first:end]
        if not tokens_:
            raise self.refused("something to return is expected here", self.tokens[first].start)
        if len(tokens_) == 1 and tokens_[0].kind in ("word", "quoted"):
            return tokens_[0]
        if len(tokens_) > 2 and tokens_[-2].is_word("AS"):
            return tokens_[-1]
        raise self.refused(
            "what a part returns needs a name", tokens_[0].start, "write it as … AS name"
        )
