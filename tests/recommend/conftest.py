"""A small shop with everything that can be missing, and bundles fitted on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from hemline.config import Config
from hemline.recommend.bundle import Bundle, train_bundle
from hemline.shop.histories import SECONDS_PER_DAY, Histories
from hemline.shop.ids import IdMap
from hemline.shop.tables import Catalogue

CUSTOMERS, ARTICLES, DAYS = 300, 90, 60


@dataclass(frozen=True)
class SmallShop:
    """Purchases, catalogue and ids; customers from 280 on bought nothing."""

    histories: Histories
    catalogue: Catalogue
    customers: IdMap
    articles: IdMap
    as_of: int

    def config(self, **settings: Any) -> Config:
        """Settings under which ALS knows most but not all articles and customers."""
        als = {"factors": 6, "iterations": 4, "min_customer": 3, "min_article": 8}
        return Config.of({"recipe": "cascade", "als": als, "threads": 1, **settings})


@pytest.fixture(scope="session")
def shop() -> SmallShop:
    rng = np.random.default_rng(11)
    lengths = np.minimum(rng.geometric(0.15, CUSTOMERS), 40)
    lengths[280:] = 0
    customer = np.repeat(np.arange(CUSTOMERS), lengths)
    m = len(customer)
    department = rng.integers(0, 8, ARTICLES).astype(np.int32)
    department[rng.random(ARTICLES) < 0.05] = -1
    similar = rng.permuted(np.tile(np.arange(ARTICLES), (ARTICLES, 1)), axis=1)[:, :10]
    similar[similar == np.arange(ARTICLES)[:, None]] = -1
    similar[rng.random(ARTICLES) < 0.15] = -1
    histories = Histories.from_purchases(
        customer,
        (rng.random(m) ** 1.7 * ARTICLES).astype(np.int32),
        n_customers=CUSTOMERS,
        n_articles=ARTICLES,
        time=(rng.integers(0, DAYS, m) + 1) * SECONDS_PER_DAY,
        price=rng.random(m).astype(np.float32),
        age=np.where(rng.random(CUSTOMERS) < 0.1, np.nan, rng.integers(16, 80, CUSTOMERS)),
    )
    codes = {
        "department_no": department,
        "index_code": (department // 3).astype(np.int32),
        "section_no": np.full(ARTICLES, -1, np.int32),
    }
    similarity = -np.sort(-rng.random(similar.shape), axis=1).astype(np.float32)
    return SmallShop(
        histories,
        Catalogue(ARTICLES, codes, similar.astype(np.int32), similarity),
        IdMap.from_strings([f"c{one:03}" for one in range(CUSTOMERS)], "customer"),
        IdMap.from_strings([f"0{one:04}" for one in range(ARTICLES)], "article"),
        (DAYS + 1) * SECONDS_PER_DAY,
    )


@pytest.fixture(scope="session")
def train(shop: SmallShop) -> Callable[..., Bundle]:
    """Fit a recipe on the shop: `train(recipe="popular", popular={"days": 3})`."""

    def fitted(catalogue: Catalogue | None = None, **settings: Any) -> Bundle:
        return train_bundle(
            shop.config(**settings), catalogue or shop.catalogue, shop.histories, as_of=shop.as_of
        )

    return fitted


@pytest.fixture(scope="session")
def cascade(train: Callable[..., Bundle]) -> Bundle:
    return train()
