"""Proposals joined into candidates, against plain Python."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hemline.models.base import TopK
from hemline.recommend.candidates import Candidates

N_ARTICLES = 12

lists = st.lists(st.integers(0, N_ARTICLES - 1), max_size=5, unique=True)


def top(rows: list[list[int]], k: int) -> TopK:
    articles = np.full((len(rows), k), -1, np.int32)
    scores = np.full((len(rows), k), -np.inf, np.float32)
    for i, row in enumerate(rows):
        articles[i, : len(row)] = row
        scores[i, : len(row)] = [100 - at for at in range(len(row))]
    return TopK(articles, scores)


@given(
    given=st.integers(0, 4).flatmap(
        lambda n: st.lists(st.lists(lists, min_size=n, max_size=n), min_size=1, max_size=4)
    )
)
def test_every_article_once_with_all_its_ranks(given):
    names = tuple("abcd"[: len(given)])
    tops = [top(rows, 5 + at) for at, rows in enumerate(given)]
    found = Candidates.join(tops, names, n_articles=N_ARTICLES)
    n = len(given[0])
    assert len(found) == n
    assert found.bounds.dtype == np.int64
    assert found.article.dtype == np.int32
    assert found.rank.dtype == np.int16
    assert found.score.dtype == np.float32
    assert found.channels == names
    assert found.n_rows == found.bounds[-1] == found.counts.sum()
    for i in range(n):
        expected = list(dict.fromkeys(one for rows in given for one in rows[i]))
        held = slice(found.bounds[i], found.bounds[i + 1])
        assert found.article[held].tolist() == expected
        assert (found.customers()[held] == i).all()
        for row, one in enumerate(expected):
            for at, rows in enumerate(given):
                rank = rows[i].index(one) + 1 if one in rows[i] else 0
                assert found.rank[held][row, at] == rank
                score = found.score[held][row, at]
                assert score == 101 - rank if rank else np.isnan(score)


def test_padded_and_blocks():
    rows = [[3, 1], [], [5], [2, 4, 0]]
    found = Candidates.join([top(rows, 3)], ("one",), n_articles=N_ARTICLES)
    assert found.padded().tolist() == [[3, 1, -1], [-1, -1, -1], [5, -1, -1], [2, 4, 0]]
    part = found.block(2, 4)
    assert part.bounds.tolist() == [0, 1, 4]
    assert part.article.tolist() == [5, 2, 4, 0]
    assert part.rank[:, 0].tolist() == [1, 1, 2, 3]
    assert part.score[:, 0].tolist() == [100, 100, 99, 98]
