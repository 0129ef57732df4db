"""Values as Cypher has them: null, comparison, order, functions, aggregates."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from hemline.graph.expressions import (
    Call,
    Case,
    Expression,
    ListOf,
    Literal,
    MapOf,
    Name,
    Operation,
    Parameter,
)
from hemline.graph.tokens import query_error

Scope = Mapping[str, Any]
"""What each variable stands for in one row."""


class Evaluator:
    """Computes expressions of one query: null where Cypher has null, an error with its place."""

    def __init__(self, query: str, parameters: Mapping[str, Any]) -> None:
        self.query = query
        self.parameters = parameters

    def value(
        self, of: Expression, scope: Scope, groups: Mapping[Expression, Any] | None = None
    ) -> Any:
        """Return the value of an expression in one row.

        Parameters
        ----------
        of : Expression
        scope : mapping
            Variable -> value.
        groups : mapping, optional
            Expression -> value that is known already: the aggregates of a group, or what
            RETURN named.

        Raises
        ------
        QueryError
            A function cannot take its argument, or a whole number is divided by zero.
        """
        if groups is not None and of in groups:
            return groups[of]
        try:
            return self._value(of, scope, groups)
        except (TypeError, ValueError, ArithmeticError, IndexError, re.error) as error:
            raise query_error(f"this cannot be computed: {error}", self.query, of.at) from None

    def _value(self, of: Expression, scope: Scope, groups: Mapping[Expression, Any] | None) -> Any:
        def inner(one: Expression) -> Any:
            return self.value(one, scope, groups)

        if isinstance(of, Literal):
            return of.value
        if isinstance(of, Name):
            return scope[of.name]
        if isinstance(of, Parameter):
            return self.parameters[of.name]
        if isinstance(of, ListOf):
            return [inner(one) for one in of.items]
        if isinstance(of, MapOf):
            return {key: inner(one) for key, one in of.items}
        if isinstance(of, Call):
            return _FUNCTIONS[of.function](*map(inner, of.arguments))
        if isinstance(of, Case):
            return self._case(of, inner)
        assert isinstance(of, Operation)
        operands = [inner(one) for one in of.operands]
        return _OPERATORS[of.operator](*operands)

    @staticmethod
    def _case(of: Case, inner: Callable[[Expression], Any]) -> Any:
        for condition, result in of.choices:
            found = inner(condition)
            if of.subject is not None:
                found = equal(inner(of.subject), found)
            if found is True:
                return inner(result)
        return None if of.otherwise is None else inner(of.otherwise)


def equal(left: Any, right: Any) -> bool | None:
    """Compare as `=` does: null where either is null, false where the kinds differ."""
    if left is None or right is None:
        return None
    if isinstance(left, list) and isinstance(right, list):
        if len(left) != len(right):
            return False
        found = [equal(one, other) for one, other in zip(left, right, strict=True)]
        return False if False in found else None if None in found else True
    if isinstance(left, bool) is not isinstance(right, bool):
        return False
    return bool(left == right)


def identity(value: Any) -> Any:
    """Return what tells values apart for DISTINCT and groups: null is equal to null."""
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, list):
        return ("list", *map(identity, value))
    if isinstance(value, dict):
        return ("map", *((key, identity(value[key])) for key in sorted(value)))
    if isinstance(value, float) and math.isnan(value):
        return ("nan",)
    return value


_KINDS: Final = (
    (dict, 0), (list, 1), (dt.datetime, 2), (dt.date, 3), (dt.time, 4), (dt.timedelta, 5),
    (str, 6), (bytes, 6), (bool, 7), (int, 8), (float, 8), (Decimal, 8),
)  # fmt: skip


def order(value: Any) -> tuple[Any, ...]:
    """Return a key that sorts as ORDER BY: null is the largest, kinds stand apart."""
    if value is None:
        return (9,)
    kind = next((place for one, place in _KINDS if isinstance(value, one)), 2)
    if isinstance(value, list):
        return (kind, tuple(order(one) for one in value))
    if isinstance(value, dict):
        return (kind, tuple((key, order(value[key])) for key in sorted(value)))
    if isinstance(value, float) and math.isnan(value):
        return (kind, 1, 0)
    return (kind, 0, value)


def _compared(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool | None]:
    def found(left: Any, right: Any) -> bool | None:
        if left is None or right is None:
            return None
        first, second = order(left), order(right)
        return test(first, second) if first[0] == second[0] else None

    return found


def _unequal(left: Any, right: Any) -> bool | None:
    found = equal(left, right)
    return None if found is None else not found


def _truth(value: Any) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise TypeError(f"{value!r} is neither true nor false")


def _and(left: Any, right: Any) -> bool | None:
    both = (_truth(left), _truth(right))
    return False if False in both else None if None in both else True


def _or(left: Any, right: Any) -> bool | None:
    both = (_truth(left), _truth(right))
    return True if True in both else None if None in both else False


def _xor(left: Any, right: Any) -> bool | None:
    both = (_truth(left), _truth(right))
    return None if None in both else both[0] is not both[1]


def _not(value: Any) -> bool | None:
    found = _truth(value)
    return None if found is None else not found


def _or_null(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function null when one of its arguments is."""
    return lambda *arguments: None if None in arguments else function(*arguments)


