"""How far a job of Spark is, told while it works."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_LOOK = 0.2


def watched(
    session: SparkSession, work: Callable[[], Any], progress: Callable[[float], None]
) -> Any:
    """Do some work on Spark, and tell the share of its tasks that are done, 0 to 1.

    Stages that are not begun yet are not known, so the share stands still while a job goes from
    one to the next; it never goes back.
    """
    from pyspark import InheritableThread

    context = session.sparkContext
    tag = f"hemline-{uuid.uuid4().hex[:12]}"
    found: list[Any] = []
    failed: list[BaseException] = []

    def run() -> None:
        context.addJobTag(tag)
        try:
            found.append(work())
        except BaseException as error:
            failed.append(error)

    thread = InheritableThread(target=run, session=session)
    thread.start()
    told = 0.0
    try:
        while thread.is_alive():
            thread.join(_LOOK)
            told = max(told, _share(context, told))
            progress(told)
    except BaseException:  # Ctrl-C: the job would otherwise run to its end
        context.cancelJobsWithTag(tag)
        thread.join()
        raise
    if failed:
        raise failed[0]
    return found[0]


def _share(context: Any, before: float) -> float:
    """Return the share of the tasks of the stages that run now."""
    tracker = context.statusTracker()
    done = total = 0
    for stage in tracker.getActiveStageIds():
        info = tracker.getStageInfo(stage)
        if info is not None:
            done, total = done + info.numCompletedTasks, total + info.numTasks
    return done / total if total else before
