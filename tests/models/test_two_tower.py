"""Two towers: one process and two learn the same, and what they learn."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from hemline.errors import ConfigError
from hemline.models import TwoTower
from hemline.shop.histories import Histories


def checkerboard() -> Histories:
    pairs = [(i, j) for i in range(40) for j in range(20) if (i + j) % 2 == 0 and j != i % 20]
    customer, article = np.array(pairs).T
    return Histories.from_purchases(customer, article, n_customers=40, n_articles=21)


def test_settings():
    with pytest.raises(ConfigError, match="processes"):
        TwoTower(processes=3)


@pytest.mark.neural
def test_one_process_and_two_learn_the_same(tmp_path):
    pytest.importorskip("torchrec", reason="needs the extra torchrec")
    histories = checkerboard()
    models, heard = [], []
    for processes in (1, 2):
        # batches of 50 leave a last one of 10, of which each process has five
        model = TwoTower(
            factors=8, epochs=3, batch=50, negatives=4, learning_rate=0.2, processes=processes
        )
        model.own_process = processes > 1
        model.on_epoch = heard.append
        models.append(model.fit(histories))
    one, two = models
    assert [epoch.number for epoch in heard] == [1, 2, 3, 1, 2, 3]
    assert len(one.batch_loss_) == 24
    for name in ("articles_", "rows_", "batch_loss_", "epoch_loss_"):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), atol=1e-4)
    assert one.batch_loss_[-1] < 0.8 * one.batch_loss_[0]
    found = two.recommend(histories, 5)
    assert (found.articles % 2 == np.arange(40)[:, None] % 2).all()
    assert not two.known_[20]
    two.save(tmp_path / "model")
    code = (
        "import sys; from pathlib import Path; from hemline.models import TwoTower; "
        "from hemline.shop.histories import Histories; "
        f"model = TwoTower.load(Path({str(tmp_path / 'model')!r})); "
        "found = model.recommend(Histories.from_baskets([[1, 3]], n_articles=21), 3); "
        "assert (found.articles % 2 == 1).all(); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.neural
def test_one_step_is_that_of_the_formula():
    torch = pytest.importorskip("torch", reason="needs the extra neural")
    pytest.importorskip("torchrec", reason="needs the extra torchrec")
    from hemline.models.two_tower_training import FIRST_SPREAD, train

    # three customers, each with two of five articles; one step over all six purchases
    bought = np.array([[0, 1], [1, 2], [3, 4]])
    arrays = {
        "indptr": np.array([0, 2, 4, 6]), "article": bought.ravel().astype(np.int32),
        "value": np.ones(6, np.float32), "n_articles": np.array(5),
    }  # fmt: skip
    settings = TwoTower(
        factors=4, epochs=1, batch=6, negatives=40, learning_rate=0.1, seed=1
    ).settings.model_dump()
    found = train(settings, arrays, 1, lambda told: None)
    tables = [
        (torch.randn(5, 4, generator=torch.Generator().manual_seed(2 + number)) * FIRST_SPREAD)
        for number in range(2)
    ]
    history, article = (one.double().numpy() for one in tables)
    expected = 0.0
    for row in bought:
        free = np.setdiff1d(np.arange(5), row)
        for wanted, other in (row, row[::-1]):
            # 40 draws from three articles: about as many of each
            logits = article @ history[other]
            below = np.exp(logits[wanted]) + 40 * np.exp(logits[free]).mean()
            expected += np.log(below) - logits[wanted]
    assert found["batch_loss"][0] == pytest.approx(expected / 6, abs=0.01)
    # row-wise Adagrad's first step has, for each row, a root mean square of the learning rate
    moved = np.sqrt(((found["articles"] - article) ** 2).mean(1))
    np.testing.assert_allclose(moved, 0.1, rtol=1e-3)