def _plus(left: Any, right: Any) -> Any:
    if isinstance(left, list) or isinstance(right, list):
        return [
            *(left if isinstance(left, list) else [left]),
            *(right if isinstance(right, list) else [right]),
        ]
    if isinstance(left, str) or isinstance(right, str):
        return _string(left) + _string(right)
    return _number(left) + _number(right)


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | dt.timedelta):
        raise TypeError(f"{value!r} is no number")
    return float(value) if isinstance(value, Decimal) else value


def _divided(left: Any, right: Any) -> Any:
    left, right = _number(left), _number(right)
    if isinstance(left, int) and isinstance(right, int):
        whole = abs(left) // abs(right)
        return whole if (left < 0) is (right < 0) else -whole
    if right == 0:
        return math.nan if left == 0 or math.isnan(left) else math.copysign(math.inf, left)
    return left / right


def _remainder(left: Any, right: Any) -> Any:
    left, right = _number(left), _number(right)
    if isinstance(left, int) and isinstance(right, int):
        return left - right * _divided(left, right)
    return math.fmod(left, right)


def _in(one: Any, among: Any) -> bool | None:
    if among is None:
        return None
    found = [equal(one, other) for other in among]
    return True if True in found else None if None in found else False


def _of_text(test: Callable[[str, str], bool]) -> Callable[[Any, Any], bool | None]:
    return lambda left, right: (
        test(left, right) if isinstance(left, str) and isinstance(right, str) else None
    )


def _taken(of: Any, key: Any) -> Any:
    if isinstance(of, list):
        return of[key] if -len(of) <= key < len(of) else None
    if isinstance(of, dict):
        return of.get(key)
    if isinstance(of, dt.date | dt.datetime | dt.time) and key in (
        "year", "month", "day", "hour", "minute", "second",
    ):  # fmt: skip
        return getattr(of, key)
    raise TypeError(f"{of!r} has no parts")


_OPERATORS: Final[dict[str, Callable[..., Any]]] = {
    "AND": _and,
    "OR": _or,
    "XOR": _xor,
    "NOT": _not,
    "=": equal,
    "<>": _unequal,
    "<": _compared(lambda left, right: left < right),
    "<=": _compared(lambda left, right: left <= right),
    ">": _compared(lambda left, right: left > right),
    ">=": _compared(lambda left, right: left >= right),
    "IS NULL": lambda value: value is None,
    "IS NOT NULL": lambda value: value is not None,
    "IN": _in,
    "STARTS WITH": _of_text(str.startswith),
    "ENDS WITH": _of_text(str.endswith),
    "CONTAINS": _of_text(lambda left, right: right in left),
    "=~": _of_text(lambda left, right: re.fullmatch(right, left) is not None),
    "+": _or_null(_plus),
    "-": _or_null(lambda left, right: _number(left) - _number(right)),
    "*": _or_null(lambda left, right: _number(left) * _number(right)),
    "/": _or_null(_divided),
    "%": _or_null(_remainder),
    "^": _or_null(lambda left, right: float(_number(left)) ** _number(right)),
    "negative": _or_null(lambda value: -_number(value)),
    ".": _or_null(_taken),
    "[]": _or_null(_taken),
    "..": lambda of, first, last: None if of is None else of[first:last],
}


