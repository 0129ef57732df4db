"""What Spark says when reading or computing fails, as an error that says what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from hemline.engines.base import UnreadableError
from hemline.errors import EngineError, HemlineError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_MEMORY: Final = ("OutOfMemoryError", "exit code 137", "OOMKilled", "exceeding memory limits")
_LOST: Final = ("ExecutorLostFailure", "Remote RPC client disassociated", "Worker lost")
_FRAMES: Final = re.compile(r"^\s*(at |\.\.\. \d+ more|Driver stacktrace|== SQL)")
_UNREADABLE: Final = (
    "FAILED_READ_FILE",
    "CANNOT_READ_FILE_FOOTER",
    "is not a Parquet file",
    "PATH_NOT_FOUND",
    "ARITHMETIC_OVERFLOW",
    "CAST_OVERFLOW",
)


def explaining(session: SparkSession, work: Callable[[], Any]) -> Any:
    """Do some work on Spark; raise what its failure means for who runs it."""
    try:
        return work()
    except Exception as error:  # Spark's and py4j's, which are many
        raise explained(error, session) from None


def explained(error: BaseException, session: SparkSession) -> BaseException:
    """Return what a failure of Spark means for who runs it."""
    if isinstance(error, HemlineError) or not _of_spark(error):
        return error
    text = str(error)
    if any(one in text for one in _MEMORY):
        memory = session.conf.get("spark.executor.memory", "1g")
        return EngineError(
            f"an executor ran out of memory: it has spark.executor.memory {memory}",
            hint="raise spark.executor_memory, or cut the work into more spark.partitions",
        )
    if any(one in text for one in _LOST):
        return EngineError(
            "executors were lost again and again",
            hint="the logs of their workers say why; more attempts: spark.task.maxFailures",
        )
    if "No space left on device" in text:
        return EngineError(
            "No space left on device",
            hint="free space where the run folder and spark.local.dir lie",
        )
    if any(one in text for one in _UNREADABLE):
        return UnreadableError(_reason(text))
    return EngineError(f"Spark: {_reason(text)}", hint="the log of the driver says more")


def java_cause(error: BaseException) -> str:
    """Return the line of Java's error that says what is wrong."""
    lines: list[Any] = [one.strip() for one in str(error).splitlines() if one.strip()]
    told = next((one for one in lines if "Exception: " in one), lines[0] if lines else repr(error))
    return str(told).lstrip(": ")[:300]


def _of_spark(error: BaseException) -> bool:
    return type(error).__module__.split(".")[0] in ("pyspark", "py4j")


def _reason(text: str) -> str:
    lines: list[Any] = [
        one.strip() for one in text.splitlines() if one.strip() and not _FRAMES.match(one)
    ]
    told = next((one for one in lines if re.match(r"\[[A-Z_.]+\]", one)), None)
    return (told or (lines[0] if lines else "no reason was given"))[:500]
