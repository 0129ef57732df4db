"""The inverse of a large symmetric matrix, where it stands."""

from __future__ import annotations

import numpy as np

from hemline.blocks import Progress, block_bounds, map_blocks, silent
from hemline.models.base import Float32

PIVOTS = 1024
"""Pivots eliminated at once: their panels are small, and products with them run at full speed."""
ROWS, COLUMNS = 512, 4096
"""A thread's piece of an update: 8 MiB beside the matrix."""


def invert_in_place(matrix: Float32, *, threads: int = 0, progress: Progress = silent) -> None:
    """Replace a symmetric positive definite matrix by its inverse.

    Block by block of pivots the matrix is swept (Gauss-Jordan; Goodnight 1979): n^3 operations
    as Cholesky and its inverse need, nearly all in products of float32 blocks, with two panels
    of n x 1024 beside the matrix. Only the lower half is computed, and then mirrored. Every
    product is one call of BLAS with a fixed shape, and BLAS is kept on one thread, so that the
    result does not depend on the number of threads. Positions are 64 bits wide: LAPACK's
    usual ones end at 46,340 x 46,340.

    Parameters
    ----------
    matrix : float32 (n, n), C order
        Its lower half is read. Errors grow with the condition number, as for any method in
        float32; the pivot blocks themselves are inverted in float64.
    threads : int
        0: one for each processor.
    progress : Progress

    Raises
    ------
    numpy.linalg.LinAlgError
        The matrix is singular.
    """
    from threadpoolctl import threadpool_limits

    n = len(matrix)
    column = np.empty((n, min(PIVOTS, n)), np.float32)
    swept = np.empty_like(column)
    bounds = block_bounds(n, PIVOTS)
    with threadpool_limits(1, "blas"):
        for done, (low, high) in enumerate(bounds):
            progress(done, len(bounds))
            width = high - low
            _sweep(matrix, low, high, column[:, :width], swept[:, :width], threads)
    _negate_and_mirror(matrix, threads)
    progress(len(bounds), len(bounds))


def _sweep(
    matrix: Float32, low: int, high: int, column: Float32, swept: Float32, threads: int
) -> None:
    n = len(matrix)
    if not column.flags.c_contiguous:
        column, swept = np.empty(column.shape, np.float32), np.empty(column.shape, np.float32)
    column[:low] = matrix[low:high, :low].T
    column[high:] = matrix[high:, low:high]
    column[low:high] = 0  # so that the update leaves the pivots' own rows and columns alone
    pivots = np.tril(matrix[low:high, low:high].astype(np.float64))
    pivots += np.tril(pivots, -1).T
    inverse = np.linalg.inv(pivots)
    inverse = (inverse + inverse.T) / 2
    narrow = inverse.astype(np.float32)

    def multiply(first: int, last: int) -> None:
        np.matmul(column[first:last], narrow, out=swept[first:last])

    for _ in map_blocks(multiply, n, ROWS, threads):
        pass

    def update(first: int, last: int) -> None:
        for left, right in block_bounds(last, COLUMNS):
            matrix[first:last, left:right] -= swept[first:last] @ column[left:right].T

    # the longest rows first, so that the threads end together
    pieces = block_bounds(n, ROWS)[::-1]

    def update_piece(one: int, _: int) -> None:
        update(*pieces[one])

    for _ in map_blocks(update_piece, len(pieces), 1, threads):
        pass
    matrix[low:high, :low] = swept[:low].T
    matrix[high:, low:high] = swept[high:]
    matrix[low:high, low:high] = -narrow


def _negate_and_mirror(matrix: Float32, threads: int) -> None:
    n = len(matrix)

    def mirror(low: int, high: int) -> None:
        np.negative(matrix[low:high, :low], out=matrix[low:high, :low])
        matrix[:low, low:high] = matrix[low:high, :low].T
        corner = matrix[low:high, low:high]
        lower = -np.tril(corner)
        corner[:] = lower + np.tril(lower, -1).T

    for _ in map_blocks(mirror, n, ROWS, threads):
        pass
