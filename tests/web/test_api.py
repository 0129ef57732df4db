from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from tests.web.conftest import KEY

from hemline.live import LOG
from hemline.runs import RunFolder
from hemline.service import Recommender
from hemline.web.app import create_app


def customers(run: Recommender) -> list[str]:
    lengths = run.tables.histories.lengths
    places = np.argsort(-lengths)[[0, 1, 5, 40, -1]]
    return [run.tables.customer_ids.id(int(one)) for one in places]


def test_answers_are_those_of_the_batch_and_of_the_python_interface(
    client: TestClient, run: Recommender
) -> None:
    batch = run.recommendations()
    ids = np.array(batch.column("customer_id").to_pylist())
    for customer in customers(run):
        found = client.get(f"/api/customers/{customer}/recommendations").json()
        assert found["recommendations"] == [one._asdict() for one in run.recommend(customer)]
        mine = batch.filter(ids == customer)
        assert [one["article_id"] for one in found["recommendations"]] == (
            mine.column("article_id").to_pylist()
        )
    article = next(
        run.tables.article_ids.id(i)
        for i in range(len(run.tables.article_ids))
        if run.neighbours.articles[i, 0] >= 0
    )
    similar = client.get(f"/api/articles/{article}/similar").json()["similar"]
    assert similar == [one._asdict() for one in run.similar(article)]
    assert len(client.get(f"/api/articles/{article}/similar?k=3").json()["similar"]) == 3


def test_a_basket_is_answered_as_who_bought_it(client: TestClient, run: Recommender) -> None:
    articles = [run.tables.article_ids.id(i) for i in (3, 30)]
    asked = {"articles": articles, "age": 30, "k": 5}
    found = client.post("/api/recommendations", json=asked).json()["recommendations"]
    assert found == [one._asdict() for one in run.recommend(basket=articles, age=30, k=5)]
    nobody = client.post("/api/recommendations", json={"articles": []}).json()
    assert len(nobody["recommendations"]) == 12


def test_reasons_are_those_of_explain(client: TestClient, run: Recommender) -> None:
    customer = customers(run)[0]
    article = run.recommend(customer)[0].article_id
    found = client.get("/api/explain", params={"customer": customer, "article": article})
    assert found.status_code == 200
    assert found.json() == json.loads(json.dumps(run.explain(article, customer=customer).to_json()))


def test_filters_keep_what_they_say(
    client: TestClient, own_run: RunFolder, run: Recommender, tmp_path: Path
) -> None:
    customer = customers(run)[0]
    path = f"/api/customers/{customer}/recommendations"
    everything = [one["article_id"] for one in client.get(path).json()["recommendations"]]
    numbers = run.tables.articles.column("department_no").to_pylist()
    ids = run.tables.article_ids
    department = numbers[ids.position(everything[5])]
    only = client.get(path, params={"department": [department]}).json()["recommendations"]
    assert only
    assert {numbers[ids.position(one["article_id"])] for one in only} == {department}
    without = client.get(path, params={"exclude": everything[:3]}).json()["recommendations"]
    assert len(without) == 12
    assert not {one["article_id"] for one in without} & set(everything[:3])

    assert client.get(path, params={"in_stock": True}).status_code == 422  # none is known
    stock = tmp_path / "stock.txt"
    stock.write_text("\n".join(everything[2:9]))
    with TestClient(create_app(own_run.path, {"serve.stock": str(stock)})) as stocked:
        held = stocked.get(path, params={"in_stock": True}).json()["recommendations"]
        assert {one["article_id"] for one in held} == set(everything[2:9])
        assert [one["rank"] for one in held] == [1, 2, 3, 4, 5, 6, 7]
        stock.write_text(everything[4] + "\n")
        import os

        os.utime(stock, ns=(1, 1))  # a change, whatever the clock's grain
        held = stocked.get(path, params={"in_stock": True}).json()["recommendations"]
        assert [one["article_id"] for one in held] == [everything[4]]
        stock.write_text("nothing we know")
        os.utime(stock, ns=(2, 2))
        assert stocked.get(path, params={"in_stock": True}).status_code == 422


def shape(response: Any, status: int) -> dict[str, str]:
    assert response.status_code == status, response.text
    assert set(response.json()) == {"error"}
    error = response.json()["error"]
    assert set(error) == {"code", "message", "hint"}
    assert error["message"]
    return error


def test_bad_input_has_one_shape_and_never_a_500(client: TestClient, run: Recommender) -> None:
    customer = customers(run)[0]
    path = f"/api/customers/{customer}/recommendations"
    shape(client.get("/api/customers/none/recommendations"), 404)
    shape(client.get("/api/customers/%ff%fe/recommendations"), 404)
    shape(client.get(f"/api/customers/{'x' * 5000}/recommendations"), 404)
    shape(client.get("/api/customers/%00/recommendations"), 404)
    shape(client.get("/api/articles/108775015/similar"), 404)
    for k in ("0", "-1", "1000000000", "1e3", "", "nan", "99999999999999999999999"):
        shape(client.get(path, params={"k": k}), 422)
    shape(client.get(path, params={"department": "none"}), 404)
    shape(client.get(path, params={"exclude": "none"}), 404)
    shape(client.get(path, params={"in_stock": "perhaps"}), 422)
    shape(client.get("/api/explain"), 422)
    shape(client.get("/api/nothing"), 404)
    shape(client.delete(path), 405)
    json_type = {"content-type": "application/json"}
    for body in (b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"articles": "x"}', b"\xc3\x28"):
        answer = client.post("/api/recommendations", content=body, headers=json_type)
        assert answer.status_code in (400, 422)
        shape(answer, answer.status_code)
    for wrong in (
        {"articles": ["none"]},
        {"articles": [], "age": -3},
        {"articles": [], "age": "NaN"},
        {"articles": [], "k": 10**9},
        {"articles": [], "colour": "red"},
        {"articles": ["x"] * 2000},
        {"articles": ["\ud800"]},
    ):
        content = json.dumps(wrong).encode()
        answer = client.post("/api/recommendations", content=content, headers=json_type)
        assert answer.status_code in (404, 422), wrong
        shape(answer, answer.status_code)


