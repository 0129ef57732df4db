"""The graph on a real Neo4j server, beyond what every store does."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.graph.odd_shop import OddShop
from tests.neo4j_server import PASSWORD, Neo4jServer, free_port, running

import hemline
from hemline.cli import main
from hemline.config import Graph
from hemline.errors import ConfigError, GraphError, QueryError, StoreUnavailableError
from hemline.graph.neo4j import Neo4jStore
from hemline.graph.neo4j_similar import PROJECTION, by_knn, by_vector_index, recall
from hemline.graph.stores import open_store
from hemline.graph.tables import GraphTables
from hemline.pipeline.graph import run_graph_tables
from hemline.pipeline.graph_server import load_graph, similar_in_graph, write_graph
from hemline.runs import RunFolder
from hemline.shop.simulate import simulate
from hemline.shop.tables import Tables

pytestmark = pytest.mark.neo4j

COMMAND = (sys.executable, "-c", "from hemline.cli import main; main()")
FILES = ("articles.parquet", "customers.parquet", "purchases.parquet")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run of a simulated shop with photo vectors."""
    folder = tmp_path_factory.mktemp("shop in neo4j")
    simulate(
        folder / "shop", customers=300, articles=250, days=120, seed=3, photos=False, vectors=24
    )
    settings = {"evaluate.folds": 0, "recipe": "popular"}
    return hemline.run(folder / "shop", folder / "run", settings=settings).run


