"""What every benchmark shares: measuring a process, and writing its figures down as JSON."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from hemline.memory import peak_bytes

__all__ = ["Measured", "measure", "measure_step", "peak_bytes", "record"]

RESULTS = Path(__file__).parent / "results"
PACKAGES = (
    "duckdb", "ibis-framework", "numba", "numpy", "scipy", "pyarrow", "implicit", "lightgbm",
    "torch", "torchrec",
)  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """One finished process: wall and processor seconds, the largest resident set in bytes."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    output: str


def measure(command: list[str], *, env: dict[str, str] | None = None) -> Measured:
    """Run a command to its end and measure it as a whole; raises when it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, **(env or {})}
    )
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} failed with {process.returncode}")
    return Measured(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, output)


def measure_step(script: str, *arguments: str) -> Measured:
    """Measure this benchmark's own file run as `script --step NAME …` in a fresh process."""
    return measure([sys.executable, script, *arguments])


def machine() -> dict[str, Any]:
    """Describe the machine: processor, cores this process may use, memory, Python."""
    processor = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                processor = line.partition(":")[2].strip()
                break
    return {
        "processor": processor,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def commit() -> str:
    """Return the commit that is measured, with "+" when the tree differs from it."""
    git = ["git", "-C", str(Path(__file__).parent)]
    head = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True)
    dirty = subprocess.run(
        [*git, "status", "--porcelain", "--", "../src"], capture_output=True, text=True
    )
    return head.stdout.strip() + ("+" if dirty.stdout.strip() else "")


def record(name: str, figures: dict[str, Any], *, bars: dict[str, Any] | None = None) -> Path:
    """Write `results/NAME.json`: figures, the bars they are held against, machine and commit."""
    packages = {}
    for package in PACKAGES:
        try:
            packages[package] = version(package)
        except PackageNotFoundError:
            continue
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    content = {
        "benchmark": name,
        "measured": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": commit(),
        "machine": machine(),
        "packages": packages,
        "figures": figures,
        "bars": bars or {},
    }
    path.write_text(json.dumps(content, indent=1) + "\n")
    print(json.dumps(figures, indent=1))
    return path
