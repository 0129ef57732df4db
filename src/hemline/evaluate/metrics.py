"""How good lists are: every metric, its definition, and a worked example of it.

All take the lists of n customers, int32 (n, w), best first, -1 for an empty place, and
what they bought, a `Truth` of n customers. All keep the same rules:

- only the first k places count; a list that is shorter has nothing in the others;
- an article that is listed twice scores once, and its second place stays wasted; an
  article that was bought twice is one truth;
- the mean is taken over the customers who bought something; a customer who bought
  something and has no list scores 0. A mean over nobody is NaN.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from hemline.blocks import map_blocks
from hemline.errors import ConfigError
from hemline.shop.truth import Truth

Denominator: TypeAlias = Literal["min", "relevant"]
Float64: TypeAlias = npt.NDArray[np.float64]

METRICS = ("map", "precision", "recall", "hit_rate", "ndcg", "mrr")
"""The ranking metrics of `per_customer`, in the order of tables."""

_BLOCK = 65_536


def hits_at_k(
    predicted: npt.NDArray[np.integer[Any]], truth: Truth, k: int, *, threads: int = 0
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Return which places hold a bought article, and how many articles each list holds.

    Parameters
    ----------
    predicted : int (n, w)
        -1 for an empty place.
    truth : Truth of n customers
    k : int
        Places that are looked at.
    threads : int
        0: one for each processor. The answer does not depend on it.

    Returns
    -------
    hits : bool (n, k)
    listed : int64 (n,)
        Different articles among the first k places.

    Raises
    ------
    ConfigError
        k is below 1, or the lists are not one for each customer.

    >>> hits, listed = hits_at_k(np.array([[5, 5, 8, -1]]), Truth.from_lists([[5, 8]]), 4)
    >>> hits.tolist(), listed.tolist()
    ([[True, False, True, False]], [2])
    """
    predicted = np.asarray(predicted)
    if k < 1:
        raise ConfigError(f"k = {k}", hint="k is at least 1")
    if predicted.dtype.kind not in "iu":
        raise ConfigError(f"lists of {predicted.dtype}", hint="positions of articles are integers")
    if predicted.ndim != 2 or len(predicted) != len(truth):
        raise ConfigError(
            f"lists of shape {predicted.shape} for {len(truth)} customers",
            hint="one row of articles for each customer, padded with -1",
        )
    from hemline.evaluate.metrics_kernel import mark_hits

    lists = np.ascontiguousarray(predicted, dtype=np.int32)
    hits = np.zeros((len(lists), k), dtype=bool)
    listed = np.zeros(len(lists), dtype=np.int64)

    def mark(low: int, high: int) -> None:
        mark_hits(lists, truth.bounds, truth.articles, low, high, hits, listed)

    for _ in map_blocks(mark, len(lists), _BLOCK, threads):
        pass
    return hits, listed


def mean_average_precision(
    predicted: npt.NDArray[np.integer[Any]],
    truth: Truth,
    k: int,
    *,
    denominator: Denominator = "min",
) -> float:
    """Return MAP@k: the precision at each hit, added up and divided.

    `denominator="min"` divides by min(articles bought, k), as Kaggle does for H&M;
    `"relevant"` by all articles bought, as the published MovieLens tables do. They differ for
    customers with more than k truths.

    A customer bought 3 and 9; 3 stands first and 9 third: (1/1 + 2/3) / 2.

    >>> round(mean_average_precision(np.array([[3, 4, 9]]), Truth.from_lists([[3, 9]]), 3), 4)
    0.8333
    >>> two = Truth.from_lists([[3, 9]])
    >>> mean_average_precision(np.array([[3]]), two, 1)
    1.0
    >>> mean_average_precision(np.array([[3]]), two, 1, denominator="relevant")
    0.5
    """
    return _mean(per_customer(predicted, truth, k, denominator=denominator)["map"])


def precision_at_k(predicted: npt.NDArray[np.integer[Any]], truth: Truth, k: int) -> float:
    """Return the share of the k places that hold a bought article; an empty place holds none.

    >>> precision_at_k(np.array([[3, 4, 9, -1]]), Truth.from_lists([[3, 9]]), 4)
    0.5
    """
    return _mean(per_customer(predicted, truth, k)["precision"])


def recall_at_k(predicted: npt.NDArray[np.integer[Any]], truth: Truth, k: int) -> float:
    """Return the share of the articles bought that stand among the first k.

    >>> recall_at_k(np.array([[3, 4]]), Truth.from_lists([[3, 7, 8, 9]]), 2)
    0.25
    """
    return _mean(per_customer(predicted, truth, k)["recall"])


def hit_rate_at_k(predicted: npt.NDArray[np.integer[Any]], truth: Truth, k: int) -> float:
    """Return the share of customers with at least one hit among the first k.

    The second customer has no list, the third bought nothing and is not counted.

    >>> lists = np.array([[3, 4], [-1, -1], [3, 4]])
    >>> hit_rate_at_k(lists, Truth.from_lists([[3], [4], []]), 2)
    0.5
    """
    return _mean(per_customer(predicted, truth, k)["hit_rate"])


