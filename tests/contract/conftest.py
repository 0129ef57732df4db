"""The shop and the models that the contract is tried on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import Any

import numpy as np
import pytest
from tests.contract.neural_models import NEURAL

from hemline.models import (
    ALS,
    BPR,
    EASE,
    SAR,
    AlsoBought,
    CoPurchase,
    GraphFilter,
    LooksLike,
    NewArrivals,
    Popular,
    PopularAtAge,
    PopularInGroup,
    Repurchase,
    SameProduct,
    Trending,
)
from hemline.models.base import Model
from hemline.shop.histories import SECONDS_PER_DAY, Histories
from hemline.shop.tables import Catalogue

DAY = SECONDS_PER_DAY
AS_OF = 100 * DAY
N_CUSTOMERS, N_ARTICLES = 60, 43
NEVER_SOLD = (7, 41, 42)


def _catalogue() -> Catalogue:
    """Every attribute, some of it missing; similar articles for most."""
    random = np.random.default_rng(3)
    codes = {
        "product_code": np.arange(N_ARTICLES) // 3,
        "department_no": np.arange(N_ARTICLES) % 5,
        "section_no": np.arange(N_ARTICLES) % 3,
        "index_code": np.arange(N_ARTICLES) % 2,
    }
    codes = {name: one.astype(np.int32) for name, one in codes.items()}
    codes["department_no"][[4, 11]] = -1
    similar = random.permuted(np.tile(np.arange(N_ARTICLES), (N_ARTICLES, 1)), axis=1)[:, :9]
    similar[similar == np.arange(N_ARTICLES)[:, None]] = -1
    similar[30] = -1
    cosine = -np.sort(-random.random(similar.shape), axis=1)
    return Catalogue(N_ARTICLES, codes, similar.astype(np.int32), cosine.astype(np.float32))


CATALOGUE = _catalogue()


def told(model: Model[Any]) -> Model[Any]:
    """Let a model that needs the catalogue have it whenever it is fitted."""
    model.fit = partial(model.fit, catalogue=CATALOGUE)  # type: ignore[method-assign]
    return model


SMALL = {"factors": 8, "iterations": 3, "min_customer": 2, "min_article": 2}
MODELS: dict[str, Callable[[], Model[Any]]] = {
    "als": lambda: ALS(**SMALL, weights="seasonal"),
    "als power decay": lambda: ALS(
        **SMALL, alpha=3, weights={"kind": "power_decay", "repeats": "last"}
    ),
    "also bought": lambda: AlsoBought(per_article=None),
    "also bought 5": lambda: AlsoBought(per_article=5),
    "sar": lambda: SAR(),
    "sar 5, undecayed": lambda: SAR(per_article=5, half_life_days=0, similarity="cosine"),
    "ease": lambda: EASE(regularization=5),
    "ease 6": lambda: EASE(regularization=5, per_article=6, dropout=0.2, min_article=2),
    "graph filter": lambda: GraphFilter(factors=8, per_article=9),
    "graph filter, exact": lambda: GraphFilter(factors=8, per_article=0, weights="power_decay"),
    "bpr": lambda: BPR(factors=8, iterations=20, learning_rate=0.1, min_customer=2, min_article=2),
    "co-purchase": lambda: CoPurchase(window_days=9, per_article=20),
    "same day": lambda: CoPurchase(window_days=0, decay=0, days=60, share=0, history_days=50),
    "looks like": lambda: told(LooksLike(history_decay=0.3)),
    "new arrivals": lambda: told(NewArrivals(days=500, neighbours=2)),
    "popular at age": lambda: PopularAtAge(days=40, enough=60, decay=0.5),
    "popular in department": lambda: told(PopularInGroup(days=60, by="units", share=0.5)),
    "popular in section": lambda: told(PopularInGroup(attribute="section_no", days=90)),
    "same product": lambda: told(SameProduct(per_article=2, history_days=90)),
    "trending": lambda: Trending(days=40, before_days=20),
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


@pytest.fixture(
    scope="session", params=[*MODELS.values(), *NEURAL.values()], ids=[*MODELS, *NEURAL]
)
def make(request: pytest.FixtureRequest) -> Callable[[], Model[Any]]:
    return request.param


@pytest.fixture(scope="session")
def fitted(make: Callable[[], Model[Any]], world: Histories) -> Model[Any]:
    return make().fit(world, as_of=AS_OF)