@pytest.fixture(scope="module")
def tables(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> GraphTables:
    return run_graph_tables(run, tmp_path_factory.mktemp("tables") / "graph")


@pytest.fixture
def settings(neo4j_server: Neo4jServer, monkeypatch: pytest.MonkeyPatch) -> Graph:
    """Settings that find the password in the environment, and small batches."""
    monkeypatch.setenv("NEO4J_PASSWORD", neo4j_server.password)
    return Graph(uri=neo4j_server.uri, batch_rows=300, retry_seconds=5)


@pytest.fixture
def store(neo4j_server: Neo4jServer, settings: Graph) -> Iterator[Neo4jStore]:
    """The server's database, whatever is in it."""
    with Neo4jStore(neo4j_server.uri, read_only=False, settings=settings) as found:
        yield found


@pytest.fixture
def empty(store: Neo4jStore) -> Neo4jStore:
    store.rows("MATCH (n) DETACH DELETE n", limit_seconds=0)
    return store


@pytest.fixture
def loaded(store: Neo4jStore, tables: GraphTables) -> Neo4jStore:
    """The simulated shop; a load that finds it there already is quick."""
    if not store.rows("MATCH (c:Customer) WHERE size(c.id) = 64 RETURN c.id AS id LIMIT 1"):
        store.rows("MATCH (n) DETACH DELETE n", limit_seconds=0)
    store.load(tables, prune=True)
    return store


def changes(found: dict[str, Any]) -> dict[str, int]:
    names = ("nodes_created", "nodes_updated", "nodes_deleted", "edges_created", "edges_deleted")
    return {name: found[name] for name in names if found[name]}


class TestLoad:
    def test_batches_are_bounded_and_a_second_load_is_none(
        self, empty: Neo4jStore, tables: GraphTables
    ) -> None:
        seen: list[int] = []
        first = empty.load(tables, progress=lambda done, total: seen.append(done))
        edges = sum(tables.edge_counts.values())
        assert changes(first) == {
            "nodes_created": sum(tables.node_counts.values()),
            "edges_created": edges,
        }
        assert first["batches_written"] > edges / 600
        assert seen == sorted(seen)
        assert seen[-1] == sum(tables.node_counts.values()) + edges
        assert empty.counts() == tables.counts
        again = empty.load(tables)
        assert changes(again) == {}
        assert (again["batches_written"], again["batches_unchanged"]) == (
            0,
            first["batches_written"],
        )

    def test_what_was_changed_by_hand_is_put_right(
        self, loaded: Neo4jStore, tables: GraphTables
    ) -> None:
        before = purchases(loaded)
        loaded.rows("MATCH (:Customer)-[r:PURCHASED]->() WITH r LIMIT 3 DELETE r")
        loaded.rows("MATCH ()-[r:PURCHASED]->() WITH r LIMIT 2 SET r.date = date('1999-01-01')")
        found = loaded.load(tables)
        assert changes(found) == {"edges_created": 5, "edges_deleted": 2}
        assert purchases(loaded) == before

    def test_without_notes_everything_is_compared_and_nothing_changed(
        self, loaded: Neo4jStore, tables: GraphTables
    ) -> None:
        loaded.rows("MATCH (b:HemlineBatch) DELETE b")
        found = loaded.load(tables)
        assert changes(found) == {}
        assert found["batches_unchanged"] == 0

    def test_a_changed_property_is_found_when_everything_is_compared(
        self, loaded: Neo4jStore, tables: GraphTables
    ) -> None:
        before = purchases(loaded)
        loaded.rows("MATCH ()-[r:PURCHASED]->() WITH r LIMIT 2 SET r.price = 99.5")
        loaded.rows("MATCH (p:Product) WITH p LIMIT 1 SET p.name = 'x', p.mine = 1")
        assert changes(loaded.load(tables)) == {}
        found = loaded.load(tables, compare=True)
        assert changes(found) == {"nodes_updated": 1, "edges_created": 2, "edges_deleted": 2}
        assert purchases(loaded) == before
        assert loaded.rows("MATCH (p:Product) WHERE p.mine = 1 RETURN p.mine AS n") == [{"n": 1}]

    def test_other_nodes_stay_unless_pruned(self, loaded: Neo4jStore, tables: GraphTables) -> None:
        loaded.rows("CREATE (:Product {code: 'x'}), (:Basket {id: 1}) ")
        found = loaded.load(tables)
        assert found["others"] == {"Product": 1}
        assert "1 Product nodes are not of this shop" in found["lines"][-1]
        found = loaded.load(tables, prune=True)
        assert changes(found) == {"nodes_deleted": 1}
        assert loaded.rows("MATCH (b:Basket) RETURN count(b) AS n") == [{"n": 1}]
        loaded.rows("MATCH (b:Basket) DELETE b")

    def test_what_the_shop_no_longer_has_goes(self, empty: Neo4jStore, tmp_path: Path) -> None:
        shop = OddShop()
        empty.load(shop.tables(tmp_path / "before"))
        gone = shop.articles.pop(3)["article_id"]
        shop.articles[2]["department_no"] = 9999
        shop.vectors = False
        after = shop.tables(tmp_path / "after")
        empty.load(after)
        assert empty.counts() == after.counts
        assert not empty.rows("MATCH (p:Product {code: $code}) RETURN p.code AS c", {"code": gone})

    def test_an_end_that_is_missing_is_named(self, empty: Neo4jStore, tmp_path: Path) -> None:
        path = tmp_path / "similar.parquet"
        pq.write_table(pa.table({"start": ["a"], "end": ["b"], "score": [1.0]}), path)
        with pytest.raises(GraphError, match="no Product 'a'") as caught:
            empty.write_similar(path)
        assert "graph load" in caught.value.hint

    def test_a_killed_load_goes_on(
        self, run: RunFolder, empty: Neo4jStore, tables: GraphTables, settings: Graph
    ) -> None:
        process = hemline_command("graph", "load", run.path, "--to", settings.uri, *small(60))
        wait_until(process, lambda: notes(empty) > 20)
        done = notes(empty)
        found = load_graph(run, settings.uri, settings.model_copy(update={"batch_rows": 60}))
        # the one that was under way may have been committed just before the end
        assert found["batches_unchanged"] >= done
        assert found["batches_written"] > 0
        assert empty.counts() == tables.counts
        assert not (run.path / "graph-tables").exists()


class TestWrite:
    def test_a_killed_write_leaves_the_old_or_the_new_of_each_customer(
        self, run: RunFolder, loaded: Neo4jStore, settings: Graph, tmp_path: Path
    ) -> None:
        new = pq.read_table(run.folder("recommend") / "recommendations.parquet")
        half = new.filter(pa.array(np.arange(new.num_rows) % 2 == 0))
        old = half.set_column(
            half.schema.get_field_index("score"),
            half.schema.field("score"),
            pa.array(np.full(half.num_rows, -1, np.float32)),
        )
        pq.write_table(old, tmp_path / "old.parquet")
        assert loaded.write_recommendations(tmp_path / "old.parquet") == old.num_rows
        sets = {name: by_customer(table) for name, table in (("old", old), ("new", new))}
        process = hemline_command("graph", "write", run.path, "--to", settings.uri, *small(24))
        changed = "MATCH ()-[r:RECOMMENDED]->() WHERE r.score >= 0 RETURN count(r) AS n"
        wait_until(process, lambda: loaded.rows(changed)[0]["n"] > 500)
        found = in_graph(loaded)
        kinds = Counter("old" if one == sets["old"][customer] else "new"
                        for customer, one in found.items())  # fmt: skip
        assert all(one in (sets["old"][c], sets["new"][c]) for c, one in found.items())
        assert set(found) == set(sets["new"])
        assert kinds["old"] > 0
        assert kinds["new"] > 0
        written = write_graph(run, settings.uri, settings)
        assert written["RECOMMENDED"] == new.num_rows
        assert in_graph(loaded) == sets["new"]

    def test_customers_that_have_no_more_recommendations_lose_them(
        self, run: RunFolder, loaded: Neo4jStore, tmp_path: Path
    ) -> None:
        whole = pq.read_table(run.folder("recommend") / "recommendations.parquet")
        pq.write_table(whole.slice(240, 120), tmp_path / "few.parquet")
        assert loaded.write_recommendations(tmp_path / "few.parquet") == 120
        assert in_graph(loaded) == by_customer(whole.slice(240, 120))


class TestSimilar:
    def test_knn(self, run: RunFolder, loaded: Neo4jStore, settings: Graph) -> None:
        found = similar_in_graph(run, settings.uri, settings, "knn", seed=1)
        assert found["recall"] > 0.9
        assert set(found["seconds"]) == {"projection", "knn", "write"}
        assert found["exact_seconds"] is not None
        assert projections(loaded) == []
        n = loaded.rows("MATCH (:Product)-[r:SIMILAR]->() RETURN count(r) AS n")[0]["n"]
        assert n == found["edges"]
        scores = scored(loaded)
        similar_in_graph(run, settings.uri, settings, "exact")
        exact = scored(loaded)
        both = exact.keys() & scores.keys()
        assert len(both) > 0.9 * len(exact)
        assert np.allclose([exact[one] for one in both], [scores[one] for one in both], atol=1e-5)

    def test_the_projection_goes_also_after_a_failure(self, loaded: Neo4jStore) -> None:
        with pytest.raises(GraphError, match=r"(?i)topK"):
            by_knn(loaded.server, k=-1)
        assert projections(loaded) == []

    def test_more_threads_than_the_edition_allows(self, loaded: Neo4jStore) -> None:
        found = by_knn(loaded.server, k=3, concurrency=9)
        assert "4 threads instead of 9" in found.notes[0]
        assert found.edges.num_rows > 0

    def test_the_vector_index(self, run: RunFolder, loaded: Neo4jStore, settings: Graph) -> None:
        found = similar_in_graph(run, settings.uri, settings, "vector-index", write=False)
        assert found["recall"] > 0.9
        indexes = "SHOW VECTOR INDEXES YIELD name RETURN name"
        assert loaded.rows(indexes) == []
        kept = by_vector_index(loaded.server, k=3, keep=True)
        assert kept.edges.num_rows == 3 * found["edges"] // 10
        assert len(loaded.rows(indexes)) == 1
        by_vector_index(loaded.server, k=3)  # uses the one that is there, and leaves it
        (name,) = loaded.rows(indexes)
        loaded.server.command(f"DROP INDEX {name['name']}")

    def test_without_embeddings(self, empty: Neo4jStore) -> None:
        for way in (by_knn, by_vector_index):
            with pytest.raises(GraphError, match=r"no product .* has an embedding"):
                way(empty.server)


def test_recall_takes_a_tie_for_a_hit() -> None:
    columns = ("start", "end", "score")
    exact = pa.table([["a", "a", "b"], ["x", "y", "x"], [0.9, 0.8, 0.7]], names=columns)
    found = pa.table(
        [["a", "a", "b", "c"], ["x", "z", "y", "x"], [0.9, 0.8, 0.6, 0.9]], names=columns
    )
    assert recall(found, exact) == pytest.approx(2 / 3)
    assert recall(exact, exact) == 1


class TestTheWayBack:
    def test_the_same_tables_and_vectors(
        self, run: RunFolder, loaded: Neo4jStore, settings: Graph, tmp_path: Path
    ) -> None:
        found = command_output("ingest", settings.uri, "--out", tmp_path / "back")
        assert found.returncode == 0, found.stderr
        back = RunFolder.open(tmp_path / "back")
        assert_same_tables(run.folder("ingest"), back.folder("ingest"))
        assert command_output("embed", tmp_path / "back").returncode == 0
        back = RunFolder.open(tmp_path / "back")
        for name in ("vectors.npy", "positions.npy"):
            assert np.array_equal(
                np.load(run.folder("embed") / name), np.load(back.folder("embed") / name)
            )
        # the same content again leaves what is done
        again = command_output("ingest", settings.uri, "--out", tmp_path / "back")
        assert "done before" in again.stderr

    def test_awkward_text_and_another_shops_columns(
        self, empty: Neo4jStore, settings: Graph, tmp_path: Path
    ) -> None:
        shop = OddShop()
        empty.load(shop.tables(tmp_path / "odd"))
        config = hemline.Config(graph=settings).replaced({"columns.customers.customer_id": "kunde"})
        from hemline.pipeline.graph_shop import shop_in_graph
        from hemline.shop.ingest import ingest

        source, found = shop_in_graph(settings.uri, tmp_path / "run", config)
        assert (found.articles, found.customers, found.purchases) == (5, 8, 8)
        ingest(source, config, tmp_path / "back")
        assert_same_tables(tmp_path / "odd" / "ingested", tmp_path / "back")

    def test_an_empty_database(self, empty: Neo4jStore, settings: Graph, tmp_path: Path) -> None:
        found = command_output("ingest", settings.uri, "--out", tmp_path / "none")
        assert found.returncode == 3
        assert "has no (:Customer)-[:PURCHASED]->(:Product)" in found.stderr


class TestErrors:
    def test_a_wrong_password_is_said_and_not_shown(self, settings: Graph, run: RunFolder) -> None:
        found = command_output(
            "graph", "load", run.path, "--to", settings.uri, password="hunter2-hunter2"
        )
        assert found.returncode == 8
        assert found.stderr.splitlines() == [
            f"error: {settings.uri} refuses user 'neo4j': wrong user or password",
            "hint: set graph.user, and the password in the environment variable NEO4J_PASSWORD",
        ]
        with pytest.raises(StoreUnavailableError, match="none was given"):
            Neo4jStore(settings.uri, settings=Graph(password_env="HEMLINE_NO_SUCH_VARIABLE"))

    def test_no_server_and_no_tls(self, settings: Graph) -> None:
        nowhere = f"bolt://127.0.0.1:{free_port()}"
        with pytest.raises(StoreUnavailableError, match="no Neo4j server answers at") as caught:
            open_store(nowhere, settings=settings)
        assert "running" in caught.value.hint
        with pytest.raises(StoreUnavailableError) as caught:
            open_store(settings.uri.replace("bolt", "neo4j+s"), settings=settings)
        assert "TLS" in caught.value.hint

    def test_a_routing_uri(self, settings: Graph) -> None:
        with open_store(settings.uri.replace("bolt", "neo4j"), settings=settings) as store:
            assert store.rows("RETURN 1 AS x") == [{"x": 1}]

    def test_no_such_database(self, settings: Graph) -> None:
        with pytest.raises(StoreUnavailableError, match="has no database 'nope'"):
            open_store(settings.uri, settings=settings, database="nope")

    def test_a_password_in_the_uri_is_refused_and_not_shown(self, settings: Graph) -> None:
        with pytest.raises(ConfigError) as caught:
            open_store("bolt://neo4j:hunter2@127.0.0.1:7687", settings=settings)
        assert "hunter2" not in f"{caught.value} {caught.value.hint}"

    def test_files_are_not_reached_while_reading(self, settings: Graph) -> None:
        with (
            open_store(settings.uri, settings=settings) as store,
            pytest.raises(GraphError, match="LOAD CSV"),
        ):
            store.query("LOAD CSV FROM 'file:///etc/passwd' AS row RETURN row")

    def test_a_column_of_several_types(self, store: Neo4jStore) -> None:
        with pytest.raises(QueryError, match="'x' holds values of more than one type"):
            store.rows("UNWIND [1, 'a'] AS x RETURN x")
        with pytest.raises(QueryError, match="after row 20,000"):
            store.rows(
                "UNWIND range(1, 20001) AS i RETURN CASE WHEN i <= 20000 THEN i ELSE 'a' END AS x"
            )

    def test_a_busy_server_is_asked_again(
        self, store: Neo4jStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from neo4j.exceptions import ServiceUnavailable

        asked = []
        real = store.server.session

        def session(**options: Any) -> Any:
            found = real(**options)
            asked.append(1)
            if len(asked) == 1:
                found.begin_transaction = busy
            return found

        def busy(**options: Any) -> None:
            raise ServiceUnavailable("for a moment")

        monkeypatch.setattr(store.server, "session", session)
        assert store.rows("RETURN 1 AS x") == [{"x": 1}]
        assert len(asked) == 2


@pytest.fixture(scope="module")
def imported(
    run: RunFolder, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Neo4jServer, dict[str, str]]]:
    """A second server, without Graph Data Science, over what neo4j-admin imported of the shop."""
    folder = os.environ.get("HEMLINE_TEST_NEO4J", "")
    if not folder:
        pytest.skip("a real Neo4j: HEMLINE_TEST_NEO4J is not set")
    base = tmp_path_factory.mktemp("imported")
    said = {}
    for kind in ("csv", "parquet"):
        out = base / kind
        done = command_output("graph", "export", run.path, "--out", out, "--format", kind)
        assert done.returncode == 0, done.stderr
        home = base / f"home-{kind}"
        environment = {**os.environ, "NEO4J_ADMIN": f"{folder}/admin {home}", "NEO4J_HEAP": "512m"}
        done = subprocess.run(
            [out / "import.sh"], env=environment, capture_output=True, text=True, check=True
        )
        said[kind] = done.stdout + done.stderr
    # `start` gives a password to a new home only
    command = [f"{folder}/admin", home, "dbms", "set-initial-password", PASSWORD]
    subprocess.run(command, check=True, capture_output=True)
    server = base / "server"
    (server / "plugins").mkdir(parents=True)
    (server / "start").write_bytes((Path(folder) / "start").read_bytes())
    (server / "start").chmod(0o755)
    (server / "lib").symlink_to(f"{folder}/lib")
    with running(server / "start", home, heap="512m") as found:
        yield found, said


class TestOffline:
    def test_both_formats_import_everything(
        self, imported: tuple[Neo4jServer, dict[str, str]], tables: GraphTables
    ) -> None:
        for said in imported[1].values():
            assert f"{sum(tables.node_counts.values())} nodes" in said
            assert f"{sum(tables.edge_counts.values())} relationships" in said
        properties = [
            line
            for said in imported[1].values()
            for line in said.splitlines()
            if line.strip().partition(" ")[0].isdigit() and line.endswith(" properties")
        ]
        assert len(properties) == 2
        assert len(set(properties)) == 1

    def test_loading_what_was_imported_changes_nothing(
        self, imported: tuple[Neo4jServer, dict[str, str]], tables: GraphTables
    ) -> None:
        server = imported[0]
        with open_store(server.uri, read_only=False, password=server.password) as store:
            assert isinstance(store, Neo4jStore)
            assert {**store.counts()} == tables.counts
            assert changes(store.load(tables)) == {}
            found = store.rows("SHOW CONSTRAINTS YIELD labelsOrTypes AS on RETURN on[0] AS label")
        labels = {one.name for one in tables.model.labels} | {"HemlineBatch"}
        assert {one["label"] for one in found} == labels

    def test_a_server_without_graph_data_science(
        self, imported: tuple[Neo4jServer, dict[str, str]]
    ) -> None:
        server = imported[0]
        with open_store(server.uri, read_only=False, password=server.password) as store:
            assert isinstance(store, Neo4jStore)
            with pytest.raises(StoreUnavailableError, match="no Graph Data Science") as caught:
                by_knn(store.server)
        assert "plugins" in caught.value.hint

    def test_a_folder_with_something_in_it_is_refused(self, run: RunFolder) -> None:
        found = command_output("graph", "export", run.path, "--out", run.path)
        assert found.returncode == 8
        assert "is not empty" in found.stderr


# --- what the tests share ---------------------------------------------------------------------


def small(rows: int) -> tuple[str, str]:
    return "--set", f"graph.batch_rows={rows}"


def hemline_command(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stderr=subprocess.PIPE,
        text=True,
    )


@dataclass
class Said:
    """What a command answered."""

    returncode: int
    stdout: str
    stderr: str


def command_output(*arguments: object, password: str | None = None) -> Said:
    """Run a command in this process, which has imported everything already."""
    out, err = io.StringIO(), io.StringIO()
    status = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["hemline", *map(str, arguments)])
        if password is not None:
            patch.setenv("NEO4J_PASSWORD", password)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main()
            except SystemExit as end:
                status = int(end.code or 0)
    return Said(status, out.getvalue(), err.getvalue())


