from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from hemline.config import Config
from hemline.pipeline import run_stages
from hemline.report.facts import shop_facts
from hemline.report.page import render, said
from hemline.report.writing import write_report
from hemline.runs import RunFolder
from hemline.service import Recommender
from hemline.shop.histories import SECONDS_PER_DAY
from hemline.shop.source import Shop
from hemline.shop.tables import Tables


@pytest.fixture(scope="module")
def run(simulated_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    config = Config.of({"recipe": "popular", "evaluate": {"folds": 1}})
    shop = Shop.from_folder(simulated_shop, config.ingest)
    return run_stages(tmp_path_factory.mktemp("reported") / "run", config, shop)


@pytest.fixture(scope="module")
def facts(run: RunFolder) -> dict[str, Any]:
    return shop_facts(Tables.open(run.folder("ingest")))


@pytest.fixture(scope="module")
def purchases(run: RunFolder) -> dict[str, np.ndarray[Any, Any]]:
    from pyarrow import parquet

    table = parquet.read_table(run.folder("ingest") / "purchases.parquet")
    return {name: table.column(name).to_numpy() for name in table.column_names}


def test_counts_are_those_of_the_tables(
    run: RunFolder, facts: dict[str, Any], purchases: dict[str, np.ndarray[Any, Any]]
) -> None:
    tables = Tables.open(run.folder("ingest"))
    overview = facts["overview"]
    assert overview["customers"] == tables.customers.num_rows
    assert overview["articles"] == tables.articles.num_rows
    assert overview["purchases"] == len(purchases["customer"])
    assert overview["units"] == purchases["quantity"].sum()
    assert overview["articles_sold"] == len(np.unique(purchases["article"]))
    spent = np.nansum(purchases["price"] * purchases["quantity"])
    assert overview["spent"] == pytest.approx(spent)
    for name, column in (("customer", "customer"), ("product", "article")):
        counts = np.unique(purchases[column], return_counts=True)[1]
        one = facts["counts"][name]
        assert one["mean"] == pytest.approx(counts.mean())
        assert one["sd"] == pytest.approx(counts.std(ddof=1))
        assert one["most"] == counts.max()
        assert sum(b["n"] for b in one["bins"]) == len(counts)
        for b in one["bins"]:
            assert b["n"] == ((counts >= b["from"]) & (counts <= b["to"])).sum()


def test_sales_in_time_add_up(
    facts: dict[str, Any], purchases: dict[str, np.ndarray[Any, Any]]
) -> None:
    total = purchases["quantity"].sum()
    for name in ("weeks", "months", "weekdays"):
        assert sum(one["units"] for one in facts["time"][name]) == total
    day = purchases["time"] // SECONDS_PER_DAY
    monday = np.datetime64(facts["time"]["weeks"][1]["monday"]).astype(int)
    assert np.datetime64(int(monday), "D").astype("datetime64[D]").item().weekday() == 0
    inside = (day >= monday) & (day < monday + 7)
    assert facts["time"]["weeks"][1]["units"] == purchases["quantity"][inside].sum()
    months = day.astype("datetime64[D]").astype("datetime64[M]")
    for one in facts["time"]["months"]:
        which = np.datetime64(f"{one['year']}-{one['month']:02}")
        assert one["units"] == purchases["quantity"][months == which].sum()


def test_popularity_and_seasons_follow_from_purchases(
    run: RunFolder, facts: dict[str, Any], purchases: dict[str, np.ndarray[Any, Any]]
) -> None:
    articles = Tables.open(run.folder("ingest")).articles
    types = np.array(articles.column("product_type_name").to_pylist())
    sales = facts["popular"]["product types"]["sales"]
    assert [one["units"] for one in sales] == sorted((one["units"] for one in sales), reverse=True)
    for one in sales[:5]:
        assert (
            one["units"] == purchases["quantity"][types[purchases["article"]] == one["name"]].sum()
        )
    catalogue = facts["popular"]["product types"]["catalogue"]
    assert catalogue[0]["articles"] == max(np.unique(types, return_counts=True)[1])
    for rows in facts["seasons"].values():
        assert all(0 <= one["share"] <= 1 for one in rows)


def test_repeats_are_counted_by_day(
    facts: dict[str, Any], purchases: dict[str, np.ndarray[Any, Any]]
) -> None:
    day = purchases["time"] // SECONDS_PER_DAY
    seen: set[tuple[int, int, int]] = set(
        zip(
            purchases["customer"].tolist(), purchases["article"].tolist(), day.tolist(), strict=True
        )
    )
    pairs = {(customer, article) for customer, article, _ in seen}
    assert facts["repeats"]["same_article"] == pytest.approx((len(seen) - len(pairs)) / len(seen))


def test_ages_have_the_lifts_that_they_say(run: RunFolder, facts: dict[str, Any]) -> None:
    tables = Tables.open(run.folder("ingest"))
    ages = tables.customers.column("age")
    assert (
        sum(one["customers"] for one in facts["ages"]["histogram"]) == len(ages) - ages.null_count
    )
    groups = {one["group"]: one["customers"] for one in facts["ages"]["groups"]}
    assert groups[None] >= ages.null_count
    between = pc.and_(pc.greater_equal(ages, 26), pc.less(ages, 36))
    assert groups["26-35"] == pc.sum(between).as_py()
    assert all(one["lift"] > 0 for one in facts["ages"]["types"])


class Page(HTMLParser):
    """Collects what a page would fetch, its text, and whether its elements close."""

    void = frozenset({"meta", "br", "img", "link", "hr", "input"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        for name in ("src", "href", "xlink:href"):
            value = given.get(name) or ""
            if value.startswith("#"):
                self.links.append(value[1:])
            elif value:
                self.fetched.append(value)
        if "id" in given:
            self.ids.append(str(given["id"]))
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.void:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_of_a_run_is_whole_and_fetches_nothing(run: RunFolder, tmp_path: Path) -> None:
    path = write_report(run.path, tmp_path / "report.html")
    page = Page(path.read_text(encoding="utf-8"))
    assert page.open == []
    assert page.fetched == []
    assert set(page.links) <= set(page.ids)
    text = " ".join(page.text)
    for heading in ("What sells", "Seasons", "Backtest", "What is recommended", "Quality"):
        assert heading in text
    units = shop_facts(Tables.open(run.folder("ingest")))["overview"]["units"]
    assert f"{units:,}" in text
    backtest = Recommender(run).backtest()
    assert f"{backtest['rows'][0]['map']:.4f}" in text


def test_names_cannot_become_markup(facts: dict[str, Any]) -> None:
    named = json.loads(json.dumps(facts))
    named["club"]["club_member_status"][0]["name"] = "<script>alert(1)</script>"
    page = render("<b>shop</b>", named)
    assert "<script" not in page
    assert "<b>" not in page


def test_a_shop_with_purchases_alone_has_a_report(tmp_path: Path) -> None:
    days = ["2020-01-01", "2020-01-09", "2020-02-01"]
    table = pa.table({"customer_id": ["a", "a", "b"], "article_id": ["x", "y", "x"], "t_dat": days})
    run = run_stages(
        tmp_path / "run", Config.of({"recipe": "popular"}), Shop(purchases=table), stages=["ingest"]
    )
    found = shop_facts(Tables.open(run.folder("ingest")))
    assert found["overview"]["units"] == 3
    assert found["overview"]["first_day"] == "2020-01-01"
    assert not {"prices", "ages", "popular"} & set(found)
    page = Page(render("few", found))
    assert page.open == []


def test_the_command_reads_a_folder_of_files(simulated_shop: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from hemline.cli import main; main()", "report"]
    done = subprocess.run(
        [*command, str(simulated_shop)], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "What sells" in page
    assert re.search(r"<svg", page)
    missing = subprocess.run(
        [*command, str(tmp_path / "none")], capture_output=True, text=True, check=False
    )
    assert missing.returncode != 0
    assert "Traceback" not in missing.stderr


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (1364, "1,364"), (21.14, "21.1"), (0.03761, "0.0376"), ("x", "x"), (9.0, "9")],
)
def test_numbers_read_well(value: Any, text: str) -> None:
    assert said(value) == text


def test_what_a_run_has_besides_is_shown(run: RunFolder) -> None:
    from hemline.report.run_facts import run_facts
    from hemline.report.run_parts import run_parts

    channel = {"rows": 12.0, "recall": 0.05, "precision": 0.01, "fit_seconds": 0, "seconds": 0}
    report = {
        "first_day": "2020-01-01",
        "last_day": "2020-01-07",
        "customers": 10,
        "bought": 30,
        "channels": [{"channel": "repurchase", "unique": 0.01, **channel}],
        "all": {"channel": "all", "unique": None, **channel},
        "left_out": {},
    }
    (run.path / "channels.json").write_text(json.dumps(report))
    found = run_facts(Recommender(run))
    found["importance"] = [{"feature": "own.price", "gain": 0.7, "splits": 3}]
    parts = {part.heading: part for part in run_parts(found)}
    assert parts["Channels"].tables[0][1] == ["repurchase", 12.0, "5.00%", "1.00%", "1.000%"]
    assert "own.price" in parts["What the ranker looks at"].drawings[0]
    places = found["recommendations"]
    assert sum(one["n"] for one in places["by_channel"]) == places["rows"]
    (run.path / "channels.json").unlink()


def test_a_bundle_of_another_version_does_not_stop_the_report(
    run: RunFolder, tmp_path: Path
) -> None:
    import shutil

    shutil.copytree(run.path, tmp_path / "run")
    old = RunFolder.open(tmp_path / "run")
    (old.folder("train") / "bundle.json").write_text('{"version": 0}')
    page = write_report(old.path).read_text(encoding="utf-8")
    assert "What is recommended" in page
    assert "What the ranker looks at" not in page
