"""The learned models propose candidates, and score those of others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hemline.config import Config
from hemline.errors import ConfigError
from hemline.recommend.channels import Channels
from hemline.shop.histories import SECONDS_PER_DAY, Histories
from hemline.shop.tables import Catalogue

AS_OF = 100 * SECONDS_PER_DAY
LEARNED = {
    "as-fond": {"model": "sar", "n": 6, "similarity": "cosine", "half_life_days": 10},
    "linear": {"model": "ease", "n": 5, "regularization": 4.0, "score_all": True},
    "filtered": {"model": "graph_filter", "n": 4, "factors": 6, "weights": "power_decay"},
    "ranked": {"model": "bpr", "n": 3, "factors": 5, "iterations": 5, "repeat": "exclude"},
}


@pytest.fixture(scope="module")
def world() -> Histories:
    random = np.random.default_rng(3)
    return Histories.from_purchases(
        random.integers(0, 80, 900),
        (30 * random.random(900) ** 2).astype(int),
        n_customers=82,
        n_articles=30,
        time=random.integers(0, 100, 900) * SECONDS_PER_DAY,
    )


def test_candidates_and_scores(world: Histories, tmp_path: Path):
    config = Config.of({"channels": LEARNED, "seed": 5})
    catalogue = Catalogue(30, {}, np.zeros((30, 0), np.int32), np.zeros((30, 0), np.float32))
    channels = Channels(config, list(LEARNED)).fit(world, catalogue, as_of=AS_OF)
    assert channels.names == tuple(LEARNED)
    assert channels.models["ranked"].settings.seed == 5
    found = channels.gather(world, as_of=AS_OF)
    assert found.channels == tuple(LEARNED)
    assert ((found.rank > 0).sum(axis=0) > 0).all()
    assert np.isfinite(found.score[:, 1]).all()  # scores every candidate
    assert np.isnan(found.score[:, 3]).any()
    channels.save(tmp_path)
    again = Channels.load(tmp_path, config, catalogue, list(LEARNED)).gather(world, as_of=AS_OF)
    assert np.array_equal(again.article, found.article)
    assert np.array_equal(again.score, found.score, equal_nan=True)


def test_a_setting_of_another_model_is_refused():
    with pytest.raises(ConfigError, match="no setting 'dropout'"):
        Config.of({"channels": {"filtered": {"model": "graph_filter", "dropout": 0.5}}})