def _string(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, dt.date | dt.time) else str(value)


def _to_number(kind: type[int] | type[float]) -> Callable[[Any], Any]:
    def found(value: Any) -> Any:
        try:
            return kind(float(value)) if not isinstance(value, int) else kind(value)
        except ValueError:  # "a" is no number, and Cypher says null
            return None

    return found


def _rounded(value: Any, digits: int | None = None) -> float:
    value = _number(value)
    if digits is None:
        return float(math.floor(value + 0.5))  # a half goes up, below zero too
    return float(Decimal(repr(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))


def _coalesce(*values: Any) -> Any:
    return next((one for one in values if one is not None), None)


_OF_VALUES: Final[dict[str, Callable[..., Any]]] = {
    "abs": lambda value: abs(_number(value)),
    "ceil": lambda value: float(math.ceil(_number(value))),
    "exp": lambda value: math.exp(value),
    "floor": lambda value: float(math.floor(_number(value))),
    "head": lambda value: value[0] if value else None,
    "keys": lambda value: list(value.keys()),
    "last": lambda value: value[-1] if value else None,
    "left": lambda text, n: text[:n],
    "log": lambda value: math.log(value),
    "ltrim": lambda text: text.lstrip(),
    "range": lambda first, last, step=1: list(range(first, last + (1 if step > 0 else -1), step)),
    "replace": lambda text, old, new: text.replace(old, new),
    "reverse": lambda value: value[::-1],
    "right": lambda text, n: text[len(text) - n :] if n < len(text) else text,
    "round": _rounded,
    "rtrim": lambda text: text.rstrip(),
    "sign": lambda value: (_number(value) > 0) - (_number(value) < 0),
    "size": lambda value: len(value),
    "split": lambda text, by: text.split(by),
    "sqrt": lambda value: math.sqrt(value) if value >= 0 else math.nan,
    "substring": lambda text, first, n=None: text[first : None if n is None else first + n],
    "tail": lambda value: value[1:],
    "tofloat": _to_number(float),
    "tointeger": _to_number(int),
    "tolower": lambda text: text.lower(),
    "tostring": _string,
    "toupper": lambda text: text.upper(),
    "trim": lambda text: text.strip(),
}
"""Functions that are null when an argument is."""

_FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "coalesce": _coalesce,
    **{name: _or_null(function) for name, function in _OF_VALUES.items()},
}


def aggregated(function: str, values: Iterable[Any], *, distinct: bool = False) -> Any:
    """Return an aggregate of the values of a group; nulls do not count."""
    given = [one for one in values if one is not None]
    if distinct:
        given = list({identity(one): one for one in given}.values())
    if function == "collect":
        return given
    if function == "count":
        return len(given)
    if function in ("min", "max"):
        choose = min if function == "min" else max
        return choose(given, key=order, default=None)
    numbers = [_number(one) for one in given]
    if function == "sum":
        return _total(numbers)
    if not numbers:
        return None if function == "avg" else 0.0
    mean = math.fsum(numbers) / len(numbers)
    if function == "avg":
        return mean
    spread = math.fsum((one - mean) ** 2 for one in numbers)
    size = len(numbers) if function == "stdevp" else len(numbers) - 1
    return math.sqrt(spread / size) if size else 0.0


def _total(numbers: list[Any]) -> Any:
    if all(isinstance(one, int) for one in numbers):
        return sum(numbers)
    if any(isinstance(one, dt.timedelta) for one in numbers):
        return sum(numbers, dt.timedelta())
    return math.fsum(numbers)
