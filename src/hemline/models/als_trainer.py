"""Training of ALS with our own kernels: exact steps, a start near the end, and momentum.

The loss is that of Hu, Koren and Volinsky (2008), equation 3, as `implicit` measures it:

    sum of c_ui (p_ui - x_u'y_i)^2 over all pairs + regularization (|X|^2 + |Y|^2)        (1)

over the sum of all confidences (1 where nothing was bought). Each half step solves one side
exactly, in the space where the other side's sum of squares is the unit matrix; there its
part of (1) falls out of the solution. Three things save iterations:

- The first vectors span the largest singular vectors of the matrix of confidences, by a few
  rounds of subspace iteration (Halko, Martinsson and Tropp 2011). A product costs a fraction of
  a step.
- The articles' vectors are carried on in the direction of their last change, by nine tenths of
  it, before the customers' are solved from them (momentum; Mitchell, Ye and De Sterck 2020
  accelerate ALS for tensors so).
- Where that raised the loss, the step is taken again without it; (1) never rises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from hemline.blocks import Progress, map_blocks
from hemline.config import Als
from hemline.models.als_algebra import (
    change_basis,
    gram,
    inverse_of,
    make_orthonormal,
    regular_root,
)
from hemline.models.als_implicit import has_settled, not_converged
from hemline.models.base import Float32, Int32

BLOCK = 1024
"""Rows that are solved in one call: fixed, for the sum of their losses is one."""
ROUNDS = 4
"""Rounds of subspace iteration, two products each."""
MOMENTUM = np.float32(0.9)


class Trained(NamedTuple):
    """What training found.

    Attributes
    ----------
    customers : float32 (n_customers, factors)
    articles : float32 (n_articles, factors)
    losses : list of float
        (1) after each iteration, of `customers` and `articles` as they were then.
    """

    customers: Float32
    articles: Float32
    losses: list[float]


@dataclass(frozen=True)
class _Side:
    """A matrix of confidences by rows: customers', or turned, articles'."""

    indptr: npt.NDArray[np.int64]
    index: Int32
    data: Float32
    threads: int

    @classmethod
    def of(cls, matrix: sparse.csr_matrix, threads: int) -> _Side:
        return cls(matrix.indptr.astype(np.int64), matrix.indices, matrix.data, threads)

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def solve(self, whitened: Float32) -> tuple[Float32, float]:
        """Return the vectors of all rows and their loss, in the space of `whitened`."""
        from hemline.models.als_kernel import solve_rows

        found = np.empty((len(self), whitened.shape[1]), np.float32)

        def block(low: int, high: int) -> float:
            loss: float = solve_rows(self.indptr, self.index, self.data, whitened, low, high, found)
            return loss

        return found, sum(map_blocks(block, len(self), BLOCK, self.threads))

    def multiply(self, vectors: Float32) -> Float32:
        """Return the matrix times vectors."""
        from hemline.models.als_kernel import multiply_rows

        found = np.empty((len(self), vectors.shape[1]), np.float32)

        def block(low: int, high: int) -> None:
            multiply_rows(self.indptr, self.index, self.data, vectors, low, high, found)

        for _ in map_blocks(block, len(self), BLOCK, self.threads):
            pass
        return found


def train(
    matrix: sparse.csr_matrix,
    settings: Als,
    threads: int,
    progress: Progress,
    start: Float32 | None = None,
    enough: float = 0.0,
) -> Trained:
    """Train on customers x articles; the result does not depend on the number of threads.

    Parameters
    ----------
    matrix : float32 CSR (n_customers, n_articles)
        Confidences before `alpha`.
    start : float32 (n_articles, factors), optional
        The articles' first vectors; those of the matrix when None.
    enough : float
        Ends when the loss is no more than this.

    Raises
    ------
    ConfigError
        The vectors became infinite.
    """
    from threadpoolctl import threadpool_limits

    if settings.alpha != 1:
        matrix = matrix * np.float32(settings.alpha)
    rows, columns = _Side.of(matrix, threads), _Side.of(matrix.T.tocsr(), threads)
    cells = (
        float(np.abs(matrix.data).sum(dtype=np.float64))
        + float(matrix.shape[0]) * matrix.shape[1]
        - matrix.nnz
    )
    if not np.isfinite(cells):
        raise not_converged("a confidence is no number")
    progress(0, settings.iterations)
    with threadpool_limits(1, "blas"):
        first = _first_vectors(rows, columns, settings) if start is None else start
        return _Training(rows, columns, settings, cells, enough).run(first, progress)


def _first_vectors(rows: _Side, columns: _Side, settings: Als) -> Float32:
    """Return vectors of articles that span the largest singular vectors of the matrix."""
    random = np.random.default_rng(settings.seed)
    found = random.standard_normal((len(columns), settings.factors), np.float32)
    length = make_orthonormal(found, rows.threads)
    for _ in range(ROUNDS):
        customers = rows.multiply(found)
        make_orthonormal(customers, rows.threads)
        found = columns.multiply(customers)
        del customers  # the largest array there is: never two at once
        length = make_orthonormal(found, rows.threads)
    # scores are shared evenly between both sides
    found *= np.float32(np.sqrt(length))
    return found


@dataclass(frozen=True)
class _Training:
    rows: _Side
    columns: _Side
    settings: Als
    cells: float
    enough: float

    def run(self, articles: Float32, progress: Progress) -> Trained:
        iterations, losses = self.settings.iterations, [np.inf]
        found: Float32 | None = None  # of the last iteration, before momentum
        carried = False
        while True:
            customers, turn, loss = self._customers(articles)
            if carried and not loss <= losses[-1]:
                assert found is not None
                articles, carried = found, False
                del customers
                continue
            before = found
            found, root, loss = self._articles(customers, turn)
            if not (np.isfinite(loss) and np.isfinite(found).all()):
                raise not_converged("NaN or infinity in the articles' vectors")
            losses.append(loss)
            progress(len(losses) - 1, iterations)
            settled = has_settled(losses[1:], self.settings.tolerance) or loss <= self.enough
            if settled or len(losses) > iterations:
                if len(losses) <= iterations:
                    progress(iterations, iterations)
                change_basis(customers, root.T, self.rows.threads)
                return Trained(customers, found, losses[1:])
            del customers  # never two at once, see above
            carried = before is not None
            articles = found if before is None else found + MOMENTUM * (found - before)

    def _customers(self, articles: Float32) -> tuple[Float32, npt.NDArray[np.float64], float]:
        """Return customers' vectors in the space of `articles`, the way back, and the loss."""
        weight, threads = self.settings.regularization, self.rows.threads
        squares = gram(articles, threads)
        if not np.isfinite(squares).all():
            raise not_converged("NaN or infinity in the articles' vectors")
        turn = inverse_of(regular_root(squares, weight))
        whitened = articles.copy()
        change_basis(whitened, turn.T, threads)
        customers, loss = self.rows.solve(whitened)
        return customers, turn, (loss + weight * float(np.trace(squares))) / self.cells

    def _articles(
        self, customers: Float32, turn: npt.NDArray[np.float64]
    ) -> tuple[Float32, npt.NDArray[np.float64], float]:
        """Whiten the customers' vectors in place; return articles' vectors, the root, the loss."""
        weight, threads = self.settings.regularization, self.rows.threads
        squares = turn.T @ gram(customers, threads) @ turn
        if not np.isfinite(squares).all():
            raise not_converged("NaN or infinity in the customers' vectors")
        root = regular_root(squares, weight)
        inverse = inverse_of(root)
        change_basis(customers, turn @ inverse.T, threads)
        found, loss = self.columns.solve(customers)
        change_basis(found, inverse, threads)
        return found, root, (loss + weight * float(np.trace(squares))) / self.cells
