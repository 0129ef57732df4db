"""The leading directions of the purchases: a truncated SVD of a large sparse matrix."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

from hemline.blocks import Progress, block_bounds, map_blocks, silent
from hemline.models.base import Float32
from hemline.models.item_rows_kernel import sparse_times_dense

CUSTOMERS = 65_536
"""Customers whose products are held at once."""
BLOCK = 512
DEGREE = 4
"""Of the polynomial of one round: more would drown the last directions in float32."""
RANK = 1e-6
"""A smaller eigenvalue, as a share of the largest, is none."""

Float64 = npt.NDArray[np.float64]
Chunks = list[tuple[sparse.csr_matrix, sparse.csr_matrix]]


def leading_directions(
    matrix: sparse.csr_matrix,
    factors: int,
    *,
    rounds: int = 4,
    oversampling: int = 64,
    seed: int = 1,
    threads: int = 0,
    progress: Progress = silent,
) -> Float32:
    """Return right singular vectors of the largest singular values, float32 (n, factors).

    Subspace iteration from random directions (Halko, Martinsson and Tropp 2011) on X'X, which is
    never formed: X and X' are multiplied by in blocks of customers, so that memory is a few
    blocks of n x (factors + oversampling). The spectrum of purchases falls slowly, and plain
    powers part its end poorly; each round therefore applies a Chebyshev polynomial that is
    small below the least value of the subspace and grows above it (Zhou and Saad 2007), and
    begins with the step of Rayleigh and Ritz. The result does not depend on the number of
    threads.

    Parameters
    ----------
    matrix : float32 CSR (customers, n)
    factors : int
        Columns past the rank are 0.
    rounds : int
        Each multiplies by X'X four times.
    oversampling : int
        Directions more than wanted, which make the wanted ones converge.
    seed : int
    threads : int
        0: one for each processor.
    progress : Progress
    """
    from threadpoolctl import threadpool_limits

    n = matrix.shape[1]
    found = np.zeros((n, factors), np.float32)
    if not matrix.nnz:
        return found
    chunks = _chunks(matrix)
    width = min(n, factors + oversampling)
    block = np.random.default_rng(seed).standard_normal((n, width), np.float32)
    with threadpool_limits(1, "blas"):
        block = _gram_times(chunks, block, threads)
        for done in range(rounds + 1):
            progress(done, rounds + 1)
            values, vectors, images = _rayleigh_ritz(chunks, block, threads)
            if done == rounds or values[-1] < RANK * values[0]:  # or the subspace holds everything
                break
            block = _filtered(chunks, vectors, images, float(values[-1]), threads)
    held = int((values[:factors] > RANK * values[0]).sum())
    found[:, :held] = vectors[:, :held]
    progress(rounds + 1, rounds + 1)
    return found


def _rayleigh_ritz(
    chunks: Chunks, block: Float32, threads: int
) -> tuple[Float64, Float32, Float32]:
    """Return the best eigenvalues and vectors within a subspace, falling, and X'X times them."""
    basis = np.linalg.qr(block)[0]
    images = _gram_times(chunks, basis, threads)
    small = basis.T.astype(np.float64) @ images.astype(np.float64)
    values, turn = np.linalg.eigh((small + small.T) / 2)
    turn = turn[:, ::-1].astype(np.float32)
    return values[::-1], basis @ turn, images @ turn


def _filtered(
    chunks: Chunks, vectors: Float32, images: Float32, cutoff: float, threads: int
) -> Float32:
    """Return the Chebyshev polynomial of X'X that is at most 1 on [0, cutoff], times vectors."""
    half = np.float32(cutoff / 2)
    before, now = vectors, images / half - vectors
    for _ in range(DEGREE - 1):
        following = _gram_times(chunks, now, threads)
        following *= 2 / half
        following -= 2 * now
        following -= before
        before, now = now, following
    return now


def _chunks(matrix: sparse.csr_matrix) -> Chunks:
    """Return blocks of customers, each beside itself turned."""
    parts = (matrix[low:high] for low, high in block_bounds(matrix.shape[0], CUSTOMERS))
    return [(part, part.T.tocsr()) for part in parts if part.nnz]


def _gram_times(chunks: Chunks, dense: Float32, threads: int) -> Float32:
    dense = np.ascontiguousarray(dense, np.float32)
    total = np.zeros_like(dense)
    tallest = max(chunk.shape[0] for chunk, _ in chunks)
    image = np.empty((tallest, dense.shape[1]), np.float32)
    for chunk, turned in chunks:
        part = image[: chunk.shape[0]]
        _multiply(chunk, dense, part, add=False, threads=threads)
        _multiply(turned, part, total, add=True, threads=threads)
    return total


def _multiply(
    one: sparse.csr_matrix, dense: Float32, out: Float32, *, add: bool, threads: int
) -> None:
    indptr = one.indptr.astype(np.int64)

    def block(low: int, high: int) -> None:
        sparse_times_dense(indptr, one.indices, one.data, dense, low, high, add, out)

    for _ in map_blocks(block, one.shape[0], BLOCK, threads):
        pass
