from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.graph.odd_shop import CODES, OddShop

from hemline.config import Graph
from hemline.errors import GraphError, QueryError, ReadOnlyError, StoreUnavailableError
from hemline.graph import edges, embedded_build
from hemline.graph.embedded import EmbeddedStore
from hemline.graph.embedded_files import StoreFiles
from hemline.graph.embedded_results import BY_ROWS
from hemline.graph.stores import is_server, open_store
from hemline.graph.tables import GraphTables


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> GraphTables:
    return OddShop().tables(tmp_path_factory.mktemp("odd"))


@pytest.fixture(scope="module")
def built(odd: GraphTables, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("graph") / "graph"
    with EmbeddedStore(path, read_only=False) as store:
        assert store.load(odd)["built"]
    return path


@pytest.fixture
def folder(odd: GraphTables, tmp_path: Path) -> Path:
    """A graph that a test may spoil."""
    with EmbeddedStore(tmp_path / "graph", read_only=False) as store:
        store.load(odd)
    return tmp_path / "graph"


def only_file(folder: Path, name: str) -> Path:
    (found,) = folder.glob(f"*/{name}")
    return found


class TestPublishing:
    def test_the_same_tables_are_not_built_again(self, built: Path, odd: GraphTables) -> None:
        before = (built / "current.json").read_text()
        with EmbeddedStore(built, read_only=False) as store:
            assert not store.load(odd)["built"]
        assert (built / "current.json").read_text() == before

    def test_a_reader_keeps_the_graph_it_opened(self, folder: Path, tmp_path: Path) -> None:
        shop = OddShop()
        shop.purchases = shop.purchases[:3]
        query = "MATCH ()-[r:PURCHASED]->() RETURN count(*) AS n"
        with EmbeddedStore(folder) as reader:
            changed = shop.tables(tmp_path / "changed")
            embedded_build.build_store(changed, StoreFiles(folder), settings=Graph())
            assert reader.rows(query) == [{"n": 8}]
        with EmbeddedStore(folder) as reader:
            assert reader.rows(query) == [{"n": 2}]
        assert len(list(folder.glob("*/graph.lbug"))) == 1

    def test_what_fails_leaves_the_old_one(
        self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shop = OddShop()
        shop.purchases = shop.purchases[:3]
        changed = shop.tables(tmp_path / "changed")

        def broken(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(embedded_build, "copy_edges", broken)
        with pytest.raises(KeyboardInterrupt):
            embedded_build.build_store(changed, StoreFiles(folder), settings=Graph())
        with EmbeddedStore(folder) as reader:
            assert reader.counts()["PURCHASED"] == 8
        assert not list(folder.glob("work-*"))

    def test_what_a_killed_build_left_is_removed(self, folder: Path, tmp_path: Path) -> None:
        gone = subprocess.run(
            [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True
        )
        (folder / f"work-{gone.stdout.strip()}-0").mkdir()
        changed = OddShop(recommended=()).tables(tmp_path / "changed")
        embedded_build.build_store(changed, StoreFiles(folder), settings=Graph())
        assert not list(folder.glob("work-*"))

    def test_many_edges_are_copied_in_slices(
        self, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(edges, "ROWS", 2)
        tables = OddShop().tables(tmp_path)
        monkeypatch.setattr(embedded_build, "SLICE", 3)
        embedded_build.build_store(tables, StoreFiles(tmp_path / "graph"), settings=Graph())
        query = (
            "MATCH (c:Customer)-[r:PURCHASED]->(p:Product) "
            "RETURN c.id AS id, p.code AS code, r AS r"
        )
        with EmbeddedStore(built) as whole, EmbeddedStore(tmp_path / "graph") as sliced:
            assert sorted(map(repr, sliced.rows(query))) == sorted(map(repr, whole.rows(query)))
        assert not list((tmp_path / "graph").glob("*/slice.parquet"))

    def test_counts_that_differ_are_not_published(self, tmp_path: Path) -> None:
        tables = OddShop().tables(tmp_path)
        content = json.loads((tables.folder / "graph.json").read_text())
        content["units"] += 1
        (tables.folder / "graph.json").write_text(json.dumps(content))
        with pytest.raises(GraphError, match="9 units, its tables have 10"):
            embedded_build.build_store(
                GraphTables.open(tables.folder), StoreFiles(tmp_path / "graph"), settings=Graph()
            )
        assert not (tmp_path / "graph" / "current.json").exists()

    def test_an_edge_to_a_node_that_is_not_there(self, tmp_path: Path) -> None:
        tables = OddShop().tables(tmp_path)
        similar = tables.edge_path(tables.model.relationship("SIMILAR"))
        pq.write_table(pa.table({"start": ["x"], "end": [CODES[0]], "score": [0.5]}), similar)
        with pytest.raises(GraphError, match=r"COPY .*SIMILAR"):
            embedded_build.build_store(tables, StoreFiles(tmp_path / "graph"), settings=Graph())


class TestOpening:
    def test_no_graph(self, tmp_path: Path) -> None:
        with pytest.raises(StoreUnavailableError, match="no embedded graph"):
            open_store(tmp_path)
        with (
            EmbeddedStore(tmp_path / "new", read_only=False) as empty,
            pytest.raises(StoreUnavailableError, match="holds no graph yet"),
        ):
            empty.query("RETURN 1 AS x")

    def test_another_format(self, folder: Path, odd: GraphTables) -> None:
        path = only_file(folder, "store.json")
        content = json.loads(path.read_text())
        path.write_text(json.dumps({**content, "engine_format": "1:7"}))
        with pytest.raises(StoreUnavailableError, match="format 1:7") as caught:
            EmbeddedStore(folder)
        assert "hemline graph build" in caught.value.hint

    def test_a_file_that_is_not_the_engines(self, folder: Path) -> None:
        only_file(folder, "graph.lbug").write_bytes(b"nothing of the kind" * 1000)
        with pytest.raises(StoreUnavailableError, match="cannot be opened"):
            EmbeddedStore(folder)

    def test_a_writer_has_it_alone(self, folder: Path) -> None:
        program = (
            "import sys; from hemline.graph.stores import open_store\n"
            "with open_store(sys.argv[1], read_only=False): print('open', flush=True); input()"
        )
        with subprocess.Popen(
            [sys.executable, "-c", program, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "open\n"
            with pytest.raises(StoreUnavailableError, match="a writer has it open"):
                EmbeddedStore(folder)
            with pytest.raises(StoreUnavailableError, match="someone has it open"):
                EmbeddedStore(folder, read_only=False)
            other.communicate("\n")
        with EmbeddedStore(folder) as store:
            assert store.rows("RETURN 1 AS x") == [{"x": 1}]

    @pytest.mark.parametrize(
        ("place", "server"),
        [
            ("bolt://localhost:7687", True),
            ("neo4j+s://x.databases.neo4j.io", True),
            ("graph", False),
            ("/a/bolt/graph", False),
            (Path("neo4j"), False),
        ],
    )
    def test_which_places_are_servers(self, place: str | Path, server: bool) -> None:
        assert is_server(place) is server


class TestAsking:
    @pytest.mark.parametrize(
        "statement",
        [
            "COPY (MATCH (p:Product) RETURN p.code) TO '{}'",
            "EXPLAIN COPY (MATCH (p:Product) RETURN p.code) TO '{}'",
            "LOAD FROM '{}' RETURN *",
            "MATCH (p:Product) LOAD FROM '{}' RETURN *",
            "EXPORT DATABASE '{}'",
            "ATTACH '{}' AS other (dbtype lbug)",
            "INSTALL httpfs",
            "CREATE NODE TABLE X(id STRING PRIMARY KEY)",
            "DROP TABLE SIMILAR",
        ],
    )
    def test_a_reader_reaches_no_file(self, built: Path, tmp_path: Path, statement: str) -> None:
        target = tmp_path / "target"
        with EmbeddedStore(built) as store, pytest.raises(ReadOnlyError):
            store.query(statement.format(target))
        assert not target.exists()

    def test_an_unknown_property_has_its_place(self, built: Path) -> None:
        with EmbeddedStore(built) as store, pytest.raises(QueryError) as caught:
            store.query("MATCH (p:Product)\nRETURN p.colour AS x")
        assert (caught.value.line, caught.value.column) == (2, 10)
        assert "hemline graph schema" in caught.value.hint

    def test_an_unknown_label_names_the_known_ones(self, built: Path) -> None:
        with EmbeddedStore(built) as store, pytest.raises(QueryError) as caught:
            store.query("MATCH (p:Article) RETURN p.code AS x")
        assert "Product" in caught.value.hint

    def test_a_long_answer_is_not_copied_as_a_whole(self, built: Path) -> None:
        n = BY_ROWS + 1
        with (
            EmbeddedStore(built) as store,
            store.query(
                "UNWIND range(1, $n) AS x RETURN x AS x, 'a' AS y, [x] AS z", {"n": n}
            ) as reader,
        ):
            assert reader.schema.types == [pa.int64(), pa.string(), pa.list_(pa.int64())]
            first = reader.read_next_batch()
            assert first.num_rows < n
            assert first.slice(1, 1).to_pylist() == [{"x": 2, "y": "a", "z": [2]}]
            assert first.num_rows + sum(one.num_rows for one in reader) == n

    def test_an_interrupt_ends_a_query_at_once(self, built: Path) -> None:
        program = """
import os, signal, sys, threading, time
from hemline.graph.stores import open_store
slow = ("UNWIND range(1, 300000) AS a UNWIND range(1, 300000) AS b "
        "WITH a, b WHERE a + b < 0 RETURN count(*) AS n")
with open_store(sys.argv[1]) as store:
    store.rows("RETURN 1 AS x")
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    started = time.monotonic()
    try:
        store.rows(slow, limit_seconds=0)
    except KeyboardInterrupt:
        print(time.monotonic() - started < 20, store.rows("RETURN 2 AS x"))
"""
        done = subprocess.run(
            [sys.executable, "-c", program, str(built)], capture_output=True, text=True, timeout=100
        )
        assert done.stdout == "True [{'x': 2}]\n", done.stderr

    def test_too_little_memory_is_said(self, built: Path) -> None:
        settings = Graph(buffer_pool_mb=64)
        with (
            EmbeddedStore(built, settings=settings) as store,
            pytest.raises(QueryError, match="memory") as caught,
        ):
            store.rows(
                "UNWIND range(1, 20000000) AS x RETURN x AS x, 'some text that is long' AS y"
            )
        assert "buffer_pool_mb" in caught.value.hint

    def test_memory_comes_back(self, built: Path) -> None:
        others = """
        MATCH (c:Customer)-[:PURCHASED]->(p:Product) WHERE c.id IN $ids
        WITH c, collect(DISTINCT p.code) AS codes
        MATCH (c)-[:PURCHASED]->(q:Product) WHERE q.code IN codes
        RETURN c.id AS c, count(*) AS n ORDER BY c LIMIT """

        settings = Graph(buffer_pool_mb=64)
        with EmbeddedStore(built, settings=settings) as store:
            ids = [one["id"] for one in store.rows("MATCH (c:Customer) RETURN c.id AS id")]
            first = store.rows(f"{others}100", {"ids": ids})
            assert first
            for n in range(101, 140):  # each is a plan of its own, which keeps its memory
                assert store.rows(f"{others}{n}", {"ids": ids}) == first
            with pytest.raises(QueryError, match="memory"):
                store.rows("UNWIND range(1, 20000000) AS x RETURN x AS x, 'a longer text' AS y")
            assert store.rows(f"{others}100", {"ids": ids}) == first

            with ThreadPoolExecutor(3) as pool:
                asking = pool.map(
                    lambda n: store.rows(f"{others}{n}", {"ids": ids}), range(90, 150)
                )
                assert all(found == first for found in asking)

    def test_a_long_query_keeps_nothing(self, built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def asked(n: int) -> int:
            return int(store.rows(f"UNWIND range(1, {n}) AS x RETURN count(x) AS n")[0]["n"])

        def kept() -> tuple[int, int]:
            assert store._connections is not None
            return len(store._connections._idle), len(store._connections._busy)

        with EmbeddedStore(built) as store:
            assert asked(100_000) == 100_000
            assert kept() == (1, 0)
            monkeypatch.setattr("hemline.graph.embedded.LONG_SECONDS", 0.0)
            assert asked(200_000) == 200_000
            assert kept() == (0, 0)
            monkeypatch.setattr("hemline.graph.embedded_results.BY_ROWS", 10)
            with store.query("UNWIND range(1, 150000) AS x RETURN x AS x") as reader:
                # handed over by rows, while others are asked
                first = reader.read_next_batch().num_rows
                assert asked(10) == 10
                assert kept() == (0, 1)
                assert first + sum(one.num_rows for one in reader) == 150_000
            assert kept() == (0, 0)

    def test_labels_a_shop_lacks_are_empty(self, tmp_path: Path) -> None:
        bare = OddShop(similar=(), recommended=(), vectors=False).tables(tmp_path / "bare")
        with EmbeddedStore(tmp_path / "graph", read_only=False) as store:
            store.load(bare)
            assert store.rows("MATCH ()-[s:SIMILAR]->() RETURN count(*) AS n") == [{"n": 0}]
            found = store.rows("MATCH (p:Product) RETURN p.embedding AS e LIMIT 1")
            assert found == [{"e": None}]
            assert "SIMILAR" not in store.counts()


def test_vectors_and_recommendations_get_the_memory_they_need() -> None:
    from types import SimpleNamespace
    from typing import Any

    from hemline.config import Graph
    from hemline.graph.embedded_build import pool_bytes

    small: Any = SimpleNamespace(
        node_counts={"Product": 10},
        edge_counts={"Customer-PURCHASED-Product": 9},
        model=SimpleNamespace(dimension=0),
    )
    assert pool_bytes(small, Graph()) == 3 << 30
    large: Any = SimpleNamespace(
        node_counts={"Product": 100_000},
        edge_counts={"Customer-RECOMMENDED-Product": 16_000_000},
        model=SimpleNamespace(dimension=2048),
    )
    assert pool_bytes(large, Graph()) > 6 << 30
    assert pool_bytes(large, Graph(build_memory_mb=512)) == 512 << 20
