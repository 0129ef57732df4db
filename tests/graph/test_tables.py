from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tests.graph.odd_shop import CODES, DAY, NAMES, OddShop, day

from hemline.config import Config
from hemline.errors import GraphError
from hemline.graph import edges
from hemline.graph.edges import age_bands
from hemline.graph.making import make_graph_tables
from hemline.graph.nodes import age_bounds, distinct_nodes
from hemline.graph.sources import Sources
from hemline.graph.tables import GraphTables
from hemline.models import Popular
from hemline.schema import AGE_GROUPS, GRAPH
from hemline.shop.ingest import ingest
from hemline.shop.source import Shop
from hemline.shop.tables import Tables


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> GraphTables:
    return OddShop().tables(tmp_path_factory.mktemp("odd"))


def rows(tables: GraphTables, name: str) -> list[dict[str, object]]:
    if any(one.name == name for one in tables.model.labels):
        return [row for batch in tables.nodes(name) for row in batch.to_pylist()]
    found = tables.model.relationship(name)
    return [row for batch in tables.edges(found) for row in batch.to_pylist()]


class TestAges:
    def test_65_is_in_the_earlier_of_its_two_groups(self) -> None:
        assert age_bounds()[-2:] == [(56, 65), (66, 99)]

    def test_groups_of_ages(self) -> None:
        ages = np.array([15, 16, 25, 25.9, 26, 65, 65.5, 66, 99, 99.9, 100, np.nan], np.float32)
        assert age_bands(ages).tolist() == [-1, 0, 0, 0, 1, 4, 4, 5, 5, 5, -1, -1]

    def test_they_are_the_bands_of_the_popular_articles(self) -> None:
        popular = Popular()
        ages = np.arange(16, 100, dtype=np.float32)
        assert len(AGE_GROUPS) == len(popular.settings.age_bounds) + 1
        assert (popular.band_of(ages) - 1).tolist() == age_bands(ages).tolist()


class TestNodes:
    def test_products(self, odd: GraphTables) -> None:
        found = rows(odd, "Product")
        assert [row["code"] for row in found] == list(CODES)
        assert [row["name"] for row in found] == list(NAMES)
        assert found[2]["embedding"] == [0.0, 1.0, -0.25]
        assert found[1]["embedding"] is None
        assert odd.model.dimension == 3

    def test_customers(self, odd: GraphTables) -> None:
        found = {row["id"]: row for row in rows(odd, "Customer")}
        assert found["bb"]["age"] is None
        assert found["bb"]["club_member_status"] == "NOT_ACTIVE"
        assert found['o\'brien "x"']["age"] == 24.5

    def test_keys_are_text_and_each_is_there_once(self, odd: GraphTables) -> None:
        found = rows(odd, "Department")
        assert [(row["number"], row["name"]) for row in found] == [
            ("1676", "Jersey Basic"),
            ("3608", "Tights"),
            ("9999", "Jersey Basic"),
        ]

    def test_a_key_with_two_names_has_the_commoner_one(self) -> None:
        label = next(one for one in GRAPH.labels if one.name == "Section")
        articles = pa.table(
            {
                "section_no": ["2", "1", "1", "1", "2", "3", None, "2"],
                "section_name": ["b", "x", "y", "y", "a", None, "z", None],
            }
        )
        found = distinct_nodes(label, articles).to_pylist()
        assert found == [
            {"number": "1", "name": "y"},
            {"number": "2", "name": "a"},  # a tie: the first by name
            {"number": "3", "name": None},
        ]


class TestEdges:
    def test_purchases(self, odd: GraphTables) -> None:
        found = rows(odd, "PURCHASED")
        assert len(found) == odd.edge_counts["Customer-PURCHASED-Product"] == 8
        assert sum(int(str(row["quantity"])) for row in found) == odd.units == 9
        twice = next(row for row in found if row["quantity"] == 2)
        assert twice == {
            "start": "aa",
            "end": CODES[0],
            "date": day(DAY),
            "year": 2020,
            "month": 2,
            "price": 0.1,
            "channel": 2,
            "quantity": 2,
        }
        assert {row["date"] for row in found} >= {day("1999-12-31"), day("2018-09-20")}

    def test_batches_do_not_show(
        self, odd: GraphTables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(edges, "ROWS", 3)
        again = OddShop().tables(tmp_path)
        for name in ("PURCHASED", "SIMILAR", "IS_AGE_GROUP", "RECOMMENDED"):
            assert rows(again, name) == rows(odd, name)

    def test_each_pair_of_a_hierarchy_once(self, odd: GraphTables) -> None:
        found = rows(odd, "FROM_SECTION")
        assert [(row["start"], row["end"]) for row in found] == [
            ("1676", "16"),
            ("3608", "16"),
            ("9999", "16"),
        ]

    def test_similar(self, odd: GraphTables) -> None:
        found = [tuple(row.values()) for row in rows(odd, "SIMILAR")]
        assert found == [
            (CODES[0], CODES[1], 0.75),
            (CODES[0], CODES[2], 0.5),
            (CODES[1], CODES[0], 0.75),
        ]

    def test_a_time_of_day_is_kept(self, tmp_path: Path) -> None:
        shop = OddShop()
        shop.purchases = [
            ("aa", CODES[0], "2020-03-01 10:30:00", 0.1, 2),
            ("aa", CODES[0], "2020-03-01 11:30:00", 0.1, 2),
        ]
        tables = shop.tables(tmp_path)
        found = rows(tables, "PURCHASED")
        assert [str(row["time"]) for row in found] == ["2020-03-01 10:30:00", "2020-03-01 11:30:00"]
        assert {row["date"] for row in found} == {day("2020-03-01")}


class TestWhole:
    def test_irregularities(self, odd: GraphTables) -> None:
        found = {one["what"]: one for one in odd.irregular}
        assert found["section_no in more than one index_code"]["count"] == 1
        assert found["product_code in more than one department_no"] == {
            "what": "product_code in more than one department_no",
            "count": 1,
            "of": 3,
            "examples": ["0108775: 1676, 3608"],
        }
        assert found["department_name shared by more than one department_no"]["examples"] == [
            "Jersey Basic: 1676, 9999"
        ]
        assert found["department_no with more than one department_name"]["count"] == 0

    def test_a_shop_with_few_columns(self, tmp_path: Path) -> None:
        shop = tmp_path / "shop"
        shop.mkdir()
        (shop / "articles.csv").write_text("article_id,product_type_no\n1,7\n2,\n")
        (shop / "transactions_train.csv").write_text(
            "customer_id,article_id,t_dat\na,1,2020-01-01\n"
        )
        out = tmp_path / "out"
        out.mkdir()
        ingest(Shop.from_folder(shop, Config().ingest), Config(), out)
        tables = make_graph_tables(Sources(Tables.open(out)), tmp_path / "tables")
        assert tables.counts == {
            "Product": 2,
            "ProductType": 1,
            "Customer": 1,
            "SUBSET_OF": 1,
            "PURCHASED": 1,
            "units": 1,
        }
        assert [one.name for one in tables.model.relationship("PURCHASED").properties] == [
            "date", "year", "month", "quantity",
        ]  # fmt: skip

    def test_what_is_no_folder_of_tables(self, odd: GraphTables, tmp_path: Path) -> None:
        with pytest.raises(GraphError, match="no graph tables"):
            GraphTables.open(tmp_path)
        shop = OddShop().tables(tmp_path)
        shop.node_path("Index").unlink()
        with pytest.raises(GraphError, match=r"Index\.parquet is missing"):
            GraphTables.open(shop.folder)
