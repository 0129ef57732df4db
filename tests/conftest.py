"""What all tests share: where the real data is, and small shops made on the spot."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from tests.neo4j_server import Neo4jServer, running


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


@pytest.fixture(scope="session")
def start_neo4j() -> Callable[[Path], AbstractContextManager[Neo4jServer]]:
    """Runs a Neo4j server in a folder for a while; skips when HEMLINE_TEST_NEO4J names none."""
    folder = os.environ.get("HEMLINE_TEST_NEO4J", "")
    if not folder:
        pytest.skip("a real Neo4j: HEMLINE_TEST_NEO4J is not set")
    return partial(running, Path(folder) / "start")


@pytest.fixture(scope="session")
def neo4j_server(
    start_neo4j: Callable[[Path], AbstractContextManager[Neo4jServer]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Neo4jServer]:
    """A Neo4j server of this test process, with Graph Data Science. Tests empty it first."""
    with start_neo4j(tmp_path_factory.mktemp("neo4j") / "home") as server:
        yield server


# the first call of a compiled kernel takes seconds, and machines are noisy: no deadlines
settings.register_profile("hemline", deadline=None, derandomize=True)
settings.load_profile("hemline")


REQUIRED_PARTS = {
    "real_data": "HEMLINE_TEST_DATA",
    "neo4j": "HEMLINE_TEST_NEO4J",
    "neural": None,
    "browser": "HEMLINE_TEST_BROWSER",
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
