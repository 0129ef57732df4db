"""Starting a real Neo4j server for tests, and ending it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PASSWORD = "hemline-tests"


@dataclass(frozen=True)
class Neo4jServer:
    """A running server: its URI, and how to log in."""

    uri: str
    password: str


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextlib.contextmanager
def running(start: Path, home: Path, *, heap: str = "768m") -> Iterator[Neo4jServer]:
    """Run a server by a `start HOME PORT PASSWORD` script for a while."""
    port = free_port()
    log = home.parent / f"{home.name}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [start, home, str(port), PASSWORD],
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "NEO4J_HEAP": heap, "NEO4J_PAGECACHE": "64m"},
        )
    try:
        _wait(port, process, log)
        yield Neo4jServer(f"bolt://127.0.0.1:{port}", PASSWORD)
    finally:
        process.terminate()
        process.wait(60)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 180
    while time.monotonic() < until:
        if process.poll() is not None:
            raise AssertionError(f"Neo4j ended, {process.returncode}: {log.read_text()[-2000:]}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return  # Bolt listens when the database can be asked
        time.sleep(0.25)
    raise AssertionError(f"Neo4j is not there after three minutes: {log.read_text()[-2000:]}")
