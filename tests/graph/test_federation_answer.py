"""The last RETURN of a query over several stores."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pyarrow as pa
import pytest

from hemline.errors import QueryError
from hemline.graph.federation_answer import answer
from hemline.graph.federation_parse import parse

PART = "CALL { USE fabric.s MATCH (n) RETURN n.code AS code, n.x AS x, n.w AS w, n.tags AS tags }\n"
ROWS = pa.table(
    {
        "code": ["b", "a", "c", "a", None, "a"],
        "x": pa.array([2, 1, 3, None, 5, 1], pa.int64()),
        "w": [0.5, 1.5, 0.5, 2.5, -1.5, 1.5],
        "tags": [["p"], [], None, ["q", "p"], ["p"], []],
    }
)


def ask(last: str, rows: pa.Table = ROWS, pieces: int = 4, **parameters: Any) -> list[Any]:
    query = parse(PART + last, stores=["s"])
    tables = [rows.slice(at, pieces) for at in range(0, rows.num_rows, pieces)]
    return answer(query, tables, parameters).read_all().to_pylist()


def values(last: str, **keywords: Any) -> list[Any]:
    return [next(iter(row.values())) for row in ask(last, **keywords)]


@pytest.mark.parametrize("pieces", [1, 2, 6])
@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ("RETURN x", [2, 1, 3, None, 5, 1]),
        ("RETURN x AS y SKIP 1 LIMIT 3", [1, 3, None]),
        ("RETURN x LIMIT $n", [2, 1]),
        ("RETURN x SKIP 10", []),
        ("RETURN x LIMIT 0", []),
        ("RETURN DISTINCT x", [2, 1, 3, None, 5]),
        ("RETURN DISTINCT tags", [["p"], [], None, ["q", "p"]]),
        ("RETURN x ORDER BY x", [1, 1, 2, 3, 5, None]),  # null is the largest
        ("RETURN x ORDER BY x DESC", [None, 5, 3, 2, 1, 1]),
        ("RETURN x ORDER BY code, w DESC, x", [None, 1, 1, 2, 3, 5]),
        ("RETURN x AS w ORDER BY w LIMIT 2", [1, 1]),  # the column, not the variable
        ("RETURN count(*)", [6]),
        ("RETURN count(x)", [5]),
        ("RETURN count(DISTINCT x)", [4]),
        ("RETURN collect(code)", [["b", "a", "c", "a", "a"]]),
        ("RETURN collect(DISTINCT code) AS codes", [["b", "a", "c"]]),
        ("RETURN sum(x)", [12]),
        ("RETURN avg(x)", [2.4]),
        ("RETURN min(code)", ["a"]),
        ("RETURN max(x)", [5]),
        ("RETURN stDevP(w) * 2 AS s", [2 * math.sqrt((13.5 - 25 / 6) / 6)]),
        ("RETURN size(collect(x)) + $n AS s", [7]),
        ("RETURN collect(x)[0]", [2]),
        ("RETURN count(*) + 1 AS n ORDER BY n", [7]),
    ],
)
def test_rows(last: str, expected: list[Any], pieces: int) -> None:
    parameters = {"n": 2} if "$n" in last else {}
    found = values(last, pieces=pieces, **parameters)
    assert found == pytest.approx(expected) if "stDev" in last else found == expected


def test_groups() -> None:
    found = ask("RETURN code, count(*) AS n, sum(w) AS w ORDER BY n DESC, code")
    assert found == [
        {"code": "a", "n": 3, "w": 5.5},
        {"code": "b", "n": 1, "w": 0.5},
        {"code": "c", "n": 1, "w": 0.5},
        {"code": None, "n": 1, "w": -1.5},
    ]
    found = ask("RETURN toUpper(code) AS c, count(*) AS n ORDER BY count(*), toUpper(code) LIMIT 1")
    assert found == [{"c": "B", "n": 1}]
    assert ask("RETURN w > 1 AS much, collect(x) AS xs ORDER BY much") == [
        {"much": False, "xs": [2, 3, 5]},
        {"much": True, "xs": [1, 1]},
    ]


def test_no_rows() -> None:
    none = ROWS.slice(0, 0)
    assert ask("RETURN collect(code) AS c, count(*) AS n, sum(x) AS s, max(x) AS m", none) == [
        {"c": [], "n": 0, "s": 0, "m": None}
    ]
    assert ask("RETURN code, count(*) AS n", none) == []
    assert ask("RETURN code, x ORDER BY x", none) == []


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("7 / 2", 3), ("-7 / 2", -3), ("-7 % 3", -1), ("7 / 2.0", 3.5), ("2 ^ 3", 8.0),
        ("1.0 / 0", math.inf), ("1 + 2 * 3 - 4", 3), ("-(2 + 3)", -5), ("null + 1", None),
        ("'a' + 1", "a1"), ("[1] + [2] + 3", [1, 2, 3]), ("1 < 2 < 3", True), ("1 < 'a'", None),
        ("1 = 1.0", True), ("1 = true", False), ("null = null", None), ("null <> 1", None),
        ("[1, null] = [1, 2]", None), ("[1, 3] = [1, 2]", False),
        ("false AND null", False), ("true AND null", None), ("true OR null", True),
        ("true XOR true", False), ("NOT null", None), ("NOT 1 = 2", True),
        ("null IS NULL", True), ("x IS NOT NULL", True),
        ("1 IN [1, null]", True), ("2 IN [1, null]", None), ("2 IN []", False),
        ("'abc' STARTS WITH 'ab'", True), ("'abc' ENDS WITH 'ab'", False),
        ("'abc' CONTAINS 'b'", True), ("'abc' =~ 'a.c'", True), ("1 CONTAINS 'a'", None),
        ("CASE x WHEN 1 THEN 'one' WHEN 2 THEN 'two' END", "two"),
        ("CASE WHEN x > 2 THEN 'much' ELSE 'little' END", "little"),
        ("{a: 1, b: [x]}.b[0]", 2), ("[1, 2, 3][-1]", 3), ("[1, 2, 3][5]", None),
        ("[1, 2, 3][1..]", [2, 3]), ("[1, 2, 3][..2]", [1, 2]),
        ("coalesce(null, x, 3)", 2), ("size('abc')", 3), ("round(2.5)", 3.0),
        ("round(-2.5)", -2.0), ("round(1.005, 2)", 1.01), ("toInteger('12')", 12),
        ("toInteger('a')", None), ("toFloat('1.5')", 1.5), ("toString(true)", "true"),
        ("substring('abcd', 1, 2)", "bc"), ("left('abc', 2) + right('abc', 1)", "abc"),
        ("split('a,b', ',')", ["a", "b"]), ("range(1, 3)", [1, 2, 3]), ("reverse([1, 2])", [2, 1]),
        ("head([])", None), ("last([1, 2])", 2), ("abs(-2)", 2), ("sign(-2.5)", -1),
        ("$d.year", 2020), ("$d < $e", True), ("`code`", "b"), ("\"it's\"", "it's"),
        (r"'it\'s\u0021'", "it's!"), ("1e3", 1000.0), ("sqrt(-1.0) = 1", False),
    ],
)  # fmt: skip
def test_expressions(expression: str, expected: Any) -> None:
    days = {"d": dt.date(2020, 1, 2), "e": dt.date(2020, 2, 1)}
    used = {name: value for name, value in days.items() if f"${name}" in expression}
    assert values(f"RETURN {expression} AS v LIMIT 1", **used) == [expected]


@pytest.mark.parametrize(
    ("last", "column", "says"),
    [
        ("RETURN code * 2 AS y", 13, "'b' is no number"),
        ("RETURN 1 / 0 AS y", 10, "zero"),
        ("RETURN sum(code)", 8, "'b' is no number"),
        ("RETURN NOT x AS y", 8, "2 is neither true nor false"),
        ("RETURN x LIMIT -1", 16, "-1 is no number of rows"),
        ("RETURN x LIMIT 'a'", 16, "'a' is no number of rows"),
    ],
)
def test_what_cannot_be_computed(last: str, column: int, says: str) -> None:
    with pytest.raises(QueryError, match=rf"line 2, column {column}: .*{says}"):
        ask(last)


def test_values_of_different_kinds_in_a_column() -> None:
    assert values("RETURN CASE WHEN x > 2 THEN 1 ELSE 'a' END AS v ORDER BY v") == [
        "a", "a", "a", "a", "1", "1",
    ]  # fmt: skip