def wait_until(process: subprocess.Popen[str], reached: Any) -> None:
    """Kill a process as soon as something is so; it must still be at work then."""
    until = time.monotonic() + 120
    while not reached():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < until
    assert process.poll() is None, "it was done before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.communicate()


def notes(store: Neo4jStore) -> int:
    return int(store.rows("MATCH (b:HemlineBatch) RETURN count(b) AS n")[0]["n"])


def projections(store: Neo4jStore) -> list[dict[str, Any]]:
    query = "CALL gds.graph.list() YIELD graphName WHERE graphName = $name RETURN graphName"
    return store.rows(query, {"name": PROJECTION})


def purchases(store: Neo4jStore) -> Counter[str]:
    rows = store.rows(
        "MATCH (c:Customer)-[r:PURCHASED]->(p:Product) RETURN c.id AS c, p.code AS p, r AS r"
    )
    return Counter(map(repr, rows))


def scored(store: Neo4jStore) -> dict[tuple[str, str], float]:
    query = "MATCH (a)-[r:SIMILAR]->(b) RETURN a.code AS a, b.code AS b, r.score AS score"
    return {(one["a"], one["b"]): one["score"] for one in store.rows(query)}


def in_graph(store: Neo4jStore) -> dict[str, list[tuple[Any, ...]]]:
    rows = store.rows(
        "MATCH (c:Customer)-[r:RECOMMENDED]->(p:Product) RETURN c.id AS id, r.rank AS rank, "
        "p.code AS code, r.score AS score ORDER BY id, rank"
    )
    return grouped([tuple(one.values()) for one in rows])


def by_customer(table: pa.Table) -> dict[str, list[tuple[Any, ...]]]:
    names = ("customer_id", "rank", "article_id", "score")
    return grouped(list(zip(*(table.column(one).to_pylist() for one in names), strict=True)))


def grouped(rows: list[tuple[Any, ...]]) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = {}
    for customer, *values in rows:
        found.setdefault(customer, []).append(tuple(values))
    return found


def assert_same_tables(one: Path, other: Path) -> None:
    for name in FILES:
        assert pq.read_table(one / name).equals(pq.read_table(other / name)), name
    assert np.array_equal(Tables.open(one).customer_ids.ids, Tables.open(other).customer_ids.ids)
