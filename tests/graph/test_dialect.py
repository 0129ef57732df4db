"""What the embedded store spells otherwise."""

from __future__ import annotations

import pytest

from hemline.errors import QueryError
from hemline.graph.dialect import embedded
from hemline.graph.tokens import parameters_of, tokens, without_comments


@pytest.mark.parametrize(
    ("query", "rewritten"),
    [
        ("MATCH (p:Product) RETURN p.code", None),
        ("WHERE NOT EXISTS ((c)-[:PURCHASED]->(rec)) AND 1 = 1",
         "WHERE NOT EXISTS { MATCH (c)-[:PURCHASED]->(rec) } AND 1 = 1"),
        ("exists((a)-->({x: 'EXISTS (('}))", "exists{ MATCH (a)-->({x: 'EXISTS (('}) }"),
        ("EXISTS { (a)-->(b) }", "EXISTS { MATCH (a)-->(b) }"),
        ("EXISTS { MATCH (a)-->(b) }", None),
        ("exists(p.name) OR true", "(p.name IS NOT NULL) OR true"),
        ("MATCH (i:Index)<-[:HAS_INDEX]-(p:Product)",
         "MATCH (i:`Index`)<-[:HAS_INDEX]-(p:Product)"),
        ("MATCH (:`Index`), (x {order: 1}) RETURN x.order, x.name",
         "MATCH (:`Index`), (x {order: 1}) RETURN x.`order`, x.name"),
        ("toInteger(left(p.code, 3)) + toFloat('1')",
         "CAST(left(p.code, 3) AS INT64) + CAST('1' AS DOUBLE)"),
        ("toString(toInteger(x))", "CAST(CAST(x AS INT64) AS STRING)"),
        ("UNWIND labels(n) AS label RETURN label, type(r)",
         "UNWIND [label(n)] AS label RETURN label, label(r)"),
        ("p = shortestPath((a)-[*..4]-(b))", "p = (a)-[* SHORTEST 1..4]-(b)"),
        ("p = allShortestPaths((a)-[:X*2..3]-(b))", "p = (a)-[:X* ALL SHORTEST 2..3]-(b)"),
        ("// EXISTS ((a)-->(b))\nRETURN 'EXISTS ((a)-->(b))'", None),
        ("RETURN exists, type, n.type", None),
        ("WHERE id(p) <> id(rec)", None),
        ("MATCH (p) WITH p ORDER BY p.code LIMIT 3 RETURN collect(p.code)",
         "MATCH (p) WITH p ORDER BY p.code LIMIT 3 UNWIND [0] AS hemline_kept1 "
         "RETURN collect(p.code)"),
        ("MATCH (p) WITH p ORDER BY p.code RETURN 1",
         "MATCH (p) WITH p ORDER BY p.code SKIP 0 UNWIND [0] AS hemline_kept1 RETURN 1"),
        ("MATCH (p) WITH p ORDER BY p.code LIMIT 3 WHERE p.x STARTS WITH 'a' RETURN 1",
         "MATCH (p) WITH p ORDER BY p.code LIMIT 3 WHERE p.x STARTS WITH 'a' "
         "UNWIND [0] AS hemline_kept1 RETURN 1"),
        ("MATCH (p) WITH p ORDER BY p.code LIMIT 3 RETURN *", None),
        ("MATCH (p) WITH p, count(*) AS n RETURN p ORDER BY n LIMIT 3", None),
        ("MATCH (c {id: $c})-[:PURCHASED]->(p)<-[:PURCHASED]-(:Customer) WHERE p.x RETURN c",
         "MATCH (c {id: $c})-[hemline_0_r0:PURCHASED]->(p)<-[hemline_0_r1:PURCHASED]-"
         "(hemline_0_n2:Customer) WHERE p.x HINT "
         "(((c JOIN hemline_0_r0) JOIN p) JOIN hemline_0_r1) JOIN hemline_0_n2 RETURN c"),
        # from the node with a key, wherever it stands
        ("MATCH (r)<-[s:SIMILAR]-(p)<-[b:PURCHASED]-(c) WHERE c.id = $c RETURN r",
         "MATCH (r)<-[s:SIMILAR]-(p)<-[b:PURCHASED]-(c) WHERE c.id = $c "
         "HINT (((c JOIN b) JOIN p) JOIN s) JOIN r RETURN r"),
        # any relationship may be one of which there are many
        ("MATCH (a {id: 1})-->(b)-[x]-(c), (b)-[y:HAS_INDEX]->(i) RETURN c",
         "MATCH (a {id: 1})-[hemline_0_r0]->(b)-[x]-(c), (b)-[y:HAS_INDEX]->(i) "
         "HINT (((((a JOIN hemline_0_r0) JOIN b) JOIN x) JOIN c) JOIN y) JOIN i RETURN c"),
        ("MATCH (c)-[:PURCHASED]->(p)-[:FROM_DEPARTMENT]->(d) RETURN d", None),
        ("MATCH way = (c {id: 1})-[b:PURCHASED]->(p)-[s:SIMILAR]->(r) RETURN way",
         "MATCH way = (c {id: 1})-[b:PURCHASED]->(p)-[s:SIMILAR]->(r) "
         "HINT (((c JOIN b) JOIN p) JOIN s) JOIN r RETURN way"),
        ("MATCH (c)-[:PURCHASED]->(p) OPTIONAL MATCH (p)-[:SIMILAR]->(r) RETURN r",
         "MATCH (c)-[:PURCHASED]->(p) UNWIND [0] AS hemline_next14 "
         "OPTIONAL MATCH (p)-[:SIMILAR]->(r) RETURN r"),
        ("MATCH (c) WHERE EXISTS ((c)-[:PURCHASED]->(:Product)-[:HAS_INDEX]->(i)) RETURN c",
         "MATCH (c) WHERE EXISTS { MATCH (c)-[:PURCHASED]->(:Product)-[:HAS_INDEX]->(i) } "
         "RETURN c"),
        ("MATCH (c)-[:PURCHASED*1..2]-(p)-[:SIMILAR]->(r) RETURN r", None),
        ("MATCH (c)-[:PURCHASED]->(p) MATCH (p)-[:SIMILAR]->(r) RETURN r",
         "MATCH (c)-[:PURCHASED]->(p) UNWIND [0] AS hemline_next14 "
         "MATCH (p)-[:SIMILAR]->(r) RETURN r"),
        ("MATCH (c)-[:PURCHASED]->(p) MATCH (p)-[:HAS_INDEX]->(i) RETURN i", None),
    ],
)  # fmt: skip
def test_rewritten(query: str, rewritten: str | None) -> None:
    assert embedded(query).text == (rewritten or query)


