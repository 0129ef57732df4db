"""One finished run of a small simulated shop, for the tests that ask its graph."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import hemline
from hemline.graph.base import GraphStore
from hemline.graph.stores import open_store
from hemline.pipeline.graph import build_graph, open_graph, run_graph_tables


@pytest.fixture(scope="session")
def simulated_run(
    simulated_shop: Path, tmp_path_factory: pytest.TempPathFactory
) -> hemline.Recommender:
    """The simulated shop with vectors, neighbours and recommendations; graphs may be added."""
    return hemline.run(
        simulated_shop,
        tmp_path_factory.mktemp("graphs") / "run",
        recipe="cascade",
        settings={
            "photos.embedder": "descriptor",
            "als.factors": 8,
            "als.iterations": 3,
            "als.min_customer": 2,
            "als.min_article": 2,
            "evaluate.folds": 0,
        },
    )


@pytest.fixture(scope="module", params=["embedded", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def graph(
    request: pytest.FixtureRequest,
    simulated_run: hemline.Recommender,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[GraphStore]:
    """The simulated shop in either store, read-only."""
    run = simulated_run.run
    if request.param == "embedded":
        build_graph(run)
        with open_graph(run) as found:
            yield found
        return
    server = request.getfixturevalue("neo4j_server")
    tables = run_graph_tables(run, tmp_path_factory.mktemp("loaded") / "tables", embeddings=False)
    with open_store(server.uri, read_only=False, password=server.password) as loading:
        loading.rows("MATCH (n) DETACH DELETE n")
        loading.load(tables)
    with open_store(server.uri, password=server.password) as found:
        yield found
