"""The sources' candidate queries, the compiled kernels, and NumPy: one answer for real data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from hemline.config import Config
from hemline.graph.base import GraphStore
from hemline.graph.federation import Federation
from hemline.graph.queries import shipped
from hemline.graph.sharding import shard_tables
from hemline.graph.stores import open_store
from hemline.models.also_bought import AlsoBought
from hemline.models.base import Repeat, TopK
from hemline.photos.neighbours import Neighbours
from hemline.pipeline import run_stages
from hemline.pipeline.graph import build_graph, open_graph, run_graph_tables
from hemline.pipeline.shards import open_shards, shard_graph
from hemline.recommend.bundle import train_bundle
from hemline.runs import RunFolder
from hemline.shop.source import Shop
from hemline.shop.tables import Catalogue, Tables

pytestmark = pytest.mark.real_data

QUERIES = shipped()


@dataclass(frozen=True)
class Sample:
    """All of hm-sample: 1,364 customers, 28,768 edges, 51,700 edges SIMILAR."""

    run: RunFolder
    tables: Tables
    neighbours: Neighbours
    graph: GraphStore

    def customers(self, every: int = 1) -> list[tuple[int, str]]:
        ids = self.tables.customer_ids
        return [(at, ids.id(at)) for at in range(0, len(ids), every)]

    def codes(self, articles: np.ndarray) -> list[str]:
        return [self.tables.article_ids.id(one) for one in articles.tolist() if one >= 0]


@pytest.fixture(scope="module")
def sample(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    config = Config.of({"photos": {"embedder": "descriptor"}})
    shop = Shop.from_folder(real_data / "hm-sample", config.ingest)
    path = tmp_path_factory.mktemp("parity") / "run"
    run = run_stages(path, config, shop, stages=["neighbours"])
    build_graph(run, embeddings=False)
    with open_graph(run) as graph:
        tables = Tables.open(run.folder("ingest"))
        yield Sample(run, tables, Neighbours.open(run.folder("neighbours")), graph)


@pytest.fixture(scope="module")
def candidates(sample: Sample) -> list[Counter[str]]:
    """For each customer the candidates of the kernel, with the paths to each in plain NumPy.

    Which they are is the cascade's answer: everything of its first two channels. How many
    paths lead to each is counted here.
    """
    neighbours, histories = sample.neighbours, sample.tables.histories
    config = Config.of(
        {
            "recipe": "cascade",
            "als": {"factors": 2, "iterations": 1},
            "also_bought": {"per_article": 1},  # is not looked at
        }
    )
    catalogue = Catalogue.of(
        sample.tables.articles,
        config.cascade.attributes,
        neighbours.articles,
        neighbours.scores,
    )
    bundle = train_bundle(config, catalogue, histories)
    names = bundle.recipe.channel_names
    similar = [names.index(one) for one in ("similar", "similar-sample")]
    found = []
    most = int(histories.lengths.max()) * neighbours.articles.shape[1]
    for row in range(len(histories)):
        history = histories.block(row, row + 1)
        k = min(most, 10 * int(history.lengths[0]) + 1)
        answer = bundle.recommend(history, k, as_of=sample.tables.cutoff)
        chosen = answer.articles[0][np.isin(answer.channels[0], similar)]
        bought = histories.article[history.start[0] : history.stop[0]]
        paths = Counter(sample.codes(neighbours.articles[bought].ravel()))
        found.append(Counter({code: paths[code] for code in sample.codes(chosen)}))
    return found


@pytest.fixture(scope="module", params=["embedded", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def store(
    request: pytest.FixtureRequest, sample: Sample, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GraphStore]:
    """The whole sample in either store; of the attributes the two that the queries look at."""
    if request.param == "embedded":
        yield sample.graph
        return
    server = request.getfixturevalue("neo4j_server")
    folder = tmp_path_factory.mktemp("loaded")
    whole = run_graph_tables(sample.run, folder / "whole", embeddings=False)
    labels = {"Customer", "Product", "Department", "Index"}
    edges = {"PURCHASED", "SIMILAR", "FROM_DEPARTMENT", "HAS_INDEX"}
    part = shard_tables(whole, whole.model.only(labels, edges), folder / "part")
    with open_store(server.uri, read_only=False, password=server.password) as loading:
        emptied = "MATCH (n) WITH n LIMIT 5000 DETACH DELETE n RETURN count(*) AS n"
        while loading.rows(emptied)[0]["n"]:
            pass
        loading.load(part)
    with open_store(server.uri, password=server.password) as found:
        yield found


def test_candidates_of_every_customer(
    sample: Sample, candidates: list[Counter[str]], store: GraphStore
) -> None:
    text = QUERIES["candidates"].text
    assert sum(map(len, candidates)) > 40_000
    for row, customer in sample.customers():
        found = store.rows(text, {"customer_id": customer})
        assert {one["code"]: one["paths"] for one in found} == candidates[row], customer
        assert found == sorted(found, key=lambda one: (-one["paths"], one["code"]))


def test_candidates_of_all_customers_at_once(
    sample: Sample, candidates: list[Counter[str]], store: GraphStore
) -> None:
    text = QUERIES["candidates-of-customers"].text
    ids = sorted(customer for _, customer in sample.customers())
    found: list[Counter[str]] = [Counter() for _ in candidates]
    rows = []
    for low in range(0, len(ids), 500):
        block = ids[low : low + 500]
        rows += store.rows(text, {"from_id": block[0], "to_id": block[-1]})
    for one in rows:
        found[sample.tables.customer_ids.position(one["customer"])][one["code"]] = one["paths"]
    assert found == candidates
    assert rows == sorted(rows, key=lambda one: (one["customer"], -one["paths"], one["code"]))


@pytest.fixture(scope="module")
def others(sample: Sample) -> TopK:
    """The twelve of every customer by the kernel of the channel also-bought, uncut."""
    model = AlsoBought(per_article=None).fit(sample.tables.histories)
    return model.recommend(
        sample.tables.histories, 12, as_of=sample.tables.cutoff, repeat=Repeat.exclude()
    )


def test_also_bought_of_every_customer(sample: Sample, others: TopK, store: GraphStore) -> None:
    """The sources' text cuts at twelve where it likes among equals, so these are compared."""
    text = QUERIES["also-bought"].text
    model = AlsoBought(per_article=None).fit(sample.tables.histories)
    ids = sample.tables.article_ids
    lists = [
        store.rows(text, {"customer_id": customer})[0]["recommended_items"]
        for _, customer in sample.customers()
    ]
    positions = np.full((len(lists), 12), -1, np.int32)
    for row, one in enumerate(lists):
        assert len(set(one)) == len(one)
        positions[row, : len(one)] = [ids.position(code) for code in one]
    scores = model.score(sample.tables.histories, positions)
    np.testing.assert_array_equal(-np.sort(-scores, axis=1), others.scores)
    for row, one in enumerate(lists):
        least = others.scores[row].min()
        above = {*sample.codes(others.articles[row][others.scores[row] > least])}
        assert above <= set(one)


