"""How far a score is from 0 or 1 once it is calibrated: not how good lists are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hemline.errors import ConfigError

Float64 = npt.NDArray[np.float64]

_STEPS = 50
_RIDGE = 1e-6


def platt(score: npt.NDArray[Any], target: npt.NDArray[Any]) -> tuple[float, float]:
    """Return (a, b) with which sigmoid(a x score + b) fits targets of 0 and 1 best.

    Logistic regression by Newton's method, with Platt's targets, (n1 + 1) / (n1 + 2) for 1 and
    1 / (n0 + 2) for 0 (Platt 1999), which keep it finite where the classes part.

    Parameters
    ----------
    score : float (n,)
    target : bool (n,)

    >>> a, b = platt(np.array([0.0, 0.0, 2.0, 2.0]), np.array([0, 0, 1, 1]))
    >>> [round(float(one), 2) for one in 1 / (1 + np.exp(-(a * np.array([0, 2]) + b)))]
    [0.25, 0.75]
    """
    score = np.asarray(score, np.float64)
    target = np.asarray(target, bool)
    ones = int(target.sum())
    wanted = np.where(target, (ones + 1) / (ones + 2), 1 / (len(target) - ones + 2))
    middle, spread = score.mean(), score.std() or 1.0
    rows = np.stack([(score - middle) / spread, np.ones(len(score))], axis=1)
    at = np.array([0.0, np.log(wanted.mean() / (1 - wanted.mean()))])
    for _ in range(_STEPS):
        found = _sigmoid(rows @ at)
        weight = np.maximum(found * (1 - found), 1e-12)
        step = np.linalg.solve(
            (rows * weight[:, None]).T @ rows + _RIDGE * np.eye(2),
            rows.T @ (wanted - found) - _RIDGE * at,
        )
        # a step of Newton can overshoot where the classes part
        at = at + step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-9:
            break
    return float(at[0] / spread), float(at[1] - at[0] * middle / spread)


def calibration_errors(
    score: npt.NDArray[Any], target: npt.NDArray[Any], *, seed: int = 1
) -> dict[str, float]:
    """Return MAE and RMSE of the calibrated score against 0 and 1.

    Two halves are drawn at random; each is calibrated by what was fitted on the other, so no
    row is judged by itself. `constant_*` are those of the share of ones, said of every row.

    Parameters
    ----------
    score : float (n,)
        Finite.
    target : bool (n,)

    Returns
    -------
    dict
        mae, rmse, constant_mae, constant_rmse

    Raises
    ------
    ConfigError
        Fewer than four rows, or all of one kind.

    >>> found = calibration_errors(np.arange(8.0), np.arange(8) > 3)
    >>> found["constant_mae"], found["rmse"] < found["constant_rmse"]
    (0.5, True)
    """
    score, target = np.asarray(score, np.float64), np.asarray(target, bool)
    if len(score) < 4 or target.all() or not target.any():
        raise ConfigError(
            f"{int(target.sum())} of {len(target)} targets are 1",
            hint="a score is calibrated on rows of both kinds",
        )
    first = np.zeros(len(score), bool)
    random = np.random.default_rng(seed)
    # both halves have both kinds
    for kind in (target, ~target):
        rows = random.permutation(np.flatnonzero(kind))
        first[rows[: (len(rows) + 1) // 2]] = True
    found = np.empty(len(score))
    for half in (first, ~first):
        a, b = platt(score[~half], target[~half]) if (~half).any() else (0.0, 0.0)
        found[half] = _sigmoid(a * score[half] + b)
    share = float(target.mean())
    return {
        "mae": float(np.abs(found - target).mean()),
        "rmse": float(np.sqrt(np.mean((found - target) ** 2))),
        "constant_mae": float(np.abs(share - target).mean()),
        "constant_rmse": float(np.sqrt(np.mean((share - target) ** 2))),
    }


def _sigmoid(values: Float64) -> Float64:
    return 1 / (1 + np.exp(-np.clip(values, -500, 500)))
