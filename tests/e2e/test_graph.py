"""From a run to its graph, as a person would do it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.conftest import SETTINGS

import hemline
from hemline.errors import RunError, StoreUnavailableError
from hemline.graph.embedded_files import engine_format
from hemline.graph.stores import open_store
from hemline.pipeline.graph import build_graph, graph_is_stale, open_graph, run_graph_tables
from hemline.runs import STAGES, RunFolder


def cli(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from hemline.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def said(*arguments: object) -> str:
    done = cli(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def recommender(
    simulated_shop: Path, tmp_path_factory: pytest.TempPathFactory
) -> hemline.Recommender:
    settings = {**SETTINGS, "evaluate.folds": 0}
    return hemline.run(simulated_shop, tmp_path_factory.mktemp("graph") / "run", settings=settings)


@pytest.fixture(scope="module")
def built(recommender: hemline.Recommender) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said("graph", "build", recommender.run.path, "--json"))
    return found


def test_the_graph_has_what_the_run_has(
    recommender: hemline.Recommender, built: dict[str, Any]
) -> None:
    tables, counts = recommender.tables, built["counts"]
    assert built["built"]
    assert counts["Product"] == len(tables.article_ids)
    assert counts["Customer"] == len(tables.customer_ids)
    bought = tables.summary["purchases"]
    assert (counts["PURCHASED"], counts["units"]) == (bought["rows_kept"], bought["pieces"])
    assert counts["RECOMMENDED"] == recommender.recommendations().num_rows


def test_similar_and_recommended_are_those_of_the_run(
    recommender: hemline.Recommender, built: dict[str, Any]
) -> None:
    articles, customers = recommender.tables.article_ids, recommender.tables.customer_ids
    with open_store(recommender.run.path / "graph") as store:
        for article in articles.strings()[:5]:
            found = store.rows(
                "MATCH (:Product {code: $code})-[s:SIMILAR]->(p:Product) "
                "RETURN p.code AS code, s.score AS score ORDER BY score DESC, code",
                {"code": article},
            )
            exact = [(one.article_id, one.score) for one in recommender.similar(article)]
            assert [(row["code"], row["score"]) for row in found] == exact
        for customer in customers.strings()[:5]:
            found = store.rows(
                "MATCH (:Customer {id: $id})-[r:RECOMMENDED]->(p:Product) RETURN r.rank AS rank, "
                "p.code AS article_id, r.score AS score, r.channel AS channel, p.name AS name "
                "ORDER BY rank",
                {"id": customer},
            )
            assert found == [one._asdict() for one in recommender.recommend(customer)]


def test_a_second_build_keeps_the_graph(
    recommender: hemline.Recommender, built: dict[str, Any]
) -> None:
    run = RunFolder.open(recommender.run.path)
    before = (run.path / "graph" / "current.json").read_text()
    assert not build_graph(run)["built"]
    assert (run.path / "graph" / "current.json").read_text() == before
    assert not graph_is_stale(run)


def test_what_was_left_out_does_not_make_it_stale(
    recommender: hemline.Recommender, built: dict[str, Any], tmp_path: Path
) -> None:
    shutil.copytree(recommender.run.path, tmp_path / "run")
    run = RunFolder.open(tmp_path / "run")
    assert build_graph(run, embeddings=False)["built"]
    assert not graph_is_stale(run)
    assert build_graph(run)["built"]  # the settings want them
    record = run.record("recommend")
    assert record is not None
    records = {name: one for name in STAGES if (one := run.record(name)) and name != "recommend"}
    run.promote(records, run.config, run.source)
    assert graph_is_stale(run)


def test_a_graph_of_another_format_is_built_anew(
    recommender: hemline.Recommender, built: dict[str, Any]
) -> None:
    run = RunFolder.open(recommender.run.path)
    (path,) = run.path.glob("graph/*/store.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "engine_format": "0:0"}))
    with pytest.raises(StoreUnavailableError):
        open_store(run.path / "graph")
    with open_graph(run) as store:
        assert store.counts() == built["counts"]
        assert store.description["engine_format"] == engine_format()


def test_schema_in_three_forms(recommender: hemline.Recommender) -> None:
    assert said("graph", "schema").startswith("Labels\n")
    assert said("graph", "schema", "--format", "mermaid").startswith("graph LR\n")
    found = json.loads(said("graph", "schema", recommender.run.path, "--format", "json"))
    assert [one["name"] for one in found["labels"]][:2] == ["Product", "ColourGroup"]
    assert found["dimension"] > 0
    wrong = cli("graph", "schema", "--format", "svg")
    assert wrong.returncode == 2
    assert "hint: text, mermaid or json" in wrong.stderr


def test_schema_of_a_graph_tells_its_counts(
    recommender: hemline.Recommender, built: dict[str, Any]
) -> None:
    text = said("graph", "schema", recommender.run.path)
    assert f"(:Customer)-[:PURCHASED]->(:Product)  {built['counts']['PURCHASED']:,}" in text


def test_no_run_and_no_graph(tmp_path: Path, simulated_shop: Path) -> None:
    wrong = cli("graph", "build", tmp_path)
    assert wrong.returncode == 5
    assert "no run.json" in wrong.stderr
    said("ingest", simulated_shop, "--out", tmp_path / "run")
    run = RunFolder.open(tmp_path / "run")
    with pytest.raises(StoreUnavailableError, match="no graph yet"):
        open_graph(run)
    # after ingest alone there is a graph of what there is
    counts = build_graph(run)["counts"]
    assert counts["PURCHASED"] > 0
    assert not {"SIMILAR", "RECOMMENDED"} & set(counts)


def test_tables_go_into_a_new_folder(recommender: hemline.Recommender, tmp_path: Path) -> None:
    run = RunFolder.open(recommender.run.path)
    tables = run_graph_tables(run, tmp_path / "new", embeddings=False, recommendations=False)
    assert "RECOMMENDED" not in tables.counts
    assert tables.model.dimension == 0
    with pytest.raises(RunError, match="not empty"):
        run_graph_tables(run, tmp_path)
