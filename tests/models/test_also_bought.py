from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemline.models import AlsoBought
from hemline.models.also_bought_kernel import count_paths
from hemline.models.base import Repeat
from hemline.shop.histories import Histories

edges_strategy = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9)), max_size=60)


def shop(edges: list[tuple[int, int]]) -> Histories:
    customer, article = np.array(edges or np.zeros((0, 2)), int).T
    return Histories.from_purchases(customer, article, n_customers=7, n_articles=10)


def cypher(edges: list[tuple[int, int]], customer: int) -> Counter[int]:
    """The sources' query, path by path: no purchase is used twice in one path."""
    bought = {article for one, article in edges if one == customer}
    score: Counter[int] = Counter()
    for e1, (c, p) in enumerate(edges):
        for e2, (other, p2) in enumerate(edges):
            for e3, (other2, rec) in enumerate(edges):
                if len({e1, e2, e3}) < 3 or c != customer or p2 != p or other2 != other:
                    continue
                if rec != p and rec not in bought:
                    score[rec] += 1
    return score


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9)), max_size=25))
def test_the_sources_query(edges):
    histories = shop(edges)
    model = AlsoBought(per_article=None).fit(histories)
    found = model.recommend(histories, 10, repeat=Repeat.exclude())
    for customer in range(7):
        counts = cypher(edges, customer)
        wanted = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        held = int((found.articles[customer] >= 0).sum())
        got = zip(found.articles[customer, :held], found.scores[customer, :held], strict=True)
        assert [(int(a), int(s)) for a, s in got] == wanted


@given(edges_strategy, st.sampled_from([None, 1, 3]))
def test_rows_are_the_largest_counts_of_the_product(edges, per_article):
    histories = shop(edges)
    bought = np.zeros((7, 10))
    np.add.at(bought, (histories.customers(), histories.article), 1)
    counts = bought.T @ bought
    np.fill_diagonal(counts, 0)
    model = AlsoBought(per_article=per_article).fit(histories)
    for one in range(10):
        row = slice(model.indptr_[one], model.indptr_[one + 1])
        order = np.argsort(-counts[one], kind="stable")
        order = order[counts[one][order] > 0][:per_article]
        assert model.article_[row].tolist() == order.tolist()
        assert model.count_[row].tolist() == counts[one][order].tolist()


def test_scores_add_up_over_purchases():
    histories = shop([(0, 1), (0, 1), (1, 1), (1, 2), (2, 3), (2, 2), (0, 3)])
    model = AlsoBought(per_article=None).fit(histories)
    counts = {(1, 2): 1, (1, 3): 2, (2, 3): 1}
    scores = model.score(histories.block(0, 1), np.arange(4, dtype=np.int32)[None])[0]
    assert scores.tolist() == [
        0,
        counts[1, 3],
        2 * counts[1, 2] + counts[2, 3],
        2 * counts[1, 3],
    ]


def test_a_giant_customer_is_counted_in_full():
    # 70,000 purchases of each of two articles by one customer: 4.9e9 paths between them
    n = 70_000
    histories = Histories.from_purchases(
        np.zeros(2 * n + 3),
        np.concatenate([np.zeros(n), np.ones(n), [2, 2, 2]]),
        n_customers=1,
        n_articles=3,
    )
    model = AlsoBought(per_article=None).fit(histories)
    assert model.article_.tolist() == [1, 2, 0, 2, 0, 1]
    wanted = [n * n, 3 * n, n * n, 3 * n, 3 * n, 3 * n]
    assert np.array_equal(model.count_, np.array(wanted, np.float32))


@pytest.mark.parametrize("width", [np.int32, np.int64])
def test_both_widths_of_sums_count_alike_and_are_left_at_zero(width):
    random = np.random.default_rng(0)
    histories = Histories.from_purchases(
        random.integers(0, 50, 2000), random.integers(0, 30, 2000), n_customers=50, n_articles=30
    )
    model = AlsoBought(per_article=7).fit(histories)
    bought = histories.matrix()
    by_article = bought.T.tocsr()
    sums, lengths = np.zeros(30, width), np.zeros(30, np.int64)
    articles, counts = count_paths(
        bought.indptr.astype(np.int64), bought.indices, bought.data.astype(np.int32),
        by_article.indptr.astype(np.int64), by_article.indices, by_article.data.astype(np.int32),
        7, 0, 30, sums, lengths,
    )  # fmt: skip
    assert not sums.any()
    assert lengths.tolist() == [7] * 30
    assert np.array_equal(articles, model.article_)
    assert np.array_equal(counts, model.count_)
