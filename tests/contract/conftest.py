"""The shop and the models that the contract is tried on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from hemline.models import ALS, AlsoBought, Popular, Repurchase
from hemline.models.base import Model
from hemline.shop.histories import SECONDS_PER_DAY, Histories

DAY = SECONDS_PER_DAY
AS_OF = 100 * DAY
N_CUSTOMERS, N_ARTICLES = 60, 43
NEVER_SOLD = (7, 41, 42)

SMALL = {"factors": 8, "iterations": 3, "min_customer": 2, "min_article": 2}
MODELS: dict[str, Callable[[], Model[Any]]] = {
    "als": lambda: ALS(**SMALL, weights="seasonal"),
    "als power decay": lambda: ALS(
        **SMALL, alpha=3, weights={"kind": "power_decay", "repeats": "last"}
    ),
    "also bought": lambda: AlsoBought(per_article=None),
    "also bought 5": lambda: AlsoBought(per_article=5),
    "popular": lambda: Popular(days=9),
    "popular by age": lambda: Popular(days=30, by="units", by_age=True),
    "repurchase": lambda: Repurchase(),
    "repurchase 40 days": lambda: Repurchase(days=40, order=("count", "price", "day")),
}


def frozen(histories: Histories) -> Histories:
    for field in fields(histories):
        array = getattr(histories, field.name)
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    return histories


def shop(seed: int) -> Histories:
    """A shop with customers who bought nothing, articles nobody bought, repeats and gaps."""
    random = np.random.default_rng(seed)
    m = 900
    customer = random.integers(0, N_CUSTOMERS - 4, m)
    sold = np.setdiff1d(np.arange(N_ARTICLES), NEVER_SOLD)
    article = sold[(len(sold) * random.random(m) ** 2).astype(int)]
    price = random.choice([5.0, 10.0, 20.0, np.nan], m)
    age = random.choice([17.0, 30.5, 50.0, 80.0, np.nan], N_CUSTOMERS)
    return frozen(
        Histories.from_purchases(
            customer,
            article,
            n_customers=N_CUSTOMERS,
            n_articles=N_ARTICLES,
            time=random.integers(1, 100, m) * DAY + random.choice([0, 3600], m),
            weight=random.integers(1, 4, m),
            price=price,
            age=age,
        )
    )


@pytest.fixture(scope="session")
def world() -> Histories:
    return shop(0)


@pytest.fixture(scope="session")
def other_world() -> Histories:
    return shop(1)


@pytest.fixture(scope="session")
def later(world: Histories) -> Histories:
    """The same customers, and what they buy at AS_OF and after it."""
    random = np.random.default_rng(9)
    rows = world.rows()
    m = 300
    customer = np.concatenate([world.customers(), random.integers(0, len(world), m)])
    return Histories.from_purchases(
        customer,
        np.concatenate([world.article[rows], random.integers(0, N_ARTICLES, m)]),
        n_customers=len(world),
        n_articles=N_ARTICLES,
        time=np.concatenate([world.time[rows], AS_OF + random.integers(0, 9, m) * DAY]),
        weight=np.concatenate([world.weight[rows], np.ones(m)]),
        price=np.concatenate([world.price[rows], np.full(m, 1000)]),
        age=world.age,
    )


@pytest.fixture(scope="session", params=MODELS.values(), ids=MODELS)
def make(request: pytest.FixtureRequest) -> Callable[[], Model[Any]]:
    return request.param


@pytest.fixture(scope="session")
def fitted(make: Callable[[], Model[Any]], world: Histories) -> Model[Any]:
    return make().fit(world, as_of=AS_OF)
