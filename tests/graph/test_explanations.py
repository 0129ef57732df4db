"""What is said for an article is what the graph says, number by number."""

from __future__ import annotations

import datetime as dt
import json
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import hemline
from hemline.config import Config
from hemline.errors import ConfigError, UnknownIdError
from hemline.graph.base import GraphStore
from hemline.graph.queries import shipped
from hemline.recommend.bundle import train_bundle
from hemline.recommend.evidence import evidence
from hemline.recommend.explanation import Explanation, Names, Thing, explain
from hemline.recommend.explanation_checks import cypher, differences
from hemline.recommend.explanation_picture import picture
from hemline.shop.tables import Catalogue


@pytest.fixture(scope="module")
def explained(simulated_run: hemline.Recommender) -> list[Explanation]:
    """Of some customers all that they were recommended, and something that they bought."""
    found = []
    tables = simulated_run.tables
    for at in range(0, len(tables.customer_ids), 25):
        customer = tables.customer_ids.id(at)
        articles = [one.article_id for one in simulated_run.recommend(customer)]
        history = tables.histories.block(at, at + 1)
        bought = tables.histories.article[history.start[0] : history.stop[0]]
        articles += [tables.article_ids.id(one) for one in bought[:2].tolist()]
        found += [simulated_run.explain(one, customer=customer) for one in articles]
    return found


def test_every_number_is_that_of_the_graph(explained: list[Explanation], graph: GraphStore) -> None:
    kinds = Counter(one.kind for found in explained for one in found.reasons)
    assert set(kinds) == {
        "recommended", "bought", "similar", "attribute", "together", "more", "age", "popular",
    }  # fmt: skip
    assert min(kinds.values()) >= 5
    for one in explained:
        assert all(reason.check is not None for reason in one.reasons if reason.kind != "more")
        assert len(one.of_kind("together")) <= 12
        assert differences(one, graph.rows) == []


def test_a_wrong_number_is_found(explained: list[Explanation], graph: GraphStore) -> None:
    """The comparison above can fail: each number, changed, is reported."""
    for kind in ("similar", "attribute", "together", "age", "popular", "bought", "recommended"):
        reason = next(
            one
            for found in explained
            for one in found.of_kind(kind)
            if one.check is not None and one.check.expected
        )
        assert reason.check is not None
        for name, value in reason.check.expected.items():
            wrong = {
                **reason.check.expected,
                name: "x" if isinstance(value, str) else _other(value),
            }
            changed = replace(reason, check=replace(reason.check, expected=wrong))
            found = differences(replace(explained[0], reasons=(changed,)), graph.rows)
            assert len(found) == 1, (kind, name)


def _other(value: Any) -> Any:
    if isinstance(value, str):
        return "x"
    return value + (dt.timedelta(days=1) if isinstance(value, dt.date) else 1)


def test_the_recommended_ones_are_the_runs_own(
    explained: list[Explanation], simulated_run: hemline.Recommender
) -> None:
    rows = simulated_run.recommendations().to_pylist()
    places = {(one["customer_id"], one["article_id"]): one for one in rows}
    for one in explained:
        assert one.customer is not None
        place = places.get((one.customer.id, one.article.id))
        numbers = one.of_kind("recommended")[0].numbers
        assert numbers["rank"] == (place and place["rank"])
        assert numbers["channel"] == (place and place["channel"])


def test_sentences(explained: list[Explanation]) -> None:
    by_kind = {one.kind: one for found in explained for one in found.reasons}
    assert " -SIMILAR " in by_kind["similar"].sentence
    assert by_kind["similar"].sentence.startswith("Bought ")
    assert "bought from " in by_kind["attribute"].sentence
    assert "customer" in by_kind["together"].sentence
    assert "of the age group " in by_kind["age"].sentence
    assert "of everyone in the last 7 days, number " in by_kind["popular"].sentence
    for found in explained:
        assert found.reasons[0].kind == "recommended"
        for sentence in found.sentences:
            assert sentence.endswith(".")


def test_a_basket(simulated_run: hemline.Recommender, graph: GraphStore) -> None:
    ids = simulated_run.tables.article_ids
    basket = [ids.id(3), ids.id(3), ids.id(7)]
    article = simulated_run.recommend(basket=basket, age=30)[0].article_id
    found = simulated_run.explain(article, basket=basket, age=30)
    assert found.customer is None
    assert "recommended to the basket" in found.sentences[0]
    # what is known of the basket alone is in no graph; the rest is
    checks = {one.kind: one.check for one in found.reasons}
    assert checks["recommended"] is None
    assert differences(found, graph.rows) == []
    with pytest.raises(ConfigError, match="either a customer or a basket"):
        simulated_run.explain(article)
    with pytest.raises(UnknownIdError):
        simulated_run.explain("none", basket=basket)


