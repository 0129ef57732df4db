"""Expressions of Cypher as trees: what may stand in the last RETURN of a federated query."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any, Final

from hemline.graph.tokens import Token, query_error

AGGREGATES: Final = frozenset({"collect", "count", "sum", "avg", "min", "max", "stdev", "stdevp"})
"""Functions of a group of rows."""

FUNCTIONS: Final[dict[str, tuple[int, int]]] = {
    "abs": (1, 1), "ceil": (1, 1), "coalesce": (1, 99), "exp": (1, 1), "floor": (1, 1),
    "head": (1, 1), "keys": (1, 1), "last": (1, 1), "left": (2, 2), "log": (1, 1),
    "ltrim": (1, 1), "range": (2, 3), "replace": (3, 3), "reverse": (1, 1), "right": (2, 2),
    "round": (1, 2), "rtrim": (1, 1), "sign": (1, 1), "size": (1, 1), "split": (2, 2),
    "sqrt": (1, 1), "substring": (2, 3), "tail": (1, 1), "tofloat": (1, 1), "tointeger": (1, 1),
    "tolower": (1, 1), "tostring": (1, 1), "toupper": (1, 1), "trim": (1, 1),
}  # fmt: skip
"""Functions of one row, with the fewest and the most arguments they take."""


@dataclass(frozen=True)
class Expression:
    """A node of the tree; two are equal when they say the same, wherever they stand."""

    at: int = field(compare=False)
    """Place in the query."""

    def children(self) -> Iterator[Expression]:
        """Yield the expressions directly inside this one."""
        for one in fields(self):
            yield from _expressions(getattr(self, one.name))

    def walk(self) -> Iterator[Expression]:
        """Yield this expression and all inside it."""
        yield self
        for child in self.children():
            yield from child.walk()


def _expressions(value: Any) -> Iterator[Expression]:
    if isinstance(value, Expression):
        yield value
    elif isinstance(value, tuple):
        for one in value:
            yield from _expressions(one)


@dataclass(frozen=True)
class Literal(Expression):
    """A number, a text, true, false or null."""

    value: Any


@dataclass(frozen=True)
class Name(Expression):
    """A variable."""

    name: str


@dataclass(frozen=True)
class Parameter(Expression):
    """A value that is given with the query."""

    name: str


@dataclass(frozen=True)
class Call(Expression):
    """A function; `count(*)` has `star`."""

    function: str
    arguments: tuple[Expression, ...]
    distinct: bool = False
    star: bool = False

    @property
    def aggregates(self) -> bool:
        """Whether it is a function of a group of rows."""
        return self.function in AGGREGATES


@dataclass(frozen=True)
class Operation(Expression):
    """An operator with its operands: "+", "AND", "IS NULL", "[]", ..."""

    operator: str
    operands: tuple[Expression, ...]


@dataclass(frozen=True)
class ListOf(Expression):
    """A list written out."""

    items: tuple[Expression, ...]


@dataclass(frozen=True)
class MapOf(Expression):
    """A map written out."""

    items: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True)
class Case(Expression):
    """CASE, with a subject that is compared or without."""

    subject: Expression | None
    choices: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression | None


class Reader:
    """Reads expressions from the tokens of a query, one after another."""

    def __init__(self, query: str, tokens: list[Token], place: int = 0) -> None:
        self.query = query
        self.tokens = tokens
        self.place = place

    @property
    def now(self) -> Token:
        """The token that comes next."""
        return self.tokens[self.place]

    def take(self) -> Token:
        """Return the next token and go on."""
        found = self.now
        self.place += found.kind != "end"
        return found

    def word(self, *words: str) -> bool:
        """Go over a keyword if it comes next, and tell whether it did."""
        if self.now.is_word(*words):
            self.place += 1
            return True
        return False

    def symbol(self, *symbols: str) -> bool:
        """Go over a sign if it comes next, and tell whether it did."""
        if self.now.is_symbol(*symbols):
            self.place += 1
            return True
        return False

    def expect(self, text: str) -> Token:
        """Return the next token, which must be this keyword or sign."""
        if not (self.now.is_word(text) or self.now.is_symbol(text)):
            raise self.refused(f"{text!r} is expected here, not {self.shown()}")
        return self.take()

    def name(self, what: str) -> Token:
        """Return the next token, which must be a name."""
        if self.now.kind not in ("word", "quoted"):
            raise self.refused(f"{what} is expected here, not {self.shown()}")
        return self.take()

    def shown(self) -> str:
        """Say what comes next."""
        return repr(self.now.text) if self.now.kind != "end" else "the end of the query"

    def refused(self, message: str, at: int | None = None, hint: str = "") -> Exception:
        """Return the error that points at a place, by default the next token."""
        return query_error(message, self.query, self.now.start if at is None else at, hint)

    def expression(self) -> Expression:
        """Read one expression."""
        return self._logic(("OR", "XOR", "AND"))

    def _logic(self, operators: tuple[str, ...]) -> Expression:
        if not operators:
            return self._negation()
        left = self._logic(operators[1:])
        while self.now.is_word(operators[0]):
            at = self.take().start
            left = Operation(at, operators[0], (left, self._logic(operators[1:])))
        return left

    def _negation(self) -> Expression:
        if self.now.is_word("NOT"):
            at = self.take().start
            return Operation(at, "NOT", (self._negation(),))
        return self._comparison()

    def _comparison(self) -> Expression:
        left = self._sum()
        compared: list[Expression] = []
        previous = left
        while self.now.is_symbol("=", "<>", "<", "<=", ">", ">="):
            sign = self.take()
            right = self._sum()
            compared.append(Operation(sign.start, sign.text, (previous, right)))
            previous = right
        if not compared:
            return left
        found = compared[0]
        for one in compared[1:]:  # 1 < x < 5 is 1 < x AND x < 5
            found = Operation(one.at, "AND", (found, one))
        return found

    def _sum(self) -> Expression:
        left = self._product()
        while self.now.is_symbol("+", "-"):
            sign = self.take()
            left = Operation(sign.start, sign.text, (left, self._product()))
        return left

    def _product(self) -> Expression:
        left = self._power()
        while self.now.is_symbol("*", "/", "%"):
            sign = self.take()
            left = Operation(sign.start, sign.text, (left, self._power()))
        return left

    def _power(self) -> Expression:
        left = self._sign()
        while self.now.is_symbol("^"):
            at = self.take().start
            left = Operation(at, "^", (left, self._sign()))
        return left

    def _sign(self) -> Expression:
        if self.now.is_symbol("-", "+"):
            sign = self.take()
            inner = self._sign()
            return Operation(sign.start, "negative", (inner,)) if sign.text == "-" else inner
        return self._test(self._part())

    def _test(self, left: Expression) -> Expression:
        """Read what binds more tightly than a sum: IS NULL, IN, STARTS WITH, ..."""
        while True:
            at = self.now.start
            if self.word("IS"):
                operator = "IS NOT NULL" if self.word("NOT") else "IS NULL"
                self.expect("NULL")
                left = Operation(at, operator, (left,))
            elif self.word("IN"):
                left = Operation(at, "IN", (left, self._part()))
            elif self.word("CONTAINS"):
                left = Operation(at, "CONTAINS", (left, self._part()))
            elif self.now.is_word("STARTS", "ENDS"):
                operator = f"{self.take().text.upper()} WITH"
                self.expect("WITH")
                left = Operation(at, operator, (left, self._part()))
            elif self.symbol("=~"):
                left = Operation(at, "=~", (left, self._part()))
            else:
                return left

    def _part(self) -> Expression:
        """Read an atom and what is taken from it: `.key`, `[place]`, `[from..to]`."""
        found = self._atom()
        while True:
            at = self.now.start
            if self.symbol("."):
                key = self.name("the name of a property")
                found = Operation(at, ".", (found, Literal(key.start, key.name)))
            elif self.symbol("["):
                found = self._subscript(found, at)
            else:
                return found

    def _subscript(self, of: Expression, at: int) -> Expression:
        none = Literal(at, None)
        first = none if self.now.is_symbol("..") else self.expression()
        if self.symbol(".."):
            last = none if self.now.is_symbol("]") else self.expression()
            self.expect("]")
            return Operation(at, "..", (of, first, last))
        self.expect("]")
        return Operation(at, "[]", (of, first))

    def _atom(self) -> Expression:
        one = self.now
        if one.kind == "number":
            self.take()
            whole = one.text.isdigit()
            return Literal(one.start, int(one.text) if whole else float(one.text))
        if one.kind == "string":
            return Literal(self.take().start, one.string)
        if one.kind == "parameter":
            return Parameter(self.take().start, one.name)
        if self.symbol("("):
            found = self.expression()
            self.expect(")")
            return found
        if self.symbol("["):
            items = self._list("]")
            if self.now.is_symbol("|") or self.now.is_word("WHERE"):
                raise self.refused("a list made from a list is not supported here")
            self.expect("]")
            return ListOf(one.start, items)
        if self.symbol("{"):
            return self._map(one.start)
        if one.kind in ("word", "quoted"):
            return self._named()
        raise self.refused(f"an expression is expected here, not {self.shown()}")

    def _list(self, closing: str) -> tuple[Expression, ...]:
        found: list[Expression] = []
        while not self.now.is_symbol(closing):
            found.append(self.expression())
            if not self.symbol(","):
                break
        return tuple(found)

    def _map(self, at: int) -> Expression:
        items = []
        while not self.now.is_symbol("}"):
            key = self.name("a key").name
            self.expect(":")
            items.append((key, self.expression()))
            if not self.symbol(","):
                break
        self.expect("}")
        return MapOf(at, tuple(items))

    def _named(self) -> Expression:
        one = self.take()
        if one.kind == "word" and not self.now.is_symbol("("):
            constants = {"TRUE": True, "FALSE": False, "NULL": None}
            if one.text.upper() in constants:
                return Literal(one.start, constants[one.text.upper()])
            if one.is_word("CASE"):
                return self._case(one.start)
        if self.symbol("("):
            return self._call(one)
        if self.now.is_symbol("{") and one.is_word("EXISTS", "COUNT", "COLLECT"):
            raise self.refused(
                f"{one.text.upper()} {{ }} asks a store, and the last RETURN has none",
                one.start,
                "move it into the part whose store can answer it",
            )
        return Name(one.start, one.name)

    def _call(self, one: Token) -> Expression:
        function = one.name.lower()
        if function not in AGGREGATES and function not in FUNCTIONS:
            known = ", ".join(sorted(AGGREGATES | FUNCTIONS.keys()))
            raise self.refused(
                f"the function {one.name} is not known in the last RETURN",
                one.start,
                f"call it in a part, whose store may know it; known here: {known}",
            )
        if function == "count" and self.symbol("*"):
            self.expect(")")
            return Call(one.start, function, (), star=True)
        distinct = function in AGGREGATES and self.word("DISTINCT")
        arguments = self._list(")")
        self.expect(")")
        low, high = FUNCTIONS.get(function, (1, 1))
        if not low <= len(arguments) <= high:
            takes = str(low) if low == high else f"{low} to {high}"
            raise self.refused(f"{one.name} takes {takes}, not {len(arguments)}", one.start)
        found = Call(one.start, function, arguments, distinct)
        inner = next((x for a in arguments for x in a.walk() if _aggregates(x)), None)
        if found.aggregates and inner is not None:
            raise self.refused("an aggregate of an aggregate", inner.at)
        return found

    def _case(self, at: int) -> Expression:
        subject = None if self.now.is_word("WHEN") else self.expression()
        choices = []
        while self.word("WHEN"):
            condition = self.expression()
            self.expect("THEN")
            choices.append((condition, self.expression()))
        if not choices:
            raise self.refused(f"'WHEN' is expected here, not {self.shown()}")
        otherwise = self.expression() if self.word("ELSE") else None
        self.expect("END")
        return Case(at, subject, tuple(choices), otherwise)


def _aggregates(one: Expression) -> bool:
    return isinstance(one, Call) and one.aggregates


def aggregates_of(expression: Expression) -> list[Call]:
    """Return the aggregates in an expression."""
    return [one for one in expression.walk() if isinstance(one, Call) and one.aggregates]
