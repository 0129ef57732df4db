"""The metrics of arrays, and the same as expressions, to 1e-12: here on DuckDB.

On Spark the same functions are asked by tests/cluster, where a cluster is running.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemline.errors import ConfigError
from hemline.evaluate.backtest import judge
from hemline.evaluate.metrics import catalogue_coverage, per_customer
from hemline.evaluate.metrics_expression import (
    catalogue_coverage_expression,
    judge_expression,
    per_customer_expression,
)
from hemline.evaluate.report import ALL, JUDGED
from hemline.shop.histories import SECONDS_PER_DAY, Histories
from hemline.shop.splits import Fold, split
from hemline.shop.truth import Truth


@dataclass
class Engine:
    """How an engine is given an Arrow table under a name, and how it is asked."""

    named: Callable[[str, pa.Table], Any]
    rows: Callable[[Any], pa.Table]


@pytest.fixture(scope="module")
def duckdb() -> Engine:
    connection = ibis.duckdb.connect()
    return Engine(
        lambda name, table: connection.create_table(name, table, overwrite=True),
        lambda expression: expression.to_pyarrow(),
    )


def lists_table(lists: np.ndarray, rows: np.ndarray | None = None) -> pa.Table:
    """Lists as a table, with their empty places as nulls."""
    n, width = lists.shape
    article = pa.array(lists.ravel(), mask=lists.ravel() < 0)
    customer = np.repeat(np.arange(n) if rows is None else rows, width)
    return pa.table(
        {
            "customer": customer.astype(np.int32),
            "rank": np.tile(np.arange(1, width + 1, dtype=np.int16), n),
            "article": article,
        }
    )


def truth_table(truth: Truth) -> pa.Table:
    customer = np.repeat(np.arange(len(truth)), truth.counts).astype(np.int32)
    return pa.table({"customer": customer, "article": truth.articles})


def agree(
    lists: np.ndarray, truth: Truth, k: int, engine: Engine, denominator: Any = "min"
) -> None:
    wanted = per_customer(lists, truth, k, denominator=denominator)
    expression = per_customer_expression(
        engine.named("lists", lists_table(lists)),
        engine.named("truth", truth_table(truth)),
        k,
        denominator=denominator,
    )
    found = engine.rows(expression.order_by("customer"))
    assert found["customer"].to_pylist() == truth.buyers.tolist()
    assert set(found.column_names) == {"customer", *wanted}
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name].to_numpy(), values, rtol=1e-12, err_msg=name)


articles = st.integers(-1, 6)


@given(
    st.lists(st.lists(articles, min_size=4, max_size=4), min_size=1, max_size=6),
    st.data(),
    st.integers(1, 6),
    st.sampled_from(["min", "relevant"]),
)
@settings(max_examples=30)
def test_every_customer_has_the_same_metrics_on_duckdb(duckdb, lists, data, k, denominator):
    bought = data.draw(
        st.lists(st.lists(st.integers(0, 6), max_size=7), min_size=len(lists), max_size=len(lists))
    )
    agree(np.array(lists, np.int32), Truth.from_lists(bought), k, duckdb, denominator)


def drawn(n: int, width: int, n_articles: int) -> tuple[np.ndarray, Truth]:
    """Lists with empty places and doubles, and truths of which some are hits and some empty."""
    random = np.random.default_rng(5)
    lists = random.integers(-1, n_articles, (n, width)).astype(np.int32)
    bought = [random.integers(0, n_articles, random.integers(0, 20)) for _ in range(n)]
    return lists, Truth.from_lists(bought)


def check_a_fold(engine: Engine) -> None:
    random = np.random.default_rng(9)
    n, m, n_articles, k = 300, 4000, 50, 12
    # customers of every segment, and some whose first purchase lies in the fold
    time = random.integers(0, 200, m) ** 2 * SECONDS_PER_DAY // 200 + random.integers(0, 86_400, m)
    customer = random.integers(0, n, m)
    histories = Histories.from_purchases(
        customer, random.integers(0, n_articles, m), n_customers=n, n_articles=n_articles, time=time
    )
    fold = Fold(190 * SECONDS_PER_DAY, 201 * SECONDS_PER_DAY)
    parted = split(histories, fold)
    buyers = parted.truth.buyers
    lists = random.integers(-1, n_articles, (len(buyers), k)).astype(np.int32)
    wanted = judge(lists, parted, fold, k, n_articles, 1)
    purchases = pa.table({"customer": customer.astype(np.int32), "time": time})
    given_lists = engine.named("lists", lists_table(lists, buyers))
    found = judge_expression(
        given_lists,
        engine.named("truth", truth_table(parted.truth)),
        engine.named("purchases", purchases),
        cutoff=fold.cutoff,
        k=k,
    )
    rows = engine.rows(found).to_pylist()
    coverage = engine.rows(catalogue_coverage_expression(given_lists, k, n_articles=n_articles))
    assert coverage["catalogue_coverage"][0].as_py() == pytest.approx(
        catalogue_coverage(lists, k, n_articles=n_articles), rel=1e-12
    )
    assert len(wanted) >= 4  # segments
    assert {one["segment"] for one in rows} == set(wanted)
    for row in rows:
        for name in ("customers", *JUDGED):
            assert row[name] == pytest.approx(wanted[row["segment"]][name], rel=1e-12), name
    assert wanted[ALL]["map"] > 0


def test_a_fold_is_judged_alike_on_duckdb(duckdb):
    check_a_fold(duckdb)


def test_no_place_and_no_such_denominator_are_refused(duckdb):
    lists, truth = (
        duckdb.named("lists", lists_table(np.zeros((1, 1), np.int32))),
        duckdb.named("truth", truth_table(Truth.from_lists([[0]]))),
    )
    with pytest.raises(ConfigError, match="k = 0"):
        per_customer_expression(lists, truth, 0)
    with pytest.raises(ConfigError, match="denominator"):
        per_customer_expression(lists, truth, 1, denominator="all")  # type: ignore[arg-type]
