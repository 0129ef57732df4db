"""The driver's side: one job over parts of the customers, strung together in their order."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hemline.cluster.archive import pack_bundle
from hemline.cluster.failures import explained, rebuilt
from hemline.cluster.task import REPORT, Task
from hemline.errors import EngineError

if TYPE_CHECKING:
    from hemline.engines.spark import Spark

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


def ship(spark: Spark, bundle: Path) -> str:
    """Let every executor fetch and unpack a folder; return the name it has there.

    An executor that starts later fetches all that was ever shipped, so that archives stay
    for as long as the session: in its own folder, which it removes.
    """
    from pyspark import SparkFiles

    archive = pack_bundle(bundle, Path(SparkFiles.getRootDirectory()) / "hemline")
    spark.session.sparkContext.addArchive(f"{archive.resolve()}#{archive.stem}")
    return archive.stem


class Job:
    """A Spark job in a thread of its own, so that its first parts are read while it works.

    Parameters
    ----------
    session : pyspark.sql.SparkSession
    task : Task

    Attributes
    ----------
    reports : list of PartReport
        Filled when every part was taken.
    """

    def __init__(self, session: Any, task: Task) -> None:
        from pyspark import InheritableThread

        self.session, self.task = session, task
        self.tag = f"hemline-{uuid.uuid4().hex[:12]}"
        self.rows: list[Any] = []
        self.reports: list[PartReport] = []
        self.error: BaseException | None = None
        self.thread = InheritableThread(target=self._run, session=session)

    def parts(self) -> Generator[tuple[int, int, Path], None, None]:
        """Do the job, and yield the bounds and the file of each part in order, when it is whole.

        Whoever closes the iterator before its end stops the job.
        """
        for low, high in self.task.bounds:
            # of a machine that went down in the middle of a write; what is whole is kept
            path = self.task.path(low, high)
            if path.exists() and not self.task.whole(low, high):
                path.unlink()
        with self:
            for low, high in self.task.bounds:
                path = self.task.path(low, high)
                self.wait_for(path)
                yield low, high, path
            self.reports = self.finish()

    def __enter__(self) -> Job:
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
            context.setJobDescription(self.task.described)
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
