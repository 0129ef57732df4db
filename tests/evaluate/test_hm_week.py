from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from hemline.blocks import silent
from hemline.config import Config
from hemline.evaluate.backtest import fold_lists
from hemline.evaluate.metrics import evaluate, per_customer
from hemline.recommend.bundle import catalogue_of
from hemline.shop.ingest import ingest
from hemline.shop.source import Shop
from hemline.shop.splits import Fold, split
from hemline.shop.tables import Catalogue, Tables

FOLD = Fold.at(dt.date(2020, 9, 20), 3)


@pytest.fixture(scope="module")
def week(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    folder, config = tmp_path_factory.mktemp("week"), Config()
    ingest(Shop.from_folder(real_data / "hm-week", config.ingest), config, folder, silent)
    return Tables.open(folder)


@pytest.mark.real_data
def test_repurchase_and_popular_reach_the_bar_alike_at_every_run(week: Tables) -> None:
    parted = split(week.histories, FOLD)
    buyers = parted.truth.buyers
    truth = parted.truth.take(buyers)
    assert len(buyers) == 28_845

    def lists(recipe: str, threads: int) -> np.ndarray:
        config = Config.of({"recipe": recipe, "threads": threads})
        catalogue = Catalogue.of(week.articles, config.cascade.attributes)
        return fold_lists(config, catalogue, parted, FOLD, 12)

    first = lists("repurchase", 1)
    found = evaluate(first, truth, 12, n_articles=len(week.article_ids))
    assert found["map"] >= 0.0278
    assert found["map"] == pytest.approx(0.0280, abs=2e-4)
    assert found["customer_coverage"] == 1
    for threads in (1, 2, 5):
        assert np.array_equal(lists("repurchase", threads), first)
    popular = evaluate(lists("popular", 2), truth, 12, n_articles=len(week.article_ids))
    assert popular["map"] == pytest.approx(0.0079, abs=1e-4)


@pytest.mark.real_data
@pytest.mark.slow
def test_two_stages_reach_the_bars_without_touching_the_list_of_new_customers(
    week: Tables,
) -> None:
    parted = split(week.histories, FOLD)
    buyers = parted.truth.buyers
    config = Config.of({"recipe": "two-stage", "threads": 2})
    lists = fold_lists(config, catalogue_of(config, week.articles), parted, FOLD, 12)
    each = per_customer(lists, parted.truth.take(buyers), 12)["map"]
    warm = parted.train.take(buyers).lengths > 0
    assert warm.sum() == 3_928
    assert each.mean() >= 0.0290
    assert each[warm].mean() >= 0.165
    popular = fold_lists(
        config.replaced({"recipe": "popular"}),
        catalogue_of(config, week.articles),
        parted,
        FOLD,
        12,
    )
    assert np.array_equal(lists[~warm], popular[~warm])
