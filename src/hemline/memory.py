"""How much memory this process has held, and how to give back what a mapped file takes."""

from __future__ import annotations

import mmap
import resource
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

_AROUND: Final = 1 << 16
"""Bytes that Linux maps around a page that is read: pages of the neighbours' that were given back
come again so, and nobody would give them back once more."""


def peak_bytes() -> int:
    """Return the largest resident set of this process so far, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        # what getrusage says includes the parent's size at the time of the fork
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def release(*arrays: npt.NDArray[Any]) -> None:
    """Give back the memory in which arrays that are mapped from files have been read.

    Whoever walks through a file once calls it behind himself: pages that were read count as
    this process's until the system wants them, so that a pass over a file of any size would
    look as large as the file. What is released is read again when it is looked at again; the
    values stay the same, and other threads may be reading them. Arrays in memory are left
    alone, and so is everything where the system has no `madvise`.
    """
    if not hasattr(mmap, "MADV_DONTNEED"):  # pragma: no cover - Windows
        return
    for array in arrays:
        root = _mapped(array)
        if root is None or not array.size:
            continue
        file: mmap.mmap = root.base  # type: ignore[assignment]
        # the mapping begins at a page, somewhat before the first element
        head = root.offset % mmap.ALLOCATIONGRANULARITY
        low, high = np.lib.array_utils.byte_bounds(array)
        first = root.__array_interface__["data"][0] - head
        low -= low % _AROUND  # of addresses, as the system does it
        high += -high % _AROUND
        begin, end = max(low - first, 0), min(high - first, len(file))
        file.madvise(mmap.MADV_DONTNEED, begin, end - begin)


def _mapped(array: npt.NDArray[Any]) -> np.memmap[Any, Any] | None:
    """Return the whole file's array that `array` is a view of; None for one in memory."""
    found: Any = array
    while found is not None:
        base: Any = getattr(found, "base", None)
        if isinstance(base, mmap.mmap):
            # what may be written to holds what is in no file
            return None if found.flags.writeable else found
        found = base
    return None
