from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from tests.report.test_report import Page
from tests.web.test_server import server

from hemline.photos.base import photo_path
from hemline.runs import RunFolder
from hemline.service import Recommender

HTML = {"accept": "text/html"}


@pytest.fixture
def customer(run: Recommender) -> str:
    return run.tables.customer_ids.id(int(np.argmax(run.tables.histories.lengths)))


@pytest.fixture
def article(run: Recommender) -> str:
    place = int(np.flatnonzero(run.neighbours.articles[:, 0] >= 0)[2])
    return run.tables.article_ids.id(place)


def test_every_link_of_every_page_leads_somewhere(
    client: TestClient, customer: str, article: str
) -> None:
    pending, seen = ["/", f"/customers/{customer}", f"/basket?article={article}&q=top"], set()
    while pending and len(seen) < 150:
        path = pending.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = client.get(path, headers=HTML)
        assert answer.status_code == 200, path
        if answer.headers["content-type"].startswith("text/html"):
            page = Page(answer.text)
            assert page.open == []
            assert all(one.startswith(("/", "data:,")) for one in page.fetched), path
            assert set(page.links) <= set(page.ids)
            pending.extend(one for one in page.fetched if one.startswith("/"))
    assert len(seen) > 100


def test_a_customer_is_shown_with_reasons(
    client: TestClient, run: Recommender, customer: str
) -> None:
    text = client.get(f"/customers/{customer}", headers=HTML).text
    for one in run.recommend(customer):
        assert f'href="/products/{one.article_id}"' in text
    known = ("looks like the ", "bought with the ", "another colour of the ", "popular ", "you bou")
    said = []
    nobody = int(np.argmin(run.tables.histories.lengths))
    for i in (nobody, *range(0, 400, 20)):
        text = client.get(f"/customers/{run.tables.customer_ids.id(i)}", headers=HTML).text
        reasons = re.findall(r'class="why">([^<]+)<', text[: text.index("<h2>Bought")])
        assert len(reasons) == 12
        assert all(one.startswith((*known, "goes with")) for one in reasons)
        said.extend(reasons)
    for pattern in (
        r"looks like the .+ you bought in \w+",
        r"bought with the .+ you bought in \w+ by (one other|\d+ others)",
        r"popular (now|at your age)",
    ):
        assert any(re.fullmatch(pattern, one) for one in said), pattern


def test_a_product_shows_its_ten(client: TestClient, run: Recommender, article: str) -> None:
    text = client.get(f"/products/{article}", headers=HTML).text
    for one in run.similar(article):
        assert f"/products/{one.article_id}" in text
        assert f"{one.score:.3f}" in text
    assert "Bought with it" in text


def test_search_finds_by_every_word_and_by_id(
    client: TestClient, run: Recommender, customer: str, article: str
) -> None:
    names = run.tables.articles.column("prod_name").to_pylist()
    types = run.tables.articles.column("product_type_name").to_pylist()
    words = f"{names[5].split()[0].upper()} {types[5].lower()}"
    found = client.get("/search", params={"q": words}, headers=HTML).text
    shown = re.findall(r'href="/products/([^"]+)"', found)
    assert run.tables.article_ids.id(5) in shown
    for one in shown:
        place = run.tables.article_ids.position(one)
        assert names[5].split()[0].lower() in names[place].lower()
    assert f"/products/{article}" in client.get(f"/search?q={article}").text
    assert f"/customers/{customer}" in client.get(f"/search?q={customer[:12]}").text
    assert "Nothing found" in client.get("/search?q=zzzzzz").text
    assert client.get("/search").status_code == 200
    assert client.get("/search?q=%20%20").status_code == 200
    assert client.get("/search", params={"q": "(.*"}).status_code == 200
    assert client.get("/search", params={"q": "x" * 500}).status_code == 422


def test_a_basket_grows_by_links_alone(client: TestClient, run: Recommender) -> None:
    page = client.get("/basket?age=30").text
    [add, *_] = re.findall(r'href="(/basket\?[^"]+)"', page)
    grown = client.get(add.replace("&amp;", "&")).text
    assert "Remove" in grown
    added = re.search(r"article=([^&]+)", add)
    assert added
    expected = [one.article_id for one in run.recommend(basket=[added.group(1)], age=30)]
    shown = grown[grown.index("<h2>Recommended") :]
    assert list(dict.fromkeys(re.findall(r'href="/products/([^"]+)"', shown))) == expected


