"""What an executor's Python process does: the block function of the laptop, on its part."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from hemline.cluster.archive import BUNDLE, use_kernels
from hemline.cluster.parts import (
    examples_said,
    is_readable,
    is_whole,
    part_name,
    write_examples,
    write_part,
)
from hemline.cluster.sharing import SharedHistories
from hemline.errors import HemlineError
from hemline.memory import peak_bytes

if TYPE_CHECKING:
    from hemline.recommend.bundle import Bundle
    from hemline.recommend.window_files import SavedWindow

STARVED: Final = "HEMLINE-STARVED"
"""Begins the message of a task that had too little memory; JSON follows it."""

LIBRARIES: Final = 1536 << 20
"""Bytes of addresses that Python, Arrow, NumPy, SciPy and Numba take, with a block's work."""

REPORT: Final = (
    "part int, low bigint, high bigint, kept boolean, seconds double, opening double, "
    "peak_bytes bigint, executor string, error string"
)
"""The one row that a task answers with; what it made lies in its part's file."""


@dataclass(frozen=True)
class Task:
    """A job as its tasks know it: small, for it goes with each of them.

    What is done with a part is said by the kinds of task: `whole`, `open`, `write` and
    `described`.

    Attributes
    ----------
    archive : str
        Name under which the executor has unpacked what is asked.
    histories : SharedHistories
    bounds : tuple of (low, high)
        Customers of each part.
    folder : str
        Where the parts' files are put.
    """

    archive: str
    histories: SharedHistories
    bounds: tuple[tuple[int, int], ...]
    folder: str

    @property
    def described(self) -> str:
        """What Spark's own page calls the job."""
        raise NotImplementedError

    def path(self, low: int, high: int) -> Path:
        """Return the file of the part of the customers [low, high)."""
        return Path(self.folder) / part_name(low, high)

    def whole(self, low: int, high: int) -> bool:
        """Tell whether the file of a part is there and whole."""
        raise NotImplementedError

    @staticmethod
    def open(folder: Path) -> Any:
        """Map what was sent to the executors."""
        raise NotImplementedError

    def write(self, sent: Any, low: int, high: int, attempt: str, threads: int) -> None:
        """Answer the customers [low, high) by what was sent, into the file of the part."""
        raise NotImplementedError

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Answer the parts whose numbers come in: the function of `mapInArrow`."""
        for batch in batches:
            for number in batch.column(0).to_pylist():
                yield _row(self._answered(int(number)))

    def _answered(self, number: int) -> dict[str, Any]:
        from pyspark import SparkFiles, TaskContext

        context: Any = TaskContext.get()
        low, high = self.bounds[number]
        report: dict[str, Any] = {
            "part": number,
            "low": low,
            "high": high,
            "kept": False,
            "error": None,
        }
        report["executor"] = _executor()
        started = time.perf_counter()
        try:
            if self.whole(low, high):
                report["kept"] = True
                opened = started
            else:
                folder = Path(SparkFiles.get(self.archive))
                check_room(folder, Path(self.histories.folder))
                sent = _opened(self.open, str(folder))
                opened = time.perf_counter()
                attempt = f"{context.taskAttemptId()}-{uuid.uuid4().hex[:8]}"
                self.write(sent, low, high, attempt, context.cpus())
        except HemlineError as error:
            # it would be the same on every executor, so that no attempt more is worth its time
            report["error"] = json.dumps([type(error).__name__, str(error), error.hint])
            opened = time.perf_counter()
        except (MemoryError, OSError, ImportError, SystemError) as error:
            if not is_memory(error) or STARVED in str(error):
                raise
            raise starved(repr(error)[:200]) from error
        report["opening"] = opened - started
        report["seconds"] = time.perf_counter() - opened
        report["peak_bytes"] = peak_bytes()
        return report


@dataclass(frozen=True)
class RecommendTask(Task):
    """Recommends: `k`, `as_of` and `block` are those of `recommend_all`."""

    k: int
    as_of: int | None
    block: int

    @property
    def described(self) -> str:
        """What Spark's own page calls the job."""
        return f"recommend: {self.histories.customers:,} customers"

    def whole(self, low: int, high: int) -> bool:
        """Tell whether the file of a part has k places of each customer."""
        return is_whole(self.path(low, high), high - low, self.k)

    @staticmethod
    def open(folder: Path) -> Bundle:
        """Map the bundle."""
        from hemline.recommend.bundle import Bundle

        return Bundle.open(folder)

    def write(self, sent: Bundle, low: int, high: int, attempt: str, threads: int) -> None:
        """Write the recommendations of the customers [low, high)."""
        from hemline.recommend.output import recommend_all

        blocks = recommend_all(
            sent,
            self.histories.open().block(low, high),
            self.k,
            as_of=self.as_of,
            threads=threads,
            block=self.block,
        )
        write_part(self.path(low, high), attempt, blocks, self.k)


