"""The paper's experiment: how rows are parted, and what its tables say."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hemline.config import Config
from hemline.errors import DataError
from hemline.evaluate.paper import paper_experiment, part
from hemline.evaluate.paper_tables import PAPER_TABLE_3
from hemline.models.neural import Neural
from hemline.shop.histories import SECONDS_PER_DAY, Histories
from hemline.shop.truth import Truth


def first_rows(m: int = 600) -> Histories:
    random = np.random.default_rng(0)
    return Histories.from_purchases(
        random.integers(0, 90, m), (60 * random.random(m) ** 2).astype(int), n_customers=90,
        n_articles=61, time=np.full(m, 40 * SECONDS_PER_DAY),
    )  # fmt: skip


def test_parts_are_apart_and_known():
    histories = first_rows()
    parted = part(histories, 1)
    assert parted.train.n_purchases == 420
    assert parted.test_rows == 180
    left = len(parted.customer) + parted.dropped_bought + parted.dropped_unknown
    assert left == parted.test_rows
    trained, held = Truth.of(parted.train).keys(), parted.truth.keys()
    assert not np.isin(held, trained).any()
    assert np.isin(parted.article, parted.train.article).all()
    assert (parted.train.lengths[parted.customer] > 0).all()
    again = part(histories, 2)
    assert not np.array_equal(again.article, parted.article)


def test_too_few_rows():
    one = Histories.from_purchases([0, 1], [0, 1], n_customers=2, n_articles=2)
    with pytest.raises(DataError, match="no test row"):
        part(one, 1)


@pytest.mark.neural
def test_the_experiment(monkeypatch):
    pytest.importorskip("torch", reason="needs the extra neural")
    monkeypatch.setattr(Neural, "own_process", False)
    config = Config.of(
        {"dot_bias": {"epochs": 2, "factors": 4}, "light_gcn": {"epochs": 2, "factors": 4}}
    )
    heard = []
    table, models = paper_experiment(
        first_rows(), config, told=lambda name, epoch: heard.append((name, epoch.number))
    )
    assert ("DotBias, paper", 2) in heard
    assert models["LightGCN, paper"].settings.beta == 1.5
    assert models["DotBias, paper"].settings.weight_decay == 0.001
    assert {"SAR", "GraphFilter"} <= set(table.models)
    content = json.loads(json.dumps(table.to_json(), allow_nan=False))
    _, epochs, errors, alone = content["tables"]
    assert len(epochs["rows"]) == 11
    assert epochs["rows"][1][1] == "0.001873"
    assert "327,712" in epochs["note"]
    # of the test rows alone any model has a precision of 100 %, and so has drawing lots
    for row in alone["rows"][1:-1]:
        assert row[1] == "100.00%"
        assert row[2] == row[3] == f"{12 / table.n_test:.2%}"
    assert "drawing lots" in alone["note"]
    assert errors["rows"][-1][2] == "0.0698"
    assert "calibration" in errors["note"]
    for one in table.models.values():
        assert 0 <= one.map_relevant <= one.map <= 1
        assert 0 < one.rmse < 1
    best = max(one.map for one in table.models.values())
    assert best > 0.05


def test_the_papers_precision_is_that_of_one_list():
    # 12 hits of 283: MAP and recall are the same number, as in its table 3
    assert round(12 / 283, 4) == PAPER_TABLE_3["map"] == PAPER_TABLE_3["recall"]
