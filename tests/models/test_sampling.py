"""Customers to train on, drawn by what they bought."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hemline.models import ALS
from hemline.models.sampling import sample_customers, training_bytes, training_share
from hemline.shop.histories import COLUMNS, SECONDS_PER_DAY, Histories

N = 3000


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Histories:
    draw = np.random.default_rng(5)
    m = 30_000
    made = Histories.from_purchases(
        draw.integers(0, N, m), draw.integers(0, 200, m), n_customers=N + 100, n_articles=200,
        time=draw.integers(1, 400, m) * SECONDS_PER_DAY, age=draw.integers(16, 90, N + 100),
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("histories")
    made.save(folder)
    return Histories.open(folder)


def content(histories: Histories) -> set[tuple]:
    return {
        tuple(tuple(getattr(histories, name)[a:b].tolist()) for name in ("article", "time"))
        for a, b in zip(histories.start, histories.stop, strict=True)
    }


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_about_the_share_is_drawn_whole(shop, share):
    found = sample_customers(shop, share, seed=1)
    assert abs(len(found) - share * N) < 5 * np.sqrt(N * share * (1 - share))
    assert content(found) <= content(shop)
    assert len(found.article) == found.n_purchases
    assert (found.lengths > 0).all()
    assert set(found.age) <= set(shop.age)


def test_neither_order_nor_neighbours_matter(shop):
    some = sample_customers(shop, 0.3, seed=1)
    turned = sample_customers(shop.take(np.arange(len(shop))[::-1]), 0.3, seed=1)
    half = shop.take(np.arange(0, len(shop), 2))
    assert content(some) == content(turned)
    assert content(sample_customers(half, 0.3, seed=1)) == content(some) & content(half)


def test_a_larger_share_has_the_smaller_and_a_seed_its_own(shop):
    small, large = (content(sample_customers(shop, one, seed=1)) for one in (0.2, 0.4))
    assert small < large
    assert content(sample_customers(shop, 0.2, seed=2)) != small
    everyone = sample_customers(shop, 1.0, seed=1)
    assert everyone.n_purchases == shop.n_purchases


def test_those_who_bought_too_little_are_left_out(shop):
    found = sample_customers(shop, 0.5, seed=1, least=9)
    assert found.lengths.min() == 9
    assert len(sample_customers(shop, 0.5, seed=1, least=1000)) == 0


def test_blocks_make_no_difference(shop, monkeypatch):
    whole = sample_customers(shop, 0.3, seed=4)
    monkeypatch.setattr(Histories.blocks, "__defaults__", (64,))
    parts = sample_customers(shop, 0.3, seed=4)
    for name in (*COLUMNS, "start", "stop", "age"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name), equal_nan=True), name


def test_the_rule(shop):
    able = int((shop.lengths >= 5).sum())
    purchases = int(shop.lengths[shop.lengths >= 5].sum())

    def share(most: int = 0, memory_gb: float = 12.0) -> float:
        return training_share(shop, least=5, most=most, memory_gb=memory_gb, factors=64)

    assert share() == 1.0
    assert share(most=able // 2) == pytest.approx(0.5, abs=0.01)
    assert share(most=10 * N) == 1.0
    needed = training_bytes(able, purchases, 64) / 1e9
    assert share(memory_gb=needed / 4) == pytest.approx(0.25)
    assert share(most=able // 2, memory_gb=needed / 4) == pytest.approx(0.25)
    nobody = Histories.from_purchases([], [], n_customers=3, n_articles=2)
    assert training_share(nobody, least=5, most=1, memory_gb=1, factors=8) == 1.0


def test_als_trains_on_the_sample_and_knows_everyone(shop, tmp_path: Path):
    settings = {"factors": 8, "iterations": 3, "min_customer": 5, "min_article": 2}
    whole = ALS(**settings).fit(shop)
    assert whole.share_ == 1.0
    model = ALS(**settings, max_customers=1000).fit(shop)
    assert model.core_.before.customers == pytest.approx(1000, abs=100)
    assert model.share_ == pytest.approx(1000 / (shop.lengths >= 5).sum())
    again = ALS(**settings, max_customers=1000).fit(shop.take(np.arange(len(shop))))
    assert np.array_equal(model.item_factors_, again.item_factors_)
    assert model.customer_vectors(shop).any(axis=1).sum() > 2500
    model.save(tmp_path)
    assert ALS.load(tmp_path).settings.max_customers == 1000
