"""The run folder: stages published by one atomic rename, and what is known of each.

    RUN/run.json                       settings, source, and the current folder of each stage
    RUN/stages/<stage>-<fingerprint>/  what a stage wrote; never changed once it is there
    RUN/recommendations.parquet        the latest recommendations
    RUN/source/                        the shop's tables, where they came out of a database
    RUN/added/<digest>/                purchases that were added by an update, as they came
    RUN/recommendations-updated.parquet  those of the customers concerned by the last update
    RUN/work/                          what is being written; worthless to anyone else

`run.json` is replaced whole, so that a reader sees either the old stages or the new ones.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hemline.config import Config
from hemline.errors import RunError
from hemline.schema import FORMAT_VERSION

ADDED = "added"
"""In the run folder: the files of every update."""

UPDATED = "recommendations-updated.parquet"
"""In the run folder: what is recommended to the customers that the last update concerned."""

STAGES = ("ingest", "embed", "neighbours", "train", "recommend", "evaluate")
"""In the order in which data passes through them."""


@dataclass(frozen=True)
class StageRecord:
    """One finished stage: its folder, what it was made from, and what it cost.

    `peak_bytes` is the largest resident set of the process up to the end of the stage.
    """

    name: str
    fingerprint: str
    seconds: float
    peak_bytes: int
    summary: dict[str, Any]

    @property
    def folder_name(self) -> str:
        """Name of the stage's folder under RUN/stages."""
        return f"{self.name}-{self.fingerprint[:12]}"


class RunFolder:
    """A run: its settings, its source, and the stages that are done."""

    def __init__(self, path: Path, state: dict[str, Any]) -> None:
        self.path = path
        self._state = state

    @classmethod
    def open(cls, path: Path | str) -> RunFolder:
        """Open an existing run.

        Raises
        ------
        RunError
            There is no run at `path`, or another version of Hemline wrote it.
        """
        path = Path(path)
        try:
            state = json.loads((path / "run.json").read_text())
        except FileNotFoundError:
            raise RunError(
                f"{path} is not a run folder: it has no run.json",
                hint="`hemline run DATA --out RUN` makes one",
            ) from None
        except (OSError, ValueError) as error:
            raise RunError(f"{path}/run.json cannot be read: {error}") from None
        if state.get("format") != FORMAT_VERSION:
            raise RunError(
                f"{path} has format {state.get('format')}, this is format {FORMAT_VERSION}",
                hint="make the run again with this version of Hemline",
            )
        return cls(path, state)

    @classmethod
    def create(cls, path: Path | str, config: Config, source: dict[str, Any]) -> RunFolder:
        """Make a run folder, or open the one that is there.

        Raises
        ------
        RunError
            `path` is something else: a file, or a folder with other things in it.
        """
        path = Path(path)
        cls.check_place(path)
        if (path / "run.json").exists():
            return cls.open(path)
        path.mkdir(parents=True, exist_ok=True)
        run = cls(path, {"format": FORMAT_VERSION, "stages": {}})
        run.promote({}, config, source)
        return run

    @staticmethod
    def check_place(path: Path) -> None:
        """Raise RunError where something else than a run is, or would be in the way of one."""
        if path.is_file():
            raise RunError(f"{path} is a file", hint="name a folder for the run")
        if not path.is_dir() or (path / "run.json").exists():
            return
        if any(one.name not in ("work", "source", ".lock") for one in path.iterdir()):
            raise RunError(
                f"{path} is not empty and is no run folder",
                hint="name a new folder, or empty this one",
            )

    @property
    def config(self) -> Config:
        """The settings of the run."""
        return Config.of(self._state["config"], str(self.path / "run.json"))

    @property
    def source(self) -> dict[str, Any]:
        """Where the shop's data came from."""
        found: dict[str, Any] = self._state.get("source", {})
        return found

    def record(self, stage: str) -> StageRecord | None:
        """Return what is known of a current stage, or None when there is none."""
        found = self._stages.get(stage)
        return StageRecord(**found) if found else None

    def folder(self, stage: str) -> Path:
        """Return the folder of a finished stage.

        Raises
        ------
        RunError
            The stage has not been done.
        """
        record = self.record(stage)
        if record is None:
            raise RunError(
                f"{self.path} has no stage {stage!r} yet",
                hint=f"`hemline run DATA --out {self.path}` does all stages",
            )
        path = self.path / "stages" / record.folder_name
        if not path.is_dir():
            raise RunError(
                f"{path} is gone", hint="run the stages again; those that are whole are kept"
            )
        return path

    def found_on_disk(self, stage: str, fingerprint: str) -> StageRecord | None:
        """Return the record of a stage that was published, even when run.json missed it."""
        path = self.path / "stages" / f"{stage}-{fingerprint[:12]}" / "stage.json"
        try:
            record = StageRecord(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return record if record.fingerprint == fingerprint else None

    def work_folder(self, stage: str, fingerprint: str) -> Path:
        """Return an empty folder to write a stage into."""
        path = self.path / "work" / f"{stage}-{fingerprint[:12]}"
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path

    def publish(self, record: StageRecord, work: Path) -> None:
        """Rename what a stage wrote into its place. It is not current until `promote`."""
        target = self.path / "stages" / record.folder_name
        (work / "stage.json").write_text(json.dumps(asdict(record), indent=1))
        target.parent.mkdir(exist_ok=True)
        shutil.rmtree(target, ignore_errors=True)  # one that stage.json does not vouch for
        work.rename(target)

    def promote(
        self, records: dict[str, StageRecord], config: Config, source: dict[str, Any]
    ) -> None:
        """Make these stages, all of them and no other, the current ones, at one instant.

        Folders of other stages are removed; a reader that has them open keeps them.
        """
        self._state["stages"] = {name: asdict(record) for name, record in records.items()}
        self._state["config"] = config.given()
        self._state["source"] = source
        temporary = self.path / f"run.json.{os.getpid()}.tmp"
        temporary.write_text(json.dumps(self._state, indent=1, sort_keys=True))
        temporary.replace(self.path / "run.json")

    def clean(self) -> None:
        """Remove the folders of stages that are not current, and what was being written."""
        current = {record["name"]: StageRecord(**record) for record in self._stages.values()}
        keep = {record.folder_name for record in current.values()}
        for one in (self.path / "stages").glob("*"):
            if one.name not in keep:
                shutil.rmtree(one, ignore_errors=True)
        shutil.rmtree(self.path / "work", ignore_errors=True)
        added = {one["digest"][:16] for one in self.source.get("added") or ()}
        for one in (self.path / ADDED).glob("*"):
            if one.name not in added:
                shutil.rmtree(one, ignore_errors=True)
        if not added:
            (self.path / UPDATED).unlink(missing_ok=True)

    @property
    def _stages(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self._state["stages"]
        return found

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run for writing; the lock ends with the process, however it ends.

        Raises
        ------
        RunError
            Another process holds it.
        """
        import fcntl

        with (self.path / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise RunError(
                    f"another process is working on {self.path}",
                    hint="wait until it has ended, or use another run folder",
                ) from None
            yield


@cache
def code_version(*rooms: str) -> str:
    """Return a digest of the source files of some rooms: what a stage's result depends on."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for room in rooms:
        path = here / room
        for one in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(one.relative_to(here).as_posix().encode() + b"\0")
            digest.update(one.read_bytes())
    return digest.hexdigest()[:16]


def fingerprint(*parts: Any) -> str:
    """Return a digest of anything that JSON can say."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
