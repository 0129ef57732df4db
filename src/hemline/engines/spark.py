"""Apache Spark, the relational engine for shops that outgrow one machine."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from hemline.config import Spark as Settings
from hemline.engines.spark_session import open_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from hemline.engines.hadoop import HadoopPath
    from hemline.engines.spark_tables import SparkTables


class Spark:
    """A Spark session, and Ibis on it.

    A session that is open in this process already (a notebook's, a managed service's) is used
    and left open; one that is opened here is stopped at the end.

    Parameters
    ----------
    settings : config.Spark
    threads : int
        Cores of this machine to take where no master is named; 0: all.
    scratch : path, optional
        A folder that all executors see at the same path, for what is stored on the way.

    Attributes
    ----------
    session : pyspark.sql.SparkSession
    ibis : ibis.backends.pyspark.Backend

    Raises
    ------
    MissingExtraError
        PySpark is not installed.
    EngineError
        There is no Java 17, the master does not answer, or it gives no executor in time.
    """

    def __init__(
        self, settings: Settings, *, threads: int = 0, scratch: Path | None = None
    ) -> None:
        self.settings = settings
        self.scratch = scratch
        self.session: SparkSession
        self.session, self._owned = open_session(settings, threads=threads)
        import ibis

        from hemline.engines.spark_dialect import make_functions
        from hemline.engines.spark_ibis import SparkBackend

        getattr(ibis, "pyspark")  # noqa: B009 (asked for, it registers its options)
        self.ibis: Any = SparkBackend().connect(self.session)
        make_functions(self.session)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the session, where it was opened here."""
        if self._owned:
            self.session.stop()

    def tables(self, scratch: Path, *, threads: int = 0, memory_gb: float = 3.0) -> SparkTables:
        """Return a place for tables, kept in a folder that all executors see at the same path."""
        from hemline.engines.spark_tables import SparkTables

        return SparkTables(self, scratch, threads=threads, memory_gb=memory_gb)

    def path(self, uri: str) -> HadoopPath:
        """Return the place that a URI names, on a filesystem that Spark reaches."""
        from hemline.engines.hadoop import HadoopPath

        return HadoopPath(self.session, uri)

    @property
    def cores(self) -> int:
        """Cores that the executors have together, as far as Spark knows by now."""
        return int(self.session.sparkContext.defaultParallelism)

    @property
    def partitions(self) -> int:
        """Into how many partitions work over all customers is cut."""
        return self.settings.partitions or 4 * self.cores
