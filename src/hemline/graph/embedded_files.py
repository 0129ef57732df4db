"""The folder of an embedded store, and how a new one takes the place of the old.

    FOLDER/current.json     which of the folders below is the current one
    FOLDER/<name>/graph.lbug, store.json, lock
    FOLDER/work-<process>/  what is being built; worthless to anyone else

`current.json` is replaced whole: a reader finds the old graph or the new one.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import ladybug

from hemline.errors import StoreUnavailableError

FILE: Final = "graph.lbug"
DESCRIPTION: Final = "store.json"
LOCK: Final = "lock"
FORMAT: Final = 1
"""Of what is kept beside the engine's file."""


def engine_format() -> str:
    """Return what a store's file must have been written by to be read: the engine's format."""
    return f"{FORMAT}:{ladybug.Database.get_storage_version()}"


@dataclass(frozen=True)
class StoreFiles:
    """The files of an embedded store under one folder."""

    path: Path

    def exists(self) -> bool:
        """Tell whether a store was published here."""
        return (self.path / "current.json").exists()

    def current(self) -> Path:
        """Return the folder of the current graph.

        Raises
        ------
        StoreUnavailableError
            There is none, or another version of the engine wrote it.
        """
        found = self.description()
        if found["engine_format"] != engine_format():
            raise StoreUnavailableError(
                f"{self.path}: its file has format {found['engine_format']}, "
                f"this is format {engine_format()}",
                hint="`hemline graph build RUN` builds it anew",
            )
        return self._folder()

    def _folder(self) -> Path:
        try:
            name = json.loads((self.path / "current.json").read_text())["folder"]
        except (OSError, ValueError, KeyError, TypeError):
            raise StoreUnavailableError(
                f"{self.path} is no embedded graph: it has no current.json",
                hint="`hemline graph build RUN` makes one under RUN/graph",
            ) from None
        return self.path / str(name)

    def description(self) -> dict[str, Any]:
        """Return what is kept with the current graph: model, counts, versions, fingerprint."""
        folder = self._folder()
        try:
            found: dict[str, Any] = json.loads((folder / DESCRIPTION).read_text())
        except (OSError, ValueError) as error:
            raise StoreUnavailableError(
                f"{folder} is not whole: {error}", hint="`hemline graph build RUN` builds it anew"
            ) from None
        return found

    def fits(self, fingerprint: str) -> bool:
        """Tell whether the current graph was built from these sources and can be read."""
        try:
            found = self.description()
        except StoreUnavailableError:
            return False
        return (
            bool(fingerprint)
            and found.get("fingerprint") == fingerprint
            and found.get("engine_format") == engine_format()
            and (self._folder() / FILE).exists()
        )

    def work(self) -> Path:
        """Return an empty folder to build in."""
        path = self.path / f"work-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        path.mkdir(parents=True)
        return path

    def publish(self, work: Path, description: dict[str, Any]) -> None:
        """Make what was built the current graph, at one instant, and remove the earlier ones.

        Who has an earlier one open keeps it.
        """
        (work / DESCRIPTION).write_text(json.dumps(description, indent=1, ensure_ascii=False))
        (work / LOCK).touch()
        target = self.path / f"graph-{uuid.uuid4().hex[:12]}"
        work.rename(target)
        temporary = self.path / f"current.json.{os.getpid()}.tmp"
        temporary.write_text(json.dumps({"folder": target.name}))
        temporary.replace(self.path / "current.json")
        for one in self.path.iterdir():
            if one.is_dir() and one != target and not _being_built(one):
                shutil.rmtree(one, ignore_errors=True)

    def describe(self, changes: dict[str, Any]) -> None:
        """Change what is kept with the current graph."""
        folder = self._folder()
        temporary = folder / f"{DESCRIPTION}.tmp"
        content = {**self.description(), **changes}
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False))
        temporary.replace(folder / DESCRIPTION)


def hold(folder: Path, *, alone: bool) -> IO[bytes]:
    """Hold a graph for reading, or alone; the hold ends when the file that is returned is closed.

    The engine keeps two writers apart, but lets a writer change the file under its readers.

    Raises
    ------
    StoreUnavailableError
        A writer has it, or, where it is wanted alone, anyone has it.
    """
    try:
        file = (folder / LOCK).open("rb")
    except OSError as error:
        raise StoreUnavailableError(
            f"{folder} is not whole: {error}", hint="`hemline graph build RUN` builds it anew"
        ) from None
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError:
        file.close()
        what = "written to: someone has it open" if alone else "read: a writer has it open"
        raise StoreUnavailableError(
            f"{folder} cannot be {what}",
            hint="close it there; or build it anew, which needs no lock: `hemline graph build RUN`",
        ) from None
    return file


def _being_built(path: Path) -> bool:
    """Tell whether a folder is the work of a process that is still there."""
    name = path.name.split("-")
    if name[0] != "work" or len(name) < 3 or not name[1].isdigit():
        return False
    try:
        os.kill(int(name[1]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
