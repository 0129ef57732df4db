from __future__ import annotations

import numpy as np
import pytest

from hemline.config import Als
from hemline.errors import ConfigError
from hemline.models import ALS
from hemline.models.als_elsewhere import trained_by
from hemline.models.base import Float32
from hemline.shop.histories import Histories
from hemline.shop.kcore import Core, k_core

SETTINGS = {"factors": 3, "min_customer": 1, "min_article": 1, "trainer": "mllib"}


def shop() -> Histories:
    random = np.random.default_rng(2)
    return Histories.from_purchases(
        random.integers(0, 40, 300), random.integers(0, 12, 300), n_customers=40, n_articles=14
    )


def test_mllib_without_spark_says_what_to_do() -> None:
    with pytest.raises(ConfigError, match="mllib") as raised:
        ALS(**SETTINGS).fit(shop())
    assert "--engine spark" in raised.value.hint


def test_a_trainer_is_handed_over_for_a_while() -> None:
    asked: list[tuple[int | None, Als]] = []

    def train(histories: Histories, as_of: int | None, settings: Als) -> tuple[Core, Float32]:
        asked.append((as_of, settings))
        core = k_core(histories, 1, 1)
        n = int(core.articles.sum())
        return core, np.arange(n * 3, dtype=np.float32).reshape(n, 3)

    with trained_by(train):
        model = ALS(**SETTINGS).fit(shop())
    assert [one.factors for _, one in asked] == [3]
    assert not model.known_[12:].any()
    assert np.array_equal(model.item_factors_[model.known_].ravel(), np.arange(36))
    assert not model.item_factors_[~model.known_].any()
    # the fold-in is at home in these vectors as in any trainer's
    gram = model.item_factors_.T.astype(float) @ model.item_factors_ + 0.01 * np.eye(3)
    assert np.allclose(model.root_ @ model.root_.T, gram)
    with pytest.raises(ConfigError):
        ALS(**SETTINGS).fit(shop())