def test_without_any_graph(simulated_run: hemline.Recommender, monkeypatch: Any) -> None:
    """It comes from the run; opening a store is an error here."""
    monkeypatch.setattr("hemline.graph.stores.open_store", lambda *_, **__: pytest.fail("opened"))
    customer = simulated_run.tables.customer_ids.id(0)
    assert simulated_run.explain(simulated_run.tables.article_ids.id(0), customer=customer).reasons


def test_json(explained: list[Explanation]) -> None:
    for one in explained:
        content = json.loads(json.dumps(one.to_json(), default=str))
        assert content["article_id"] == one.article.id
        assert [reason["sentence"] for reason in content["reasons"]] == one.sentences
        assert {reason["query"] for reason in content["reasons"]} <= {*shipped(), None}


def test_the_script_has_every_query_with_its_parameters(explained: list[Explanation]) -> None:
    best = max(explained, key=lambda one: len({reason.kind for reason in one.reasons}))
    script = cypher(best)
    for reason in best.reasons:
        if reason.check is None:
            continue
        assert f"// {reason.sentence}" in script
        for name in reason.check.parameters:
            assert f":param {name} => " in script
    statements = [one for one in script.split("\n\n") if one.strip()]
    assert len(statements) == len({json.dumps([r.check.query, r.check.parameters], default=str)
                                   for r in best.reasons if r.check})  # fmt: skip
    assert all(one.rstrip().endswith(";") for one in statements)
    assert "it's" not in script


def test_quotes_in_the_script(explained: list[Explanation]) -> None:
    reason = explained[0].reasons[0]
    assert reason.check is not None
    check = replace(reason.check, parameters={"a": "o'brien \\", "b": dt.date(2020, 1, 2), "c": 3})
    script = cypher(replace(explained[0], reasons=(replace(reason, check=check),)))
    assert ":param a => 'o\\'brien \\\\';" in script
    assert ":param b => date('2020-01-02');\n:param c => 3;" in script


def test_the_picture(explained: list[Explanation], tmp_path: Path) -> None:
    for one in explained[::7]:
        drawn = picture(one)
        root = ET.fromstring(drawn)
        texts = [text.text or "" for text in root.iter("{http://www.w3.org/2000/svg}text")]
        name = one.article.name or one.article.id
        assert f"Why {name}?" in texts
        purchased = {reason.purchased.id for reason in one.reasons if reason.purchased}
        shown = [text for text in texts if text in purchased]
        assert len(shown) >= min(len(purchased), 4)
        labels = [f"SIMILAR {r.numbers['score']:.2f}" for r in one.of_kind("similar")]
        assert set(labels[:1]) <= set(texts)
        # nothing from elsewhere: it can be put on any page
        assert "href" not in drawn
        assert "<script" not in drawn
        assert "<image" not in drawn
        _inside(root)


def _inside(root: ET.Element) -> None:
    """Assert that every box lies within the picture, and no two boxes on each other."""
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    boxes = [
        [float(one.attrib[name]) for name in ("x", "y", "width", "height")]
        for one in root.iter("{http://www.w3.org/2000/svg}rect")
        if "x" in one.attrib
    ]
    assert len(boxes) >= 2
    for x, y, w, h in boxes:
        assert 0 <= x <= x + w <= width
        assert 0 <= y <= y + h <= height
    for at, (x, y, w, h) in enumerate(boxes):
        for x2, y2, w2, h2 in boxes[at + 1 :]:
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y


def test_names_with_signs_of_xml(explained: list[Explanation]) -> None:
    one = explained[0]
    odd = replace(one, article=replace(one.article, name='<b> & "quotes"'))
    texts = [text.text for text in ET.fromstring(picture(odd)).iter() if text.tag.endswith("text")]
    assert 'Why <b> & "quotes"?' in texts


def test_pieces_instead_of_customers(simulated_run: hemline.Recommender, graph: GraphStore) -> None:
    """`popular.by = "units"`: the sentence counts pieces, and the graph's place is by pieces."""
    tables = simulated_run.tables
    config = Config.of({"recipe": "popular", "popular": {"by": "units", "days": 40}})
    catalogue = Catalogue.of(tables.articles, config.cascade.attributes)
    bundle = train_bundle(config, catalogue, tables.histories)
    names = Names(
        lambda one: Thing(tables.article_ids.id(one)), lambda column, one: (str(one), None)
    )
    history = tables.histories.block(3, 4)
    said = []
    for article in range(0, len(tables.article_ids), 17):
        why = evidence(bundle, history, article, tables.cutoff)
        found = explain(
            why, bundle, names, customer=Thing(tables.customer_ids.id(3)), as_of=tables.cutoff,
            place=None, k=12,
        )  # fmt: skip
        popular = [*found.of_kind("popular"), *found.of_kind("age")]
        assert differences(replace(found, reasons=tuple(popular)), graph.rows) == []
        said += [one.sentence for one in popular]
    assert len(said) > 5
    assert all("pieces sold of " in one for one in said)
