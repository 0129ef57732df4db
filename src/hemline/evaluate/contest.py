"""Any number of recipes over the same folds, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hemline.blocks import Part, Progress, silent
from hemline.config import Config
from hemline.errors import ConfigError, HemlineError, RunError
from hemline.evaluate.leaderboard import Leaderboard, Standing
from hemline.shop.splits import Fold

RECALL_AT = 100
"""Recall is also told of the first hundred, which is what a second ranking would start from."""


@dataclass(frozen=True)
class Entrant:
    """A recipe with all its settings, under the name that the leaderboard shows."""

    name: str
    config: Config


@dataclass(frozen=True)
class Ground:
    """Where the entrants meet: the tables, the neighbours, the folds, the length of lists."""

    ingest: Path
    neighbours: Path
    folds: Sequence[Fold]
    k: int


def hold_contest(
    ground: Ground,
    entrants: Sequence[Entrant],
    *,
    progress: Progress = silent,
    notice: Callable[[str], None] = lambda text: None,
) -> Leaderboard:
    """Train and judge every entrant on every fold, and put them in order.

    One after another, each in a fresh process, so that its peak memory is its own and no two
    of them meet in one process with their threads (LightGBM's and torch's do not bear it).
    An entrant that fails is left out, with a notice.

    Raises
    ------
    ConfigError
        There is no entrant, or two have one name.
    RunError
        None of them came to an end.
    """
    names = [one.name for one in entrants]
    if not names or len(set(names)) < len(names):
        raise ConfigError(
            f"a comparison of {', '.join(names) or 'nothing'}", hint="one or more different recipes"
        )
    standings = []
    for i, entrant in enumerate(entrants):
        try:
            standings.append(_run(ground, entrant, Part(progress, i, len(entrants))))
        except HemlineError as error:
            notice(f"{entrant.name} is left out: {error}" + (f" ({error.hint})" * bool(error.hint)))
    if not standings:
        raise RunError("no entrant came to an end", hint="the notices above say why")
    return Leaderboard(ground.k, tuple(ground.folds), tuple(standings))


def _run(ground: Ground, entrant: Entrant, progress: Progress) -> Standing:
    with tempfile.TemporaryDirectory(prefix="hemline-contest-") as folder:
        job = {
            "config": entrant.config.model_dump(mode="json"),
            "ingest": str(ground.ingest),
            "neighbours": str(ground.neighbours),
            "folds": [asdict(one) for one in ground.folds],
            "k": ground.k,
        }
        (Path(folder) / "job.json").write_text(json.dumps(job))
        with subprocess.Popen(
            [sys.executable, "-m", "hemline.evaluate.contest_worker", folder],
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                done, total = line.split()
                progress(int(done), int(total))
        found = _result(Path(folder), entrant.name, process.returncode)
        scores = np.load(Path(folder) / "scores.npy", allow_pickle=False)
    return Standing(entrant.name, tuple(found["folds"]), scores, found["peak_bytes"])


def _result(folder: Path, name: str, status: int) -> dict[str, Any]:
    path = folder / "result.json"
    if not path.exists():
        raise RunError(
            f"{name}: its process ended with {status} and no result",
            hint="it may have been killed for memory; try it alone",
        )
    found: dict[str, Any] = json.loads(path.read_text())
    if "error" in found:
        error = RunError(f"{name}: {found['error']}")
        error.hint = found["hint"]
        raise error
    return found
