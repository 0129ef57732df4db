"""LightGBM's training: here, or in a process of its own where torch is loaded already.

Each brings an OpenMP, and on some machines a process with both crashes. A person who has
imported torch must still be able to train a ranker.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hemline.blocks import Progress, silent
from hemline.errors import RunError
from hemline.models.base import Float32

_ARRAYS = ("features", "bought", "counts")


def boost(
    features: Float32,
    bought: npt.NDArray[np.bool_],
    counts: npt.NDArray[np.int64],
    names: tuple[str, ...],
    parameters: dict[str, Any],
    trees: int,
    progress: Progress = silent,
) -> str:
    """Return the trained model in LightGBM's text form.

    Parameters
    ----------
    features : float32 (m, f)
    bought : bool (m,)
    counts : int64 (q,)
        Rows of each customer, one after the other.
    names : tuple of str (f,)
    parameters : dict
        LightGBM's.
    trees : int
    progress : callable
        Not told where the training is in another process.

    Raises
    ------
    RunError
        The other process failed.
    """
    if "torch" in sys.modules:
        return _elsewhere((features, bought, counts), names, parameters, trees)
    import lightgbm

    data = lightgbm.Dataset(
        features,
        bought.astype(np.int8),
        group=counts,
        feature_name=list(names),
        params={**parameters, "max_bin": 255, "feature_pre_filter": False},
        free_raw_data=True,
    )

    def tell(state: Any) -> None:
        progress(state.iteration + 1, trees)

    booster = lightgbm.train(parameters, data, num_boost_round=trees, callbacks=[tell])
    text: str = booster.model_to_string()
    return text


def _elsewhere(
    arrays: tuple[npt.NDArray[Any], ...],
    names: tuple[str, ...],
    parameters: dict[str, Any],
    trees: int,
) -> str:
    with tempfile.TemporaryDirectory(prefix="hemline-ranker-") as folder:
        at = Path(folder)
        for name, array in zip(_ARRAYS, arrays, strict=True):
            np.save(at / f"{name}.npy", array)
        request = {"names": names, "parameters": parameters, "trees": trees}
        (at / "request.json").write_text(json.dumps(request))
        command = [sys.executable, "-m", "hemline.recommend.boosting", folder]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            raise RunError(
                f"training the ranker failed in its own process: {ended.stderr[-2000:].strip()}",
                hint="it is apart because torch is loaded here; try without torch",
            )
        return (at / "model.txt").read_text()


def _main(folder: Path) -> None:
    request = json.loads((folder / "request.json").read_text())
    features, bought, counts = (np.load(folder / f"{name}.npy") for name in _ARRAYS)
    names = tuple(request["names"])
    text = boost(features, bought, counts, names, request["parameters"], request["trees"])
    (folder / "model.txt").write_text(text)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
