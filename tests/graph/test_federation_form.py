"""Queries over several stores are read, or refused with the place of what does not fit."""

from __future__ import annotations

import pytest

from hemline.errors import QueryError
from hemline.graph.federation_form import check_parameters, is_federated
from hemline.graph.federation_parse import parse

STORES = ["neo4j", "products"]
SIMILAR = """// the ten most similar
CALL {
  USE fabric.products // a comment in between
  MATCH (p:Product {code: $prod_code})-[s:SIMILAR]->(p2:Product)
  RETURN p2.code as prod_code, s.score as sim_score
}
CALL {
  USE fabric.neo4j
  WITH prod_code
  MATCH (d:Department)<-[:FROM_DEPARTMENT]-(p:Product {code:prod_code})
  MATCH (p)-[:SUBSET_OF]->(type:ProductType)
  RETURN type.name as prod_type, d.name as department_name
}
RETURN prod_code, sim_score, prod_type, department_name
"""


def test_the_sources_form() -> None:
    query = parse(SIMILAR, stores=STORES)
    first, second = query.parts
    assert (first.store, first.imports, first.columns) == (
        "products", (), ("prod_code", "sim_score"),
    )  # fmt: skip
    assert (second.store, second.imports) == ("neo4j", ("prod_code",))
    assert second.body.startswith("MATCH (d:Department)")
    assert second.items == "type.name as prod_type, d.name as department_name"
    assert SIMILAR[second.body_at :].startswith(second.body)
    assert [one.name for one in query.last.items] == [
        "prod_code", "sim_score", "prod_type", "department_name",
    ]  # fmt: skip
    assert first.together
    assert second.together


@pytest.mark.parametrize(
    ("query", "federated"),
    [
        (SIMILAR, True),
        ("call { with a use x match (n) return n } return n", True),
        ("MATCH (p:Product {use: 'USE'}) RETURN p", False),
        ("CALL { MATCH (n) RETURN n } RETURN n", False),
        ("CALL gds.knn.stream('use')", False),
    ],
)
def test_is_federated(query: str, federated: bool) -> None:
    assert is_federated(query) is federated


@pytest.mark.parametrize(
    "imports",
    ["CALL (a) { USE fabric.neo4j ", "CALL { WITH a USE fabric.neo4j ", "CALL {USE neo4j WITH a "],
)
def test_ways_to_import(imports: str) -> None:
    first = "CALL { USE products MATCH (n) RETURN n.code AS a, n.name AS b }"
    text = f"{first} {imports} MATCH (m {{x: a}}) RETURN m.c AS c }} RETURN *"
    query = parse(text, stores=STORES)
    assert query.parts[1].imports == ("a",)
    assert query.parts[1].body.strip() == "MATCH (m {x: a})"
    assert [one.name for one in query.last.items] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("rest", "together"),
    [
        ("RETURN r.code AS rec", True),
        ("RETURN DISTINCT r.code AS rec ORDER BY rec", True),
        ("WHERE r.name STARTS WITH 'a' RETURN r.code AS rec", True),
        ("RETURN r.code AS rec LIMIT 3", False),
        ("RETURN r.code AS rec SKIP 3", False),
        ("RETURN collect(r.code) AS rec", False),
        ("RETURN 1 + count(*) AS rec", False),
        ("WITH r, s LIMIT 1 RETURN r.code AS rec", False),
        ("WHERE EXISTS { MATCH (r) WITH r MATCH (r)-->() RETURN 1 } RETURN 1 AS rec", True),
    ],
)
def test_which_parts_take_many_rows_at_once(rest: str, together: bool) -> None:
    query = parse(
        "CALL { USE fabric.neo4j MATCH (c)-->(p) RETURN p.code AS code }\n"
        f"CALL {{ USE fabric.products WITH code MATCH (p {{code: code}})-[s]->(r) {rest} }}\n"
        "RETURN rec",
        stores=STORES,
    )
    assert query.parts[1].together is together


PART = "CALL { USE fabric.neo4j MATCH (n:Product) RETURN n.code AS code, n.x AS x }\n"


