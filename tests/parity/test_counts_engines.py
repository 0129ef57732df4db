"""Splits, cores, popularity and pairs: the arrays, and the same as expressions on each engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.parity.conftest import Engine

from hemline.config import Popular as PopularSettings
from hemline.config.channel_models import CoPurchase as CoPurchaseSettings
from hemline.models.also_bought import AlsoBought
from hemline.models.co_purchase import CoPurchase
from hemline.models.pairs_expression import also_bought_expression, co_purchase_expression
from hemline.models.popular import Popular
from hemline.models.sales_expression import popular_expression
from hemline.shop.histories import SECONDS_PER_DAY, Histories
from hemline.shop.kcore import k_core, k_core_expression
from hemline.shop.splits import Fold, split
from hemline.shop.splits_expression import folds_span_expression, split_expression

CUSTOMERS, ARTICLES, DAYS = 60, 25, 60
END = DAYS * SECONDS_PER_DAY
Rows = list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def purchases() -> pa.Table:
    """Purchases with ties, repeats and a long tail; rows as `ingest` writes them."""
    chance = np.random.default_rng(3)
    n = 1500
    article = np.minimum(chance.geometric(0.12, n) - 1, ARTICLES - 1)
    table = pa.table(
        {
            "customer": pa.array(chance.integers(0, CUSTOMERS, n), pa.int32()),
            "article": pa.array(article, pa.int32()),
            "time": pa.array(chance.integers(0, DAYS * 8, n) * (SECONDS_PER_DAY // 8), pa.int64()),
            "quantity": pa.array(chance.integers(1, 4, n), pa.int32()),
        }
    )
    groups = table.group_by(["customer", "time", "article"]).aggregate([("quantity", "sum")])
    groups = groups.rename_columns(["customer", "time", "article", "quantity"])
    return groups.sort_by(
        [("customer", "ascending"), ("time", "ascending"), ("article", "ascending")]
    )


@pytest.fixture(scope="module")
def ages() -> np.ndarray:
    found = np.random.default_rng(4).integers(16, 80, CUSTOMERS).astype(np.float32)
    found[::7] = np.nan
    found[1] = 25.5
    return found


@pytest.fixture(scope="module")
def histories(purchases: pa.Table, ages: np.ndarray) -> Histories:
    return _histories(purchases, ages, dated=True)


@pytest.fixture(scope="module")
def undated(purchases: pa.Table, ages: np.ndarray) -> Histories:
    return _histories(purchases, ages, dated=False)


def _histories(purchases: pa.Table, ages: np.ndarray, *, dated: bool) -> Histories:
    columns = {name: purchases.column(name).to_numpy() for name in purchases.column_names}
    return Histories.from_purchases(
        columns["customer"],
        columns["article"],
        time=columns["time"] if dated else np.zeros_like(columns["time"]),
        weight=columns["quantity"].astype(np.float32),
        age=ages,
        n_customers=CUSTOMERS,
        n_articles=ARTICLES,
    )


def rows(table: pa.Table) -> Rows:
    return sorted(tuple(one.values()) for one in table.to_pylist())


def check(engine: Engine, expression: Any, expected: Rows, kind: type = float) -> None:
    """Assert that an expression's rows are those; a float last column to 1e-12 relative."""
    found = rows(engine[1](expression))
    assert [one[:-1] for one in found] == [one[:-1] for one in expected]
    if kind is int:
        assert [one[-1] for one in found] == [one[-1] for one in expected]
        return
    values = np.array([one[-1] for one in found], np.float64)
    wanted = np.array([one[-1] for one in expected], np.float64)
    assert np.allclose(values, wanted, rtol=1e-12, atol=0)


def test_split(engine: Engine, purchases: pa.Table, histories: Histories) -> None:
    table = engine[0]("purchases", purchases)
    fold = Fold(END - 7 * SECONDS_PER_DAY, END - 2 * SECONDS_PER_DAY)
    train, truth = split_expression(table, fold)
    parted = split(histories, fold)
    taken = parted.train.rows()
    expected = zip(
        parted.train.customers().tolist(),
        parted.train.time[taken].tolist(),
        parted.train.article[taken].tolist(),
        strict=True,
    )
    columns = train.select("customer", "time", "article")
    assert rows(engine[1](columns)) == sorted(expected)
    pairs = [
        (customer, article)
        for customer in range(CUSTOMERS)
        for article in parted.truth.take(np.array([customer])).articles.tolist()
    ]
    assert rows(engine[1](truth)) == sorted(pairs)
    span = engine[1](folds_span_expression(table)).to_pylist()[0]
    assert span["last"] == histories.last_time()


