"""The driver's side of training a ranker: examples of a window, made by the executors."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hemline.cluster.job import Job, PartReport, ship
from hemline.cluster.parts import read_examples, sizes
from hemline.cluster.sharing import SharedHistories
from hemline.cluster.task import ExamplesTask
from hemline.recommend.examples import BLOCK, Fitted, UInt64
from hemline.recommend.ranker import Examples
from hemline.recommend.window_files import SavedWindow

if TYPE_CHECKING:
    from hemline.engines.spark import Spark


@dataclass
class ClusterExamples:
    """Makes examples on a cluster; they are the laptop's, byte for byte.

    It is a `Gatherer`: see `recommend.examples_elsewhere`.

    Attributes
    ----------
    spark : Spark
        An open engine.
    work : path
        A folder that driver and executors see under this path.
    partitions : int
        0: those of the engine.
    reports : list of list of PartReport
        Of each window's parts.
    """

    spark: Spark
    work: Path
    partitions: int = 0
    block: int = BLOCK
    reports: list[list[PartReport]] = field(default_factory=list)

    def __call__(
        self, fitted: Fitted, rows: npt.NDArray[np.int64], negatives: int, digest: UInt64
    ) -> Examples:
        """Return what `fitted.examples` would; arguments are its own."""
        chosen = replace(
            fitted, histories=fitted.histories.take(rows), truth=fitted.truth.take(rows)
        )
        # one customer here: what is wrong is said before a job is begun, and the kernels are
        # compiled and go along
        first = np.arange(min(1, len(rows)))
        here = chosen.examples(first, negatives, digest[:1])
        if not len(rows):
            return here
        folder = self.work / f"window-{fitted.window.cutoff}-{fitted.window.end}"
        shutil.rmtree(folder, ignore_errors=True)  # of a driver that was killed
        SavedWindow.of(chosen, digest).save(folder / "bundle")
        archive = ship(self.spark, folder / "bundle")
        parts = self.partitions or self.spark.partitions
        task = ExamplesTask(
            archive=archive,
            histories=SharedHistories.of(chosen.histories, folder),
            bounds=tuple(sizes(0, len(rows), parts, self.block)),
            folder=str((folder / "parts").resolve()),
            negatives=negatives,
        )
        job = Job(self.spark.session, task)
        made = [read_examples(path) for _, _, path in job.parts()]
        self.reports.append(job.reports)
        shutil.rmtree(folder, ignore_errors=True)
        return Examples.join(made, len(fitted.features.declared))
