from __future__ import annotations

import numpy as np
import pytest

from hemline.models import GraphFilter
from hemline.models.base import Repeat
from hemline.shop.histories import Histories

N = 120


def world(seed: int = 0) -> Histories:
    random = np.random.default_rng(seed)
    return Histories.from_purchases(
        random.integers(0, N - 5, 900),
        (40 * random.random(900) ** 2).astype(int),
        n_customers=N,
        n_articles=42,  # two that nobody bought
        weight=random.integers(1, 4, 900),
    )


def by_the_paper(
    r: np.ndarray, factors: int, low_pass: float, powers: tuple[float, float] = (0.5, 0.5)
) -> np.ndarray:
    """Return the whole filter, articles x articles, from dense matrices."""
    with np.errstate(divide="ignore"):
        of_customer = np.where(r.sum(1) > 0, r.sum(1) ** -powers[0], 0)
        of_article = np.where(r.sum(0) > 0, r.sum(0) ** -powers[1], 0)
    normal = of_customer[:, None] * r * of_article
    v = np.linalg.svd(normal, full_matrices=False)[2][:factors].T
    back = np.divide(1, of_article, out=np.zeros_like(of_article), where=of_article > 0)
    return normal.T @ normal + low_pass * of_article[:, None] * (v @ v.T) * back


@pytest.mark.parametrize(
    ("settings", "quantity"),
    [
        ({"factors": 6, "low_pass": 0.3}, False),
        ({"factors": 12, "low_pass": 0.0}, False),
        ({"factors": 3, "low_pass": 2.0, "customer_power": 0.3, "article_power": 0.7}, True),
    ],
)
def test_scores_are_those_of_the_paper(settings, quantity):
    histories = world()
    weights = {"kind": "binary", "repeats": "sum" if quantity else "max", "quantity": quantity}
    model = GraphFilter(per_article=0, rounds=12, weights=weights, **settings).fit(histories)
    r = histories.matrix().toarray().astype(float)
    if not quantity:
        r = (r > 0).astype(float)
    powers = settings.get("customer_power", 0.5), settings.get("article_power", 0.5)
    wanted = r @ by_the_paper(r, settings["factors"], settings["low_pass"], powers)
    every = np.tile(np.arange(42, dtype=np.int32), (N, 1))
    np.testing.assert_allclose(model.score(histories, every), wanted, rtol=2e-3, atol=2e-5)
    pruned = GraphFilter(per_article=42, rounds=12, weights=weights, **settings).fit(histories)
    np.testing.assert_allclose(pruned.score(histories, every), wanted, rtol=2e-3, atol=2e-5)


def test_kept_rows_are_the_largest_of_both_terms():
    histories = world()
    model = GraphFilter(per_article=5, factors=6, rounds=12).fit(histories)
    whole = by_the_paper((histories.matrix().toarray() > 0).astype(float), 6, 0.3)
    for one in range(40):
        row = slice(model.indptr_[one], model.indptr_[one + 1])
        order = np.argsort(-np.abs(whole[one]))[:5]
        assert set(model.article_[row].tolist()) == set(order.tolist())
        np.testing.assert_allclose(model.value_[row], whole[one][order], rtol=1e-3)
    assert model.directions_.size == 0


def test_all_entries_answer_nearly_as_the_exact_filter():
    histories = world()
    exact = GraphFilter(per_article=0, factors=6).fit(histories)
    pruned = GraphFilter(per_article=42, factors=6).fit(histories)
    rows = histories.take(np.flatnonzero(histories.lengths))
    one = exact.recommend(rows, 5, repeat=Repeat.exclude()).articles
    two = pruned.recommend(rows, 5, repeat=Repeat.exclude()).articles
    shared = np.mean([len(set(a) & set(b)) / 5 for a, b in zip(one, two, strict=True)])
    assert shared > 0.9


def test_only_what_was_sold_is_recommended():
    histories = world()
    for per_article in (0, 10):
        model = GraphFilter(per_article=per_article, factors=6).fit(histories)
        odd = Histories.from_baskets([[40], [40, 3]], n_articles=42)
        found = model.recommend(odd, 42).articles
        assert (found[0] == -1).all()
        assert found[1, 0] >= 0
        assert not np.isin(found[1], (40, 41)).any()


def test_recent_purchases_weigh_more():
    day = 86_400
    histories = Histories.from_purchases(
        [0, 0, 1, 1, 2, 2],
        [0, 1, 2, 3, 0, 2],
        n_customers=3,
        n_articles=4,
        time=np.array([10, 10, 10, 10, 1, 300]) * day,
    )
    model = GraphFilter(factors=1, low_pass=0, per_article=0, weights="power_decay")
    model.fit(histories, as_of=301 * day)
    found = model.recommend(histories, 4, as_of=301 * day, repeat=Repeat.exclude())
    assert found.articles[2].tolist()[:2] == [3, 1]
