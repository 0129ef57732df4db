"""The driver's side of recommending: the parts of all customers, in their order."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from hemline.blocks import Progress, silent
from hemline.cluster.job import Job, PartReport, ship
from hemline.cluster.parts import read_part, sizes
from hemline.cluster.sharing import SharedHistories
from hemline.cluster.task import RecommendTask
from hemline.evaluate.backtest import ListMaker
from hemline.recommend.base import Recommendations
from hemline.recommend.bundle import Bundle
from hemline.recommend.output import BLOCK
from hemline.shop.histories import Histories

if TYPE_CHECKING:
    from hemline.engines.spark import Spark

PART: Final = 1 << 16
"""Customers of a part at most: some seconds of one core, which is what a lost task costs."""


@dataclass
class Recommending:
    """Recommends for everyone on a cluster; the answer is the laptop's, byte for byte.

    Attributes
    ----------
    spark : Spark
        An open engine.
    bundle : path
        A folder of `Bundle.save`; it is sent to each executor once.
    work : path
        A folder that driver and executors see under this path. Parts that lie there whole, of
        an attempt before, are kept; so it must be of one bundle, k and moment.
    partitions : int
        0: those of the engine, and no part of more than `PART` customers.
    reports : list of PartReport
        Filled when the job is done.
    """

    spark: Spark
    bundle: Path
    work: Path
    partitions: int = 0
    block: int = BLOCK
    reports: list[PartReport] = field(default_factory=list)

    def blocks(
        self,
        histories: Histories,
        k: int,
        *,
        as_of: int | None,
        progress: Progress = silent,
    ) -> Iterator[Recommendations]:
        """Yield the recommendations of every customer, in order, as parts are finished.

        Parameters are those of `recommend_all`, and so is what is yielded, cut otherwise.

        Raises
        ------
        HemlineError
            What the block function raises, wherever it ran.
        EngineError
            An executor had too little memory, or was lost again and again.
        """
        if not len(histories):
            return
        bundle = Bundle.open(self.bundle)
        # one answer here: what is wrong with the question is said before a job is begun, and
        # the kernels are compiled and go along
        bundle.recommend(histories.block(0, 1), k, as_of=as_of)
        self.work.mkdir(parents=True, exist_ok=True)
        del bundle
        task = self.task(ship(self.spark, self.bundle), histories, k, as_of)
        job = Job(self.spark.session, task)
        progress(0, len(histories))
        with contextlib.closing(job.parts()) as parts:
            for low, _, path in parts:
                done = low
                for one in read_part(path):
                    yield one
                    done += len(one)
                    progress(done, len(histories))
        self.reports = job.reports

    def task(self, archive: str, histories: Histories, k: int, as_of: int | None) -> RecommendTask:
        """Return the job as its tasks know it."""
        parts = self.partitions or max(self.spark.partitions, -(-len(histories) // PART))
        return RecommendTask(
            archive=archive,
            histories=SharedHistories.of(histories, self.work),
            bounds=tuple(sizes(0, len(histories), parts, self.block)),
            k=k,
            as_of=as_of,
            block=self.block,
            folder=str((self.work / "parts").resolve()),
        )


def cluster_lists(spark: Spark, work: Path, partitions: int = 0) -> ListMaker:
    """Return a `bundle_lists` of the backtest that recommends on a cluster.

    Parameters
    ----------
    work : path
        A folder that driver and executors see under this path, for each fold's bundle.
    """
    made = 0

    def lists(
        bundle: Bundle,
        judged: Histories,
        k: int,
        *,
        as_of: int | None,
        threads: int,
        progress: Progress = silent,
    ) -> npt.NDArray[np.int32]:
        nonlocal made
        made += 1
        folder = work / f"fold-{made}"
        bundle.save(folder / "bundle")
        job = Recommending(spark, folder / "bundle", folder, partitions)
        found = [one.articles for one in job.blocks(judged, k, as_of=as_of, progress=progress)]
        return np.concatenate([np.zeros((0, k), np.int32), *found])

    return lists