def test_also_bought_with_ties_by_code(sample: Sample, others: TopK, store: GraphStore) -> None:
    text = QUERIES["also-bought-scored"].text
    for row, customer in sample.customers(every=10):
        found = store.rows(text, {"customer_id": customer, "limit": 12})
        assert [one["code"] for one in found] == sample.codes(others.articles[row])
        counts = others.scores[row][others.articles[row] >= 0]
        assert [one["paths"] for one in found] == counts.tolist()


@pytest.fixture(scope="module", params=["sources", "talk"])
def shards(request: pytest.FixtureRequest, sample: Sample) -> Iterator[tuple[str, Federation]]:
    shard_graph(sample.run, preset=request.param)
    with open_shards(sample.run) as found:
        yield request.param, found


def test_candidates_from_two_stores(
    sample: Sample, candidates: list[Counter[str]], shards: tuple[str, Federation]
) -> None:
    sharding, stores = shards
    name = {"sources": "candidates-federated", "talk": "candidates-talk"}[sharding]
    for row, customer in sample.customers(every=45):
        found = stores.rows(QUERIES[name].text, {"customer_id": customer})
        assert Counter(found[0]["recommended_items"]) == candidates[row]


def test_the_sources_text_on_every_store(
    sample: Sample, candidates: list[Counter[str]], store: GraphStore
) -> None:
    """The federated text as it stands, with one store under both of its names."""
    federation = Federation({"neo4j": store, "products": store})
    for row, customer in sample.customers(every=45):
        found = federation.rows(QUERIES["candidates-federated"].text, {"customer_id": customer})
        assert Counter(found[0]["recommended_items"]) == candidates[row]


@pytest.mark.parametrize("shards", ["sources"], indirect=True)
def test_similar_from_two_stores(sample: Sample, shards: tuple[str, Federation]) -> None:
    pictured = np.flatnonzero(sample.neighbours.articles[:, 0] >= 0)[::400]
    for article in sample.codes(pictured):
        found = shards[1].rows(QUERIES["similar-federated"].text, {"prod_code": article})
        whole = sample.graph.rows(QUERIES["similar"].text, {"prod_code": article})
        assert len(found) == 10
        assert sorted(found, key=lambda one: (-one["sim_score"], one["prod_code"])) == whole
