"""Fewer customers to train on, where all of them would not fit into memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hemline.shop.histories import COLUMNS, Histories

PURCHASE_BYTES: Final = 60
"""What training holds for each purchase at its peak: 37 for the matrix, its copy by articles and
what they are made from, measured at 29 million purchases (1.41 GiB in all with `implicit`, 1.33
with our own trainer), and 21 for the sample itself."""

FACTOR_BYTES: Final = 4
"""What it holds for each number of a customer's vector."""


def training_bytes(customers: int, purchases: int, factors: int) -> int:
    """Return what training on so many customers with so many purchases takes, about."""
    return purchases * PURCHASE_BYTES + customers * factors * FACTOR_BYTES


def training_share(
    train: Histories, *, least: int, most: int, memory_gb: float, factors: int
) -> float:
    """Return which share of the customers to train on: 1 where all of them may be taken.

    The rule: no more than `most` customers, and no more than what `training_bytes` says of
    them fits into `memory_gb`.

    Parameters
    ----------
    train : Histories
    least : int
        Customers with fewer purchases do not count: the k-core drops them.
    most : int
        0 for no limit.
    memory_gb : float
        10^9 bytes.
    factors : int
        Length of a vector.
    """
    customers = purchases = 0
    for block in train.blocks():
        lengths = block.lengths
        taken = lengths >= max(least, 1)
        customers += int(taken.sum())
        purchases += int(lengths[taken].sum())
    share = memory_gb * 1e9 / max(training_bytes(customers, purchases, factors), 1)
    if most:
        share = min(share, most / max(customers, 1))
    return min(share, 1.0)


def sample_customers(train: Histories, share: float, *, seed: int, least: int = 1) -> Histories:
    """Draw a share of the customers by a hash of the seed and what each has bought.

    Whether a customer is drawn does not depend on the others, on their order, or on a number
    that the shop has given to somebody: it follows from the history alone. A larger share has
    all customers of a smaller one. The memory is that of the customers drawn.

    Parameters
    ----------
    train : Histories
    share : float
        Of the customers with at least `least` purchases; the number is that on average.
    seed : int

    Returns
    -------
    Histories of the customers drawn, in their order, in arrays of their own
    """
    from hemline.models.sampling_kernel import hash_histories

    bound = np.uint64(min(int(share * 2**64), 2**64 - 1))
    ages: list[npt.NDArray[np.float32]] = []
    lengths: list[npt.NDArray[np.int64]] = []
    parts: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in COLUMNS}
    for block in train.blocks():
        hashes = np.empty(len(block), np.uint64)
        hash_histories(
            np.ascontiguousarray(block.start), np.ascontiguousarray(block.stop), block.article,
            block.time, np.uint64(seed % 2**64), hashes,
        )  # fmt: skip
        drawn = block.take((hashes <= bound) & (block.lengths >= max(least, 1)))
        rows = drawn.rows()
        for name, columns in parts.items():
            columns.append(getattr(block, name)[rows])
        lengths.append(drawn.lengths)
        ages.append(np.array(drawn.age))
    bounds = np.concatenate([[0], np.cumsum(np.concatenate([np.zeros(0, np.int64), *lengths]))])
    found: dict[str, Any] = {}
    for name, kind in COLUMNS.items():
        found[name] = np.concatenate([np.zeros(0, kind), *parts.pop(name)])
    return replace(
        train,
        start=bounds[:-1].astype(np.int64),
        stop=bounds[1:].astype(np.int64),
        age=np.concatenate([np.zeros(0, np.float32), *ages]),
        **found,
    )
