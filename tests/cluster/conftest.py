"""A shop, its runs on the laptop, and a session on the real cluster of the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.spark_cluster import SparkCluster

from hemline.config import Config
from hemline.config import Spark as Settings
from hemline.runs import RunFolder

TWO_STAGE = {
    "ranker.windows": 2,
    "ranker.min_customers": 20,
    "ranker.enough_customers": 1,
    "ranker.trees": 20,
}


@pytest.fixture(scope="session")
def run_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], RunFolder]:
    """Makes the run of a recipe on this machine, once; not to be written to."""
    from hemline.pipeline import run_stages
    from hemline.shop.simulate import simulate
    from hemline.shop.source import Shop

    folder = tmp_path_factory.mktemp("cluster")
    simulate(folder / "shop", customers=3000, articles=500, days=120, seed=3, photo_size=32)

    @cache
    def made(recipe: str) -> RunFolder:
        settings = {"recipe": recipe, "photos.embedder": "descriptor", "threads": 2}
        if recipe == "two-stage":
            settings |= TWO_STAGE
        return run_stages(
            folder / recipe,
            Config().replaced(settings),
            Shop.from_folder(folder / "shop"),
            stages=["recommend"],
        )

    return made


@pytest.fixture(scope="class")
def spark(spark_cluster: SparkCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An open engine on the cluster, for the tests of a class."""
    from hemline.engines.spark import Spark

    settings = Settings(master=spark_cluster.url, executor_memory="1g", timeout_seconds=60)
    with Spark(settings, scratch=tmp_path_factory.mktemp("scratch")) as found:
        yield found


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder that every executor sees."""
    return tmp_path / "work"
