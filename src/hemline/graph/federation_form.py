"""The form of a query over several stores, read with the exact place of what does not fit.

    CALL { USE fabric.products MATCH … RETURN a, b }
    CALL { USE fabric.neo4j WITH a MATCH … RETURN c }
    RETURN [DISTINCT] …  [ORDER BY …] [SKIP …] [LIMIT …]

A part sees what it names after WITH, or between the parentheses of `CALL (a) { … }`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from hemline.graph.expressions import Expression, aggregates_of
from hemline.graph.tokens import query_error, tokens


@dataclass(frozen=True)
class Part:
    """One `CALL { USE … }`.

    Attributes
    ----------
    store : str
        Name of the store, without the composite database before the dot.
    imports : tuple of str
        Variables of the parts before that this one sees.
    body : str
        What stands between USE and WITH, and RETURN.
    distinct : bool
        Whether it says RETURN DISTINCT.
    items : str
        What stands after RETURN.
    columns : tuple of str
        Names that it gives to what it returns.
    together : bool
        Whether many rows may be asked for at once, each with its number carried along. Not so
        when LIMIT, SKIP, an aggregate or a WITH in between would then join them.
    at, body_at, items_at : int
        Places in the query of CALL, of the body and of the items.
    """

    store: str
    imports: tuple[str, ...]
    body: str
    distinct: bool
    items: str
    columns: tuple[str, ...]
    together: bool
    at: int
    body_at: int
    items_at: int


@dataclass(frozen=True)
class Item:
    """One thing that the last RETURN gives, and the name of its column."""

    expression: Expression
    name: str


@dataclass(frozen=True)
class Last:
    """The RETURN after the parts."""

    items: tuple[Item, ...]
    distinct: bool
    order: tuple[tuple[Expression, bool], ...]
    """What to order by, and whether it falls."""
    skip: Expression | None
    limit: Expression | None

    @property
    def groups(self) -> bool:
        """Whether something in it is an aggregate."""
        return any(aggregates_of(one.expression) for one in self.items)


@dataclass(frozen=True)
class FederatedQuery:
    """A query over several stores: its parts in order, and the RETURN that joins them."""

    text: str
    parts: tuple[Part, ...]
    last: Last


def is_federated(query: str) -> bool:
    """Tell whether a query calls stores by name: it begins with CALL, and USE stands in it."""
    found = tokens(query)
    begins = found[0].is_word("CALL") and found[1].is_symbol("{", "(")
    return begins and any(one.is_word("USE") for one in found)


def check_parameters(query: FederatedQuery | str, given: Collection[str]) -> None:
    """Raise QueryError at the first parameter of a query that has no value."""
    text = query if isinstance(query, str) else query.text
    for one in tokens(text):
        if one.kind == "parameter" and one.name not in given:
            raise query_error(
                f"no value for the parameter ${one.name}", text, one.start,
                f"give it, as --param {one.name}=…",
            )  # fmt: skip
