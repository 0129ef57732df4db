"""A Spark session: on this machine and on a cluster of its own, and what is said without one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.neo4j_server import free_port
from tests.spark_cluster import SparkCluster

from hemline.config import Config
from hemline.config import Spark as Settings
from hemline.engines.spark import Spark
from hemline.engines.spark_session import check_java, on_loopback, session_settings
from hemline.errors import ConfigError, EngineError, MissingExtraError
from hemline.shop.ingest import ingest
from hemline.shop.source import Shop

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def spark(spark_cluster: SparkCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spark]:
    settings = Settings(
        master=spark_cluster.url, executor_memory="1g", partitions=4, timeout_seconds=60
    )
    with Spark(settings, scratch=tmp_path_factory.mktemp("scratch")) as found:
        yield found


def test_two_executors_run_the_python_of_the_driver(spark: Spark) -> None:
    def where(_: object) -> tuple[str, str]:
        import os
        import time

        time.sleep(0.5)  # or one executor would take both
        return sys.executable, os.environ["SPARK_EXECUTOR_DIRS"]

    found = spark.session.sparkContext.parallelize(range(2), 2).map(where).collect()
    assert {python for python, _ in found} == {sys.executable}
    assert len({folder for _, folder in found}) == 2
    assert spark.cores == 2
    assert spark.partitions == 4


def test_a_session_is_shared_and_not_stopped(spark: Spark) -> None:
    with Spark(Settings(master=spark.settings.master)) as again:
        assert again.session is spark.session
    assert spark.session.range(3).count() == 3
    with pytest.raises(ConfigError, match="is open in this process"):
        Spark(Settings(master="local[1]"))


def test_ingest_on_two_workers(spark: Spark, simulated_shop: Path, tmp_path: Path) -> None:
    shop, config = Shop.from_folder(simulated_shop), Config()
    here, there = tmp_path / "here", tmp_path / "there"
    ingest(shop, config, here)
    ingest(shop, config, there, spark=spark)
    names = sorted(str(one.relative_to(here)) for one in here.rglob("*.*"))
    assert names == sorted(str(one.relative_to(there)) for one in there.rglob("*.*"))
    for name in names:
        assert (here / name).read_bytes() == (there / name).read_bytes(), name


def test_a_lost_worker_is_replaced(spark: Spark, spark_cluster: SparkCluster) -> None:
    spark_cluster.kill(spark_cluster.workers[0])
    fresh = spark_cluster.start_worker()
    assert fresh.alive
    assert spark.session.range(0, 1000, 1, 8).count() == 1000


def test_a_master_that_is_not_there() -> None:
    master = f"spark://127.0.0.1:{free_port()}"
    from hemline.engines.spark_session import _check_master

    with pytest.raises(EngineError, match="does not answer") as raised:
        _check_master(master, 5)
    assert raised.value.hint


def test_java_is_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert check_java() >= 17
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(EngineError, match="which has none"):
        check_java()
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"1.8.0_392\"' >&2\n")
    java.chmod(0o755)
    with pytest.raises(EngineError, match="is Java 8"):
        check_java()
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="none on the PATH"):
        check_java()


def test_without_pyspark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hemline.engines.spark_session.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="pyspark"):
        Spark(Settings())


def test_settings_of_a_session() -> None:
    settings = Settings(executor_memory="3g", settings={"spark.ui.enabled": "true", "spark.x": "y"})
    found = session_settings(settings, "spark://127.0.0.1:7077")
    assert found["spark.executor.memory"] == "3g"
    assert found["spark.driver.host"] == "127.0.0.1"
    assert found["spark.ui.enabled"] == "true"  # the user's own wins
    assert Path(found["spark.sql.warehouse.dir"]).is_absolute()  # no folder where one works
    assert "spark.driver.host" not in session_settings(settings, "spark://10.1.1.1:7077")
    assert on_loopback("spark://localhost:7077,127.0.0.1:7078")
    assert not on_loopback("k8s://https://10.0.0.1:443")
    with pytest.raises(ConfigError):
        on_loopback("spark://host:port")


def test_keys_of_a_storage_are_not_written_into_a_run() -> None:
    config = Config.of({"spark": {"master": "yarn", "settings": {"spark.hadoop.key": "secret"}}})
    assert config.given()["spark"] == {"master": "yarn"}
    assert config.spark.settings == {"spark.hadoop.key": "secret"}
    assert "secret" not in config.spark.model_dump_json()
