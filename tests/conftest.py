"""What all tests share: where the real data is, and small shops made on the spot."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets; skips when HEMLINE_TEST_DATA does not name one."""
    folder = os.environ.get("HEMLINE_TEST_DATA", "")
    if not folder:
        pytest.skip("real data: HEMLINE_TEST_DATA is not set")
    if not Path(folder).is_dir():
        pytest.fail(f"HEMLINE_TEST_DATA={folder} is no folder")
    return Path(folder).resolve()


@pytest.fixture(scope="session")
def simulated_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small shop in the Kaggle layout: CSV and photos. Not to be written to."""
    from hemline.shop.simulate import simulate

    folder = tmp_path_factory.mktemp("simulated") / "shop"
    simulate(folder, customers=400, articles=250, days=180, seed=7, photo_size=64)
    return folder


@dataclass(frozen=True)
class Neo4jServer:
    """A real server with Graph Data Science: its URI, and how to log in."""

    uri: str
    password: str
    home: Path


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="session")
def neo4j_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neo4jServer]:
    """A Neo4j server of this test process; skips when HEMLINE_TEST_NEO4J names none."""
    folder = os.environ.get("HEMLINE_TEST_NEO4J", "")
    if not folder:
        pytest.skip("a real Neo4j: HEMLINE_TEST_NEO4J is not set")
    home, password, port = tmp_path_factory.mktemp("neo4j"), "hemline-tests", free_port()
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [f"{folder}/start", str(home), str(port), password],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "NEO4J_HEAP": "768m", "NEO4J_PAGECACHE": "64m"},
        )
    try:
        _wait_for_server(port, process, home / "server.log")
        yield Neo4jServer(f"bolt://127.0.0.1:{port}", password, home)
    finally:
        process.terminate()
        process.wait(60)


def _wait_for_server(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 180
    while time.monotonic() < until:
        if process.poll() is not None:
            pytest.fail(f"Neo4j ended with {process.returncode}: {log.read_text()[-2000:]}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return  # Bolt listens when the database can be asked
        time.sleep(0.25)
    pytest.fail(f"Neo4j is not there after three minutes: {log.read_text()[-2000:]}")


# the first call of a compiled kernel takes seconds, and machines are noisy: no deadlines
settings.register_profile("hemline", deadline=None, derandomize=True)
settings.load_profile("hemline")


REQUIRED_PARTS = {
    "real_data": "HEMLINE_TEST_DATA",
    "neo4j": "HEMLINE_TEST_NEO4J",
    "neural": None,
}
"""Markers of tests that need a part, and the variable that says it is there (None: always)."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, Any]:
    """Under HEMLINE_TEST_STRICT a test that skips although its part is there has failed."""
    report = yield
    if report.skipped and os.environ.get("HEMLINE_TEST_STRICT") and not hasattr(report, "wasxfail"):
        for marker, variable in REQUIRED_PARTS.items():
            if item.get_closest_marker(marker) and (not variable or os.environ.get(variable)):
                report.outcome = "failed"
                report.longrepr = f"skipped although {marker} is there: {report.longrepr}"
    return report
