from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemline.errors import ConfigError
from hemline.models import EASE
from hemline.models.base import Repeat
from hemline.shop.histories import Histories


def world(seed: int = 0, n: int = 80, n_articles: int = 30) -> Histories:
    random = np.random.default_rng(seed)
    return Histories.from_purchases(
        random.integers(0, n, 700),
        (n_articles * random.random(700) ** 2).astype(int),
        n_customers=n,
        n_articles=n_articles + 2,  # two that nobody bought
        weight=random.integers(1, 4, 700),
    )


def coefficients(x: np.ndarray, regularization: float, dropout: float = 0.0) -> np.ndarray:
    """Ridge regressions, one article after another: each on all but itself."""
    gram = x.T @ x
    gram[np.diag_indices(len(gram))] *= 1 + dropout / (1 - dropout)
    gram[np.diag_indices(len(gram))] += regularization
    n = len(gram)
    found = np.zeros((n, n))
    plain = x.T @ x
    for one in range(n):
        others = np.delete(np.arange(n), one)
        found[others, one] = np.linalg.solve(gram[np.ix_(others, others)], plain[others, one])
    return found


@pytest.mark.parametrize(("regularization", "dropout"), [(1.0, 0.0), (20.0, 0.0), (5.0, 0.3)])
def test_coefficients_are_ridge_regressions(regularization, dropout):
    histories = world()
    model = EASE(regularization=regularization, dropout=dropout).fit(histories)
    x = (histories.matrix().toarray() > 0)[:, model.known_].astype(float)
    np.testing.assert_allclose(model.weights_, coefficients(x, regularization, dropout), atol=2e-5)
    assert not model.known_[-2:].any()


def test_scores_are_purchases_times_coefficients():
    histories = world()
    model = EASE(regularization=3).fit(histories)
    x = (histories.matrix().toarray() > 0)[:, model.known_].astype(float)
    wanted = x @ model.weights_
    every = np.tile(np.flatnonzero(model.known_).astype(np.int32), (len(histories), 1))
    np.testing.assert_allclose(model.score(histories, every), wanted, atol=1e-5)
    found = model.recommend(histories, 30)
    best = np.flatnonzero(model.known_)[np.argmax(wanted, axis=1)]
    bought = histories.lengths > 0
    assert np.array_equal(found.articles[bought, 0], best[bought])


def test_weights_of_purchases():
    histories = world()
    weights = {"kind": "binary", "repeats": "sum", "quantity": True}
    model = EASE(regularization=3, weights=weights).fit(histories)
    x = histories.matrix().toarray()[:, model.known_].astype(float)
    np.testing.assert_allclose(model.weights_, coefficients(x, 3), atol=2e-5)


@given(st.integers(1, 40))
def test_kept_coefficients_are_the_largest(per_article):
    histories = world()
    whole = EASE(regularization=3).fit(histories)
    model = EASE(regularization=3, per_article=per_article).fit(histories)
    assert model.weights_.size == 0
    known = np.flatnonzero(whole.known_)
    for place, one in enumerate(known):
        row = slice(model.indptr_[one], model.indptr_[one + 1])
        line = whole.weights_[place]
        order = np.argsort(-np.abs(line), kind="stable")[:per_article]
        order = order[line[order] != 0]
        assert model.article_[row].tolist() == known[order].tolist()
        assert model.value_[row].tolist() == line[order].tolist()


def test_too_large_a_catalogue_is_refused_before_anything_is_allocated():
    with pytest.raises(ConfigError, match="articles needs") as caught:
        EASE(max_articles=10).fit(world())
    assert "ease.max_articles" in caught.value.hint


def test_rare_articles_are_left_out():
    histories = Histories.from_baskets([[0, 1], [0, 1], [0, 2]], n_articles=3)
    model = EASE(min_article=2).fit(histories)
    assert model.known_.tolist() == [True, True, False]
    found = model.recommend(
        Histories.from_baskets([[0, 2], [2]], n_articles=3), 2, repeat=Repeat.exclude()
    )
    assert found.articles.tolist() == [[1, -1], [-1, -1]]


@pytest.mark.real_data
def test_movielens_as_another_implementation_measured_it(real_data):
    from benchmarks.published import judge, movielens_100k, split

    train, test = split(movielens_100k(real_data), "item")
    histories = train.histories()
    found = judge(EASE(regularization=400).fit(histories), histories, test.truth(), 10)
    assert (round(found["map"], 4), round(found["ndcg"], 4)) == (0.1505, 0.4855)
