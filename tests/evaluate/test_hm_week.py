from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from hemline.blocks import silent
from hemline.config import Config
from hemline.evaluate.backtest import fold_lists
from hemline.evaluate.metrics import evaluate
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
