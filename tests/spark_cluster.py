"""A real Spark cluster on loopback for tests: a standalone master and workers, as processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.neo4j_server import free_port

SECONDS = 60
"""How long a daemon may take to be there."""


@dataclass
class Worker:
    """One worker: its process, and its folder, which holds the logs of its executors."""

    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process.poll() is None


@dataclass
class SparkCluster:
    """A standalone master and its workers; each worker gives an application one executor."""

    folder: Path
    cores: int
    memory: str
    port: int = 0
    page: int = 0
    workers: list[Worker] = field(default_factory=list)
    master: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What to give as the master."""
        return f"spark://127.0.0.1:{self.port}"

    def start(self, workers: int) -> None:
        """Start the master, and workers one after another."""
        self.port, self.page = free_port(), free_port()
        self.master = self._java(
            "master",
            ["master.Master", "--host", "127.0.0.1", "--port", str(self.port)],
            ["--webui-port", str(self.page)],
        )
        self._wait(lambda: self.state() is not None, "the master")
        for _ in range(workers):
            self.start_worker(wait=False)
        self.wait_for_workers(workers)

    def start_worker(self, *, wait: bool = True, memory: str | None = None) -> Worker:
        """Start another worker, and wait until the master knows it."""
        name = f"worker{len(self.workers)}"
        folder = self.folder / name
        process = self._java(
            name,
            ["worker.Worker", "--host", "127.0.0.1", "--webui-port", "0"],
            ["--cores", str(self.cores), "--memory", memory or self.memory],
            ["--work-dir", str(folder), self.url],
        )
        self.workers.append(Worker(process, folder))
        if wait:
            self.wait_for_workers(sum(one.alive for one in self.workers))
        return self.workers[-1]

    def kill(self, worker: Worker) -> None:
        """End a worker, its executors and their Pythons at once, as a lost machine would."""
        for process in [worker.process.pid, *_descendants(worker.process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        worker.process.wait(SECONDS)

    def stop(self) -> None:
        """End everything that was started here."""
        for worker in self.workers:
            if worker.alive:
                self.kill(worker)
        if self.master is not None:
            self.master.kill()
            self.master.wait(SECONDS)

    def state(self) -> dict[str, Any] | None:
        """Return what the master says of itself; None while it says nothing."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.page}/json/", timeout=5) as page:
                found: dict[str, Any] = json.load(page)
                return found
        except OSError:
            return None

    def wait_for_workers(self, n: int) -> None:
        """Wait until the master knows n workers or more."""
        self._wait(lambda: (self.state() or {}).get("aliveworkers", 0) >= n, f"{n} workers")

    def wait_for_no_application(self) -> None:
        """Wait until the master runs no application: the workers' cores are free."""
        self._wait(lambda: not (self.state() or {"activeapps": 1})["activeapps"], "idleness")

    def _wait(self, there: Any, what: str) -> None:
        until = time.monotonic() + SECONDS
        while not there():
            ended = self.master is None or self.master.poll() is not None
            if ended or time.monotonic() > until:
                logs = {log.name: log.read_text()[-800:] for log in self.folder.glob("*.log")}
                raise AssertionError(f"{what}: not there; {logs}")
            time.sleep(0.1)

    def _java(self, name: str, *words: list[str]) -> subprocess.Popen[bytes]:
        import pyspark

        home = Path(pyspark.__file__).parent
        java = os.environ.get("JAVA_HOME")
        main, *arguments = [word for part in words for word in part]
        with (self.folder / f"{name}.log").open("wb") as log:
            return subprocess.Popen(
                [
                    str(Path(java) / "bin" / "java") if java else "java",
                    "-Xmx192m",
                    "-XX:+UseSerialGC",
                    "-XX:TieredStopAtLevel=1",
                    "-cp",
                    f"{home / 'jars'}/*",
                    f"org.apache.spark.deploy.{main}",
                    *arguments,
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={
                    **os.environ,
                    "SPARK_HOME": str(home),
                    "SPARK_SCALA_VERSION": "2.13",  # as Spark's own start scripts do
                    "SPARK_LOCAL_IP": "127.0.0.1",
                    "SPARK_PUBLIC_DNS": "127.0.0.1",
                    "SPARK_LOCAL_DIRS": str(self.folder / f"{name}-local"),
                    "PYSPARK_PYTHON": sys.executable,
                    # the whole of a test's machine is two cores: an executor needs no more threads
                    "OMP_NUM_THREADS": "1",
                },
            )


def _descendants(process: int) -> list[int]:
    """Return the processes that a process started, and theirs."""
    parents: dict[int, int] = {}
    for one in Path("/proc").iterdir():
        if one.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                parents[int(one.name)] = int(
                    (one / "stat").read_text().rsplit(")", 1)[1].split()[1]
                )
    found, pending = [], [process]
    while pending:
        pending = [child for child, parent in parents.items() if parent in pending]
        found += pending
    return found


@contextlib.contextmanager
def running(
    folder: Path, *, workers: int = 2, cores: int = 1, memory: str = "2g"
) -> Iterator[SparkCluster]:
    """Run a cluster in a folder for a while; `memory` is what a worker has for executors."""
    folder.mkdir(parents=True, exist_ok=True)
    cluster = SparkCluster(folder, cores, memory)
    try:
        cluster.start(workers)
        yield cluster
    finally:
        cluster.stop()
