from __future__ import annotations

import numpy as np

from hemline.models import BPR
from hemline.models.base import Repeat
from hemline.shop.histories import Histories


def planted(n: int = 400, groups: int = 4, n_articles: int = 40, seed: int = 0) -> Histories:
    """Return customers who buy within their group of articles, 6 of 10, and nothing else."""
    random = np.random.default_rng(seed)
    size = n_articles // groups
    baskets = [random.choice(size, 6, replace=False) + size * (one % groups) for one in range(n)]
    return Histories.from_baskets(baskets, n_articles=n_articles + 1)


def test_groups_are_found_for_new_customers_too():
    model = BPR(factors=8, iterations=60, learning_rate=0.05).fit(planted())
    fresh = planted(100, seed=9)
    found = model.recommend(fresh, 4, repeat=Repeat.exclude()).articles
    group = np.arange(100)[:, None] % 4
    assert (found // 10 == group).mean() > 0.95


def test_scores_are_products_of_vectors():
    histories = planted(80)
    model = BPR(factors=8, iterations=5).fit(histories)
    vectors = model.customer_vectors(histories)
    assert vectors.shape == (80, 9)
    assert (vectors[:, -1] == 1).all()
    every = np.tile(np.arange(41, dtype=np.int32), (80, 1))
    np.testing.assert_allclose(
        model.score(histories, every), vectors @ model.item_factors_.T, atol=1e-5
    )


def test_the_fold_in_is_the_regression_of_the_trained_vectors():
    from implicit.cpu.bpr import BayesianPersonalizedRanking

    from hemline.shop.pairs import merge

    histories = planted(200)
    model = BPR(factors=4, iterations=20, min_article=1, min_customer=1).fit(histories)
    trainer = BayesianPersonalizedRanking(
        factors=4, iterations=20, learning_rate=0.01, regularization=0.01, num_threads=1,
        random_state=1,
    )  # fmt: skip
    trainer.fit(merge(histories)[:, :40].tocsr(), show_progress=False)
    assert np.array_equal(model.item_factors_[:40], trainer.item_factors)
    x = (histories.matrix().toarray()[:, :40] > 0) / np.sqrt(6)
    h = x @ trainer.item_factors[:, :4]
    gram = h.T @ h
    gram += 1e-3 * np.trace(gram) / 4 * np.eye(4)
    fold = np.linalg.solve(gram, h.T @ trainer.user_factors[:, :4])
    np.testing.assert_allclose(model.customer_vectors(histories)[:, :4], h @ fold, atol=1e-4)


def test_nothing_known():
    histories = planted(40)
    model = BPR(factors=4, iterations=2).fit(histories)
    unknown = Histories.from_baskets([[40], []], n_articles=41)
    assert not model.customer_vectors(unknown).any()
    assert (model.recommend(unknown, 3).articles == -1).all()
    # an unknown article beside a known one changes nothing
    beside = Histories.from_baskets([[1], [1, 40]], n_articles=41)
    one, two = model.customer_vectors(beside)
    assert np.array_equal(one, two)


def test_progress_is_told():
    seen = []
    model = BPR(factors=4, iterations=3)
    model.progress = lambda done, total: seen.append((done, total))
    model.fit(planted(40))
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
