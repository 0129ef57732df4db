"""`hemline graph query`, `queries`, `shard`, `composite` and `hemline explain`."""

from __future__ import annotations

import csv
import io
import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import hemline
from hemline.cli import app
from hemline.errors import (
    ConfigError,
    GraphError,
    QueryError,
    ReadOnlyError,
    StoreUnavailableError,
)
from hemline.pipeline.graph import build_graph


@pytest.fixture(scope="module")
def run(simulated_run: hemline.Recommender) -> str:
    build_graph(simulated_run.run)
    return str(simulated_run.run.path)


def hemline_(*arguments: str) -> str:
    found = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return found.stdout


TYPES = ("graph", "query")
CYPHER = (
    "MATCH (p:Product)-[:SUBSET_OF]->(t:ProductType) WHERE p.code >= $from "
    "RETURN p.code AS code, t.name AS type, [p.name, null] AS names, null AS nothing, "
    "1.5 AS half ORDER BY code LIMIT $n"
)


def test_formats(run: str, simulated_run: hemline.Recommender, tmp_path: Path) -> None:
    ids = simulated_run.tables.article_ids
    given = ["--param", f"from={ids.id(2)}", "--param", "$n=3"]
    rows = json.loads(hemline_(*TYPES, run, CYPHER, *given, "--json"))
    assert [row["code"] for row in rows] == [ids.id(at) for at in (2, 3, 4)]
    assert rows[0]["nothing"] is None
    assert rows[0]["half"] == 1.5
    written = list(csv.DictReader(io.StringIO(hemline_(*TYPES, run, CYPHER, *given, "--csv"))))
    assert [row["code"] for row in written] == [row["code"] for row in rows]
    assert json.loads(written[0]["names"]) == rows[0]["names"]
    assert written[0]["nothing"] == ""
    path = tmp_path / "rows.parquet"
    hemline_(*TYPES, run, CYPHER, *given, "--parquet", "--out", str(path))
    assert pq.read_table(path).to_pylist() == rows
    shown = hemline_(*TYPES, run, CYPHER, *given)
    assert all(row["code"] in shown and row["type"] in shown for row in rows)
    with pytest.raises(ConfigError, match="--json --csv"):
        hemline_(*TYPES, run, CYPHER, *given, "--json", "--csv")


def test_no_rows(run: str) -> None:
    none = "MATCH (p:Product {code: 'none'}) RETURN p.code AS code"
    assert json.loads(hemline_(*TYPES, run, none, "--json")) == []
    assert hemline_(*TYPES, run, none, "--csv") == "code\n"


def test_days_and_quotes(run: str) -> None:
    text = "RETURN date('2020-02-29') AS day, $text AS text, '[b]' AS markup"
    odd = "it's \"odd\", n'est-ce pas? 漢字 $x"
    row = {"day": "2020-02-29", "text": odd, "markup": "[b]"}
    assert json.loads(hemline_(*TYPES, run, text, "--param", f"text={odd}", "--json")) == [row]
    csv_ = hemline_(*TYPES, run, text, "--param", f"text={odd}", "--csv")
    assert list(csv.DictReader(io.StringIO(csv_))) == [row]
    assert "[b]" in hemline_(*TYPES, run, text, "--param", f"text={odd}")