@pytest.mark.parametrize(
    ("query", "line", "column", "says"),
    [
        ("MATCH (n) RETURN n", 1, 1, "a part, CALL { USE fabric.neo4j … }, is expected"),
        ("CALL { MATCH (n) RETURN n.x AS x } RETURN x", 1, 8, "'USE fabric.name' is expected"),
        ("CALL { USE fabric.shop MATCH (n) RETURN n.x AS x } RETURN x", 1, 19, "no store 'shop'"),
        ("CALL { USE silk.neo4j MATCH (n) RETURN n.x AS x } RETURN x", 1, 12, "'silk'"),
        ("CALL { USE graph.byName($x) RETURN 1 AS x } RETURN x", 1, 12, "USE with a function"),
        ("CALL { USE fabric.neo4j MATCH (n) RETURN n.x } RETURN 1", 1, 42, "needs a name"),
        ("CALL { USE fabric.neo4j MATCH (n) RETURN n AS a, 1 AS a } RETURN a", 1, 55, "twice"),
        ("CALL { USE fabric.neo4j MATCH (n) } RETURN n", 1, 35, "a part ends with RETURN"),
        ("CALL { USE fabric.neo4j MATCH (n RETURN n AS a } RETURN a", 1, 48, "')' is expected"),
        ("CALL { USE fabric.neo4j MATCH (n) RETURN n AS a", 1, 6, "'{' is not closed"),
        ("CALL { USE fabric.neo4j MERGE (n) RETURN n AS a } RETURN a", 1, 25, "MERGE would write"),
        ("CALL { USE neo4j MATCH (n) RETURN 1 AS a UNION MATCH (m) RETURN 2 AS a } RETURN a",
         1, 42, "UNION"),
        ("CALL { USE fabric.neo4j MATCH (n)\nUSE x RETURN n AS a } RETURN a", 2, 1, "second USE"),
        ("CALL { USE fabric.neo4j WITH y MATCH (n) RETURN n AS a } RETURN a", 1, 30, "'y'"),
        (PART + "CALL { USE neo4j WITH code AS c MATCH (n) RETURN n AS a } RETURN a", 2, 28,
         "only names what it takes"),
        (PART + "CALL { USE fabric.neo4j MATCH (n) RETURN n.x AS x } RETURN x", 2, 49,
         "was returned by a part before"),
        (PART + "CALL { USE neo4j MATCH (n) RETURN 1 AS y } IN TRANSACTIONS RETURN y", 2, 44,
         "IN TRANSACTIONS"),
        (PART + "WITH code RETURN code", 2, 1, "'CALL {' or 'RETURN' is expected"),
        (PART + "RETURN price", 2, 8, "no variable 'price'"),
        (PART + "RETURN code, code", 2, 14, "twice"),
        (PART + "RETURN code code", 2, 13, "the end of the query is expected"),
        (PART + "RETURN foo(code)", 2, 8, "the function foo is not known"),
        (PART + "RETURN toUpper(code, x)", 2, 8, "takes 1, not 2"),
        (PART + "RETURN sum(max(code))", 2, 12, "an aggregate of an aggregate"),
        (PART + "RETURN x + count(*) AS n", 2, 8, "'x' stands beside an aggregate"),
        (PART + "RETURN DISTINCT code ORDER BY x", 2, 31, "cannot order the rows"),
        (PART + "RETURN code ORDER BY count(*)", 2, 22, "an aggregate that is not returned"),
        (PART + "RETURN code LIMIT x", 2, 19, "SKIP and LIMIT take a number"),
        (PART + "RETURN [y IN x | y]", 2, 16, "a list made from a list"),
        (PART + "RETURN EXISTS { MATCH (n) } AS e", 2, 8, "asks a store"),
        (PART + "RETURN 'code", 2, 8, "a text that is not closed"),
        (PART + "RETURN code /* and so on", 2, 13, "a comment that is not closed"),
        (PART + "RETURN code @ x", 2, 13, "the sign '@'"),
        (PART + "RETURN CASE x END", 2, 15, "'WHEN' is expected"),
        (PART + "RETURN", 2, 7, "an expression is expected here, not the end of the query"),
    ],
)  # fmt: skip
def test_refused_with_the_place(query: str, line: int, column: int, says: str) -> None:
    with pytest.raises(QueryError) as error:
        parse(query, stores=STORES)
    assert says in str(error.value)
    assert (error.value.line, error.value.column) == (line, column)
    message, shown, mark = str(error.value).split("\n")
    assert message.startswith(f"line {line}, column {column}: ")
    written = query.split("\n")[line - 1]
    # the sign below stands under the very letter, also where a long line was cut
    place = len(mark) - 1
    assert shown[place : place + 1] == written[column - 1 : column]


def test_a_parameter_without_a_value() -> None:
    query = parse(SIMILAR, stores=STORES)
    check_parameters(query, ["prod_code"])
    with pytest.raises(QueryError, match=r"line 4, column 27: no value for .* \$prod_code"):
        check_parameters(query, ["code"])
