"""Sums and changes of basis of many vectors, the same at any number of threads.

Blocks of rows have a fixed size, each is one product in BLAS, and their sums are added in
order. Callers keep BLAS itself at one thread.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import linalg

from hemline.blocks import map_blocks
from hemline.models.base import Float32

Float64: TypeAlias = npt.NDArray[np.float64]

BLOCK = 4096


def gram(vectors: Float32, threads: int = 1) -> Float64:
    """Return Y'Y of vectors (n, f), float64 (f, f)."""

    def of_block(low: int, high: int) -> Float64:
        wide = vectors[low:high].astype(np.float64)
        found: Float64 = wide.T @ wide
        return found

    total = np.zeros((vectors.shape[1], vectors.shape[1]))
    for one in map_blocks(of_block, len(vectors), BLOCK, threads):
        total += one
    return total


def change_basis(vectors: Float32, basis: Float64, threads: int = 1) -> None:
    """Multiply vectors (n, f) by a matrix (f, f), in place."""
    narrow = basis.astype(np.float32)

    def block(low: int, high: int) -> None:
        vectors[low:high] = vectors[low:high] @ narrow

    for _ in map_blocks(block, len(vectors), BLOCK, threads):
        pass


def regular_root(squares: Float64, regularization: float) -> Float64:
    """Return the Cholesky root L of Y'Y + regularization I, lower.

    Without regularization and with fewer vectors than factors there is none: the least is
    added that makes the matrix regular.
    """
    whole = squares.copy()
    whole[np.diag_indices_from(whole)] += regularization
    try:
        root = np.linalg.cholesky(whole)
    except np.linalg.LinAlgError:
        whole[np.diag_indices_from(whole)] += 1e-6 * max(float(np.trace(whole)), 1.0) / len(whole)
        root = np.linalg.cholesky(whole)
    return root.astype(np.float64)


def inverse_of(root: Float64) -> Float64:
    """Return L^-1, lower."""
    found = linalg.solve_triangular(root, np.eye(len(root)), lower=True)
    return np.ascontiguousarray(found, np.float64)


def make_orthonormal(vectors: Float32, threads: int = 1) -> float:
    """Turn vectors (n, f) in place into an orthonormal basis; return their mean length before.

    Where there are fewer directions than factors, what is left of the others stays small.
    """
    values, turns = np.linalg.eigh(gram(vectors, threads))
    largest = float(values[-1])
    if largest > 0:
        change_basis(vectors, turns / np.sqrt(np.maximum(values, 1e-10 * largest)), threads)
    return float(np.sqrt(max(values.mean(), 0.0)))