def ndcg_at_k(predicted: npt.NDArray[np.integer[Any]], truth: Truth, k: int) -> float:
    """Return nDCG@k with relevance 0 or 1: a hit at place r counts 1 / log2(r + 1).

    The sum is divided by that of a list with min(articles bought, k) hits in front.
    Järvelin and Kekäläinen 2002, with the discount that has become usual.

    One truth at place 3: 1 / log2(4).

    >>> ndcg_at_k(np.array([[4, 5, 3]]), Truth.from_lists([[3]]), 3)
    0.5
    """
    return _mean(per_customer(predicted, truth, k)["ndcg"])


def mrr_at_k(predicted: npt.NDArray[np.integer[Any]], truth: Truth, k: int) -> float:
    """Return the mean of 1 / place of the first hit; 0 without one among the first k.

    >>> mrr_at_k(np.array([[4, 3, 9]]), Truth.from_lists([[3, 9]]), 3)
    0.5
    """
    return _mean(per_customer(predicted, truth, k)["mrr"])


def customer_coverage(predicted: npt.NDArray[np.integer[Any]], truth: Truth, k: int) -> float:
    """Return the share of buyers whose list holds k different articles.

    >>> customer_coverage(np.array([[1, 2], [1, 1]]), Truth.from_lists([[9], [9]]), 2)
    0.5
    """
    return _mean(per_customer(predicted, truth, k)["customer_coverage"])


def catalogue_coverage(
    predicted: npt.NDArray[np.integer[Any]], k: int, *, n_articles: int
) -> float:
    """Return the share of the catalogue that stands on at least one list's first k places.

    >>> catalogue_coverage(np.array([[1, 2], [1, -1]]), 2, n_articles=8)
    0.25
    """
    seen = np.zeros(n_articles, dtype=bool)
    places = np.asarray(predicted)[:, :k]
    seen[places[places >= 0]] = True
    return float(seen.mean()) if n_articles else float("nan")


def per_customer(
    predicted: npt.NDArray[np.integer[Any]],
    truth: Truth,
    k: int,
    *,
    denominator: Denominator = "min",
    threads: int = 0,
) -> dict[str, Float64]:
    """Return every ranking metric, one float64 (b,) each, of the b customers who bought.

    They stand in the order of `truth.buyers`; the mean of each is what the function of its
    name returns.

    >>> found = per_customer(np.array([[3], [4]]), Truth.from_lists([[3], [5]]), 1)
    >>> found["map"].tolist()
    [1.0, 0.0]
    """
    if denominator not in ("min", "relevant"):
        raise ConfigError(f"denominator = {denominator!r}", hint='"min" or "relevant"')
    hits, listed = hits_at_k(predicted, truth, k, threads=threads)
    buyers = truth.buyers
    if len(buyers) < len(truth):
        hits, listed = hits[buyers], listed[buyers]
    relevant = truth.counts[buyers]
    reachable = np.minimum(relevant, k)
    n_hits = hits.sum(axis=1)
    gain = 1.0 / np.log2(np.arange(2, k + 2))
    reciprocal = 1.0 / np.arange(1, k + 1)
    return {
        "map": _precisions(hits) / (reachable if denominator == "min" else relevant),
        "precision": n_hits / k,
        "recall": n_hits / relevant,
        "hit_rate": (n_hits > 0).astype(np.float64),
        "ndcg": _weighted(hits, gain) / np.cumsum(gain)[reachable - 1],
        "mrr": np.where(n_hits > 0, reciprocal[np.argmax(hits, axis=1)], 0.0),
        "customer_coverage": (listed >= k).astype(np.float64),
        "listed": (listed > 0).astype(np.float64),
    }


def evaluate(
    predicted: npt.NDArray[np.integer[Any]],
    truth: Truth,
    k: int,
    *,
    n_articles: int,
    denominator: Denominator = "min",
    threads: int = 0,
) -> dict[str, float]:
    """Return every metric at k in one pass over the lists.

    Parameters
    ----------
    predicted : int (n, w)
    truth : Truth of n customers
    k : int
    n_articles : int
        Size of the catalogue.
    denominator : {"min", "relevant"}
        Of MAP.
    threads : int
        0: one for each processor. The answer does not depend on it.

    Returns
    -------
    dict
        map, precision, recall, hit_rate, ndcg, mrr, customer_coverage (buyers with k different
        articles), listed (buyers with any), catalogue_coverage, customers (how many bought).

    >>> found = evaluate(np.array([[3, 4]]), Truth.from_lists([[4]]), 2, n_articles=10)
    >>> found["map"], found["recall"], found["catalogue_coverage"], found["customers"]
    (0.5, 1.0, 0.2, 1)
    """
    each = per_customer(predicted, truth, k, denominator=denominator, threads=threads)
    return {
        **{name: _mean(values) for name, values in each.items()},
        "catalogue_coverage": catalogue_coverage(predicted, k, n_articles=n_articles),
        "customers": len(truth.buyers),
    }


def _precisions(hits: npt.NDArray[np.bool_]) -> Float64:
    # place by place, so that 1.4 million lists need no float64 copy of all their places
    so_far = np.zeros(len(hits), dtype=np.int64)
    total = np.zeros(len(hits))
    for place in range(hits.shape[1]):
        so_far += hits[:, place]
        total += hits[:, place] * so_far / (place + 1)
    return total


def _weighted(hits: npt.NDArray[np.bool_], weight: Float64) -> Float64:
    total = np.zeros(len(hits))
    for place in range(hits.shape[1]):
        total += hits[:, place] * weight[place]
    return total


def _mean(values: Float64) -> float:
    return float(values.mean()) if len(values) else float("nan")
