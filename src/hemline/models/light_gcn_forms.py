"""The two forms of the graph network: LightGCN's propagation, and the paper's linear layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hemline.models.light_gcn_graph import Graph, differentiable, product, propagate
from hemline.models.neural_process import torch_module

FIRST_SPREAD = 0.1
"""Deviation of the first vectors, as in LightGCN's own code."""


@dataclass
class Features:
    """What is known of articles: one row each, float32 (n_articles, n_features), on the device.

    Categories leave most of a row zero: rows are sparse then, and kept turned too, for the
    gradient; `turned` is None for dense rows.
    """

    rows: Any
    turned: Any
    weight: Any

    def mapped(self) -> Any:
        """Return rows times weight, (n_articles, factors)."""
        if self.turned is None:
            return self.rows @ self.weight
        return product(self.rows, self.weight, self.turned)


class Network:
    """First vectors of all nodes, and what is made of them; `weights` are what is learnt.

    With features an article's first vector is its own plus a linear map of its features.
    """

    def __init__(
        self,
        graph: Graph,
        settings: dict[str, Any],
        generator: Any,
        rows: tuple[Any, Any] | None,
    ) -> None:
        torch = torch_module()
        self.graph, self.settings, self.generator = graph, settings, generator
        self.layers = settings["layers"]
        n, d = graph.n_customers + graph.n_articles, settings["factors"]
        self.own = self._parameter(torch.randn(n, d, generator=generator) * FIRST_SPREAD)
        self.weights = [self.own]
        self.features: Features | None = None
        if rows is not None:
            first = torch.randn(rows[0].shape[1], d, generator=generator) * FIRST_SPREAD
            straight, turned = (None if one is None else one.to(graph.device) for one in rows)
            self.features = Features(straight, turned, self._parameter(first))
            self.weights.append(self.features.weight)

    def _parameter(self, first: Any) -> Any:
        torch = torch_module()
        return torch.nn.Parameter(first.to(self.graph.device))

    def first(self) -> Any:
        """Return the vectors before any propagation, (n_nodes, factors)."""
        if self.features is None:
            return self.own
        torch = torch_module()
        described = self.features.mapped()
        nothing = described.new_zeros(self.graph.n_customers, described.shape[1])
        return self.own + torch.cat([nothing, described])

    def train_vectors(self) -> Any:
        """Return the final vectors of all nodes, with dropout, differentiable."""
        raise NotImplementedError

    def vectors(self) -> tuple[Any, Any]:
        """Return the final vectors without dropout, and those that histories are made of."""
        raise NotImplementedError


class Light(Network):
    """LightGCN: the mean over layers of products with the normalised graph (equations 3, 4)."""

    def train_vectors(self) -> Any:
        """Return the final vectors; dropout leaves out edges, as LightGCN's code does."""
        matrix = self.graph.thinned(self.settings["dropout"], self.generator)
        return differentiable(matrix, self.first(), self.layers)

    def vectors(self) -> tuple[Any, Any]:
        """Return the mean over layers 0 … K, and K + 1 times less the mean over 0 … K - 1.

        A customer's final vector is the product of the graph with the second, plus its own
        first vector / (K + 1).
        """
        first, matrix = self.first(), self.graph.matrix
        final = propagate(matrix, first, self.layers)
        below = propagate(matrix, first, self.layers - 1) * (self.layers / (self.layers + 1))
        return final, below


class Linear(Network):
    """The paper's: each layer a product with the graph, dropout, a linear map and a softmax."""

    def __init__(
        self,
        graph: Graph,
        settings: dict[str, Any],
        generator: Any,
        rows: tuple[Any, Any] | None,
    ) -> None:
        super().__init__(graph, settings, generator, rows)
        torch = torch_module()
        d = settings["factors"]
        self.maps = []
        for _ in range(self.layers):
            # torch's own first values of a linear layer
            bound = d**-0.5
            weight = (torch.rand(d, d, generator=generator) * 2 - 1) * bound
            bias = (torch.rand(d, generator=generator) * 2 - 1) * bound
            self.maps.append((self._parameter(weight), self._parameter(bias)))
            self.weights += self.maps[-1]

    def _layer(self, at: Any, number: int, dropout: float) -> Any:
        torch = torch_module()
        at = product(self.graph.matrix, at, self.graph.matrix)  # it is its own transpose
        if dropout:
            kept = torch.rand(at.shape, generator=self.generator).to(at.device) >= dropout
            at = at * kept / (1 - dropout)
        weight, bias = self.maps[number]
        return torch.softmax(at @ weight + bias, dim=1)

    def train_vectors(self) -> Any:
        """Return the last layer, with dropout of each layer's inputs."""
        at = self.first()
        for number in range(self.layers):
            at = self._layer(at, number, self.settings["dropout"])
        return at

    def vectors(self) -> tuple[Any, Any]:
        """Return the last layer and the one before it."""
        at = below = self.first()
        for number in range(self.layers):
            below, at = at, self._layer(at, number, 0.0)
        return at, below
