from __future__ import annotations

from pathlib import Path

import pytest

from hemline.blocks import silent
from hemline.config import Config
from hemline.evaluate.backtest import backtest
from hemline.evaluate.report import ALL, BacktestReport
from hemline.shop.ingest import ingest
from hemline.shop.source import Shop
from hemline.shop.tables import Catalogue, Tables

CONFIG = Config.of({"als": {"factors": 16}, "evaluate": {"folds": 4}})


def judged(tables: Tables, threads: int) -> BacktestReport:
    catalogue = Catalogue.of(tables.articles, CONFIG.cascade.attributes)
    config = CONFIG.replaced({"threads": threads})
    recipes = ["cascade", "repurchase"]
    return backtest(config, catalogue, tables.histories, recipes=recipes, as_of=tables.cutoff)


@pytest.fixture(scope="module")
def tables(simulated_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    folder = tmp_path_factory.mktemp("tables")
    ingest(Shop.from_folder(simulated_shop, CONFIG.ingest), CONFIG, folder, silent)
    return Tables.open(folder)


@pytest.fixture(scope="module")
def report(tables: Tables) -> BacktestReport:
    return judged(tables, 1)


def test_every_recipe_finds_something_of_its_own(report: BacktestReport) -> None:
    # some 130 buyers are too few to say which recipe is the best
    scores = [row["map"] for row in report.rows() if row["segment"] == ALL]
    assert len(set(scores)) == len(report.recipes) == 3
    assert all(0 < score < 0.5 for score in scores)


def test_those_who_never_bought_are_not_foreseen_by_their_repurchases(
    report: BacktestReport,
) -> None:
    never = {row["recipe"]: row["map"] for row in report.rows() if row["segment"] == "never"}
    assert never["repurchase"] == never["popular"]


def test_everybody_gets_a_full_list(report: BacktestReport) -> None:
    assert all(row["customer_coverage"] == 1 for row in report.rows())


def test_every_fold_covers_its_own_days(report: BacktestReport, tables: Tables) -> None:
    assert len(report.folds) == 4
    assert report.folds[-1].end == tables.cutoff
    assert all(a.end == b.cutoff for a, b in zip(report.folds, report.folds[1:], strict=False))


def test_the_same_report_at_any_number_of_threads(report: BacktestReport, tables: Tables) -> None:
    again = judged(tables, 3)
    assert again.rows() == report.rows()
    assert [one.metrics for one in again.results] == [one.metrics for one in report.results]
