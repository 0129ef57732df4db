"""Which engine the work of this moment is done on, and the places that only it reaches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hemline.engines.hadoop import is_uri
from hemline.errors import ConfigError, DataError

if TYPE_CHECKING:
    from hemline.config import Config
    from hemline.config import Spark as Settings
    from hemline.engines.spark import Spark

ENGINES: Final = ("duckdb", "spark")


class _OnDemand:
    """A Spark session that is opened by whoever needs it first."""

    def __init__(self, settings: Settings, threads: int) -> None:
        self.settings, self.threads = settings, threads
        self.opened: Spark | None = None

    def open(self) -> Spark:
        if self.opened is None:
            from hemline.engines.spark import Spark

            self.opened = Spark(self.settings, threads=self.threads)
        return self.opened

    def close(self) -> None:
        if self.opened is not None:
            self.opened.close()


_CHOSEN: ContextVar[_OnDemand | None] = ContextVar("engine", default=None)


@contextmanager
def engine(name: str, config: Config, master: str | None = None) -> Iterator[None]:
    """Do the work over everyone on an engine, "duckdb" or "spark", while the context lasts.

    A Spark session is opened when it is first needed, once, and stopped at the end.

    Parameters
    ----------
    name : "duckdb" or "spark"
    config : Config
        Its section [spark] says how.
    master : str, optional
        In place of `spark.master`.

    Raises
    ------
    ConfigError
        There is no such engine, or a master is named for another than Spark.
    """
    if name not in ENGINES:
        raise ConfigError(f"engine {name!r}", hint=" or ".join(ENGINES))
    if master is not None and name != "spark":
        raise ConfigError(f"master {master!r} without Spark", hint="--engine spark")
    chosen = None
    if name == "spark":
        settings = config.spark if master is None else config.spark.with_master(master)
        chosen = _OnDemand(settings, config.threads)
    token = _CHOSEN.set(chosen)
    try:
        yield
    finally:
        _CHOSEN.reset(token)
        if chosen is not None:
            chosen.close()


def chosen_spark() -> Spark | None:
    """Return the Spark that the work is done on, opened if need be; None on one machine."""
    chosen = _CHOSEN.get()
    return None if chosen is None else chosen.open()


def place(named: Any) -> Any:
    """Return the place that a path or a URI names: a Path, or like one on Spark's filesystems.

    Raises
    ------
    DataError
        It is a URI, and the work is not done on Spark.
    """
    if not is_uri(named):
        return Path(named)
    spark = chosen_spark()
    if spark is None:
        raise DataError(
            f"{named} is not on this machine's filesystem",
            hint="Spark reads it: --engine spark, and --master where it is not this machine",
        )
    return spark.path(named)


def is_there(named: str) -> bool:
    """Tell whether there is anything at a path or URI; no where nothing here reaches it."""
    if is_uri(named) and _CHOSEN.get() is None:
        return False
    return bool(place(named).exists())
