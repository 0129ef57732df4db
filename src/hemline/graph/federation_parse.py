"""Reading a query over several stores: the parts, then the RETURN that joins them."""

from __future__ import annotations

from collections.abc import Sequence

from hemline.graph.expressions import Call, Expression, Name, aggregates_of
from hemline.graph.federation_form import FederatedQuery, Item, Last
from hemline.graph.federation_parts import PartReader


def parse(query: str, *, composite: str = "fabric", stores: Sequence[str]) -> FederatedQuery:
    """Read a query over several stores.

    Parameters
    ----------
    query : str
    composite : str
        Name of the composite database, which stands before the dot in `USE fabric.products`.
    stores : names
        Those that may be called.

    Raises
    ------
    QueryError
        It is out of the supported form; the message shows the place.
    """
    return _QueryReader(query, composite, stores).read()


class _QueryReader(PartReader):
    def read(self) -> FederatedQuery:
        parts = []
        while self.now.is_word("CALL"):
            parts.append(self.part())
        if not parts:
            raise self.refused(
                f"a part, CALL {{ USE {self.composite}.{self.stores[0] if self.stores else 'name'} "
                f"… }}, is expected here, not {self.shown()}"
            )
        if not self.now.is_word("RETURN"):
            raise self.refused(
                f"'CALL {{' or 'RETURN' is expected here, not {self.shown()}",
                hint="between the parts there can be nothing; a condition goes into a part",
            )
        last = self._last()
        self.symbol(";")
        if self.now.kind != "end":
            raise self.refused(f"the end of the query is expected here, not {self.shown()}")
        return FederatedQuery(self.query, tuple(parts), last)

    def _last(self) -> Last:
        self.take()
        distinct = self.word("DISTINCT")
        items = self._items()
        order: list[tuple[Expression, bool]] = []
        if self.word("ORDER"):
            self.expect("BY")
            while True:
                one = self.expression()
                falls = self.word("DESC", "DESCENDING")
                if not falls:
                    self.word("ASC", "ASCENDING")
                order.append((one, falls))
                if not self.symbol(","):
                    break
        skip = self.expression() if self.word("SKIP", "OFFSET") else None
        limit = self.expression() if self.word("LIMIT") else None
        found = Last(tuple(items), distinct, tuple(order), skip, limit)
        self._check(found)
        return found

    def _items(self) -> list[Item]:
        if self.symbol("*"):
            return [Item(Name(self.now.start, name), name) for name in self.scope]
        found: list[Item] = []
        while True:
            start = self.now.start
            expression = self.expression()
            text = self.query[start : self.tokens[self.place - 1].end]
            name = text
            if self.word("AS"):
                name = self.name("the name of a column").name
            elif isinstance(expression, Name):
                name = expression.name
            if name in [one.name for one in found]:
                raise self.refused(f"{name!r} is returned twice", start)
            found.append(Item(expression, name))
            if not self.symbol(","):
                return found

    def _check(self, last: Last) -> None:
        for item in last.items:
            self._check_names(item.expression, self.scope)
        keys = {one.expression for one in last.items if not aggregates_of(one.expression)}
        names = {one.name for one in last.items}
        if last.groups:
            for item in last.items:
                if aggregates_of(item.expression):
                    self._check_grouped(item.expression, keys)
        given = {one.expression for one in last.items}
        for expression, _ in last.order:
            if last.groups or last.distinct:
                self._check_ordered(expression, given, names)
            else:
                self._check_names(expression, {**self.scope, **dict.fromkeys(names, 0)})
                if aggregates_of(expression):
                    raise self.refused("an aggregate that is not returned", expression.at)
        for one in (last.skip, last.limit):
            name = (
                next((x for x in one.walk() if isinstance(x, Name | Call)), None) if one else None
            )
            if name is not None:
                raise self.refused("SKIP and LIMIT take a number or a parameter", name.at)

    def _check_names(self, expression: Expression, known: dict[str, int]) -> None:
        for one in expression.walk():
            if isinstance(one, Name) and one.name not in known:
                raise self._unknown(one.name, one.at)

    def _check_grouped(self, expression: Expression, keys: set[Expression]) -> None:
        """Refuse `a + count(b)` where `a` is not returned, and so not what is grouped by."""
        if expression in keys or (isinstance(expression, Call) and expression.aggregates):
            return
        if isinstance(expression, Name):
            raise self.refused(
                f"{expression.name!r} stands beside an aggregate and is not grouped by",
                expression.at,
                "return it as a column of its own",
            )
        for one in expression.children():
            self._check_grouped(one, keys)

    def _check_ordered(
        self, expression: Expression, given: set[Expression], names: set[str]
    ) -> None:
        if expression in given:
            return
        if isinstance(expression, Name) and expression.name not in names:
            raise self.refused(
                f"after DISTINCT or an aggregate, {expression.name!r} cannot order the rows",
                expression.at,
                "order by what is returned",
            )
        if isinstance(expression, Call) and expression.aggregates:
            raise self.refused("an aggregate that is not returned", expression.at)
        for one in expression.children():
            self._check_ordered(one, given, names)
