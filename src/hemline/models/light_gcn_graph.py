"""The graph of customers and articles as one symmetric sparse matrix, and products with it."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from hemline.models.neural_process import torch_module

Int64 = npt.NDArray[np.int64]

_DENSE = 0.1


class Graph:
    """Edges weighted 1 / sqrt(degree of one end x degree of the other), both ways.

    Nodes are the customers, then the articles. The matrix is symmetric, so that a gradient
    is propagated backwards by the same product as vectors are forwards.

    Parameters
    ----------
    customer, article : int64 (m,)
        Different pairs.
    n_customers, n_articles : int
    device : torch device
    """

    def __init__(
        self, customer: Int64, article: Int64, n_customers: int, n_articles: int, device: Any
    ) -> None:
        torch = torch_module()
        self.n_customers, self.n_articles = n_customers, n_articles
        n = n_customers + n_articles
        ends = article + n_customers
        edge = np.arange(len(customer), dtype=np.int64)
        # the number of its edge is kept for each entry: dropout takes both ways or none
        both = sparse.coo_matrix(
            (
                np.concatenate([edge, edge]) + 1,
                (np.concatenate([customer, ends]), np.concatenate([ends, customer])),
            ),
            shape=(n, n),
        ).tocsr()
        degree = np.maximum(np.diff(both.indptr), 1).astype(np.float64)
        self.degree = degree
        rows = np.repeat(np.arange(n), np.diff(both.indptr))
        value = (1 / np.sqrt(degree[rows] * degree[both.indices])).astype(np.float32)
        self._indptr = torch.from_numpy(both.indptr.astype(np.int32)).to(device)
        self._indices = torch.from_numpy(both.indices.astype(np.int32)).to(device)
        self._value = torch.from_numpy(value).to(device)
        self._edge = torch.from_numpy(both.data - 1).to(device)
        self._n_edges = len(customer)
        self.device = device
        self.matrix = self._matrix(self._value)

    def _matrix(self, value: Any) -> Any:
        torch = torch_module()
        n = self.n_customers + self.n_articles
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sparse .*beta state")
            return torch.sparse_csr_tensor(
                self._indptr, self._indices, value, size=(n, n), check_invariants=False
            )

    def thinned(self, share: float, generator: Any) -> Any:
        """Return the matrix with a random share of the edges left out, the others raised."""
        if not share:
            return self.matrix
        torch = torch_module()
        kept = torch.rand(self._n_edges, generator=generator).to(self.device) >= share
        return self._matrix(self._value * kept[self._edge] / (1 - share))


def propagate(matrix: Any, first: Any, layers: int) -> Any:
    """Return the mean of `first`, A first, A^2 first … A^layers first; A is symmetric."""
    torch = torch_module()
    at = first
    for _ in range(layers):
        # Horner's scheme, first + A (first + A (…)): no layer is kept, and none added up
        at = torch.addmm(first, matrix, at)
    return at / (layers + 1)


def differentiable(matrix: Any, first: Any, layers: int) -> Any:
    """`propagate`, whose gradient is the same propagation of the gradient."""
    torch = torch_module()

    class Propagation(torch.autograd.Function):  # type: ignore[misc,name-defined]
        @staticmethod
        def forward(ctx: Any, vectors: Any) -> Any:
            return propagate(matrix, vectors, layers)

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            return propagate(matrix, gradient.contiguous(), layers)

    return Propagation.apply(first)


def product(matrix: Any, vectors: Any, turned: Any) -> Any:
    """Return matrix times vectors; the gradient is `turned`, its transpose, times the gradient."""
    torch = torch_module()

    class Product(torch.autograd.Function):  # type: ignore[misc,name-defined]
        @staticmethod
        def forward(ctx: Any, given: Any) -> Any:
            return matrix @ given

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            return turned @ gradient.contiguous()

    return Product.apply(vectors)


def sparse_rows(rows: npt.NDArray[np.float32]) -> tuple[Any, Any]:
    """Return rows as a tensor, and turned: sparse both where most are 0, else dense and None."""
    torch = torch_module()
    if np.count_nonzero(rows) > _DENSE * rows.size:
        return torch.from_numpy(rows), None
    straight = sparse.csr_matrix(rows)
    return _csr(straight), _csr(straight.T.tocsr())


def _csr(matrix: sparse.csr_matrix) -> Any:
    torch = torch_module()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse .*beta state")
        return torch.sparse_csr_tensor(
            torch.from_numpy(matrix.indptr.astype(np.int32)),
            torch.from_numpy(matrix.indices.astype(np.int32)),
            torch.from_numpy(matrix.data),
            size=matrix.shape,
            check_invariants=False,
        )
