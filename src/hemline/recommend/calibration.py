"""From a ranker's score to the probability of a purchase, by a map that keeps the order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, Self

import numpy as np
import numpy.typing as npt

from hemline.models.base import Float32

Float64 = npt.NDArray[np.float64]
MOST_BINS: Final = 500
"""Groups of equal weight that the scores are gathered in before anything is fitted."""


@dataclass(frozen=True)
class Calibration:
    """A piecewise linear map from score to probability that never falls.

    Attributes
    ----------
    score, probability : float64 (p,)
        The corners, rising; beyond them the map is level. No corner: scores stay scores.
    """

    score: Float64
    probability: Float64

    @classmethod
    def none(cls) -> Self:
        """Scores stay what they are."""
        return cls(np.zeros(0), np.zeros(0))

    @classmethod
    def fit(
        cls,
        kind: Literal["isotonic", "platt", "none"],
        score: Float64,
        bought: npt.NDArray[np.bool_],
        weight: Float64,
    ) -> Self:
        """Fit the map to candidates of which it is known whether they were bought.

        Parameters
        ----------
        kind : str
            "isotonic": the rates of groups, pooled where they fall (Ayer et al. 1955);
            "platt": a logistic curve (Platt 1999). "none", or candidates of which all or none
            were bought: scores stay scores.
        score : float64 (m,)
        bought : bool (m,)
        weight : float64 (m,)
            How many candidates each stands for.
        """
        if kind == "none" or not bought.any() or bought.all():
            return cls.none()
        groups = _groups(score, bought, weight)
        return cls(*(_isotonic(*groups) if kind == "isotonic" else _platt(*groups)))

    def __call__(self, score: Float64) -> Float32:
        """Return the probability of each score, float32, in the order of the scores."""
        if not len(self.score):
            return score.astype(np.float32)
        return np.interp(score, self.score, self.probability).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """Return the corners as plain numbers."""
        return {"score": self.score.tolist(), "probability": self.probability.tolist()}

    @classmethod
    def of_json(cls, found: dict[str, Any]) -> Self:
        """Read what `to_json` returned."""
        return cls(np.array(found["score"], float), np.array(found["probability"], float))


def _groups(
    score: Float64, bought: npt.NDArray[np.bool_], weight: Float64
) -> tuple[Float64, Float64, Float64]:
    """Return mean score, rate and weight of groups of candidates that stand side by side.

    Each has about the same share of what was bought, since little is known of a rate from
    many candidates of which one was bought.
    """
    order = np.argsort(score, kind="stable")
    score, weight = score[order], weight[order]
    hits = np.where(bought[order], weight, 0)
    share = np.cumsum(hits) / hits.sum()
    bins = min(MOST_BINS, max(1, int(np.count_nonzero(hits)) // 5))
    bound = np.searchsorted(share, np.arange(1, bins) / bins, side="left") + 1
    # equal scores stay in one group, so that the map is a function
    bound = np.searchsorted(score, score[np.minimum(bound, len(score) - 1)], side="left")
    first = np.unique(np.concatenate([[0], bound]))
    total = np.add.reduceat(weight, first)
    return (
        np.add.reduceat(score * weight, first) / total,
        np.add.reduceat(hits, first) / total,
        total,
    )


def _isotonic(score: Float64, rate: Float64, weight: Float64) -> tuple[Float64, Float64]:
    pools: list[list[float]] = []  # score x weight, rate x weight, weight
    for one, r, w in zip(score.tolist(), rate.tolist(), weight.tolist(), strict=True):
        pools.append([one * w, r * w, w])
        while len(pools) > 1 and pools[-2][1] * pools[-1][2] >= pools[-1][1] * pools[-2][2]:
            last = pools.pop()
            pools[-1] = [a + b for a, b in zip(pools[-1], last, strict=True)]
    found = np.array(pools)
    return found[:, 0] / found[:, 2], found[:, 1] / found[:, 2]


def _platt(score: Float64, rate: Float64, weight: Float64) -> tuple[Float64, Float64]:
    mean, sd = float(np.average(score, weights=weight)), float(score.std()) or 1.0
    x = (score - mean) / sd
    base = float(np.average(rate, weights=weight))
    slope, shift = 0.0, float(np.log(base / (1 - base)))
    for _ in range(50):  # Newton; two parameters converge in a few steps
        p = 1 / (1 + np.exp(-(slope * x + shift)))
        left = weight * (rate - p)
        curve = np.maximum(weight * p * (1 - p), 1e-12)
        gradient = np.array([(left * x).sum(), left.sum()])
        hessian = np.array(
            [[(curve * x * x).sum() + 1e-9, (curve * x).sum()], [(curve * x).sum(), curve.sum()]]
        )
        step = np.linalg.solve(hessian, gradient)
        slope, shift = slope + float(step[0]), shift + float(step[1])
        if np.abs(step).max() < 1e-9:
            break
    slope = max(slope, 0.0)  # a map that falls would turn the ranking over
    low, high = float(x.min()) - 3, float(x.max()) + 3
    corners = np.linspace(low, high, 400)
    return corners * sd + mean, 1 / (1 + np.exp(-(slope * corners + shift)))
