from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from hemline.blocks import silent
from hemline.config import Als
from hemline.errors import ConfigError
from hemline.models import als_trainer
from hemline.models.als_algebra import change_basis, gram, make_orthonormal, regular_root
from hemline.models.als_trainer import Trained, train

KINDS = {
    "short rows": {"factors": 10},
    "longer than they are": {"factors": 64},
    "one factor": {"factors": 1},
    "seventeen factors": {"factors": 17, "regularization": 1.0},
    "heavy": {"factors": 16, "alpha": 40.0, "regularization": 5.0},
    "very heavy": {"factors": 24, "alpha": 3000.0, "regularization": 10.0},
}


def confidences(n: int = 300, m: int = 120, seed: int = 0) -> sparse.csr_matrix:
    """Customers of a few groups, rows and columns of every length, an empty one of each."""
    random = np.random.default_rng(seed)
    group = random.integers(0, 4, n)[:, None] == random.integers(0, 4, m)
    bought = random.random((n, m)) < np.where(group, 0.3, 0.02) * random.random(m)
    bought[2] = True
    bought[0], bought[:, 1] = False, False
    weight = random.choice([0.25, 1.0, 3.0, 5.0], (n, m))
    return sparse.csr_matrix((bought * weight).astype(np.float32))


def by_formula(matrix: sparse.csr_matrix, found: Trained, settings: Als) -> float:
    """Equation 3 of Hu, Koren and Volinsky over the sum of all confidences, pair by pair."""
    x, y = found.customers.astype(np.float64), found.articles.astype(np.float64)
    held = matrix.toarray().astype(np.float64) * settings.alpha
    c = np.where(held == 0, 1.0, np.abs(held))
    squares = c * ((held > 0) - x @ y.T) ** 2
    norms = (x**2).sum() + (y**2).sum()
    # a negative confidence costs itself in implicit's formula, whatever the score
    dislikes = np.abs(held[held < 0]).sum()
    return (squares.sum() + dislikes + settings.regularization * norms) / c.sum()


def by_implicit(matrix: sparse.csr_matrix, found: Trained, settings: Als) -> float:
    from implicit.cpu._als import calculate_loss

    x, y = (np.ascontiguousarray(vectors) for vectors in (found.customers, found.articles))
    return calculate_loss(
        matrix * np.float32(settings.alpha), x, y, settings.regularization, num_threads=1
    )


def half_step(matrix: sparse.csr_matrix, others: np.ndarray, settings: Als) -> np.ndarray:
    """Equation 4 of the same paper, row by row in float64; zeros where nothing was bought."""
    weight = settings.regularization
    others = others.astype(np.float64)
    held = matrix.toarray().astype(np.float64) * settings.alpha
    squares = others.T @ others + weight * np.eye(others.shape[1])
    found = np.zeros((len(held), others.shape[1]))
    for row, c in enumerate(held):
        on = c != 0
        y = others[on]
        left = squares + (y.T * (np.abs(c[on]) - 1)) @ y
        found[row] = np.linalg.solve(left, y.T @ np.maximum(c[on], 0))
    return found


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_loss_is_implicits_and_the_formulas(kind):
    settings = Als(iterations=4, **kind)
    found = train(confidences(), settings, 1, silent)
    assert len(found.losses) == 4
    exact = by_formula(confidences(), found, settings)
    assert found.losses[-1] == pytest.approx(exact, rel=2e-5)
    assert by_implicit(confidences(), found, settings) == pytest.approx(exact, rel=2e-4)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_one_iteration_is_two_exact_half_steps(kind):
    settings = Als(iterations=1, **kind)
    start = np.random.default_rng(0).random((120, settings.factors), np.float32)
    found = train(confidences(), settings, 1, silent, start)
    customers = half_step(confidences(), start, settings)
    articles = half_step(confidences().T.tocsr(), found.customers, settings)
    # scores, for directions that hardly matter to them are hardly determined
    assert np.abs((found.customers - customers) @ start.T).max() < 3e-3
    assert np.abs(found.customers @ (found.articles - articles).T).max() < 3e-3
    assert not found.customers[0].any()
    assert not found.articles[1].any()


@pytest.mark.parametrize("kind", list(KINDS.values())[:-1], ids=list(KINDS)[:-1])
def test_it_ends_where_exact_steps_change_nothing(kind):
    settings = Als(iterations=400, **kind)
    found = train(confidences(), settings, 1, silent)
    customers = half_step(confidences(), found.articles, settings)
    articles = half_step(confidences().T.tocsr(), customers, settings)
    before, after = found.customers @ found.articles.T, customers @ articles.T
    assert np.abs(before - after).max() < 0.03
    stepped = Trained(customers, articles, [])
    gained = by_formula(confidences(), found, settings) - by_formula(
        confidences(), stepped, settings
    )
    assert gained < 1e-5 * found.losses[-1]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_loss_never_rises(kind):
    losses = np.array(train(confidences(), Als(iterations=60, **kind), 1, silent).losses)
    assert (np.diff(losses) <= 1e-6 * losses[:-1]).all()


@pytest.mark.parametrize("factors", [10, 17])
def test_fifteen_iterations_of_implicit_are_reached_sooner(factors):
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    matrix, settings = confidences(3000, 400), Als(factors=factors, iterations=15)
    with threadpool_limits(1, "blas"):
        theirs = AlternatingLeastSquares(factors=factors, iterations=15, random_state=1)
        theirs.fit(matrix, show_progress=False)
    target = by_implicit(matrix, Trained(theirs.user_factors, theirs.item_factors, []), settings)
    losses = train(matrix, settings, 1, silent).losses
    assert min(at for at, loss in enumerate(losses, 1) if loss <= target) <= 8


