"""What a stage is, and what it may look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from hemline.blocks import Progress
from hemline.config import Config
from hemline.engines.chosen import chosen_spark
from hemline.runs import RunFolder, StageRecord, code_version, fingerprint
from hemline.shop.histories import end_of_day

if TYPE_CHECKING:
    from hemline.engines.spark import Spark
    from hemline.shop.source import Shop
    from hemline.shop.tables import Catalogue, Tables


class Listener(Protocol):
    """Is told what the pipeline does; the command line shows it."""

    def started(self, stage: str) -> None: ...

    def progress(self, done: int, total: int) -> None: ...

    def finished(self, record: StageRecord, skipped: bool) -> None: ...

    def notice(self, text: str) -> None: ...


class Silent:
    """A listener that shows nothing."""

    def started(self, stage: str) -> None:
        """Ignore it."""

    def progress(self, done: int, total: int) -> None:
        """Ignore it."""

    def finished(self, record: StageRecord, skipped: bool) -> None:
        """Ignore it."""

    def notice(self, text: str) -> None:
        """Ignore it."""


@dataclass
class Context:
    """What a stage may look at: the stages before it, the settings, the shop."""

    run: RunFolder
    config: Config
    shop: Shop | None
    source: dict[str, Any]
    listener: Listener
    records: dict[str, StageRecord] = field(default_factory=dict)

    def folder(self, stage: str) -> Path:
        """Return the folder of a stage of this very chain."""
        return self.run.path / "stages" / self.records[stage].folder_name

    @property
    def progress(self) -> Progress:
        """The listener's progress."""
        return self.listener.progress

    def spark(self) -> Spark | None:
        """Return the Spark that work over everyone is done on, opened once; None: this machine.

        The answers are the same, and so no fingerprint asks.
        """
        return chosen_spark()

    def tables(self) -> Tables:
        """Open the checked tables."""
        from hemline.shop.tables import Tables

        return Tables.open(self.folder("ingest"))

    def catalogue(self) -> Catalogue:
        """Return the articles' attributes and neighbours."""
        from hemline.photos.neighbours import Neighbours
        from hemline.recommend.bundle import catalogue_of

        neighbours = Neighbours.open(self.folder("neighbours"))
        return catalogue_of(self.config, self.tables().articles, neighbours)


def as_of(config: Config, tables: Tables) -> int:
    """Return the moment that is recommended for: the first second after the days that are known."""
    until = config.ingest.until
    if until is not None and tables.summary.get("after_until"):
        return end_of_day(int(np.datetime64(until, "s").astype(np.int64)))
    return tables.cutoff


@dataclass(frozen=True)
class Stage:
    """A stage: what it needs, which settings and code its result depends on, and its work.

    `inputs` adds what the fingerprints of the stages before it do not tell.
    """

    name: str
    needs: tuple[str, ...]
    rooms: tuple[str, ...]
    settings: Callable[[Config], Any]
    work: Callable[[Context, Path], dict[str, Any]]
    inputs: Callable[[Context], Any] = lambda context: None

    def fingerprint(self, context: Context) -> str:
        """Return the digest that decides whether the stage is done already."""
        return fingerprint(
            self.name,
            [context.records[one].fingerprint for one in self.needs],
            self.settings(context.config),
            code_version(*self.rooms),
            self.inputs(context),
        )
