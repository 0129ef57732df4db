"""What sold: counts by group of customers, and the first and last sale of each article."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from hemline.models.sales_kernel import add_sales, sale_times
from hemline.shop.histories import Histories

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]

NEVER = int(np.iinfo(np.int64).max)
"""As the first sale of an article: there was none. The last sale is then -NEVER."""
LONGEST = 3660
"""Days after which nothing fades further."""


@lru_cache(maxsize=64)
def fading(decay: float, days: int | None = None) -> Float64:
    """Return (1 + a) ** -decay for the ages a of 0, 1, … days; 0 from `days` on, when given.

    The array is one for all who ask, and not to be written to.
    """
    table: Float64 = np.power(1.0 + np.arange(days or LONGEST), -decay)
    return table if days is None else np.append(table, 0.0)


def count_sales(
    histories: Histories,
    as_of: int | None,
    weights: Float64,
    *,
    group: npt.NDArray[np.int32] | None = None,
    n_groups: int = 1,
    by_customers: bool = True,
    counts: Float64 | None = None,
) -> Float64:
    """Return how much of each article was sold to each group, float64 (n_groups, n_articles).

    Parameters
    ----------
    histories : Histories of n customers
    as_of : int or None
        Seconds, from which ages count; None for undated data, where everything has age 0.
    weights : float64 (days,)
        What a purchase of each age counts; falling, the last for all that are older.
    group : int32 (n,), optional
        Of each customer, -1 for none; everyone is in group 0 when None.
    n_groups : int
    by_customers : bool
        A customer counts once for an article, by the latest purchase; otherwise by pieces.
    counts : float64 (n_groups, n_articles), optional
        Of customers before these, to be added to.
    """
    if counts is None:
        counts = np.zeros((n_groups, histories.n_articles))
    done = 0
    for block in histories.blocks():
        everyone = np.zeros(len(block), np.int32)
        add_sales(
            np.ascontiguousarray(block.start), np.ascontiguousarray(block.stop),
            block.article, block.time, block.weight, 0 if as_of is None else as_of,
            weights[:1] if as_of is None else weights, by_customers,
            everyone if group is None else group[done : done + len(block)], counts,
        )  # fmt: skip
        done += len(block)
    return counts


def first_and_last_sale(histories: Histories) -> tuple[Int64, Int64]:
    """Return the times of the first and of the last sale of each article, int64 (n_articles,).

    `NEVER` and -`NEVER` for an article that never sold.
    """
    first = np.full(histories.n_articles, NEVER, np.int64)
    last = np.full(histories.n_articles, -NEVER, np.int64)
    for block in histories.blocks():
        sale_times(
            np.ascontiguousarray(block.start), np.ascontiguousarray(block.stop),
            block.article, block.time, first, last,
        )  # fmt: skip
    return first, last
