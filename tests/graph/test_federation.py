"""Queries over two stores give what one store gives that has everything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import hemline
from hemline.config import Graph
from hemline.errors import ConfigError, GraphError, QueryError
from hemline.graph.base import GraphStore
from hemline.graph.federation import Federation
from hemline.graph.federation_stores import named_stores, open_federation
from hemline.graph.queries import shipped
from hemline.graph.sharding import shard_tables, shards_of
from hemline.graph.stores import open_store
from hemline.graph.tables import GraphTables
from hemline.pipeline.graph import build_graph, open_graph, run_graph_tables
from hemline.pipeline.shards import open_shards, shard_graph

QUERIES = shipped()


@pytest.fixture(scope="module")
def tables(
    simulated_run: hemline.Recommender, tmp_path_factory: pytest.TempPathFactory
) -> GraphTables:
    return run_graph_tables(simulated_run.run, tmp_path_factory.mktemp("tables") / "whole")


@pytest.fixture(scope="module")
def whole(simulated_run: hemline.Recommender) -> Iterator[GraphStore]:
    build_graph(simulated_run.run)
    with open_graph(simulated_run.run) as found:
        yield found


@pytest.fixture(scope="module")
def parts(tables: GraphTables, tmp_path_factory: pytest.TempPathFactory) -> dict[str, GraphTables]:
    """The tables of the sources' sharding."""
    folder = tmp_path_factory.mktemp("parts")
    shards = shards_of(tables.model, Graph(), "sources")
    return {name: shard_tables(tables, model, folder / name) for name, model in shards.items()}


@pytest.fixture(scope="module")
def embedded(
    parts: dict[str, GraphTables], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, GraphStore]]:
    folder = tmp_path_factory.mktemp("embedded")
    stores: dict[str, GraphStore] = {}
    for name, part in parts.items():
        with open_store(folder / name, read_only=False) as store:
            store.load(part)
        stores[name] = open_store(folder / name)
    yield stores
    for store in stores.values():
        store.close()


