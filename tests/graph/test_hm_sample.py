"""The graph of real data: what it holds, and where the shop's hierarchy is broken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hemline.config import Config
from hemline.graph.embedded import EmbeddedStore
from hemline.graph.making import make_graph_tables
from hemline.graph.sources import Sources
from hemline.graph.tables import GraphTables
from hemline.shop.ingest import ingest
from hemline.shop.source import Shop
from hemline.shop.tables import Tables

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def tables(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> GraphTables:
    folder, config = tmp_path_factory.mktemp("hm"), Config()
    (folder / "ingested").mkdir()
    ingest(Shop.from_folder(real_data / "hm-sample", config.ingest), config, folder / "ingested")
    return make_graph_tables(Sources(Tables.open(folder / "ingested")), folder / "tables")


@pytest.fixture(scope="module")
def store(tables: GraphTables, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    with EmbeddedStore(tmp_path_factory.mktemp("store"), read_only=False) as found:
        found.load(tables)
        yield found


def test_the_counts_of_the_shop(tables: GraphTables, store: EmbeddedStore) -> None:
    counts = tables.counts
    assert (counts["Product"], counts["Customer"], counts["units"]) == (105_542, 1_364, 31_662)
    assert (counts["ProductType"], counts["GarmentGroup"], counts["AgeGroup"]) == (132, 21, 6)
    assert store.counts() == counts


def test_the_hierarchy_breaks_in_places_and_keeps_its_edges(tables: GraphTables) -> None:
    found = {one["what"]: one["count"] for one in tables.irregular if one["count"]}
    assert found == {
        "product_code in more than one department_no": 476,
        "section_no in more than one index_code": 7,
        "product_type_name shared by more than one product_type_no": 1,
        "department_name shared by more than one department_no": 22,
        "section_name shared by more than one section_no": 1,
    }
    # every product keeps its own department and index
    assert tables.counts["FROM_DEPARTMENT"] == tables.counts["HAS_INDEX"] == 105_542


def test_garment_groups_span_indexes(store: EmbeddedStore) -> None:
    found = store.rows(
        "MATCH (g:GarmentGroup)<-[:HAS_GARMENT_GROUP]-(:Product)-[:HAS_INDEX]->(i:Index) "
        "WITH g, count(DISTINCT i.code) AS indexes WHERE indexes > 1 RETURN count(g) AS n"
    )
    assert found == [{"n": 20}]