def test_a_step_that_raises_the_loss_is_taken_back(monkeypatch):
    monkeypatch.setattr(als_trainer, "MOMENTUM", np.float32(30))
    settings = Als(factors=10, iterations=12)
    wild = train(confidences(), settings, 1, silent)
    monkeypatch.setattr(als_trainer, "MOMENTUM", np.float32(0))
    plain = train(confidences(), settings, 1, silent)
    assert wild.losses == pytest.approx(plain.losses, rel=1e-6)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_threads_do_not_change_a_bit(kind, monkeypatch):
    monkeypatch.setattr(als_trainer, "BLOCK", 16)
    results = [train(confidences(), Als(iterations=5, **kind), n, silent) for n in (1, 2, 5)]
    for other in results[1:]:
        assert np.array_equal(results[0].articles, other.articles)
        assert np.array_equal(results[0].customers, other.customers)
        assert results[0].losses == other.losses


def test_the_seed_alone_decides():
    one, again, other = (
        train(confidences(), Als(factors=8, iterations=3, seed=seed), 1, silent).articles
        for seed in (1, 1, 2)
    )
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_what_is_not_wanted_is_as_implicit_has_it():
    matrix = confidences()
    matrix.data[::5] *= -1
    settings = Als(factors=6, iterations=1)
    start = np.random.default_rng(0).random((120, 6), np.float32)
    found = train(matrix, settings, 1, silent, start)
    np.testing.assert_allclose(found.customers, half_step(matrix, start, settings), atol=1e-3)
    assert found.losses[0] == pytest.approx(by_implicit(matrix, found, settings), rel=1e-4)
    assert found.losses[0] == pytest.approx(by_formula(matrix, found, settings), rel=1e-5)


def test_confidences_of_zero_are_held_and_say_nothing():
    matrix = confidences()
    matrix.data[:] = 0
    found = train(matrix, Als(factors=3, iterations=2), 1, silent)
    assert not found.articles.any()
    assert np.isfinite(found.losses).all()


def test_more_factors_than_there_are_of_anything():
    matrix = sparse.csr_matrix(np.array([[1, 1, 0], [0, 2, 1]], np.float32))
    found = train(matrix, Als(factors=8, iterations=20, regularization=0), 1, silent)
    scores = found.customers @ found.articles.T
    np.testing.assert_allclose(scores, [[1, 1, 0], [0, 1, 1]], atol=0.02)


def test_it_ends_early_where_the_loss_settles():
    heard = []
    settings = Als(factors=8, iterations=200, tolerance=1e-3)
    found = train(confidences(), settings, 1, lambda done, total: heard.append((done, total)))
    n = len(found.losses)
    assert 1 < n < 50
    assert found.losses[-2] - found.losses[-1] < 1e-3 * found.losses[-2]
    assert found.losses[-3] - found.losses[-2] >= 1e-3 * found.losses[-3]
    assert heard == [*((done, 200) for done in range(n + 1)), (200, 200)]


def test_a_start_near_the_end_saves_iterations():
    settings = Als(factors=10, iterations=100, tolerance=1e-5)
    cold = train(confidences(), settings, 1, silent)
    warm = train(confidences(), settings, 1, silent, cold.articles)
    assert len(warm.losses) < len(cold.losses) / 3


def test_infinite_confidences_are_an_error():
    matrix = confidences()
    matrix.data[3] = np.inf
    with pytest.raises(ConfigError, match="did not converge"):
        train(matrix, Als(factors=3), 1, silent)


def test_sums_are_in_blocks_that_threads_do_not_change():
    vectors = np.random.default_rng(0).standard_normal((9000, 5), np.float32)
    assert np.array_equal(gram(vectors, 1), gram(vectors, 3))
    np.testing.assert_allclose(gram(vectors), vectors.astype(float).T @ vectors, rtol=1e-6)
    basis = np.triu(np.ones((5, 5)))
    turned = vectors.copy()
    change_basis(turned, basis, 2)
    np.testing.assert_allclose(turned, vectors @ basis, rtol=1e-4, atol=1e-5)


def test_orthonormal_directions_span_what_was_there():
    vectors = np.random.default_rng(0).standard_normal((500, 4), np.float32)
    vectors[:, 3] = vectors[:, 0] - vectors[:, 1]  # three directions only
    before = vectors.copy()
    length = make_orthonormal(vectors)
    assert length == pytest.approx(np.sqrt((before**2).sum() / 4), rel=1e-5)
    values = np.linalg.eigvalsh(gram(vectors))
    np.testing.assert_allclose(values[1:], 1, atol=1e-4)
    assert values[0] < 0.1
    projected = vectors @ (vectors.T @ before)
    np.testing.assert_allclose(projected, before, atol=2e-2)
    nothing = np.zeros((5, 2), np.float32)
    assert make_orthonormal(nothing) == 0
    assert not nothing.any()


def test_a_root_of_what_is_not_regular():
    squares = np.diag([4.0, 0.0])
    assert np.array_equal(regular_root(squares, 1.0), np.linalg.cholesky(np.diag([5.0, 1.0])))
    assert np.isfinite(regular_root(squares, 0.0)).all()