def test_a_large_body_is_refused_announced_or_not(client: TestClient) -> None:
    large = b'{"articles": ["' + b"x" * 10_000_000 + b'"]}'
    headers = {"content-type": "application/json"}
    shape(client.post("/api/recommendations", content=large, headers=headers), 413)
    parts = (large[i : i + 65_536] for i in range(0, len(large), 65_536))
    shape(client.post("/api/recommendations", content=parts, headers=headers), 413)


def test_nothing_is_written_without_the_key_or_for_a_bad_purchase(
    client: TestClient, own_run: RunFolder, run: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    article, customer = run.tables.article_ids.id(0), customers(run)[0]
    good = {"customer": customer, "article": article}
    shape(client.post("/api/purchases", json=good), 401)
    shape(client.post("/api/purchases", json=good, headers={"X-API-Key": "wrong"}), 401)
    shape(client.post("/api/purchases", json=good, headers={"X-API-Key": "é".encode()}), 401)
    key = {"X-API-Key": KEY}
    for change, status in (
        ({"article": "none"}, 404),
        ({"customer": ""}, 422),
        ({"quantity": 0}, 422),
        ({"price": -1}, 422),
        ({"time": 1}, 422),
        ({"time": 10**12}, 422),
        ({"time": 10**30}, 422),
        ({"colour": "red"}, 422),
        ({"channel": 1000}, 422),
    ):
        shape(client.post("/api/purchases", json={**good, **change}, headers=key), status)
    # one bad purchase of a list, and none of it is written
    shape(client.post("/api/purchases", json=[good, {**good, "article": "x"}], headers=key), 404)
    monkeypatch.delenv("HEMLINE_API_KEY")
    shape(client.post("/api/purchases", json=good, headers=key), 403)
    from hemline.purchase_log import PurchaseLog

    log = PurchaseLog(own_run.path / LOG)
    assert log.last() == 0
    log.close()


def test_a_purchase_counts_from_the_next_question_on(
    client: TestClient, own_run: RunFolder, run: Recommender
) -> None:
    customer = customers(run)[3]
    path = f"/api/customers/{customer}/recommendations"
    before = client.get(path).json()
    bought = [run.tables.article_ids.id(i) for i in (7, 70, 170)]
    made = [{"customer": customer, "article": one, "time": run.as_of + 60} for one in bought]
    answer = client.post(
        "/api/purchases", json=made, headers={"X-API-Key": KEY, "Idempotency-Key": "one"}
    )
    assert (answer.status_code, answer.json()) == (201, {"written": 3})
    after = client.get(path).json()
    assert after != before
    again = client.post(
        "/api/purchases", json=made, headers={"X-API-Key": KEY, "Idempotency-Key": "one"}
    )
    assert again.json() == {"written": 0}
    assert client.get(path).json() == after
    # a server that starts later has it, too, and others are answered as before
    with TestClient(create_app(own_run.path)) as later:
        assert later.get(path).json() == after
        other = customers(run)[0]
        found = later.get(f"/api/customers/{other}/recommendations").json()
        assert [one["article_id"] for one in found["recommendations"]] == [
            one.article_id for one in run.recommend(other)
        ]


def test_a_new_customer_is_answered_as_the_basket(client: TestClient, run: Recommender) -> None:
    shape(client.get("/api/customers/someone%20new/recommendations"), 404)
    bought = [run.tables.article_ids.id(i) for i in (11, 50)]
    for one in bought:
        made = {"customer": "someone new", "article": one, "time": run.as_of}
        assert client.post("/api/purchases", json=made, headers={"X-API-Key": KEY}).is_success
    found = client.get("/api/customers/someone%20new/recommendations").json()["recommendations"]
    asked = client.post("/api/recommendations", json={"articles": bought}).json()
    assert found == asked["recommendations"]


def test_health_metrics_and_the_description(client: TestClient, run: Recommender) -> None:
    health = client.get("/health").json()
    assert health["status"] == "ok"
    assert health["customers"] == len(run.tables.customer_ids)
    customer = customers(run)[0]
    for _ in range(3):
        client.get(f"/api/customers/{customer}/recommendations")
    client.get("/api/customers/none/recommendations")
    text = client.get("/metrics").text
    route = "/api/customers/{customer}/recommendations"
    assert f'hemline_requests_total{{route="{route}",status="200"}} 3.0' in text
    assert f'hemline_requests_total{{route="{route}",status="404"}} 1.0' in text
    assert customer not in text
    described = client.get("/openapi.json").json()
    assert set(described["paths"]) >= {
        "/api/customers/{customer}/recommendations",
        "/api/recommendations",
        "/api/articles/{article}/similar",
        "/api/explain",
        "/api/purchases",
        "/health",
    }
    assert "examples" in described["components"]["schemas"]["Basket"]
    assert re.match(r"\d+\.\d+", described["info"]["version"])


def test_an_unknown_id_tells_nobody_elses(client: TestClient, run: Recommender) -> None:
    text = client.get("/api/customers/none/recommendations").text
    assert run.tables.customer_ids.id(0) not in text
