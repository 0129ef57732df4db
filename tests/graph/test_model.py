from __future__ import annotations

import re
from pathlib import Path

import pytest

from hemline.errors import GraphError
from hemline.graph.model import GraphModel
from hemline.schema import ARTICLES, CUSTOMERS, GRAPH, HIERARCHY

FULL = GraphModel.full()


def test_every_column_is_one_of_the_tables() -> None:
    derived = {"embedding"}
    for label in GRAPH.labels:
        if label.table == "ages":
            continue
        schema = ARTICLES if label.table == "articles" else CUSTOMERS
        columns = {one.column for one in (label.key, *label.properties)}
        assert columns - set(schema.names) <= derived, label.name
    assert {one for pair in HIERARCHY for one in pair} <= set(ARTICLES.names)


def test_every_end_is_a_label_and_every_name_of_a_file_is_its_own() -> None:
    labels = {one.name for one in GRAPH.labels}
    assert {end for one in GRAPH.relationships for end in (one.start, one.end)} <= labels
    assert len({one.table for one in GRAPH.relationships}) == len(GRAPH.relationships)
    assert len(labels) == len(GRAPH.labels) == 14


def test_no_node_is_keyed_by_a_name_that_has_a_number_beside_it() -> None:
    keyed = {one.name: one.key for one in GRAPH.labels}
    assert {name for name, key in keyed.items() if key.name == "name"} == {"ProductGroup"}
    assert {key.type for key in keyed.values()} == {"string"}


def test_garment_groups_hang_from_the_product() -> None:
    assert FULL.relationship("HAS_GARMENT_GROUP").start == "Product"


def test_only_what_the_columns_allow() -> None:
    model = GraphModel.of(
        {
            "articles": {"article_id", "prod_name", "product_type_no", "section_no", "index_name"},
            "customers": {"customer_id", "age"},
            "ages": {"age"},
            "purchases": {"time", "quantity"},
        }
    )
    assert [one.name for one in model.labels] == [
        "Product", "ProductType", "Section", "Customer", "AgeGroup",
    ]  # fmt: skip
    # a type without names, an index without codes, a section without departments
    assert model.label("ProductType").properties == ()
    assert [one.table for one in model.relationships] == [
        "Product-SUBSET_OF-ProductType",
        "Customer-IS_AGE_GROUP-AgeGroup",
        "Customer-PURCHASED-Product",
    ]
    properties = [one.name for one in model.relationship("PURCHASED").properties]
    assert properties == ["date", "year", "month", "quantity"]


def test_a_part_of_the_model() -> None:
    part = FULL.only({"Product", "Customer"}, {"SIMILAR", "PURCHASED", "HAS_COLOUR"})
    assert [one.name for one in part.relationships] == ["PURCHASED", "SIMILAR"]


def test_constraints_quote_what_may_be_a_keyword() -> None:
    constraints = FULL.constraints()
    assert len(constraints) == 14
    assert (
        "CREATE CONSTRAINT uniqueIndex IF NOT EXISTS FOR (n:`Index`) REQUIRE n.`code` IS UNIQUE"
        in constraints
    )


def test_json_comes_back() -> None:
    part = GraphModel.of({"articles": {"article_id", "embedding"}}, dimension=7)
    assert GraphModel.from_json(part.to_json()) == part


def test_text_names_columns_and_counts() -> None:
    text = FULL.to_text({"Product": 105_542, "Customer-PURCHASED-Product": 28_813_419})
    lines = text.splitlines()
    assert "  Product  105,542" in lines
    assert "    description: string  <- articles.detail_desc" in lines
    assert "  (:Customer)-[:PURCHASED]->(:Product)  28,813,419  from purchases" in lines


def test_the_picture_has_every_node_and_edge() -> None:
    lines = FULL.to_mermaid().splitlines()
    assert lines[0] == "graph LR"
    assert sum(" -- " in one for one in lines) == len(GRAPH.relationships)
    similar = [one for one in lines if one.startswith("    Product -- ")][-1]
    assert similar == '    Product -- "SIMILAR<br/>score" --> Product'


def test_the_guide_shows_every_relationship() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guide" / "graph.md").read_text()
    drawn = set(re.findall(r'^    (\w+) -- "?([A-Z_]+).*--> (\w+)$', guide, re.MULTILINE))
    assert drawn == {(one.start, one.name, one.end) for one in GRAPH.relationships}


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(GraphError, match="'Shop'"):
        FULL.label("Shop")
    with pytest.raises(GraphError, match="'LIKES'") as caught:
        FULL.relationship("LIKES")
    assert "PURCHASED" in caught.value.hint