@dataclass(frozen=True)
class ExamplesTask(Task):
    """Makes what a ranker learns from, of one window: see `Fitted.examples`."""

    negatives: int

    @property
    def described(self) -> str:
        """What Spark's own page calls the job."""
        return f"examples of a window: {self.histories.customers:,} customers"

    def whole(self, low: int, high: int) -> bool:
        """Tell whether the file of a part can be read to its end."""
        return is_readable(self.path(low, high), examples_said(low, high, self.negatives))

    @staticmethod
    def open(folder: Path) -> SavedWindow:
        """Map the training window."""
        from hemline.recommend.window_files import SavedWindow

        return SavedWindow.open(folder)

    def write(self, sent: SavedWindow, low: int, high: int, attempt: str, threads: int) -> None:
        """Write the examples of the customers [low, high)."""
        examples = sent.examples(self.histories.open(), low, high, self.negatives, threads)
        said = examples_said(low, high, self.negatives)
        write_examples(self.path(low, high), attempt, examples, said)


@lru_cache(maxsize=1)
def _opened(mapped: Callable[[Path], Any], folder: str) -> Any:
    """Map what lies in an unpacked archive, once in the life of this process."""
    use_kernels(Path(folder))
    return mapped(Path(folder) / BUNDLE)


def check_room(*mapped: Path) -> None:
    """Raise MemoryError where this process may not take the addresses that it will need.

    Before anything is loaded, since OpenBLAS tries for ever where it is refused memory.

    Parameters
    ----------
    mapped : folders
        All of whose files will be mapped.
    """
    limit = address_limit()
    if not limit:
        return
    files = sum(
        one.stat().st_size for folder in mapped for one in folder.rglob("*") if one.is_file()
    )
    if limit < files + LIBRARIES:
        raise starved("not begun", needed=files + LIBRARIES)


def starved(why: str, needed: int = 0) -> MemoryError:
    """Return the error that the driver makes a message of, with what this process may take."""
    told = {"executor": _executor(), "limit": address_limit(), "needed": needed, "why": why}
    return MemoryError(f"{STARVED} {json.dumps(told)}")


def is_memory(error: BaseException) -> bool:
    """Tell whether an error is a lack of memory, as Python, the loader or NumPy put it."""
    if isinstance(error, MemoryError):
        return True
    text = str(error).lower()
    signs = ("cannot allocate memory", "failed to map segment", "out of memory", "unable to alloc")
    return any(one in text for one in signs)


def _executor() -> str:
    """Return what names this executor to a person: its machine, and its number where it shows."""
    import re
    import socket

    # a standalone worker starts executors in <its folder>/<application>/<number>
    found = re.search(r"/app-[^/]+/(\d+)$", str(Path.cwd()))
    return f"executor {found[1]} on {socket.gethostname()}" if found else socket.gethostname()


def address_limit() -> int:
    """Return how many bytes of addresses this process may take, 0 for as many as it likes."""
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return 0 if soft == resource.RLIM_INFINITY else int(soft)


def _row(report: dict[str, Any]) -> pa.RecordBatch:
    kinds = {
        "int": pa.int32(),
        "bigint": pa.int64(),
        "boolean": pa.bool_(),
        "double": pa.float64(),
        "string": pa.string(),
    }
    fields = [one.split() for one in REPORT.split(", ")]
    schema = pa.schema([(name, kinds[kind]) for name, kind in fields])
    return pa.RecordBatch.from_pylist([report], schema)
