"""Training of LightGCN with torch, on processors or a GPU."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from hemline.models.light_gcn_forms import Light, Linear, Network
from hemline.models.light_gcn_graph import Graph, sparse_rows
from hemline.models.neural_process import Arrays, Heard, torch_module
from hemline.models.neural_training import (
    Pairs,
    choose_device,
    torch_threads,
    worthwhile_threads,
)

JUDGED = 1000
"""Customers whose recall is taken after an epoch, evenly from all; fewer of a large catalogue."""
_SCORES = 50_000_000
_RIDGE = 1e-3


def train(settings: dict[str, Any], arrays: Arrays, threads: int, heard: Heard) -> Arrays:
    """Train, and return articles' vectors, the rows that histories are made of, and records.

    Returns
    -------
    dict
        articles and rows float32 (n_articles, f), and what `LightGCN` says of the others.
    """
    # a dense matrix product may add up in another order on more threads
    one = settings["form"] == "linear" or "features" in arrays
    moved = len(arrays["article"]) * settings["factors"]
    with torch_threads(1 if one else worthwhile_threads(threads, moved)):
        return _train(settings, arrays, heard)


def _train(settings: dict[str, Any], arrays: Arrays, heard: Heard) -> Arrays:
    torch = torch_module()
    device = choose_device(settings["device"])
    generator = torch.Generator().manual_seed(settings["seed"])
    held = _held_out(arrays, settings)
    pairs = Pairs(_without(arrays, held), device, generator)
    graph = Graph(
        pairs.customer.cpu().numpy(), pairs.article.cpu().numpy(),
        pairs.n_customers, pairs.n_articles, device,
    )  # fmt: skip
    form = Light if settings["form"] == "light" else Linear
    network = form(graph, settings, generator, _features(arrays))
    optimizer = torch.optim.Adam(
        network.weights,
        lr=settings["learning_rate"],
        weight_decay=settings["weight_decay"],
        fused=True,
    )
    judge = _Judge(arrays, held, settings)
    records: dict[str, list[float]] = {"batch_loss": [], "recall": [], "accuracy": []}
    epoch_loss = []
    for number in range(settings["epochs"]):
        started = time.perf_counter()
        losses = [_step(network, optimizer, pairs, at) for at in pairs.shuffled(settings["batch"])]
        told = torch.stack(losses).tolist()
        records["batch_loss"] += told
        epoch_loss.append(float(np.mean(told)))
        seconds = time.perf_counter() - started
        with torch.no_grad():
            final, _ = network.vectors()
            recall, accuracy = judge.figures(final, pairs)
        records["recall"].append(recall)
        records["accuracy"].append(accuracy)
        heard(
            {
                "number": number + 1, "loss": epoch_loss[-1], "seconds": seconds,
                "recall": recall, "accuracy": accuracy,
            }
        )  # fmt: skip
    with torch.no_grad():
        learnt = _learnt(network)
    return learnt | {
        name: np.array(values, np.float32)
        for name, values in (*records.items(), ("epoch_loss", epoch_loss))
    }


def _step(network: Network, optimizer: Any, pairs: Pairs, at: Any) -> Any:
    torch = torch_module()
    settings = network.settings
    customer, article = pairs.customer[at], pairs.article[at] + pairs.n_customers
    other = pairs.negatives(customer) + pairs.n_customers
    optimizer.zero_grad(set_to_none=True)
    final = network.train_vectors()
    nodes = torch.cat([customer, article, other])
    u, v, w = torch.nn.functional.embedding(nodes, final).split(len(at))
    worse = (u * w).sum(1) - (u * v).sum(1)
    # BPR: -log sigmoid(better - worse) is the softplus with beta 1
    loss = torch.nn.functional.softplus(worse, beta=settings["beta"]).mean()
    told = loss.detach()
    if settings["regularization"]:
        own = torch.nn.functional.embedding(nodes, network.own)
        loss = loss + settings["regularization"] * own.square().sum() / (2 * len(at))
    loss.backward()
    optimizer.step()
    return told


def _learnt(network: Network) -> Arrays:
    """Return what serving needs; the customers' own vectors are not part of it."""
    torch = torch_module()
    n = network.graph.n_customers
    final, below = (one.double().cpu().numpy() for one in network.vectors())
    degree = network.graph.degree[n:, None]
    rows = below[n:] / np.sqrt(degree)
    d = final.shape[1]
    found: Arrays = {"map": np.eye(d), "bias": np.zeros(d)}
    if isinstance(network, Linear):
        weight, bias = network.maps[-1]
        found = {"map": weight.double().cpu().numpy(), "bias": bias.double().cpu().numpy()}
    else:
        own = network.own[:n].double().cpu().numpy()
        rows += final[n:] @ _own_map(network, own, final[n:]) / (network.layers + 1)
    if network.features is not None:
        found["feature_weight"] = network.features.weight.cpu().numpy()
    else:
        found["feature_weight"] = torch.zeros(1, d).numpy()
    return {
        "articles": final[n:].astype(np.float32),
        "rows": rows.astype(np.float32),
        **{name: array.astype(np.float32) for name, array in found.items()},
    }


