"""The leading directions of the purchases: a truncated SVD of a large sparse matrix."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from hemline.blocks import Progress, block_bounds, map_blocks, silent
from hemline.models.base import Float32
from hemline.models.item_rows_kernel import sparse_times_dense

CUSTOMERS = 65_536
"""Customers whose products are held at once."""
BLOCK = 512


def leading_directions(
    matrix: sparse.csr_matrix,
    factors: int,
    *,
    iterations: int = 6,
    oversampling: int = 64,
    seed: int = 1,
    threads: int = 0,
    progress: Progress = silent,
) -> Float32:
    """Return right singular vectors of the largest singular values, float32 (n, factors).

    Subspace iteration from random directions (Halko, Martinsson and Tropp 2011, algorithm 4.4)
    on X'X, which is never formed: each step multiplies by X and by X' in blocks of customers, so
    that memory is two blocks of n x (factors + oversampling). The last step is that of
    Rayleigh and Ritz. The result does not depend on the number of threads.

    Parameters
    ----------
    matrix : float32 CSR (customers, n)
    factors : int
        Columns past the rank are 0.
    iterations : int
        Multiplications by X'X before the last.
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
    width = min(n, factors + oversampling)
    if not matrix.nnz:
        return found
    chunks = _chunks(matrix)
    directions = np.random.default_rng(seed).standard_normal((n, width), np.float32)
    with threadpool_limits(1, "blas"):
        for step in range(iterations):
            progress(step, iterations + 1)
            directions = _gram_times(chunks, np.linalg.qr(directions)[0], threads)
        progress(iterations, iterations + 1)
        basis = np.linalg.qr(directions)[0]
        image = _gram_times(chunks, basis, threads)
        small = basis.T.astype(np.float64) @ image.astype(np.float64)
        values, vectors = np.linalg.eigh((small + small.T) / 2)
        best = np.argsort(values)[::-1][:factors]
        best = best[values[best] > 1e-6 * values[best[0]]]
        found[:, : len(best)] = basis @ vectors[:, best].astype(np.float32)
    progress(iterations + 1, iterations + 1)
    return found


def _chunks(matrix: sparse.csr_matrix) -> list[tuple[sparse.csr_matrix, sparse.csr_matrix]]:
    """Return blocks of customers, each beside itself turned."""
    parts = (matrix[low:high] for low, high in block_bounds(matrix.shape[0], CUSTOMERS))
    return [(part, part.T.tocsr()) for part in parts if part.nnz]


def _gram_times(
    chunks: list[tuple[sparse.csr_matrix, sparse.csr_matrix]], dense: Float32, threads: int
) -> Float32:
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