def test_markup_in_what_people_type_stays_text(client: TestClient) -> None:
    for path in ("/search?q=", "/basket?q=", "/basket?age=", "/customers/", "/products/"):
        text = client.get(path + "%3Cscript%3Ealert(1)%3C/script%3E", headers=HTML).text
        assert "<script" not in text
    answer = client.get("/")
    assert "script-src 'self'" in answer.headers["content-security-policy"]


def test_images_are_those_of_the_shop_and_nothing_else(
    client: TestClient, own_run: RunFolder, run: Recommender
) -> None:
    images = Path(own_run.source["images"]["path"])
    ids = [run.tables.article_ids.id(i) for i in range(len(run.tables.article_ids))]
    there = next(one for one in ids if photo_path(images, one).exists())
    missing = next(one for one in ids if not photo_path(images, one).exists())
    found = client.get(f"/images/{there}.jpg")
    assert found.headers["content-type"] == "image/jpeg"
    assert found.content.startswith(b"\xff\xd8")
    drawn = client.get(f"/images/{missing}.jpg")
    assert drawn.headers["content-type"] == "image/svg+xml"
    assert "no image" in drawn.text
    for trick in ("../../run.json", "..%2f..%2frun.json", "%2e%2e%2frun", "/etc/passwd", "%00"):
        answer = client.get(f"/images/{trick}")
        assert answer.status_code == 404
        assert b"format" not in answer.content
        assert client.get(f"/images/{trick}.jpg").status_code == 404


def test_errors_are_pages_for_browsers_and_json_for_programs(client: TestClient) -> None:
    page = client.get("/customers/none", headers=HTML)
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert "not known" in page.text
    assert client.get("/customers/none").json()["error"]["code"] == "unknown_id"
    assert client.get("/api/customers/none/recommendations", headers=HTML).json()["error"]
    assert client.get("/nowhere", headers=HTML).status_code == 404
    assert client.get("/basket?age=old", headers=HTML).status_code == 422


def test_leaderboard_and_report_are_there_once_made(client: TestClient, own_run: RunFolder) -> None:
    assert client.get("/leaderboard").status_code == 404
    assert client.get("/report").status_code == 404
    board = {
        "title": "2 recipes",
        "table": [["recipe", "MAP@12"], ["two-stage", 0.0312345]],
        "segment_table": [["recipe", "never"], ["two-stage", 0.01]],
    }
    (own_run.path / "comparison.json").write_text(json.dumps(board))
    (own_run.path / "report.html").write_text("<!doctype html><title>r</title>a report")
    assert "0.03123" in client.get("/leaderboard").text
    report = client.get("/report")
    assert "a report" in report.text
    assert "script-src" not in report.headers["content-security-policy"]
    assert "default-src 'none'" in report.headers["content-security-policy"]
    home = client.get("/").text
    assert 'href="/leaderboard"' in home
    assert 'href="/report"' in home


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's chromium, driven by Playwright."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("browser: chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield one
        one.close()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_in_a_browser(
    browser: Any, own_run: RunFolder, customer: str, article: str, scheme: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    board = {
        "title": "2 recipes",
        "table": [["recipe", *(f"column {i}" for i in range(9))], ["two-stage", *[0.0312345] * 9]],
        "segment_table": [["recipe", "never"], ["two-stage", 0.01]],
    }
    (own_run.path / "comparison.json").write_text(json.dumps(board))
    with server(own_run) as url:
        page = browser.new_page(color_scheme=scheme, java_script_enabled=True)
        told: list[str] = []
        page.on("console", lambda one: told.append(one.text) if one.type == "error" else None)
        page.on("pageerror", lambda one: told.append(str(one)))
        for path in (
            "/",
            "/search?q=top",
            f"/products/{article}",
            f"/customers/{customer}",
            f"/basket?article={article}&q=dress",
            "/leaderboard",
        ):
            for width in (360, 1200):
                page.set_viewport_size({"width": width, "height": 800})
                page.goto(url + path, wait_until="load")
                overflow = page.evaluate(
                    "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                )
                assert overflow <= 0, f"{path} scrolls sideways at {width}"
            found = Axe().run(page, options={"resultTypes": ["violations"]})
            serious = [
                f"{one['id']}: {one['nodes'][0]['html']}"
                for one in found.response["violations"]
                if one["impact"] in ("serious", "critical")
            ]
            assert serious == [], path
        assert told == []
        # by keyboard alone: search, open what is found
        page.goto(url + "/")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.focus("#q")
        page.keyboard.type(article)
        page.keyboard.press("Enter")
        page.wait_for_url("**/search?**")
        link = page.locator(f'a[href="/products/{article}"]')
        link.focus()
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/products/{article}")
        page.close()