def test_k_core(engine: Engine, purchases: pa.Table, histories: Histories) -> None:
    core = k_core(histories, 8, 20)
    assert 0 < core.after.pairs < core.before.pairs
    pairs = engine[1](k_core_expression(engine[0]("purchases", purchases), 8, 20))
    assert pairs.num_rows == core.after.pairs
    assert set(pairs["customer"].to_pylist()) == set(np.flatnonzero(core.customers).tolist())
    assert set(pairs["article"].to_pylist()) == set(np.flatnonzero(core.articles).tolist())


@pytest.mark.parametrize(
    ("by", "decay", "as_of"),
    [("customers", 0.0, END), ("units", 0.7, END - 86_400), ("customers", 1.5, None)],
)
def test_popular(
    engine: Engine,
    purchases: pa.Table,
    ages: np.ndarray,
    histories: Histories,
    undated: Histories,
    by: Any,
    decay: float,
    as_of: int | None,
) -> None:
    settings = PopularSettings(by=by, decay=decay)
    train = undated if as_of is None else histories.before(as_of)
    model = Popular(by=by, decay=decay).fit(train, as_of=as_of)
    customers = pa.table({"customer": np.arange(CUSTOMERS, dtype=np.int32), "age": ages})
    found = popular_expression(
        engine[0]("purchases", purchases), engine[0]("customers", customers), as_of, settings
    )
    table = {one[:2]: one[2] for one in rows(engine[1](found))}
    expected = {
        (band, int(article)): float(model.counts_[band, place])
        for band in range(len(model.order_))
        for place, article in enumerate(model.order_[band])
        if model.counts_[band, place] > 0
    }
    assert table.keys() == expected.keys()
    # the arrays end in float32
    assert all(abs(table[one] / expected[one] - 1) < 1e-7 for one in expected)


@pytest.mark.parametrize("per_article", [0, 3])
def test_also_bought(
    engine: Engine, purchases: pa.Table, histories: Histories, per_article: int
) -> None:
    model = AlsoBought(per_article=per_article or None).fit(histories)
    expected = [
        (article, int(model.article_[at]), int(model.count_[at]))
        for article in range(ARTICLES)
        for at in range(model.indptr_[article], model.indptr_[article + 1])
    ]
    found = also_bought_expression(engine[0]("purchases", purchases), per_article)
    check(engine, found, sorted(expected), int)


@pytest.mark.parametrize(
    ("settings", "as_of"),
    [
        (CoPurchaseSettings(window_days=5, per_article=1000), END),
        (CoPurchaseSettings(window_days=0, days=30, decay=1.0, share=0.5), END),
        (CoPurchaseSettings(per_article=4, share=0.0), None),
    ],
)
def test_co_purchase(
    engine: Engine,
    purchases: pa.Table,
    histories: Histories,
    undated: Histories,
    settings: CoPurchaseSettings,
    as_of: int | None,
) -> None:
    train = undated if as_of is None else histories
    model = CoPurchase(**settings.model_dump()).fit(train, as_of=as_of)
    expected = {
        (article, int(model.article_[at])): float(model.value_[at])
        for article in range(ARTICLES)
        for at in range(model.indptr_[article], model.indptr_[article + 1])
    }
    found = co_purchase_expression(engine[0]("purchases", purchases), as_of, settings)
    table = {one[:2]: one[2] for one in rows(engine[1](found))}
    assert table.keys() == expected.keys()
    assert all(abs(table[one] / expected[one] - 1) < 1e-7 for one in expected)


@pytest.mark.spark
def test_both_engines_agree_to_the_last_digits(
    duckdb: Engine, spark: Engine, purchases: pa.Table, ages: np.ndarray
) -> None:
    customers = pa.table({"customer": np.arange(CUSTOMERS, dtype=np.int32), "age": ages})
    settings = PopularSettings(by="units", decay=0.7)
    for build in (
        lambda table, others: popular_expression(table, others, END, settings),
        lambda table, others: co_purchase_expression(table, END),
    ):
        found = [
            rows(one[1](build(one[0]("purchases", purchases), one[0]("customers", customers))))
            for one in (duckdb, spark)
        ]
        assert [one[:2] for one in found[0]] == [one[:2] for one in found[1]]
        assert np.allclose(
            [one[2] for one in found[0]], [one[2] for one in found[1]], rtol=1e-12, atol=0
        )
