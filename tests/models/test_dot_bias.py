"""DotBias: its fold-in against NumPy, its training, and serving without torch."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from hemline.config import Config
from hemline.config import DotBias as Settings
from hemline.errors import ConfigError
from hemline.models import DotBias
from hemline.models.dot_bias_kernel import fold_in, solve_in_place
from hemline.shop.histories import Histories

neural = pytest.mark.neural


def squares(w, x, b, t, mean, prior, gram, pull, negatives, ends):
    """The sum that the fold-in makes small; the chance articles' part is quadratic in w."""
    y = ends[0] + (ends[1] - ends[0]) / (1 + np.exp(-(x @ w + b)))
    change = w - mean
    chance = change @ gram @ change - 2 * pull @ change
    return ((t - y) ** 2).sum() + negatives * len(t) * chance + change @ prior @ change


@pytest.mark.parametrize("negatives", [0.0, 4.0])
def test_the_fold_in_is_the_least_of_its_sum(negatives):
    random = np.random.default_rng(0)
    d, n = 4, 30
    articles = random.normal(size=(n, d + 1)).astype(np.float32)
    articles[:, d - 1] = 1
    known = np.ones(n, bool)
    known[3] = False
    rows = random.normal(size=(50, d)) * 0.3
    gram, prior, mean = rows.T @ rows / 50, np.eye(d) * 0.5, random.normal(size=d) * 0.1
    pull = -rows.mean(0)
    bounds = np.array([0, 6, 6, 7, 12], np.int64)
    bought = np.array([0, 3, 5, 8, 9, 20, 3, 1, 2, 4, 6, 7], np.int32)
    targets = random.choice([0.2, 0.8], 12).astype(np.float32)
    found = np.empty((4, d + 1), np.float32)
    fold_in(bounds, bought, targets, articles, known, mean, prior, gram, pull, negatives, -0.5, 1.5,
            25, found)  # fmt: skip
    assert not found[1:3].any()  # nothing bought, and nothing known bought
    for row in (0, 3):
        mine = bought[bounds[row] : bounds[row + 1]]
        t = targets[bounds[row] : bounds[row + 1]][known[mine]]
        x = articles[mine[known[mine]]].astype(np.float64)
        rest = (x[:, :d], x[:, d], t, mean, prior, gram, pull, negatives, (-0.5, 1.5))
        w = found[row, :d].astype(np.float64)
        assert found[row, d] == 1
        least = squares(w, *rest)
        for step in np.vstack([np.eye(d), -np.eye(d)]) * 1e-3:
            assert squares(w + step, *rest) > least


def test_solving_equals_numpy():
    random = np.random.default_rng(1)
    rows = random.normal(size=(9, 5))
    matrix, right = rows.T @ rows, random.normal(size=5)
    expected = np.linalg.solve(matrix, right)
    solve_in_place(np.tril(matrix), right)
    np.testing.assert_allclose(right, expected, rtol=1e-9)


def test_settings():
    paper = Settings(preset="paper")
    assert (paper.learning_rate, paper.weight_decay, paper.epochs) == (0.001, 0.001, 10)
    assert paper.y_range == (-0.5, 1.5)
    assert Settings(preset="paper", epochs=3).epochs == 3
    config = Config.of({"dot_bias": {"preset": "paper"}})
    assert config.dot_bias == paper
    for wrong, said in (
        ({"y_range": (1, 0)}, "y_range"),
        ({"negatives": 0}, "needs negatives"),
        ({"y_range": (0, 1)}, "inside y_range"),
        ({"preset": "talk"}, "preset"),
    ):
        with pytest.raises(ConfigError, match=said):
            DotBias(**wrong)


def test_a_channel_may_name_a_preset():
    channels = {"vectors": {"model": "dot_bias", "preset": "paper", "factors": 8}}
    config = Config.of({"channels": channels, "dot_bias": {"seed": 5}})
    settings = config.channel_settings()["vectors"].model
    assert (settings.epochs, settings.factors, settings.seed) == (10, 8, 5)


def ratings(seed: int = 0) -> tuple[Histories, np.ndarray]:
    """Ratings with planted vectors and biases: 1 to 5, no noise."""
    random = np.random.default_rng(seed)
    u, v = random.normal(size=(80, 2)), random.normal(size=(40, 2))
    full = 3 + np.clip(u @ v.T * 0.6 + random.normal(size=40) * 0.5, -2, 2)
    seen = random.random(full.shape) < 0.5
    customer, article = np.nonzero(seen)
    histories = Histories.from_purchases(
        customer, article, n_customers=80, n_articles=40, weight=full[seen]
    )
    return histories, full


@neural
def test_it_learns_ratings_and_folds_in_the_unknown():
    pytest.importorskip("torch", reason="needs the extra neural")
    histories, full = ratings()
    train = histories.take(np.arange(60))
    model = DotBias(
        target="weight", negatives=0, y_range=(0, 6), factors=4, epochs=25, batch=64,
        learning_rate=0.05,
    )  # fmt: skip
    model.own_process = False
    heard = []
    model.on_epoch = heard.append
    model.fit(train)
    assert [one.number for one in heard] == list(range(1, 26))
    assert heard[-1].loss == pytest.approx(float(model.epoch_loss_[-1]), rel=1e-5)
    assert model.epoch_loss_[-1] < 0.1 * model.epoch_loss_[0]
    assert len(model.epoch_seconds_) == 25
    assert len(model.batch_loss_) == 25 * -(-train.n_purchases // 64)
    every = np.tile(np.arange(40, dtype=np.int32), (80, 1))
    unseen = np.ones((80, 40), bool)
    unseen[histories.customers(), histories.article] = False
    error = (model.predict(histories, every) - full)[unseen]
    spread = (full - full.mean())[unseen].std()
    # twenty customers were not trained on, and the articles are those they did not rate
    assert np.sqrt((error[: unseen[:60].sum()] ** 2).mean()) < 0.6 * spread
    assert np.sqrt((error[unseen[:60].sum() :] ** 2).mean()) < 0.6 * spread
    predicted = model.predict(histories, np.full((80, 1), -1, np.int32))
    assert np.isnan(predicted).all()


@neural
def test_a_process_of_its_own_learns_the_same(tmp_path):
    pytest.importorskip("torch", reason="needs the extra neural")
    histories, _ = ratings()
    models = []
    for own in (True, False):
        model = DotBias(factors=3, epochs=2, batch=200)
        model.own_process = own
        models.append(model.fit(histories))
    for name in models[0].fitted:
        assert np.array_equal(getattr(models[0], name), getattr(models[1], name)), name
    models[0].save(tmp_path / "model")
    code = (
        "import sys; from pathlib import Path; from hemline.models import DotBias; "
        "from hemline.shop.histories import Histories; "
        f"model = DotBias.load(Path({str(tmp_path / 'model')!r})); "
        "found = model.recommend(Histories.from_baskets([[1, 2]], n_articles=40), 3); "
        "assert (found.articles >= 0).all(); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
