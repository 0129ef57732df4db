"""Purchases parted by chance, not in time: the division of the talk."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hemline.errors import ConfigError
from hemline.shop.histories import Histories
from hemline.shop.splits import Split
from hemline.shop.truth import Truth, pair_keys, stand_in


def random_holdout(histories: Histories, *, share: float = 0.2, seed: int = 1) -> Split:
    """Hold out a random share of each customer's articles: random, NOT in time.

    The division of the talk and of most library examples. It lets a model learn from later
    purchases than those it is judged by, so its figures say how well a history is completed,
    not how well the future is predicted. Use `splits.split` for that.

    An article is held out with all its purchases by that customer, so no (customer, article)
    pair is on both sides. Of n articles, `floor(share * n + 0.5)` are held out, and at least
    one is kept. Which ones follows from a hash of the seed, the customer's articles and the
    article: it does not depend on the order of customers or purchases.

    Parameters
    ----------
    histories : Histories of n customers
    share : float
        Of each customer's distinct articles; between 0 and 1.
    seed : int

    Raises
    ------
    ConfigError
        `share` is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise ConfigError(f"a hold-out of {share}", hint="a share between 0 and 1")
    compact = histories.compact()
    everything = Truth.of(compact)
    customer = np.repeat(np.arange(len(everything)), everything.counts)
    # one number to sort by: the customer, then what was drawn; ties stay by lower article
    bits = np.uint64(64 - len(everything).bit_length())
    drawn = _draws(everything, customer, seed) >> (np.uint64(64) - bits)
    order = np.argsort((customer.astype(np.uint64) << bits) | drawn, kind="stable")
    place = np.arange(len(order)) - np.repeat(everything.bounds[:-1], everything.counts)
    n_held = np.floor(share * everything.counts + 0.5).astype(np.int64)
    n_held = np.minimum(n_held, np.maximum(everything.counts - 1, 0))
    held = order[place < n_held[customer]]
    truth = Truth.from_pairs(customer[held], everything.articles[held], n_customers=len(everything))
    keep = ~stand_in(truth.keys(), pair_keys(compact.customers(), compact.article))
    return Split(keep_purchases(compact, keep), truth)


def keep_purchases(histories: Histories, keep: npt.NDArray[np.bool_]) -> Histories:
    """Return the same customers with some of their purchases.

    Parameters
    ----------
    keep : bool (n_purchases,)
        One for each purchase in the order of `Histories.rows`.
    """
    compact = histories.compact()
    before = np.concatenate([[0], np.cumsum(keep)])
    names = ("article", "time", "weight", "price", "channel")
    return replace(
        compact,
        start=before[compact.start],
        stop=before[compact.stop],
        **{name: getattr(compact, name)[keep] for name in names},
    )


def sample_customers(histories: Histories, n: int, *, seed: int = 1) -> npt.NDArray[np.int64]:
    """Draw at most n customers by a hash of the seed and their articles; rows, ascending.

    The same customers are drawn in whatever order they stand.
    """
    if n >= len(histories):
        return np.arange(len(histories))
    digest = _digests(Truth.of(histories), seed)
    drawn = np.argsort(digest, kind="stable")[:n]
    drawn.sort()
    return drawn


def _draws(truth: Truth, customer: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.uint64]:
    return _mix(_digests(truth, seed)[customer] ^ _mix(truth.articles.astype(np.uint64)))


def _digests(truth: Truth, seed: int) -> npt.NDArray[np.uint64]:
    # a sum of hashes does not depend on order, and tells customers apart by what they bought
    hashed = _mix(truth.articles.astype(np.uint64))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(hashed, dtype=np.uint64)])
    return _mix((sums[truth.bounds[1:]] - sums[truth.bounds[:-1]]) ^ _mix(np.uint64(seed)))


def _mix(values: npt.NDArray[np.uint64] | np.uint64) -> npt.NDArray[np.uint64]:
    """Scatter 64-bit values (the finaliser of SplitMix64, Steele et al. 2014)."""
    with np.errstate(over="ignore"):
        z = np.atleast_1d(values) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))
