"""The report of the channels against counting by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from hemline.config import Config
from hemline.errors import DataError
from hemline.evaluate.channels import channel_report
from hemline.recommend.channels import Channels
from hemline.shop.histories import SECONDS_PER_DAY, Histories
from hemline.shop.splits import rolling_folds, split
from hemline.shop.tables import Catalogue

DAY = SECONDS_PER_DAY
N_CUSTOMERS, N_ARTICLES = 120, 60
ONLY = ("repurchase", "also-bought", "popular", "popular-at-age", "trending")


@pytest.fixture(scope="module")
def shop() -> Histories:
    random = np.random.default_rng(31)
    m = 2000
    return Histories.from_purchases(
        random.integers(0, N_CUSTOMERS, m),
        (random.random(m) ** 1.6 * N_ARTICLES).astype(int),
        n_customers=N_CUSTOMERS,
        n_articles=N_ARTICLES,
        time=random.integers(1, 61, m) * DAY,
        age=random.integers(16, 80, N_CUSTOMERS),
    )


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    none = np.zeros((N_ARTICLES, 0))
    return Catalogue(N_ARTICLES, {}, none.astype(np.int32), none.astype(np.float32))


@pytest.fixture(scope="module")
def config() -> Config:
    names = Config().channel_settings()
    off = {name: {"enabled": False} for name in names if name not in ONLY}
    return Config.of({"channels": {**off, "popular": {"n": 8}}, "threads": 2})


def test_recall_unique_recall_and_precision(shop, catalogue, config, monkeypatch):
    monkeypatch.setattr("hemline.evaluate.channels.BLOCK", 17)
    report = channel_report(config, catalogue, shop)
    fold = rolling_folds(shop, 7, 1)[0]
    assert report.fold == fold
    parted = split(shop, fold)
    channels = Channels(config).fit(parted.train, catalogue, as_of=fold.cutoff)
    bought = set()
    for i in range(N_CUSTOMERS):
        held = slice(parted.truth.bounds[i], parted.truth.bounds[i + 1])
        bought |= {(i, int(one)) for one in parted.truth.articles[held]}
    buyers = {i for i, _ in bought}
    proposed = {}
    for name in ONLY:
        best = channels.propose(name, parted.train, as_of=fold.cutoff).articles
        proposed[name] = {(i, int(a)) for i in buyers for a in best[i] if a >= 0}
    assert (report.customers, report.bought) == (len(buyers), len(bought))
    assert tuple(one.channel for one in report.channels) == channels.names
    for one in report.channels:
        own = proposed[one.channel]
        others = set().union(*(held for name, held in proposed.items() if name != one.channel))
        assert one.rows == pytest.approx(len(own) / len(buyers))
        assert one.recall == pytest.approx(len(own & bought) / len(bought))
        assert one.unique == pytest.approx(len((own - others) & bought) / len(bought))
        assert one.precision == pytest.approx(len(own & bought) / len(own))
        assert one.fit_seconds > 0
    union = set().union(*proposed.values())
    assert report.union.rows == pytest.approx(len(union) / len(buyers))
    assert report.union.recall == pytest.approx(len(union & bought) / len(bought))
    assert report.union.unique is None
    assert json.loads(json.dumps(report.to_json()))["all"]["recall"] == report.union.recall


def test_nothing_at_or_after_the_moment_counts(shop, catalogue, config):
    early = channel_report(config, catalogue, shop, as_of=40 * DAY)
    alone = channel_report(config, catalogue, shop.before(40 * DAY), as_of=40 * DAY)
    assert early.fold.end == 40 * DAY
    for one, two in zip(early.channels, alone.channels, strict=True):
        assert (one.recall, one.unique, one.rows) == (two.recall, two.unique, two.rows)


def test_too_few_days(shop, catalogue, config):
    with pytest.raises(DataError, match="days"):
        channel_report(config, catalogue, shop.before(5 * DAY))


def test_the_command(simulated_shop, tmp_path):
    from hemline.cli import app
    from hemline.config import Config
    from hemline.pipeline import run_stages
    from hemline.shop.source import Shop

    config = Config.of({"photos": {"embedder": "descriptor"}, "als": {"factors": 8}})
    shop = Shop.from_folder(simulated_shop, config.ingest)
    run_stages(tmp_path / "run", config, shop, stages=["neighbours"])
    runner = CliRunner()
    table = runner.invoke(app, ["channels", str(tmp_path / "run"), "--set", "channels.als.n=3"])
    assert table.exit_code == 0, table.output
    assert "popular-in-department" in table.stdout
    found = runner.invoke(
        app, ["channels", str(tmp_path / "run"), "--set", "channels.als.n=3", "--json"]
    )
    content = json.loads(found.stdout)
    assert [one["channel"] for one in content["channels"]] == list(config.channel_settings())
    assert not content["left_out"]
    rows = {one["channel"]: one["rows"] for one in content["channels"]}
    assert 0 < rows["als"] <= 3
