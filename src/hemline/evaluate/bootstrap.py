"""How sure a difference between two recipes is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemline.errors import ConfigError

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """The mean difference of paired scores with its 95 % interval; `above`: share above 0."""

    mean: float
    low: float
    high: float
    above: float


def paired_bootstrap(
    scores: Float64, others: Float64, *, samples: int = 2000, seed: int = 1
) -> Difference:
    """Resample customers, and look how the mean of `scores - others` spreads.

    Parameters
    ----------
    scores, others : float64 (n,)
        The same metric of the same customers (or customer-weeks), in the same order.
    samples : int
    seed : int

    Returns
    -------
    Difference
        The interval is that of the percentiles 2.5 and 97.5 (Efron and Tibshirani 1993, ch. 13);
        `above` is the share of samples in which `scores` is ahead.

    Raises
    ------
    ConfigError
        The two are not of the same customers.

    >>> found = paired_bootstrap(np.array([0.5, 0.25]), np.array([0.25, 0.0]))
    >>> found.mean, found.low, found.high, found.above
    (0.25, 0.25, 0.25, 1.0)
    """
    if scores.shape != others.shape or scores.ndim != 1 or not len(scores):
        raise ConfigError(
            f"scores of {scores.shape} and of {others.shape} customers cannot be paired",
            hint="the same customers, at least one, in the same order",
        )
    differences = scores - others
    # most customers have no hit in either: only how often each other one is drawn matters
    changed = differences[differences != 0]
    generator = np.random.default_rng(seed)
    n = len(differences)
    means = np.zeros(samples)
    if len(changed):
        drawn = generator.binomial(n, len(changed) / n, size=samples)
        for i, times in enumerate(drawn.tolist()):
            means[i] = changed[generator.integers(0, len(changed), times)].sum() / n
    low, high = np.percentile(means, [2.5, 97.5])
    return Difference(float(differences.mean()), float(low), float(high), float((means > 0).mean()))
