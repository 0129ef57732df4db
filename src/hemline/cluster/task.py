"""What an executor's Python process does: the block function of the laptop, on its part."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from hemline.cluster.archive import BUNDLE, use_kernels
from hemline.cluster.parts import is_whole, part_name, write_part
from hemline.cluster.sharing import SharedHistories
from hemline.errors import HemlineError
from hemline.memory import peak_bytes

if TYPE_CHECKING:
    from hemline.recommend.bundle import Bundle

STARVED: Final = "HEMLINE-STARVED"
"""Begins the message of a task that had too little memory; JSON follows it."""

LIBRARIES: Final = 1536 << 20
"""Bytes of addresses that Python, Arrow, NumPy, SciPy and Numba take, with a block's work."""

REPORT: Final = (
    "part int, low bigint, high bigint, kept boolean, seconds double, opening double, "
    "peak_bytes bigint, executor string, error string"
)
"""The one row that a task answers with; the recommendations lie in its part's file."""


@dataclass(frozen=True)
class Task:
    """The job as its tasks know it: small, for it goes with each of them.

    Attributes
    ----------
    archive : str
        Name under which the executor has unpacked the bundle.
    histories : SharedHistories
    bounds : tuple of (low, high)
        Customers of each part.
    k, as_of, block : int
        As for `recommend_all`.
    folder : str
        Where the parts' files are put.
    """

    archive: str
    histories: SharedHistories
    bounds: tuple[tuple[int, int], ...]
    k: int
    as_of: int | None
    block: int
    folder: str

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
        path = Path(self.folder) / part_name(low, high)
        try:
            if is_whole(path, high - low, self.k):
                report["kept"] = True
                opened = started
            else:
                folder = SparkFiles.get(self.archive)
                check_room(Path(folder), Path(self.histories.folder))
                bundle = opened_bundle(folder)
                opened = time.perf_counter()
                self._write(bundle, path, low, high, context)
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

    def _write(self, bundle: Bundle, path: Path, low: int, high: int, context: Any) -> None:
        from hemline.recommend.output import recommend_all

        blocks = recommend_all(
            bundle,
            self.histories.open().block(low, high),
            self.k,
            as_of=self.as_of,
            threads=context.cpus(),
            block=self.block,
        )
        attempt = f"{context.taskAttemptId()}-{uuid.uuid4().hex[:8]}"
        write_part(path, attempt, blocks, self.k)


@lru_cache(maxsize=1)
def opened_bundle(folder: str) -> Bundle:
    """Map the bundle of an unpacked archive, once in the life of this process."""
    use_kernels(Path(folder))
    from hemline.recommend.bundle import Bundle

    return Bundle.open(Path(folder) / BUNDLE)


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