@pytest.fixture(scope="module")
def second_server(
    neo4j_server: Any, start_neo4j: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """Another Neo4j server beside that of the session: the Community edition has one database."""
    with start_neo4j(tmp_path_factory.mktemp("second") / "home") as found:
        yield found


@pytest.fixture(scope="module")
def servers(
    parts: dict[str, GraphTables], neo4j_server: Any, second_server: Any
) -> Iterator[dict[str, GraphStore]]:
    stores: dict[str, GraphStore] = {}
    for name, server in (("neo4j", neo4j_server), ("products", second_server)):
        with open_store(server.uri, read_only=False, password=server.password) as store:
            store.rows("MATCH (n) DETACH DELETE n")
            store.load(parts[name])
        stores[name] = open_store(server.uri, password=server.password)
    yield stores
    for store in stores.values():
        store.close()


KINDS = [
    "two embedded",
    pytest.param("two servers", marks=pytest.mark.neo4j),
    pytest.param("customers on a server", marks=pytest.mark.neo4j),
    pytest.param("products on a server", marks=pytest.mark.neo4j),
]


@pytest.fixture(scope="module", params=KINDS)
def stores(request: pytest.FixtureRequest) -> Mapping[str, GraphStore]:
    here: dict[str, GraphStore] = request.getfixturevalue("embedded")
    if request.param == "two embedded":
        return here
    there: dict[str, GraphStore] = request.getfixturevalue("servers")
    if request.param == "two servers":
        return there
    name = "neo4j" if request.param.startswith("customers") else "products"
    return {**here, name: there[name]}


def customers(run: hemline.Recommender, every: int = 40) -> list[str]:
    ids = run.tables.customer_ids
    return [ids.id(at) for at in range(0, len(ids), every)]


@pytest.mark.parametrize("rows", [1, 7, 10_000])
def test_candidates_of_the_sources(
    stores: Mapping[str, GraphStore],
    whole: GraphStore,
    simulated_run: hemline.Recommender,
    rows: int,
) -> None:
    federation = Federation(stores, batch_rows=rows)
    lengths = []
    for customer in customers(simulated_run, 80 if rows == 1 else 40):
        given = {"customer_id": customer}
        found = federation.rows(QUERIES["candidates-federated"].text, given)
        one = whole.rows(QUERIES["candidates"].text, given)
        assert [list(row) for row in found] == [["recommended_items"]]
        assert Counter(found[0]["recommended_items"]) == {r["code"]: r["paths"] for r in one}
        lengths.append(len(one))
    assert max(lengths) > 10


def test_similar_of_the_sources(
    stores: Mapping[str, GraphStore], whole: GraphStore, simulated_run: hemline.Recommender
) -> None:
    federation = Federation(stores)
    ids = simulated_run.tables.article_ids
    for at in range(0, len(ids), 50):
        given = {"prod_code": ids.id(at)}
        found = federation.rows(QUERIES["similar-federated"].text, given)
        one = whole.rows(QUERIES["similar"].text, given)
        assert sorted(found, key=lambda row: (-row["sim_score"], row["prod_code"])) == one
        assert len(one) == 10


LIMITED = """
CALL { USE fabric.neo4j
  MATCH (c:Customer {id: $customer_id})-[b:PURCHASED]->(p:Product)
  RETURN p.code AS code, b.date AS date, b.price AS price
}
CALL { USE fabric.products WITH code
  MATCH (p:Product {code: code})-[s:SIMILAR]->(r:Product)
  RETURN r.code AS similar, s.score AS score ORDER BY score DESC, similar LIMIT 2
}
CALL { USE fabric.neo4j WITH similar
  MATCH (p:Product {code: similar})<-[b:PURCHASED]-(:Customer)
  RETURN count(b) AS sales
}
"""
ONE_BY_ONE = """
MATCH (c:Customer {id: $customer_id})-[b:PURCHASED]->(p:Product)-[s:SIMILAR]->(r:Product)
RETURN p.code AS code, b.date AS date, b.price AS price, r.code AS similar, s.score AS score
ORDER BY code, date, price, score DESC, similar
"""


def expected(whole: GraphStore, customer: str) -> list[dict[str, Any]]:
    """The rows of LIMITED, from one store and in Python: two similar ones for each purchase."""
    sales = {
        row["code"]: row["n"]
        for row in whole.rows(
            "MATCH (p:Product)<-[:PURCHASED]-() RETURN p.code AS code, count(*) AS n"
        )
    }
    found: dict[Any, list[dict[str, Any]]] = {}
    for row in whole.rows(ONE_BY_ONE, {"customer_id": customer}):
        key = (row["code"], row["date"], row["price"])
        found.setdefault(key, []).append({**row, "sales": sales.get(row["similar"], 0)})
    return [row for rows in found.values() for row in rows[:2]]


def test_a_part_is_asked_for_each_row(
    stores: Mapping[str, GraphStore], whole: GraphStore, simulated_run: hemline.Recommender
) -> None:
    """LIMIT and aggregates of a part are of each row: an article never sold has count 0."""
    last = "RETURN code, date, price, similar, score, sales ORDER BY code, date, price, score DESC, similar"  # noqa: E501
    for customer in customers(simulated_run, 100):
        rows = Federation(stores, batch_rows=5).rows(LIMITED + last, {"customer_id": customer})
        assert rows == expected(whole, customer)


def test_the_last_return(
    stores: Mapping[str, GraphStore], whole: GraphStore, simulated_run: hemline.Recommender
) -> None:
    customer = max(
        customers(simulated_run), key=lambda one: len(whole.rows(ONE_BY_ONE, {"customer_id": one}))
    )
    rows = expected(whole, customer)
    last = (
        "RETURN date.year AS year, count(*) AS n, sum(sales) AS sales, avg(score) AS score, "
        "count(DISTINCT similar) AS different, max(date) AS last ORDER BY n DESC, year LIMIT $most"
    )
    found = Federation(stores).rows(LIMITED + last, {"customer_id": customer, "most": 1})
    years = Counter(row["date"].year for row in rows)
    year, n = min(years.items(), key=lambda pair: (-pair[1], pair[0]))
    of_it = [row for row in rows if row["date"].year == year]
    assert found == [
        {
            "year": year,
            "n": n,
            "sales": sum(row["sales"] for row in of_it),
            "score": pytest.approx(sum(row["score"] for row in of_it) / n),
            "different": len({row["similar"] for row in of_it}),
            "last": max(row["date"] for row in of_it),
        }
    ]
    last = "RETURN DISTINCT similar AS s ORDER BY s SKIP 1 LIMIT 3"
    found = Federation(stores).rows(LIMITED + last, {"customer_id": customer})
    assert [row["s"] for row in found] == sorted({row["similar"] for row in rows})[1:4]


def test_parts_that_see_nothing_are_asked_once(stores: Mapping[str, GraphStore]) -> None:
    asked: list[str] = []

    class Counting(Federation):
        def store(self, name: str) -> GraphStore:
            asked.append(name)
            return super().store(name)

    found = Counting(stores).rows(
        "CALL { USE neo4j MATCH (i:Index) RETURN i.code AS code }"
        "CALL { USE products MATCH (p:Product) RETURN count(p) AS n } RETURN code, n ORDER BY code"
    )
    counts = stores["products"].counts()["Product"]
    assert [row["n"] for row in found] == [counts] * len(found)
    assert len({row["code"] for row in found}) == len(found) > 1
    assert asked == ["neo4j", "products"]


def test_nothing_found(stores: Mapping[str, GraphStore]) -> None:
    federation = Federation(stores)
    nobody = {"customer_id": "nobody"}
    found = federation.rows(QUERIES["candidates-federated"].text, nobody)
    assert found == [{"recommended_items": []}]
    assert federation.rows(QUERIES["similar-federated"].text, {"prod_code": "none"}) == []
    reader = federation.query(LIMITED + "RETURN code, sales", nobody)
    assert reader.schema.names == ["code", "sales"]
    assert reader.read_all().num_rows == 0


@pytest.mark.parametrize(
    ("query", "line", "says"),
    [
        ("CALL { USE neo4j MATCH (n:Product)\n WHERE n.code == 1 RETURN n.code AS c } RETURN c",
         2, "neo4j: "),
        ("CALL { USE neo4j MATCH (n:Product) RETURN n.code AS c }\nCALL { USE products WITH c\n"
         "MATCH (p:Product {code: c})\nWHERE x.code = c RETURN p.code AS d } RETURN d",
         4, "products: "),
    ],
)  # fmt: skip
def test_an_error_of_a_store_shows_the_place_in_the_whole(
    stores: Mapping[str, GraphStore], query: str, line: int, says: str
) -> None:
    with pytest.raises(QueryError, match=f"line {line}, column .*{says}") as error:
        Federation(stores).rows(query)
    assert error.value.line == line
    assert query.split("\n")[line - 1].strip()[:20] in str(error.value)


def test_the_time_limit_is_of_the_whole_query(stores: Mapping[str, GraphStore]) -> None:
    query = (
        "CALL { USE neo4j MATCH (a:Product), (b:Product), (c:Product) "
        "WHERE a.code + b.code < c.code + b.code RETURN count(*) AS n }"
        "CALL { USE products MATCH (p:Product) RETURN count(p) AS m } RETURN n, m"
    )
    with pytest.raises(QueryError, match=r"longer than|took"):
        Federation(stores).query(query, limit_seconds=0.2).read_all()


def test_a_query_only_reads(stores: Mapping[str, GraphStore]) -> None:
    with pytest.raises(QueryError, match="SET would write"):
        Federation(stores).rows(
            "CALL { USE neo4j MATCH (n:Product) SET n.name = 'x' RETURN n.code AS c } RETURN c"
        )


def test_columns_keep_their_types(embedded: dict[str, GraphStore]) -> None:
    reader = Federation(embedded, batch_rows=3).query(
        "CALL { USE neo4j MATCH (c:Customer)-[b:PURCHASED]->(p:Product) "
        "RETURN b.date AS date, b.quantity AS n, b.price AS price, p.code AS code } "
        "RETURN date, n, price, code LIMIT 7"
    )
    assert reader.schema.types == [pa.date32(), pa.int64(), pa.float64(), pa.string()]
    assert [batch.num_rows for batch in reader] == [3, 3, 1]


class Recording(GraphStore):
    """A server that can do everything."""

    kind = "neo4j"

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def query(
        self,
        cypher: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        limit_seconds: float | None = None,
    ) -> pa.RecordBatchReader:
        self.asked.append((cypher, dict(parameters or {}), limit_seconds))
        return pa.table({"n": [1]}).to_reader()

    def counts(self) -> dict[str, int]:
        raise NotImplementedError

    def load(self, *_: Any, **__: Any) -> dict[str, Any]:
        raise NotImplementedError

    def write_similar(self, *_: Any, **__: Any) -> int:
        raise NotImplementedError

    def write_recommendations(self, *_: Any, **__: Any) -> int:
        raise NotImplementedError

    def close(self) -> None:
        pass


def test_a_composite_database_gets_the_query_whole() -> None:
    server = Recording()
    federation = Federation({"fabric": server, "neo4j": lambda: pytest.fail("not asked")})
    text = "CALL { USE fabric.neo4j CALL { MATCH (n) RETURN n } RETURN n } RETURN count(n) AS n"
    assert federation.query(text, {"a": 1}, limit_seconds=2).read_all().to_pylist() == [{"n": 1}]
    assert server.asked == [(text, {"a": 1}, 2)]


@pytest.fixture(scope="module")
def talk(simulated_run: hemline.Recommender) -> Iterator[Federation]:
    """The run's graph in the two stores that the talk wished for."""
    found = shard_graph(simulated_run.run, preset="talk")
    assert set(found) == {"customers", "products"}
    assert found["customers"]["counts"]["units"] > 0
    assert "SIMILAR" not in found["customers"]["counts"]
    assert "PURCHASED" not in found["products"]["counts"]
    with open_shards(simulated_run.run) as stores:
        yield stores


class TestShardedRun:
    """`hemline graph shard` and the stores it leaves behind."""

    def test_the_sharding_of_the_talk(
        self, talk: Federation, whole: GraphStore, simulated_run: hemline.Recommender
    ) -> None:
        for customer in customers(simulated_run):
            given = {"customer_id": customer}
            found = talk.rows(QUERIES["candidates-talk"].text, given)
            one = whole.rows(QUERIES["candidates"].text, given)
            assert Counter(found[0]["recommended_items"]) == {r["code"]: r["paths"] for r in one}

    def test_attributes_stand_beside_the_embeddings(self, talk: Federation) -> None:
        found = talk.rows(
            "CALL { USE fabric.products MATCH (p:Product)-[:FROM_DEPARTMENT]->(d:Department) "
            "RETURN p.code AS code, p.name AS name, size(p.embedding) AS n, d.name AS department "
            "LIMIT 1 } RETURN *"
        )
        assert found[0]["n"] > 0
        assert all(found[0].values())

    def test_stores_are_found_where_the_run_is_moved_to(
        self, talk: Federation, simulated_run: hemline.Recommender
    ) -> None:
        stores = named_stores(Graph(), simulated_run.run.path / "shards")
        assert Path(stores["products"].at).is_absolute() == simulated_run.run.path.is_absolute()
        recorded = (simulated_run.run.path / "shards" / "shards.json").read_text()
        assert str(simulated_run.run.path) not in recorded

    def test_a_store_that_the_sharding_does_not_have(
        self, simulated_run: hemline.Recommender
    ) -> None:
        with pytest.raises(ConfigError, match="--to shop=…: this sharding has no store"):
            shard_graph(simulated_run.run, preset="sources", to={"shop": "x"})


def test_without_any_named_store() -> None:
    with pytest.raises(ConfigError, match="none is known"):
        open_federation(Graph())


class TestShards:
    """What lives where."""

    def test_of_the_sources(self, tables: GraphTables) -> None:
        shards = shards_of(tables.model, Graph(sharding="sources"))
        products, rest = shards["products"], shards["neo4j"]
        assert [one.name for one in products.labels] == ["Product"]
        assert [one.name for one in products.labels[0].properties] == ["embedding"]
        assert [one.name for one in products.relationships] == ["SIMILAR"]
        assert products.dimension == tables.model.dimension > 0
        assert rest.dimension == 0
        assert {one.name for one in rest.labels} == {one.name for one in tables.model.labels}
        properties = [one.name for one in rest.label("Product").properties]
        assert "name" in properties
        assert "embedding" not in properties
        edges = {one.table for one in tables.model.relationships}
        assert {one.table for one in rest.relationships} == edges - {"Product-SIMILAR-Product"}

    def test_of_a_configuration(self, tables: GraphTables) -> None:
        stores = {
            "look": {"at": "a", "labels": ["Product"], "relationships": ["SIMILAR"],
                     "properties": {"Product": ["name"]}},
            "all": {"at": "b"},
            "fabric": {"at": "neo4j://c"},
        }  # fmt: skip
        shards = shards_of(tables.model, Graph.model_validate({"stores": stores}))
        assert set(shards) == {"look", "all"}
        assert [one.name for one in shards["look"].label("Product").properties] == ["name"]
        assert shards["all"] == tables.model
        stores["look"]["labels"] = ["Shoe"]
        with pytest.raises(ConfigError, match=r"graph\.stores\.look: no label 'Shoe'"):
            shards_of(tables.model, Graph.model_validate({"stores": stores}))
        with pytest.raises(ConfigError, match="nothing says what lives in which store"):
            shards_of(tables.model, Graph())
        with pytest.raises(ConfigError, match="no sharding 'silk'"):
            shards_of(tables.model, Graph(), "silk")

    def test_tables_of_a_part(self, tables: GraphTables, parts: dict[str, GraphTables]) -> None:
        counts = {name: part.counts for name, part in parts.items()}
        assert counts["neo4j"] == {n: c for n, c in tables.counts.items() if n != "SIMILAR"}
        assert counts["products"] == {
            "Product": tables.counts["Product"], "SIMILAR": tables.counts["SIMILAR"], "units": 0,
        }  # fmt: skip
        names = next(parts["products"].nodes("Product")).schema.names
        assert names == ["code", "embedding"]
        fingerprints = {part.summary["fingerprint"] for part in (tables, *parts.values())}
        assert len(fingerprints) == 3
        with pytest.raises(GraphError, match="is there already"):
            shard_tables(tables, replace(tables.model), parts["products"].folder)