def _own_map(
    network: Network, own: npt.NDArray[np.float64], articles: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Learn what a customer's own vector is, given the articles: a ridge regression.

    Its gradient is a sum of articles' vectors, so the sum of those bought, divided by the root
    of their number, tells most of it.
    """
    n = network.graph.n_customers
    customers = network.graph.matrix  # its rows of customers hold 1 / sqrt(d_c d_a)
    bought = sparse.csr_matrix(
        (
            np.ones(len(customers.values()), np.float64),
            customers.col_indices().cpu().numpy(),
            customers.crow_indices().cpu().numpy(),
        ),
        shape=customers.shape,
    )[:n, n:]
    sums = bought @ articles / np.sqrt(network.graph.degree[:n, None])
    d = articles.shape[1]
    left: npt.NDArray[Any] = np.zeros((d, d))
    right: npt.NDArray[Any] = np.zeros((d, d))
    # in blocks of a fixed size: the order of the sum is then that of the blocks
    for low in range(0, n, 4096):
        left += sums[low : low + 4096].T @ sums[low : low + 4096]
        right += sums[low : low + 4096].T @ own[low : low + 4096]
    left[np.diag_indices(d)] += _RIDGE * max(float(np.trace(left)) / d, 1e-12)
    solved: npt.NDArray[np.float64] = np.linalg.solve(left, right)
    return solved


def _features(arrays: Arrays) -> tuple[Any, Any] | None:
    return sparse_rows(arrays["features"]) if "features" in arrays else None


def _held_out(arrays: Arrays, settings: dict[str, Any]) -> npt.NDArray[np.bool_]:
    """Choose the pairs that only recall and accuracy look at; every customer keeps the first."""
    m = len(arrays["article"])
    if not settings["validation"]:
        return np.zeros(m, bool)
    drawn = np.random.default_rng(settings["seed"]).random(m)
    held: npt.NDArray[np.bool_] = drawn < settings["validation"]
    held[arrays["indptr"][:-1]] = False
    return held


def _without(arrays: Arrays, held: npt.NDArray[np.bool_]) -> Arrays:
    before = np.concatenate([[0], np.cumsum(~held)])
    return {
        **arrays,
        "indptr": before[arrays["indptr"]],
        "article": arrays["article"][~held],
        "value": arrays["value"][~held],
    }


class _Judge:
    """Recall among the first k, and accuracy: how often a pair's article beats one not bought."""

    def __init__(
        self, arrays: Arrays, held: npt.NDArray[np.bool_], settings: dict[str, Any]
    ) -> None:
        torch = torch_module()
        n, n_articles = len(arrays["indptr"]) - 1, int(arrays["n_articles"])
        customer = np.repeat(np.arange(n), np.diff(arrays["indptr"]))
        judged = held if held.any() else np.ones(len(held), bool)
        with_any = np.unique(customer[judged])
        most = min(JUDGED, max(_SCORES // n_articles, 1))
        chosen = with_any[:: -(-len(with_any) // most)]
        shape = (n, n_articles)

        def dense(which: npt.NDArray[np.bool_]) -> Any:
            ones = np.ones(int(which.sum()), np.float32)
            at = (customer[which], arrays["article"][which])
            matrix = sparse.csr_matrix((ones, at), shape=shape)
            return torch.from_numpy(matrix[chosen].toarray() > 0)

        self._chosen = torch.from_numpy(chosen)
        self._truth = dense(judged)
        self._hidden = dense(~judged)
        self._k = min(settings["k"], n_articles)
        at = np.flatnonzero(judged)
        at = at[:: -(-len(at) // 100_000)]
        # the same negatives after each epoch, so that epochs can be compared
        generator = torch.Generator().manual_seed(settings["seed"] + 1)
        every = Pairs(arrays, torch.device("cpu"), generator)
        self._customer = every.customer[at]
        self._article, self._other = every.article[at], every.negatives(self._customer)

    def figures(self, final: Any, pairs: Pairs) -> tuple[float, float]:
        """Return recall and accuracy of the vectors of all nodes."""
        torch = torch_module()
        final = final.cpu()
        customers, articles = final[: pairs.n_customers], final[pairs.n_customers :]
        scores = customers[self._chosen] @ articles.T
        scores[self._hidden] = -torch.inf
        best = scores.topk(self._k, dim=1).indices
        hits = self._truth.gather(1, best).sum(1)
        recall = (hits / self._truth.sum(1)).mean()
        u = customers[self._customer]
        better = (u * articles[self._article]).sum(1) - (u * articles[self._other]).sum(1)
        # a model that cannot tell one from the other is right in half of the cases
        return float(recall), float((better.sign() + 1).mean() / 2)
