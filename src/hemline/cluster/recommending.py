"""The driver's side: one job over parts of the customers, strung together in their order."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from hemline.blocks import Progress, silent
from hemline.cluster.archive import pack_bundle
from hemline.cluster.failures import explained, rebuilt
from hemline.cluster.parts import is_whole, part_name, read_part, sizes
from hemline.cluster.sharing import SharedHistories
from hemline.cluster.task import REPORT, Task
from hemline.errors import EngineError
from hemline.evaluate.backtest import ListMaker
from hemline.recommend.base import Recommendations
from hemline.recommend.bundle import Bundle
from hemline.recommend.output import BLOCK
from hemline.shop.histories import Histories

if TYPE_CHECKING:
    from hemline.engines.spark import Spark

PART: Final = 1 << 16
"""Customers of a part at most: some seconds of one core, which is what a lost task costs."""

_LOOK: Final = 0.02
_LATE: Final = 30.0
"""Seconds that a file which an executor has renamed may take to be seen here (NFS)."""


@dataclass(frozen=True)
class PartReport:
    """One part as its executor told of it.

    Attributes
    ----------
    low, high : int
        Customers [low, high).
    kept : bool
        The part was there already, whole.
    seconds, opening : float
        Answering and writing; before it, opening the bundle: the first part of each process.
    peak_bytes : int
        Of the Python process, up to the end of this part.
    executor : str
    """

    part: int
    low: int
    high: int
    kept: bool
    seconds: float
    opening: float
    peak_bytes: int
    executor: str


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
        task = self.task(self._ship(), histories, k, as_of)
        for low, high in task.bounds:
            # of a machine that went down in the middle of a write; what is whole is kept
            path = Path(task.folder) / part_name(low, high)
            if path.exists() and not is_whole(path, high - low, k):
                path.unlink()
        with _Job(self.spark.session, task) as job:
            progress(0, len(histories))
            for low, high in task.bounds:
                path = Path(task.folder) / part_name(low, high)
                job.wait_for(path)
                done = low
                for one in read_part(path):
                    yield one
                    done += len(one)
                    progress(done, len(histories))
            self.reports = job.finish()

    def _ship(self) -> str:
        """Let every executor fetch and unpack the bundle; return the name it has there.

        An executor that starts later fetches all that was ever shipped, so that archives stay
        for as long as the session: in its own folder, which it removes.
        """
        from pyspark import SparkFiles

        archive = pack_bundle(self.bundle, Path(SparkFiles.getRootDirectory()) / "hemline")
        self.spark.session.sparkContext.addArchive(f"{archive.resolve()}#{archive.stem}")
        return archive.stem

    def task(self, archive: str, histories: Histories, k: int, as_of: int | None) -> Task:
        """Return the job as its tasks know it."""
        parts = self.partitions or max(self.spark.partitions, -(-len(histories) // PART))
        return Task(
            archive=archive,
            histories=SharedHistories.of(histories, self.work),
            bounds=tuple(sizes(0, len(histories), parts, self.block)),
            k=k,
            as_of=as_of,
            block=self.block,
            folder=str((self.work / "parts").resolve()),
        )


class _Job:
    """A Spark job in a thread of its own, so that its first parts are read while it works."""

    def __init__(self, session: Any, task: Task) -> None:
        from pyspark import InheritableThread

        self.session, self.task = session, task
        self.tag = f"hemline-{uuid.uuid4().hex[:12]}"
        self.rows: list[Any] = []
        self.error: BaseException | None = None
        self.thread = InheritableThread(target=self._run, session=session)

    def __enter__(self) -> _Job:
        self.thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        if self.thread.is_alive():  # who reads gave up
            with contextlib.suppress(Exception):
                self.session.sparkContext.cancelJobsWithTag(self.tag)
        self.thread.join()

    def _run(self) -> None:
        context = self.session.sparkContext
        n = len(self.task.bounds)
        try:
            context.addJobTag(self.tag)
            context.setJobDescription(f"recommend: {self.task.histories.customers:,} customers")
            numbers = self.session.range(0, n, 1, numPartitions=n)
            self.rows = numbers.mapInArrow(self.task, REPORT).collect()
        except BaseException as error:  # told to the thread that waits
            self.error = error

    def wait_for(self, path: Path) -> None:
        """Return when a part is there; raise what ended the job before it was."""
        late = 0.0
        while not path.exists():
            self.thread.join(_LOOK)
            if self.thread.is_alive():
                continue
            self._check()
            late = late or time.monotonic() + _LATE
            if time.monotonic() > late:
                raise EngineError(
                    f"{path} was written by an executor and is not seen here",
                    hint="the run folder has to lie where driver and executors see it under one "
                    "path",
                )
            list(path.parent.glob(path.name))  # a listing freshens what NFS remembers

    def finish(self) -> list[PartReport]:
        """Wait for the job's end and return what its tasks told, by part."""
        self.thread.join()
        self._check()
        names = PartReport.__dataclass_fields__
        found = [PartReport(**{name: row[name] for name in names}) for row in self.rows]
        return sorted(found, key=lambda one: one.part)

    def _check(self) -> None:
        if self.error is not None:
            conf = self.session.sparkContext.getConf()
            raise explained(self.error, lambda name: conf.get(name)) from None
        for row in self.rows:
            if row["error"]:
                raise rebuilt(row["error"])


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
