from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from hemline.models import low_pass
from hemline.models.low_pass import leading_directions


def planted(seed: int = 0) -> sparse.csr_matrix:
    random = np.random.default_rng(seed)
    found = sparse.random(300, 60, 0.1, format="csr", dtype=np.float32, random_state=random)
    found.sort_indices()
    return found


def projection(vectors: np.ndarray) -> np.ndarray:
    return vectors @ vectors.T


@pytest.mark.parametrize("customers", [7, 100, 65_536])
def test_the_space_is_that_of_the_exact_svd(customers, monkeypatch):
    monkeypatch.setattr(low_pass, "CUSTOMERS", customers)
    matrix = planted()
    found = leading_directions(matrix, 5, rounds=10)
    wanted = np.linalg.svd(matrix.toarray().astype(np.float64))[2][:5].T
    np.testing.assert_allclose(projection(found), projection(wanted), atol=1e-4)


def test_columns_past_the_rank_are_zero():
    matrix = sparse.csr_matrix(np.outer(np.ones(9), np.arange(6)).astype(np.float32))
    found = leading_directions(matrix, 8)
    assert found.shape == (6, 8)
    np.testing.assert_allclose(
        projection(found), np.outer(np.arange(6), np.arange(6)) / 55, atol=1e-5
    )
    assert not found[:, 1:].any()


def test_nothing_bought():
    assert not leading_directions(sparse.csr_matrix((4, 3), dtype=np.float32), 2).any()


def test_threads_do_not_change_a_bit():
    matrix = planted()
    one = leading_directions(matrix, 5, threads=1)
    assert np.array_equal(one, leading_directions(matrix, 5, threads=4))
    assert not np.array_equal(one, leading_directions(matrix, 5, seed=2))


def test_progress():
    seen = []
    leading_directions(planted(), 5, rounds=2, progress=lambda *now: seen.append(now))
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
