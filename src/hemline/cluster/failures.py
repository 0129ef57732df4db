"""What Spark says when a job fails, as an error that says which executor and what to set."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

from hemline import errors
from hemline.cluster.task import STARVED
from hemline.errors import EngineError, HemlineError

_LOST: Final = re.compile(
    r"Lost task (?P<task>[\d.]+) in stage [\d.]+ \(TID \d+\) "
    r"\((?P<host>\S+?)(?: executor (?P<executor>\S+?))?\)"
)
_CRASHED: Final = (
    "Python worker exited unexpectedly",
    "Python worker failed to connect back",
    "EOFException",
    "exit code 137",
    "exited with code 137",
    "OutOfMemoryError",
    "OOMKilled",
    "exceeding memory limits",
    "exceeding physical memory",
    "MemoryError",
    "Cannot allocate memory",
    "failed to map segment",
)
_GONE: Final = ("ExecutorLostFailure", "Remote RPC client disassociated", "Worker lost")
_FRAMES: Final = re.compile(r"^\s*(at |\.\.\. \d+ more|File \"|Driver stacktrace)")

Setting = Callable[[str], str | None]


def rebuilt(text: str) -> HemlineError:
    """Return the error of Hemline that a task reported as JSON."""
    name, message, hint = json.loads(text)
    kind: Any = getattr(errors, name, HemlineError)
    found: HemlineError = HemlineError.__new__(kind)
    HemlineError.__init__(found, message, hint=hint)
    return found


def explained(error: BaseException, setting: Setting) -> HemlineError:
    """Return what a failed job means for who runs it.

    Parameters
    ----------
    error : exception that Spark raised
    setting : callable
        Returns a setting of Spark by its name, or None.
    """
    if isinstance(error, HemlineError):
        return error
    text = "\n".join(_said(error))
    where = _where(text)
    if STARVED in text or any(one in text for one in _CRASHED):
        return _starved(text, where, setting)
    if any(one in text for one in _GONE):
        return EngineError(
            f"{where} was lost, and so were those that took over its work",
            hint="look into the log of that worker; more attempts: spark.task.maxFailures",
        )
    return EngineError(f"the job failed on {where}: {_reason(text)}", hint="see Spark's log")


def _said(error: BaseException) -> list[str]:
    """Return what an error says, and each of the errors of Java under it.

    PySpark shows a Python error alone; that of the job around it says where it was.
    """
    found = [str(error)]
    origin: Any = getattr(error, "_origin", None) or getattr(error, "java_exception", None)
    while origin is not None and len(found) < 8:
        found.append(str(origin.getMessage()))
        origin = origin.getCause()
    return found


def _where(text: str) -> str:
    found = _LOST.search(text)
    if found is None:
        told = _told(text).get("executor")
        return str(told) if told else "an executor"
    host, executor = found["host"], found["executor"]
    return f"executor {executor} on {host}" if executor and executor != "driver" else f"{host}"


def _starved(text: str, where: str, setting: Setting) -> HemlineError:
    memory = setting("spark.executor.memory") or "1g"
    overhead = setting("spark.executor.memoryOverhead") or "a tenth of it, at least 384m"
    python = setting("spark.executor.pyspark.memory")
    held = [f"spark.executor.memory {memory}", f"spark.executor.memoryOverhead {overhead}"]
    if python:
        held.append(f"spark.executor.pyspark.memory {python} for all its Python processes")
    told = _told(text)
    mine = ""
    if told.get("limit"):
        mine = f"; this process may take {told['limit'] / 2**20:,.0f} MiB of addresses"
        mine += f" and needs {told['needed'] / 2**20:,.0f}" if told.get("needed") else ""
    if python:
        # a limit on addresses counts every file that is mapped, though it takes no memory
        what = (
            "unset spark.executor.pyspark.memory, or raise it: it counts addresses, so that each "
            "core needs 4g and the size of the bundle and of ingest/histories"
        )
    elif "OutOfMemoryError" in text:
        what = "raise spark.executor_memory, for Spark itself ran out of it"
    else:
        what = (
            "raise spark.executor_overhead, from which the Python processes live: 1g and the size "
            "of the bundle for each core; or give an executor fewer cores (spark.executor_cores)"
        )
    return EngineError(f"{where} had too little memory: {', '.join(held)}{mine}", hint=what)


def _told(text: str) -> dict[str, Any]:
    """Return what the process itself said of its memory, if it came to it."""
    found = re.search(STARVED + r" (\{.*?\})", text)
    try:
        return dict(json.loads(found[1])) if found else {}
    except ValueError:
        return {}


def _reason(text: str) -> str:
    """Return the line that says why, without the traces of two languages around it."""
    lines = [one.strip() for one in text.splitlines() if one.strip() and not _FRAMES.match(one)]
    # a Python traceback ends in its error
    raised = [one for one in lines if re.match(r"[\w.]*(Error|Exception)\b", one)]
    raised = [one for one in raised if not one.startswith("org.apache.spark")] or raised
    chosen = (raised or lines or ["no reason was given"])[-1 if raised else 0]
    return chosen[:500]
