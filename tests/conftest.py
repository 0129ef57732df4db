"""What all tests share: where the real data is, and small shops made on the spot."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from tests import spark_cluster as cluster
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


def _need_spark() -> None:
    if find_spec("pyspark") is None:
        pytest.skip("Spark: PySpark is not installed")
    if shutil.which("java") is None and not os.environ.get("JAVA_HOME"):
        pytest.skip("Spark: there is no Java")
    # a test's jobs are over before a second compiler would pay
    os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")


@pytest.fixture(scope="session")
def need_spark() -> None:
    """Skips where there is no PySpark or no Java."""
    _need_spark()


@pytest.fixture(scope="module")
def local_spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An `engines.spark.Spark` on two threads of this process; none other may be open meanwhile."""
    _need_spark()
    from hemline.config import Spark as Settings
    from hemline.engines.spark import Spark

    quick = {
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    }
    settings = Settings(master="local[2]", partitions=3, settings=quick)
    with Spark(settings, scratch=tmp_path_factory.mktemp("spark")) as spark:
        yield spark


@pytest.fixture(scope="session")
def spark_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cluster.SparkCluster]:
    """A standalone master with two workers of a core each; a test that kills one starts another."""
    _need_spark()
    with cluster.running(tmp_path_factory.mktemp("spark-cluster")) as found:
        yield found


# the first call of a compiled kernel takes seconds, and machines are noisy: no deadlines
settings.register_profile("hemline", deadline=None, derandomize=True)
settings.load_profile("hemline")


REQUIRED_PARTS = {
    "real_data": "HEMLINE_TEST_DATA",
    "neo4j": "HEMLINE_TEST_NEO4J",
    "neural": None,
    "browser": "HEMLINE_TEST_BROWSER",
    "spark": "HEMLINE_TEST_SPARK",
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
