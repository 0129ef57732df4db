"""One suite for every graph store: the same questions get the same answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.contract.graph_places import Folder, Place, Server
from tests.graph.odd_shop import CODES, CUSTOMERS, DAY, DESCRIPTION, NAMES, OddShop, day

from hemline.errors import GraphError, QueryError, ReadOnlyError
from hemline.graph.base import GraphStore
from hemline.graph.tables import GraphTables

STORES = ["embedded", pytest.param("neo4j", marks=pytest.mark.neo4j)]


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> GraphTables:
    return OddShop().tables(tmp_path_factory.mktemp("odd shop"))


@pytest.fixture(scope="module", params=STORES)
def place(
    request: pytest.FixtureRequest, odd: GraphTables, tmp_path_factory: pytest.TempPathFactory
) -> Place:
    if request.param == "embedded":
        return Folder(odd, tmp_path_factory.mktemp("it's a store"))
    return Server(odd, request.getfixturevalue("neo4j_server"))


@pytest.fixture
def store(place: Place) -> Iterator[GraphStore]:
    """The odd shop, opened for reading."""
    with place.reader() as found:
        yield found


@pytest.fixture
def writer(place: Place) -> Iterator[GraphStore]:
    """An empty store, opened for writing."""
    with place.writer() as found:
        yield found


class TestLoad:
    def test_counts_are_those_of_the_tables(self, store: GraphStore, odd: GraphTables) -> None:
        counts = store.counts()
        assert counts == odd.counts
        # nine rows are eight edges: one row stood there twice
        assert (counts["PURCHASED"], counts["units"]) == (8, 9)
        assert (counts["Product"], counts["Customer"], counts["Department"]) == (5, 8, 3)
        assert (counts["SIMILAR"], counts["RECOMMENDED"], counts["AgeGroup"]) == (3, 3, 6)

    def test_loading_again_changes_nothing(self, writer: GraphStore, odd: GraphTables) -> None:
        writer.load(odd)
        before = everything(writer)
        writer.load(odd)
        assert everything(writer) == before

    def test_what_changed_is_updated(
        self, writer: GraphStore, odd: GraphTables, tmp_path: Path
    ) -> None:
        writer.load(odd)
        shop = OddShop()
        shop.articles[0] |= {
            "prod_name": "Another name",
            "colour_group_code": 7,
            "colour_group_name": "Grey",
        }
        shop.purchases.append(("dd", CODES[3], "2020-09-23", 0.25, 1))
        changed = shop.tables(tmp_path / "changed")
        writer.load(changed)
        assert writer.counts() == changed.counts
        found = writer.rows(
            "MATCH (p:Product {code: $code})-[:HAS_COLOUR]->(c:ColourGroup) "
            "RETURN p.name AS name, c.code AS colour",
            {"code": CODES[0]},
        )
        assert found == [{"name": "Another name", "colour": "7"}]

    def test_age_groups(self, store: GraphStore) -> None:
        found = store.rows(
            "MATCH (c:Customer)-[:IS_AGE_GROUP]->(a:AgeGroup) "
            "RETURN c.id AS id, a.name AS name ORDER BY id"
        )
        # 65 is in the earlier of the two groups that have it; too young, too old, unknown: none
        assert {row["id"]: row["name"] for row in found} == {
            "aa": "56-65",
            "cc": "16-25",
            "dd": "65-99",
            "ee": "65-99",
            'o\'brien "x"': "16-25",
        }

    def test_a_broken_hierarchy_keeps_every_edge(self, store: GraphStore) -> None:
        departments = store.rows(
            "MATCH (p:Product)-[:FROM_DEPARTMENT]->(d:Department) "
            "WHERE p.product_code = '0108775' RETURN d.number AS number ORDER BY number"
        )
        assert [row["number"] for row in departments] == ["1676", "3608"]
        named = store.rows(
            "MATCH (d:Department {name: 'Jersey Basic'}) RETURN d.number AS number ORDER BY number"
        )
        assert [row["number"] for row in named] == ["1676", "9999"]

    def test_what_the_shop_lacks_is_empty(self, store: GraphStore) -> None:
        found = store.rows(
            "MATCH (p:Product {code: $code})-[:FROM_DEPARTMENT]->(d:Department) "
            "RETURN count(d) AS n",
            {"code": CODES[3]},
        )
        assert found == [{"n": 0}]


class TestTypes:
    def test_names_come_back_as_they_were(self, store: GraphStore) -> None:
        found = store.rows("MATCH (p:Product) RETURN p.code AS code, p.name AS name ORDER BY code")
        assert [(row["code"], row["name"]) for row in found] == list(zip(CODES, NAMES, strict=True))
        text = store.rows(
            "MATCH (p:Product {code: $code}) RETURN p.description AS text", {"code": CODES[0]}
        )
        assert text == [{"text": DESCRIPTION}]

    def test_dates_numbers_and_nulls(self, store: GraphStore) -> None:
        with store.query(
            "MATCH (c:Customer)-[r:PURCHASED]->(p:Product) "
            "RETURN c.id AS id, p.code AS code, r.date AS date, r.year AS year, "
            "r.month AS month, r.price AS price, r.channel AS channel, r.quantity AS quantity "
            "ORDER BY id, code, date, price"
        ) as reader:
            assert dict(zip(reader.schema.names, reader.schema.types, strict=True)) == {
                "id": pa.string(),
                "code": pa.string(),
                "date": pa.date32(),
                "year": pa.int64(),
                "month": pa.int64(),
                "price": pa.float64(),
                "channel": pa.int64(),
                "quantity": pa.int64(),
            }
            found = reader.read_all().to_pylist()
        rows = [tuple(row.values()) for row in found if row["id"] in ("aa", "bb")]
        assert rows == [
            ("aa", CODES[0], day("2018-09-20"), 2018, 9, 0.1, 2, 1),
            ("aa", CODES[0], day(DAY), 2020, 2, 0.0508305084745763, 1, 1),
            ("aa", CODES[0], day(DAY), 2020, 2, 0.1, 2, 2),
            ("bb", CODES[0], day(DAY), 2020, 2, None, None, 1),
            ("bb", CODES[1], day(DAY), 2020, 2, 0.3, 1, 1),
        ]
        assert next(row["price"] for row in found if row["code"] == CODES[2]) == 1 / 3

    def test_lists(self, store: GraphStore) -> None:
        found = store.rows(
            "MATCH (p:Product) RETURN p.code AS code, p.embedding AS embedding ORDER BY code"
        )
        assert [row["embedding"] for row in found] == [
            [1.0, 0.0, 0.5],
            None,
            [0.0, 1.0, -0.25],
            None,
            None,
        ]
        found = store.rows(
            "MATCH (c:Customer {id: 'bb'})-[:PURCHASED]->(p:Product) "
            "RETURN collect(p.code) AS codes, [1, 2] AS numbers"
        )
        assert sorted(found[0]["codes"]) == [CODES[0], CODES[1]]
        assert found[0]["numbers"] == [1, 2]

    def test_aggregates_are_plain_numbers(self, store: GraphStore) -> None:
        with store.query(
            "MATCH ()-[r:PURCHASED]->() RETURN count(r) AS n, sum(r.quantity) AS units, "
            "avg(r.price) AS mean, min(r.date) AS first, max(r.date) AS last, true AS yes"
        ) as reader:
            types = reader.schema.types
            found = reader.read_all().to_pylist()
        assert types == [pa.int64(), pa.int64(), pa.float64(), pa.date32(), pa.date32(), pa.bool_()]
        assert found[0]["mean"] == pytest.approx(
            np.mean([0.1, 0.0508305084745763, 0.1, 0.3, 0.3, 1 / 3, 5.0])
        )
        assert (found[0]["n"], found[0]["units"], found[0]["yes"]) == (8, 9, True)
        assert (found[0]["first"], found[0]["last"]) == (day("1999-12-31"), day("2020-09-22"))

    def test_whole_nodes_and_edges_are_their_properties(self, store: GraphStore) -> None:
        found = store.rows(
            "MATCH (d:Department {number: '3608'})<-[:FROM_DEPARTMENT]-"
            "(:Product)-[s:SIMILAR]->(:Product) RETURN d AS d, s AS s"
        )
        assert found == [{"d": {"number": "3608", "name": "Tights"}, "s": {"score": 0.75}}]

    def test_an_answer_without_rows_has_its_columns(self, store: GraphStore) -> None:
        with store.query("MATCH (p:Product {code: 'none'}) RETURN p.code AS code") as reader:
            assert reader.schema.names == ["code"]
            assert reader.read_all().num_rows == 0

    def test_many_rows_are_streamed(self, store: GraphStore) -> None:
        with store.query("UNWIND range(1, 200000) AS x RETURN x AS x, 'a' AS y") as reader:
            sizes, total = [], 0
            for batch in reader:
                sizes.append(batch.num_rows)
                total += sum(batch.column("x").to_pylist())
        assert sum(sizes) == 200_000
        assert len(sizes) > 1
        assert total == 200_000 * 200_001 // 2


class TestParameters:
    @pytest.mark.parametrize("customer", list(CUSTOMERS))
    def test_text_with_any_sign_finds_its_own(self, store: GraphStore, customer: str) -> None:
        query = "MATCH (c:Customer {id: $id}) RETURN c.id AS id"
        assert store.rows(query, {"id": customer}) == [{"id": customer}]

    @pytest.mark.parametrize(
        "text", ["'}) DETACH DELETE c //", '" OR 1 = 1 //', "aa' OR '1' = '1", r"\u0061a", "$id"]
    )
    def test_text_is_never_part_of_the_query(self, store: GraphStore, text: str) -> None:
        before = store.counts()
        assert store.rows("MATCH (c:Customer {id: $id}) RETURN c.id AS id", {"id": text}) == []
        assert store.rows("RETURN $id AS id", {"id": text}) == [{"id": text}]
        assert store.counts() == before

    @pytest.mark.parametrize(
        "value",
        [
            "x",
            "",
            0,
            -3,
            2**40,
            1.5,
            True,
            None,
            dt.date(2020, 2, 29),
            dt.datetime(2020, 2, 29, 1, 2, 3, 400),
            [1, 2],
            ["a", "'"],
            [[1], [2, 3]],
        ],
    )
    def test_values_come_back(self, store: GraphStore, value: object) -> None:
        assert store.rows("RETURN $value AS value", {"value": value}) == [{"value": value}]

    def test_decimals_tuples_and_numpy_are_taken(self, store: GraphStore) -> None:
        given = {"a": Decimal("0.25"), "b": ("x", "y"), "c": np.int32(3), "d": np.array([1.5, 2.5])}
        found = store.rows("RETURN $a AS a, $b AS b, $c AS c, $d AS d", given)
        assert found == [{"a": 0.25, "b": ["x", "y"], "c": 3, "d": [1.5, 2.5]}]

    def test_dates_compare(self, store: GraphStore) -> None:
        found = store.rows(
            "MATCH ()-[r:PURCHASED]->() WHERE r.date >= $day RETURN sum(r.quantity) AS n",
            {"day": day(DAY)},
        )
        assert found == [{"n": 7}]

    def test_lists_of_maps_are_rows(self, store: GraphStore) -> None:
        rows = [{"code": CODES[0], "n": 1}, {"code": CODES[2], "n": None}, {"code": "none", "n": 3}]
        found = store.rows(
            "UNWIND $rows AS row MATCH (p:Product {code: row.code}) "
            "RETURN p.code AS code, row.n AS n ORDER BY code",
            {"rows": rows},
        )
        assert found == [{"code": CODES[0], "n": 1}, {"code": CODES[2], "n": None}]
        assert store.rows("UNWIND $rows AS row RETURN row AS row", {"rows": []}) == []

    def test_limits_may_be_parameters(self, store: GraphStore) -> None:
        query = "MATCH (p:Product) RETURN p.code AS code ORDER BY code LIMIT $n"
        assert len(store.rows(query, {"n": 2})) == 2

    def test_a_missing_one_is_named(self, store: GraphStore) -> None:
        with pytest.raises(QueryError, match=r"\$code") as caught:
            store.query("MATCH (p:Product)\nWHERE p.code = $code RETURN p.name AS name", {"x": 1})
        assert (caught.value.line, caught.value.column) == (2, 16)

    def test_a_surplus_one_does_no_harm(self, store: GraphStore) -> None:
        assert store.rows("RETURN 1 AS x // $no", {"no": 2, "other": 3}) == [{"x": 1}]


class TestErrors:
    def test_a_syntax_error_has_its_place(self, store: GraphStore) -> None:
        with pytest.raises(QueryError) as caught:
            store.query("MATCH (p:Product)\nRETURM p.name")
        assert caught.value.line == 2
        assert caught.value.column is not None

    def test_an_unknown_function_or_variable(self, store: GraphStore) -> None:
        with pytest.raises(QueryError, match=r"(?i)nofunction"):
            store.rows("MATCH (p:Product) RETURN noFunction(p.name) AS x")
        with pytest.raises(QueryError, match="nobody"):
            store.rows("MATCH (p:Product) RETURN nobody.name AS x")

    def test_what_fails_while_it_runs(self, store: GraphStore) -> None:
        with pytest.raises(QueryError, match=r"(?i)zero"):
            store.rows("UNWIND [1, 0] AS x RETURN 1 / x AS y")

    def test_one_statement_at_a_time(self, store: GraphStore) -> None:
        with pytest.raises(QueryError):
            store.query("RETURN 1 AS x; RETURN 2 AS y")
        assert store.rows("RETURN ';' AS x;") == [{"x": ";"}]

    def test_an_empty_query(self, store: GraphStore) -> None:
        with pytest.raises(QueryError):
            store.query("  // nothing")

    def test_the_time_limit(self, store: GraphStore) -> None:
        slow = (
            "UNWIND range(1, 30000) AS a UNWIND range(1, 30000) AS b "
            "WITH a, b WHERE a + b < 0 RETURN count(*) AS n"
        )
        with pytest.raises(QueryError, match=r"longer than 0\.3 s"):
            store.rows(slow, limit_seconds=0.3)
        assert store.rows("RETURN 1 AS x") == [{"x": 1}]  # the store can still be asked


class TestReadOnly:
    @pytest.mark.parametrize(
        "statement",
        [
            "CREATE (:Department {number: '1'})",
            "MERGE (:Department {number: '1'})",
            "MATCH (d:Department) SET d.name = 'x'",
            "MATCH (c:Customer) DETACH DELETE c",
            "MATCH ()-[r:SIMILAR]->() DELETE r",
            "MATCH (a:Product {code: $code}), (b:Product) CREATE (a)-[:SIMILAR {score: 1.0}]->(b)",
        ],
    )
    def test_writes_are_refused(self, store: GraphStore, odd: GraphTables, statement: str) -> None:
        with pytest.raises(ReadOnlyError):
            store.rows(statement, {"code": CODES[0]})
        assert store.counts() == odd.counts

    def test_so_is_everything_that_loads(self, store: GraphStore, odd: GraphTables) -> None:
        product = next(one for one in odd.model.relationships if one.name == "SIMILAR")
        with pytest.raises(ReadOnlyError):
            store.load(odd)
        with pytest.raises(ReadOnlyError):
            store.write_similar(odd.edge_path(product))
        with pytest.raises(ReadOnlyError):
            store.write_recommendations(odd.folder / "none.parquet")

    def test_a_writer_may(self, writer: GraphStore, odd: GraphTables) -> None:
        writer.load(odd)
        writer.rows(
            "MATCH (d:Department {number: $n}) SET d.name = $name", {"n": "3608", "name": "x"}
        )
        found = writer.rows("MATCH (d:Department {number: '3608'}) RETURN d.name AS name")
        assert found == [{"name": "x"}]


class TestWriting:
    def test_similar_edges_are_replaced(
        self, writer: GraphStore, odd: GraphTables, tmp_path: Path
    ) -> None:
        writer.load(odd)
        edges = pa.table({"start": [CODES[4]], "end": [CODES[0]], "score": [0.125]})
        pq.write_table(edges, tmp_path / "edges.parquet")
        assert writer.write_similar(tmp_path / "edges.parquet") == 1
        found = writer.rows(
            "MATCH (a:Product)-[s:SIMILAR]->(b:Product) "
            "RETURN a.code AS a, b.code AS b, s.score AS score"
        )
        assert found == [{"a": CODES[4], "b": CODES[0], "score": 0.125}]
        assert writer.counts()["SIMILAR"] == 1
        assert writer.counts()["PURCHASED"] == odd.counts["PURCHASED"]

    def test_recommendations_are_replaced(self, writer: GraphStore, tmp_path: Path) -> None:
        bare = OddShop(recommended=(), similar=())
        writer.load(bare.tables(tmp_path / "bare"))
        assert "RECOMMENDED" not in writer.counts()
        for name, recommended in (
            ("first", OddShop().recommended),
            ("second", (("dd", 1, CODES[3], 0.5, "popular"), ("aa", 1, CODES[0], 1.5, "similar"))),
        ):
            path = OddShop(recommended=recommended).write_recommendations(tmp_path / name)
            assert path is not None
            assert writer.write_recommendations(path) == len(recommended)
            found = writer.rows(
                "MATCH (c:Customer)-[r:RECOMMENDED]->(p:Product) RETURN c.id AS id, "
                "r.rank AS rank, p.code AS code, r.score AS score, r.channel AS channel"
            )
            assert sorted(tuple(row.values()) for row in found) == sorted(recommended)
            assert writer.counts()["RECOMMENDED"] == len(recommended)


class TestReaders:
    def test_two_stores_and_many_threads_at_once(self, place: Place) -> None:
        query = "MATCH (c:Customer {id: $id})-[r:PURCHASED]->() RETURN sum(r.quantity) AS n"
        units = {"aa": 4, "bb": 2, "cc": 1, "dd": 0}
        with place.reader() as one, place.reader() as other, ThreadPoolExecutor(4) as pool:
            wanted = [(store, customer) for customer in units for store in (one, other)] * 5
            found = pool.map(lambda it: it[0].rows(query, {"id": it[1]})[0]["n"], wanted)
            assert [n or 0 for n in found] == [units[customer] for _, customer in wanted]

    def test_an_answer_outlives_the_next_question(self, store: GraphStore) -> None:
        with store.query("UNWIND range(1, 100000) AS x RETURN x AS x") as first:
            taken = first.read_next_batch().num_rows
            assert store.rows("RETURN 2 AS y") == [{"y": 2}]
            taken += sum(batch.num_rows for batch in first)
        assert taken == 100_000


class TestClose:
    def test_a_closed_store_says_so(self, place: Place) -> None:
        store = place.reader()
        assert store.rows("RETURN 1 AS x") == [{"x": 1}]
        store.close()
        store.close()
        with pytest.raises(GraphError, match="closed"):
            store.query("RETURN 1 AS x")

    def test_it_closes_at_the_end_of_its_block(self, place: Place) -> None:
        with place.reader() as store:
            pass
        with pytest.raises(GraphError, match="closed"):
            store.counts()


def everything(store: GraphStore) -> tuple[object, ...]:
    """Return what a store holds, in an order of its own."""
    products = store.rows("MATCH (p:Product) RETURN p AS p")
    edges = store.rows(
        "MATCH (c:Customer)-[r:PURCHASED]->(p:Product) RETURN c.id AS id, p.code AS code, r AS r"
    )
    similar = store.rows("MATCH (a)-[s:SIMILAR]->(b) RETURN a.code AS a, b.code AS b, s AS s")
    return (store.counts(), *(sorted(map(repr, rows)) for rows in (products, edges, similar)))
