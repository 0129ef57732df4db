"""LightGBM's trees without LightGBM: read from its text, evaluated by compiled code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hemline.errors import ConfigError, RunError
from hemline.models.base import Float32, Int32

MOST_LEAVES: Final = 64
_CATEGORICAL, _DEFAULT_LEFT = 1, 2
_MISSING_NONE, _MISSING_ZERO = 0, 1
_ZERO: Final = np.float32(1e-35)


@dataclass(frozen=True)
class Trees:
    """A sum of regression trees over float32 features, as flat arrays.

    Missing values go where LightGBM sends them: with the missing type of the node none, NaN
    counts as 0; with NaN, and with zero, to the default side. Thresholds are doubles in
    LightGBM; rounded down to float32 they part float32 features in the same way.

    Attributes
    ----------
    names : tuple of str
        Of the features, in the order of the columns.
    gain : float64 (f,)
        Of each feature: what its splits took off the loss.
    splits : int64 (f,)
        Of each feature: how many nodes ask for it.
    node_bounds, leaf_bounds : int32 (t + 1,)
    feature, threshold, kept, missing_right : (nodes,)
    values : float64 (leaves,)
        See `ranker_trees_kernel.add_trees`. `kept` is uint32 while no tree has more than 32
        leaves, uint64 otherwise.
    zeros_missing : bool
    """

    names: tuple[str, ...]
    gain: npt.NDArray[np.float64]
    splits: npt.NDArray[np.int64]
    node_bounds: Int32
    leaf_bounds: Int32
    feature: Int32
    threshold: Float32
    kept: npt.NDArray[np.uint32] | npt.NDArray[np.uint64]
    missing_right: npt.NDArray[np.bool_]
    values: npt.NDArray[np.float64]
    zeros_missing: bool

    @classmethod
    def read(cls, text: str) -> Trees:
        """Read a model in LightGBM's text form (`Booster.model_to_string`).

        Raises
        ------
        RunError
            The text is no such model, or has what a ranker here does not: categorical or
            linear splits, averaged trees, several outputs, more than 64 leaves in a tree, zeros
            missing in some nodes only.
        """
        try:
            return _read(text)
        except (KeyError, ValueError, IndexError) as error:
            raise RunError(f"the ranker's text cannot be read: {error}", hint="train again") from (
                None
            )

    def __len__(self) -> int:
        return len(self.node_bounds) - 1

    def predict(self, features: Float32) -> npt.NDArray[np.float64]:
        """Return the sum of all trees for each row, float64 (n,), on the calling thread.

        Parameters
        ----------
        features : float32 (n, f)
            NaN where a value is not known.
        """
        from hemline.recommend.ranker_trees_kernel import add_trees

        if features.ndim != 2 or features.shape[1] != len(self.names):
            raise ConfigError(
                f"features have shape {features.shape}", hint=f"(rows, {len(self.names)})"
            )
        found = np.empty(len(features), np.float64)
        add_trees(
            self.node_bounds,
            self.leaf_bounds,
            (self.feature, self.threshold, self.kept, self.missing_right),
            self.values,
            self.zeros_missing,
            np.ascontiguousarray(features, np.float32),
            found,
        )
        return found


_WRONG: Final = {
    "average_output": "averaged trees",
    "is_linear=1": "linear leaves",
}


def _read(text: str) -> Trees:
    header, *parts = text.split("\nTree=")
    facts = _facts(header)
    if facts.get("num_class") != "1" or facts.get("num_tree_per_iteration") != "1":
        raise RunError("the ranker has several outputs", hint="one output is needed")
    for sign, what in _WRONG.items():
        if any(line.strip() == sign for line in text.splitlines()):
            raise RunError(f"the ranker has {what}", hint="train it as this version does")
    names = tuple(facts["feature_names"].split())
    gain, splits = np.zeros(len(names)), np.zeros(len(names), np.int64)
    build = _Build()
    for part in parts:
        tree = _facts(part.split("end of trees")[0])
        build.add(tree)
        if int(tree["num_leaves"]) > 1:
            asked = np.array(tree["split_feature"].split(), np.int64)
            np.add.at(gain, asked, np.array(tree["split_gain"].split(), float))
            np.add.at(splits, asked, 1)
    if len(build.zero_missing) > 1:
        raise RunError("zeros are missing values in some nodes only", hint="train again")
    leaf_bounds = np.array(build.leaf_bounds, np.int32)
    bits: type[Any] = np.uint32 if np.diff(leaf_bounds).max(initial=0) <= 32 else np.uint64
    all_leaves = np.iinfo(bits).max
    return Trees(
        names,
        gain,
        splits,
        np.array(build.node_bounds, np.int32),
        leaf_bounds,
        np.array(build.feature, np.int32),
        np.array(build.threshold, np.float32),
        np.array([all_leaves & ~one for one in build.left_leaves], bits),
        np.array(build.missing_right, bool),
        np.array(build.values, np.float64),
        build.zero_missing == {True},
    )


def _facts(part: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in part.splitlines())
    return {name: value for name, equals, value in pairs if equals}


class _Build:
    """The flat arrays while they grow."""

    def __init__(self) -> None:
        self.node_bounds = [0]
        self.leaf_bounds = [0]
        self.feature: list[int] = []
        self.threshold: list[float] = []
        self.left_leaves: list[int] = []
        self.missing_right: list[bool] = []
        self.values: list[float] = []
        self.zero_missing: set[bool] = set()

    def add(self, tree: dict[str, str]) -> None:
        """Add a tree: its nodes in any order, its leaves from left to right."""
        if int(tree["num_cat"]):
            raise RunError("the ranker has categorical splits", hint="features are numbers here")
        values = np.array(tree["leaf_value"].split(), float)
        if len(values) > MOST_LEAVES:
            raise RunError(
                f"a tree has {len(values)} leaves", hint=f"{MOST_LEAVES} at most: ranker.leaves"
            )
        if len(values) == 1:
            self.values.append(float(values[0]))
        else:
            self._add_nodes(tree, values)
        self.node_bounds.append(len(self.feature))
        self.leaf_bounds.append(len(self.values))

    def _add_nodes(self, tree: dict[str, str], values: npt.NDArray[np.float64]) -> None:
        columns: dict[str, Any] = {
            name: tree[name].split()
            for name in ("split_feature", "threshold", "decision_type", "left_child", "right_child")
        }
        first = len(self.values)

        def descend(number: int) -> int:
            """Add what is below a node, and return its leaves as bits."""
            if number < 0:  # leaves are numbered by their complement
                self.values.append(float(values[~number]))
                return 1 << (len(self.values) - 1 - first)
            kind, bound = int(columns["decision_type"][number]), float(columns["threshold"][number])
            left = descend(int(columns["left_child"][number]))
            right = descend(int(columns["right_child"][number]))
            self.feature.append(int(columns["split_feature"][number]))
            self.threshold.append(_rounded(bound))
            self.left_leaves.append(left)
            self.missing_right.append(self._missing_goes_right(kind, bound))
            return left | right

        descend(0)

    def _missing_goes_right(self, kind: int, bound: float) -> bool:
        if kind & _CATEGORICAL:
            raise RunError("the ranker has categorical splits", hint="features are numbers here")
        missing = (kind >> 2) & 3
        if missing == _MISSING_NONE:
            return not bound >= 0  # NaN counts as 0, and zeros are never missing
        self.zero_missing.add(missing == _MISSING_ZERO)
        return not kind & _DEFAULT_LEFT


def _rounded(bound: float) -> float:
    """Return the float32 that parts float32 features as LightGBM's predictor does by a double."""
    if abs(bound) <= float(_ZERO):  # it takes what is this near to 0 for 0
        return float(_ZERO if bound >= 0 else np.nextafter(-_ZERO, np.float32(-np.inf)))
    with np.errstate(over="ignore"):
        near = np.float32(bound)
    return float(np.nextafter(near, np.float32(-np.inf)) if float(near) > bound else near)