def test_every_place_is_kept() -> None:
    query = "MATCH (i:Index) WHERE EXISTS ((a)-->(i)) AND x = 1\nRETURN toInteger(i.code) AS c"
    found = embedded(query)
    assert found.text.count("\n") == 1
    for word in ("Index", "(a)-->", "x = 1", "RETURN", "i.code", "AS c"):
        assert found.origin(found.text.index(word)) == query.index(word) or word == "Index"
    assert query[found.origin(found.text.index("`Index`")) :].startswith("Index")
    assert found.origin(len(found.text)) == len(query)


def test_tokens() -> None:
    found = tokens("RETURN $a, $`b c`, `x``y`, 'it\\'s', 1.5e3, 1..2 // $d\n/* $e */ <>")
    assert [(one.kind, one.text) for one in found] == [
        ("word", "RETURN"), ("parameter", "$a"), ("symbol", ","), ("parameter", "$`b c`"),
        ("symbol", ","), ("quoted", "`x``y`"), ("symbol", ","), ("string", "'it\\'s'"),
        ("symbol", ","), ("number", "1.5e3"), ("symbol", ","), ("number", "1"), ("symbol", ".."),
        ("number", "2"), ("symbol", "<>"), ("end", ""),
    ]  # fmt: skip
    assert (found[3].name, found[5].name, found[7].string) == ("b c", "x`y", "it's")
    with pytest.raises(QueryError, match="line 2, column 3: a name that is not closed"):
        tokens("RETURN\n  `a")


def test_parameters_and_comments() -> None:
    query = "// $no\nMATCH (p {code: $code}) WHERE p.x = '$text' OR $code = $other RETURN p"
    assert parameters_of(query) == {"code": 23, "other": query.index("$other")}
    bare = without_comments(query)
    assert len(bare) == len(query)
    assert bare[7:] == query[7:]
    assert bare[:7].strip() == ""


@pytest.mark.parametrize(
    ("query", "column"),
    [
        ("MATCH (c)-[:PURCHASED]->(p)-[:SIMILAR]->(r) RETURN *", 1),
        ("MATCH (c) OPTIONAL MATCH (c)-[:PURCHASED]->(p)-[:SIMILAR]->(r) RETURN r", 11),
        ("MATCH (a), (c)-[:PURCHASED]->(p)-[:SIMILAR]->(r) RETURN r", 1),
        ("MATCH (c) WHERE EXISTS { MATCH (c)-[:PURCHASED]->()-[:SIMILAR]->(r) } RETURN c", 17),
        ("MATCH (c) WHERE EXISTS ((c)-[:PURCHASED]->()<-[:PURCHASED]-(d)) RETURN c", 17),
        ("MATCH (c) RETURN COUNT { (c)-[:PURCHASED]->()--() } AS n", 18),
    ],
)
def test_what_the_engine_would_answer_wrongly_is_refused(query: str, column: int) -> None:
    with pytest.raises(QueryError, match="may lose rows here") as error:
        embedded(query)
    assert error.value.column == column
    assert error.value.hint
