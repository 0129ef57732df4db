from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from hemline.shop.histories import Histories
from hemline.shop.kcore import Core, Density, core_that_holds, k_core, k_core_expression
from hemline.shop.pairs import merge, span
from hemline.shop.simulate import simulate

pairs_strategy = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 7)), max_size=80)


def shop(pairs: list[tuple[int, int]], n_customers: int = 10, n_articles: int = 8) -> Histories:
    customer, article = (np.array(pairs or np.zeros((0, 2)), dtype=int)).T
    return Histories.from_purchases(
        customer, article, n_customers=n_customers, n_articles=n_articles
    )


def threshold_likes(pairs: set[tuple[int, int]], n: int, m: int) -> set[tuple[int, int]]:
    """The sources' loop, word by word: customers out, then articles out, until nothing goes."""
    while True:
        before = len(pairs)
        pairs = {p for p in pairs if sum(q[0] == p[0] for q in pairs) >= n}
        pairs = {p for p in pairs if sum(q[1] == p[1] for q in pairs) >= m}
        if len(pairs) == before:
            return pairs


@given(pairs_strategy, st.integers(0, 4), st.integers(0, 4))
def test_k_core_is_what_alternating_thresholding_leaves(pairs, n, m):
    core = k_core(shop(pairs), n, m)
    left = threshold_likes(set(pairs), n, m)
    assert set(np.flatnonzero(core.customers)) == {c for c, _ in left}
    assert set(np.flatnonzero(core.articles)) == {a for _, a in left}
    assert core.after == Density(len({c for c, _ in left}), len({a for _, a in left}), len(left))
    matrix = core.matrix(merge(shop(pairs)))
    assert matrix.nnz == len(left)
    dense = np.zeros((10, 8), bool)
    for c, a in left:
        dense[c, a] = True
    assert np.array_equal(matrix.toarray() > 0, dense[core.customers][:, core.articles])


@given(pairs_strategy, st.sampled_from(["sum", "max", "last"]), st.data())
def test_merge_is_one_entry_for_each_pair(pairs, repeats, data):
    histories = shop(pairs)
    values = np.array(
        data.draw(st.lists(st.integers(1, 9), min_size=len(pairs), max_size=len(pairs))), np.float32
    )
    wanted: dict[tuple[int, int], float] = {}
    for c, a, v in zip(histories.customers(), histories.article, values, strict=True):
        old = wanted.get((c, a))
        both = v if old is None else {"sum": old + v, "max": max(old, v), "last": v}[repeats]
        wanted[c, a] = both
    found = merge(histories, values, repeats)
    assert found.nnz == len(wanted)
    assert found.has_sorted_indices
    coordinates = found.tocoo()
    got = zip(coordinates.row, coordinates.col, coordinates.data, strict=True)
    assert {(r, c): v for r, c, v in got} == wanted


def test_merge_does_not_depend_on_threads_and_sorts_long_rows(monkeypatch):
    monkeypatch.setattr("hemline.shop.pairs.BLOCK", 7)
    random = np.random.default_rng(0)
    histories = Histories.from_purchases(
        random.integers(0, 40, 9000), random.integers(0, 300, 9000), n_customers=41, n_articles=300
    )
    one, two = (merge(histories, histories.weight, threads=threads) for threads in (1, 3))
    assert (one != two).nnz == 0
    assert np.array_equal(one.toarray(), histories.matrix().toarray())


def test_span_keeps_the_rows_and_little_else():
    random = np.random.default_rng(0)
    histories = Histories.from_purchases(
        random.integers(0, 40, 900), random.integers(0, 30, 900), n_customers=41, n_articles=30
    )
    for rows in (slice(5, 9), np.array([0, 39]), slice(40, 41), slice(3, 3)):
        part = histories.take(rows)
        found = span(part)
        assert len(found.article) <= 2 * part.n_purchases
        assert np.array_equal(found.matrix().toarray(), part.matrix().toarray())


def test_the_summary_reads_as_the_talk_prints_it():
    assert str(Density(1362281, 104547, 31_788_324)) == (
        "Number of users: 1362281\nNumber of items: 104547\nSparsity: 0.022%"
    )
    assert Density(0, 0, 0).sparsity == 0


def test_steps_go_from_all_to_the_core():
    core = k_core(shop([(0, 0), (0, 1), (1, 0), (1, 1), (2, 1), (2, 2)]), 2, 2)
    assert core.before == Density(3, 3, 6)
    assert core.after == Density(2, 2, 4)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 2), (5, 5), (60, 60)])
def test_the_ibis_form_keeps_the_same_pairs(n, m):
    ibis = pytest.importorskip("ibis")
    random = np.random.default_rng(n)
    customer = random.integers(0, 300, 4000)
    article = (200 * random.random(4000) ** 3).astype(np.int32)
    histories = Histories.from_purchases(customer, article, n_customers=300, n_articles=200)
    connection = ibis.duckdb.connect()
    table = connection.create_table(
        "purchases", pa.table({"customer": customer, "article": article})
    )
    _same(k_core(histories, n, m), k_core_expression(table, n, m).to_pyarrow())


def _same(core, pairs) -> None:
    customers, articles = (pairs.column(name).to_numpy() for name in ("customer", "article"))
    assert pairs.num_rows == core.after.pairs
    assert np.array_equal(np.unique(customers), np.flatnonzero(core.customers))
    assert np.array_equal(np.unique(articles), np.flatnonzero(core.articles))


def _agree(transactions: Path, minimum: int) -> Core:
    ibis = pytest.importorskip("ibis")
    connection = ibis.duckdb.connect()
    rows = connection.read_csv(transactions, all_varchar=True)
    customers = rows.customer_id.dense_rank().cast("int32")
    articles = rows.article_id.dense_rank().cast("int32")
    table = rows.select(customer=customers, article=articles).cache()
    arrow = table.to_pyarrow()
    customer, article = (arrow.column(name).to_numpy() for name in ("customer", "article"))
    histories = Histories.from_purchases(
        customer, article, n_customers=int(customer.max()) + 1, n_articles=int(article.max()) + 1
    )
    core = k_core(histories, minimum, minimum)
    assert 0 < core.after.pairs < core.before.pairs
    _same(core, k_core_expression(table, minimum, minimum).to_pyarrow())
    return core


def test_both_forms_agree_on_a_simulated_shop(tmp_path: Path):
    simulate(tmp_path / "shop", customers=1500, articles=600, days=200, seed=1, photos=False)
    _agree(tmp_path / "shop" / "transactions_train.csv", 5)


@pytest.mark.real_data
def test_both_forms_agree_on_real_purchases(real_data: Path):
    core = _agree(real_data / "hm-week" / "transactions_train.csv", 5)
    assert core.before.customers == 68_984
    assert core.before.articles == 17_986


def test_thresholds_fall_until_something_is_left() -> None:
    pairs = sparse.csr_matrix(np.eye(4, dtype=np.float32) + np.eye(4, k=1, dtype=np.float32))
    assert not k_core(pairs, 5, 5).after.pairs
    core = core_that_holds(pairs, 5, 3)
    assert (core.min_customer, core.min_article) == (2, 1)
    assert core.after == k_core(pairs, 2, 1).after
    assert core.after.customers == 3
    empty = core_that_holds(sparse.csr_matrix((3, 3), dtype=np.float32), 5, 5)
    assert not empty.after.pairs