def test_files_and_names(run: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.cypher"
    file.write_text(
        "// Departments.\n// Parameters:\n//   limit  int = 2: how many\n// Columns:\n//   n\n"
        "MATCH (d:Department) RETURN d.number AS n ORDER BY n LIMIT $limit\n"
    )
    assert len(json.loads(hemline_(*TYPES, run, "--file", str(file), "--json"))) == 2
    limited = hemline_(*TYPES, run, "--file", str(file), "--param", "limit=1", "--json")
    assert len(json.loads(limited)) == 1
    by_name = json.loads(hemline_(*TYPES, run, "counts", "--json"))
    of_file = json.loads(hemline_(*TYPES, run, "--file", "counts", "--json"))
    # a UNION has no order
    assert {one["label"] for one in by_name} == {"Customers", "Product", "Purchases"}
    assert sorted(map(str, by_name)) == sorted(map(str, of_file))
    with pytest.raises(ConfigError, match="no query was given"):
        hemline_(*TYPES, run)
    with pytest.raises(ConfigError, match="as text or by --file"):
        hemline_(*TYPES, run, "counts", "--file", "counts")
    with pytest.raises(GraphError, match="no file nothing"):
        hemline_(*TYPES, run, "--file", "nothing")


def test_what_is_refused(run: str) -> None:
    with pytest.raises(QueryError, match="line 1, column"):
        hemline_(*TYPES, run, "MATCH (p:Product RETURN p")
    with pytest.raises(QueryError, match=r"\$code"):
        hemline_(*TYPES, run, "MATCH (p:Product {code: $code}) RETURN p")
    with pytest.raises(ConfigError, match="--param code"):
        hemline_(*TYPES, run, "RETURN $code AS c", "--param", "code")
    with pytest.raises(ReadOnlyError):
        hemline_(*TYPES, run, "CREATE (:Product {code: 'x'})")
    with pytest.raises(ConfigError, match="--write"):
        hemline_(*TYPES, run, "CREATE (:Product {code: 'x'})", "--write")
    slow = (
        "MATCH (a:Product), (b:Product), (c:Product), (d:Product) "
        "WHERE a.name + b.name < c.name + d.name "
        "RETURN count(*) AS n"
    )
    with pytest.raises(QueryError, match=r"longer than 0\.2 s"):
        hemline_(*TYPES, run, slow, "--time-limit", "0.2")


def test_queries_are_listed_and_shown() -> None:
    listed = json.loads(hemline_("graph", "queries", "--json"))
    names = [one["name"] for one in listed]
    assert names == sorted(names)
    assert {"also-bought", "candidates-federated", "similar-federated"} <= set(names)
    shown = hemline_("graph", "queries", "also-bought")
    assert shown == next(one["text"] for one in listed if one["name"] == "also-bought")
    assert "also-bought" in hemline_("graph", "queries")


def test_shards_are_made_and_asked(run: str, simulated_run: hemline.Recommender) -> None:
    found = json.loads(hemline_("graph", "shard", run, "--preset", "sources", "--json"))
    assert set(found) == {"neo4j", "products"}
    customer = simulated_run.tables.customer_ids.id(1)
    given = ["--param", f"customer_id={customer}", "--json"]
    one = json.loads(hemline_(*TYPES, run, "candidates", *given))
    two = json.loads(hemline_(*TYPES, run, "candidates-federated", *given))
    assert set(two[0]["recommended_items"]) == {row["code"] for row in one}
    # one store of the two by its name
    edges = "MATCH ()-[s:SIMILAR]->() RETURN count(s) AS n"
    assert json.loads(hemline_(*TYPES, run, edges, "--store", "products", "--json"))[0]["n"] > 0
    assert json.loads(hemline_(*TYPES, run, edges, "--store", "neo4j", "--json"))[0]["n"] == 0
    with pytest.raises(ConfigError, match="a composite database joins servers"):
        hemline_("graph", "composite", run)


def test_composite(tmp_path: Path) -> None:
    file = tmp_path / "shop.toml"
    file.write_text(
        '[graph.stores.neo4j]\nat = "neo4j://shop:7687"\n'
        '[graph.stores.products]\nat = "neo4j://shop:7687"\ndatabase = "products"\n'
    )
    script = hemline_("graph", "composite", "--config", str(file))
    assert "CREATE COMPOSITE DATABASE `fabric` IF NOT EXISTS WAIT;" in script
    named = hemline_("graph", "composite", "--config", str(file), "--set", "graph.composite=silk")
    assert "CREATE ALIAS `silk`.`products`" in named


def test_explain(run: str, simulated_run: hemline.Recommender, tmp_path: Path) -> None:
    customer = simulated_run.tables.customer_ids.id(1)
    article = simulated_run.recommend(customer)[0].article_id
    asked = ["explain", run, "--customer", customer, "--article", article]
    sentences = hemline_(*asked).splitlines()
    assert sentences == simulated_run.explain(article, customer=customer).sentences
    content = json.loads(hemline_(*asked, "--json"))
    assert [one["sentence"] for one in content["reasons"]] == sentences
    assert "MATCH (c:Customer {id: $customer_id})" in hemline_(*asked, "--cypher")
    path = tmp_path / "why.svg"
    assert hemline_(*asked, "--picture", str(path)) == ""
    assert ET.parse(path).getroot().tag.endswith("svg")
    basket = hemline_("explain", run, "--basket", article, "--age", "30", "--article", article)
    assert "the basket" in basket


def test_a_run_whose_graph_is_on_a_server(
    simulated_run: hemline.Recommender, tmp_path: Path
) -> None:
    """Without RUN/graph the server of the configuration is asked; here nobody answers there."""
    pytest.importorskip("neo4j")
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(simulated_run.run.path / "run.json", run)
    with pytest.raises(StoreUnavailableError, match="has no graph yet"):
        hemline_(*TYPES, str(run), "RETURN 1 AS one")
    with pytest.raises(StoreUnavailableError, match=r"127\.0\.0\.1:1"):
        hemline_(*TYPES, str(run), "RETURN 1 AS one", "--set", "graph.uri=bolt://127.0.0.1:1")
