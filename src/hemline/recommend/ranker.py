"""The ranker: LightGBM in training, its trees alone ever after."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from hemline.blocks import Progress, available_threads, silent
from hemline.config import Ranker as Settings
from hemline.errors import RunError
from hemline.models.base import Float32
from hemline.recommend.boosting import boost
from hemline.recommend.calibration import Calibration
from hemline.recommend.ranker_trees import Trees

MOST_ROWS: Final = 10_000
"""Candidates of one customer: LightGBM refuses longer groups."""
_FEW_ROWS: Final = 300_000


@dataclass(frozen=True)
class Examples:
    """Candidates of which it is known whether they were bought.

    Attributes
    ----------
    features : float32 (m, f)
        Sorted by customer.
    bought : bool (m,)
    counts : int64 (q,)
        Candidates of each customer, at most `MOST_ROWS`; they add up to m.
    """

    features: Float32
    bought: npt.NDArray[np.bool_]
    counts: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        """Raise RunError where the groups and the rows do not belong together."""
        rows = {len(self.features), len(self.bought), int(self.counts.sum())}
        if len(rows) != 1 or self.counts.max(initial=1) > MOST_ROWS or (self.counts < 1).any():
            raise RunError(
                f"examples of {len(self.counts)} customers: {len(self.features)} rows of features, "
                f"{len(self.bought)} of truth, {int(self.counts.sum())} counted",
                hint=f"each customer has 1 to {MOST_ROWS} rows, one after the other",
            )

    def __len__(self) -> int:
        """Return the number of customers."""
        return len(self.counts)

    @classmethod
    def join(cls, parts: list[Examples], n_features: int) -> Self:
        """Put examples one after the other."""
        return cls(
            np.concatenate([np.zeros((0, n_features), np.float32), *(p.features for p in parts)]),
            np.concatenate([np.zeros(0, bool), *(p.bought for p in parts)]),
            np.concatenate([np.zeros(0, np.int64), *(p.counts for p in parts)]),
        )


class Ranker:
    """Orders candidates by their features; scores are turned into probabilities at the end.

    Attributes
    ----------
    text_ : str
        The model as LightGBM writes it.
    trees_ : Trees
    calibration_ : Calibration
    """

    text_: str
    trees_: Trees
    calibration_: Calibration

    def __init__(self, settings: Settings, *, seed: int = 1, threads: int = 0) -> None:
        self.settings, self.seed, self.threads = settings, seed, threads

    def fit(
        self, examples: Examples, names: tuple[str, ...], *, progress: Progress = silent
    ) -> Self:
        """Learn to put what was bought before what was not.

        Parameters
        ----------
        examples : Examples
        names : tuple of str (f,)
            Of the features.
        """
        self._take(
            boost(
                examples.features,
                examples.bought,
                examples.counts,
                names,
                self._parameters(len(examples.bought)),
                self.settings.trees,
                progress,
            )
        )
        self.calibration_ = Calibration.none()
        return self

    def _parameters(self, n_rows: int) -> dict[str, Any]:
        one = self.settings
        # for few rows the threads would spend their time waiting for each other
        threads = 1 if n_rows < _FEW_ROWS else available_threads(self.threads)
        return {
            "objective": one.objective,
            "num_leaves": one.leaves,
            "learning_rate": one.learning_rate,
            "min_data_in_leaf": one.min_leaf,
            "min_sum_hessian_in_leaf": 0.0 if one.objective == "lambdarank" else 1e-3,
            "lambda_l2": one.l2,
            "feature_fraction": one.feature_share,
            "lambdarank_truncation_level": 20,
            "num_threads": threads,
            "seed": self.seed,
            # with these two the trees do not depend on the number of threads
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }

    def _take(self, text: str) -> None:
        self.text_ = text
        self.trees_ = Trees.read(text)

    def calibrate(
        self, score: npt.NDArray[np.float64], bought: npt.NDArray[np.bool_], weight: Any
    ) -> None:
        """Fit the probabilities to candidates that were not trained on: see `Calibration.fit`."""
        self.calibration_ = Calibration.fit(self.settings.calibration, score, bought, weight)

    def score(self, features: Float32) -> npt.NDArray[np.float64]:
        """Return the score of each candidate, float64 (m,); it orders those of one customer."""
        return self.trees_.predict(features)

    def importance(self) -> list[dict[str, Any]]:
        """Return every feature with its share of the gain and its splits, the largest first."""
        trees = self.trees_
        whole = float(trees.gain.sum()) or 1.0
        order = np.argsort(-trees.gain, kind="stable")
        return [
            {
                "feature": trees.names[one],
                "gain": float(trees.gain[one] / whole),
                "splits": int(trees.splits[one]),
            }
            for one in order
        ]

    def save(self, folder: Path) -> None:
        """Write the trees as LightGBM's text, and the calibration."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.txt").write_text(self.text_)
        (folder / "calibration.json").write_text(json.dumps(self.calibration_.to_json()))

    @classmethod
    def load(cls, folder: Path, settings: Settings, names: tuple[str, ...]) -> Self:
        """Read what `save` wrote; LightGBM is not needed for it.

        Raises
        ------
        RunError
            There is no ranker, or it is one for other features than `names`.
        """
        found = cls(settings)
        try:
            found._take((folder / "model.txt").read_text())
            calibration = json.loads((folder / "calibration.json").read_text())
        except (OSError, ValueError) as error:
            raise RunError(f"{folder} holds no ranker: {error}", hint="train again") from None
        if found.trees_.names != names:
            raise RunError(
                f"{folder} holds a ranker for other features than these settings give",
                hint="train again",
            )
        found.calibration_ = Calibration.of_json(calibration)
        return found
