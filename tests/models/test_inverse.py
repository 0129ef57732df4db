from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemline.models import inverse
from hemline.models.inverse import invert_in_place


def positive(n: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    half = random.standard_normal((n, 2 * n))
    return (half @ half.T / n + np.eye(n)).astype(np.float32)


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 31, 64])
def test_small_pieces(n, monkeypatch):
    for name, size in (("PIVOTS", 8), ("ROWS", 5), ("COLUMNS", 7)):
        monkeypatch.setattr(inverse, name, size)
    matrix = positive(n)
    wanted = np.linalg.inv(matrix.astype(np.float64))
    invert_in_place(matrix, threads=2)
    np.testing.assert_allclose(matrix, wanted, atol=2e-6)
    assert np.array_equal(matrix, matrix.T)


@given(st.integers(1, 40), st.integers(0, 99))
def test_any_size(n, seed):
    matrix = positive(n, seed)
    wanted = np.linalg.inv(matrix.astype(np.float64))
    invert_in_place(matrix)
    np.testing.assert_allclose(matrix, wanted, atol=2e-6)


def test_several_panels_of_the_real_size():
    matrix = positive(2500)
    given_matrix = matrix.copy()
    one = matrix.copy()
    seen = []
    invert_in_place(matrix, threads=3, progress=lambda done, total: seen.append((done, total)))
    invert_in_place(one, threads=1)
    assert np.array_equal(matrix, one)
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert np.abs(matrix @ given_matrix - np.eye(2500, dtype=np.float32)).max() < 1e-4


def test_only_the_lower_half_is_read():
    matrix = positive(30)
    wanted = np.linalg.inv(matrix.astype(np.float64))
    matrix[np.triu_indices(30, 1)] = np.nan
    invert_in_place(matrix)
    np.testing.assert_allclose(matrix, wanted, atol=2e-6)


def test_singular():
    with pytest.raises(np.linalg.LinAlgError):
        invert_in_place(np.zeros((3, 3), np.float32))
    invert_in_place(np.zeros((0, 0), np.float32))
