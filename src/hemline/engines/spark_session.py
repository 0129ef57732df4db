"""Opening a Spark session: which Java, which master, which settings, and no endless waiting."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hemline.blocks import available_threads
from hemline.config import Spark as Settings
from hemline.engines.spark_errors import java_cause
from hemline.errors import ConfigError, EngineError, MissingExtraError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

OLDEST_JAVA = 17
"""PySpark 4 is compiled for it."""

_LOG4J = Path(__file__).with_name("spark-log4j2.properties")

_ALWAYS = {
    # text without a zone offset is read as UTC; moments are shown so
    "spark.sql.session.timeZone": "UTC",
    # what does not fit its type is an error, as in DuckDB, and not null
    "spark.sql.ansi.enabled": "true",
    # a shop's file may have columns that differ in nothing else
    "spark.sql.caseSensitive": "true",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.parquet.binaryAsString": "true",
    "spark.sql.legacy.parquet.nanosAsLong": "true",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.ui.showConsoleProgress": "false",
}
"""What Hemline's expressions take for granted."""


def open_session(
    settings: Settings, *, threads: int = 0, name: str = "hemline"
) -> tuple[SparkSession, bool]:
    """Open a session on the master of the settings, or take the one that is open already.

    Parameters
    ----------
    settings : config.Spark
    threads : int
        Cores of this machine to take where no master is named; 0: all.

    Returns
    -------
    session, bool
        Whether it was opened here, and is the caller's to stop.

    Raises
    ------
    MissingExtraError
        PySpark is not installed.
    EngineError
        There is no Java, or too old a one; the master does not answer, or gives no executor.
    ConfigError
        Another session is open in this process, or Spark refuses a setting.
    """
    if find_spec("pyspark") is None or find_spec("pandas") is None:
        missing = "pyspark" if find_spec("pyspark") is None else "pandas"
        raise MissingExtraError(missing, "spark")
    # what is taken of PySpark here goes over Arrow, and not through pandas
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    from pyspark.sql import SparkSession

    master = settings.master
    active = SparkSession.getActiveSession()
    if active is not None:
        if master and active.sparkContext.master != master:
            raise ConfigError(
                f"a Spark session on {active.sparkContext.master} is open in this process, "
                f"and spark.master is {master}",
                hint="stop it, or leave spark.master empty to use it",
            )
        for key in (one for one in _ALWAYS if active.conf.isModifiable(one)):
            active.conf.set(key, _ALWAYS[key])
        return active, False
    submitted = "PYSPARK_GATEWAY_PORT" in os.environ
    if not master and not submitted:
        master = f"local[{available_threads(threads)}]"
    if not submitted:
        check_java()
    _check_master(master, min(settings.timeout_seconds, 10))
    builder = SparkSession.builder.appName(name)
    for key, value in session_settings(settings, master).items():
        builder = builder.config(key, value)
    try:
        session = builder.getOrCreate()
    except Exception as error:  # py4j's own, which are many
        raise _refused(error, master) from None
    session.sparkContext.setLogLevel("ERROR")
    try:
        _wait_for_executor(session, settings, master)
    except BaseException:
        session.stop()
        raise
    return session, True


def session_settings(settings: Settings, master: str) -> dict[str, str]:
    """Return every setting that a session is opened with; the user's own win."""
    found = dict(_ALWAYS)
    java = f"-Dlog4j2.configurationFile={_LOG4J.as_uri()}"
    found["spark.driver.extraJavaOptions"] = java
    # nothing is kept there, but Spark makes the folder, and not in the one a person works in
    found["spark.sql.warehouse.dir"] = str(Path(tempfile.gettempdir()) / "hemline-warehouse")
    if master:
        found["spark.master"] = master
    if on_loopback(master):
        # executors here are processes of this machine: the same Python, and nobody else's network
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
        found |= {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.pyspark.python": sys.executable,
        }
    else:
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if not master.startswith("local"):
        found["spark.executor.memory"] = settings.executor_memory
        if settings.executor_overhead:
            found["spark.executor.memoryOverhead"] = settings.executor_overhead
        if settings.executor_cores:
            found["spark.executor.cores"] = str(settings.executor_cores)
    if settings.partitions:
        found["spark.sql.shuffle.partitions"] = str(settings.partitions)
    return found | settings.settings


def on_loopback(master: str) -> bool:
    """Tell whether a master is this machine under its inward name, or no master at all."""
    if master.startswith("local"):
        return True
    return all(
        host in ("localhost", "::1") or host.startswith("127.") for host, _ in _hosts(master)
    )


def _hosts(master: str) -> list[tuple[str, int]]:
    """Return host and port of every master of a spark:// URL; one that cannot be for others."""
    if not master.startswith("spark://"):
        return [("", 0)]
    found = []
    for one in master.removeprefix("spark://").split(","):
        try:
            parts = urlsplit(f"//{one}")
            found.append((parts.hostname or "", parts.port or 7077))
        except ValueError:
            raise ConfigError(
                f"spark.master = {master!r}", hint='write it as "spark://HOST:7077"'
            ) from None
    return found


def check_java() -> int:
    """Return the version of the Java that Spark would start.

    Raises
    ------
    EngineError
        There is none, or one that is too old.
    """
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    hint = "install Java 17 (Debian: apt install openjdk-17-jre-headless), or set JAVA_HOME to one"
    if java is None or not Path(java).exists():
        where = f"JAVA_HOME is {home}, which has none" if home else "there is none on the PATH"
        raise EngineError(f"Spark needs Java: {where}", hint=hint)
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    version = re.search(r'version "(?:1\.)?(\d+)', said.stderr + said.stdout)
    if version is None:
        raise EngineError(
            f"{java} does not say its version: {said.stderr.strip()[:200]}", hint=hint
        )
    if int(version[1]) < OLDEST_JAVA:
        raise EngineError(f"Spark needs Java {OLDEST_JAVA}; {java} is Java {version[1]}", hint=hint)
    return int(version[1])


def _check_master(master: str, seconds: float) -> None:
    """Raise EngineError unless one of the standalone masters listens."""
    if not master.startswith("spark://"):
        return
    reasons = []
    for host, port in _hosts(master):
        try:
            socket.create_connection((host, port), seconds).close()
            return
        except OSError as error:
            reasons.append(f"{host}:{port}: {error.strerror or error}")
    raise EngineError(
        f"the Spark master {master} does not answer ({'; '.join(reasons)})",
        hint="is it running, and is this its address? the master's page and log tell it",
    )


def _wait_for_executor(session: SparkSession, settings: Settings, master: str) -> None:
    """Run a task that does nothing, which needs an executor; do not wait for one for ever."""
    failed: list[BaseException] = []

    def ask() -> None:
        try:
            session.sparkContext.parallelize([0], 1).count()
        except BaseException as error:
            failed.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(settings.timeout_seconds)
    if asking.is_alive():
        session.sparkContext.cancelAllJobs()
        cores = settings.executor_cores or "any number of"
        raise EngineError(
            f"{session.sparkContext.master} gave no executor in {settings.timeout_seconds:g} s: "
            f"none is free that has {settings.executor_memory} and {cores} cores",
            hint="start workers, or lower spark.executor_memory (and spark.executor_cores); "
            "a busy cluster needs a longer spark.timeout_seconds",
        )
    if failed:
        raise _refused(failed[0], master)


def _refused(error: BaseException, master: str) -> EngineError:
    return EngineError(
        f"Spark cannot start on {master or 'what spark-submit says'}: {java_cause(error)}",
        hint="spark.master and [spark.settings] say how; the driver's log says more",
    )
