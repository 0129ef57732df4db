"""Histories that executors map for themselves: only where they lie is sent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from hemline.shop.histories import COLUMNS, Histories

_ROWS: Final = ("start", "stop", "age")


@dataclass(frozen=True)
class SharedHistories:
    """Where histories lie: the purchases in one folder, which rows of them in another.

    Attributes
    ----------
    folder : str
        Of `Histories.save`, or of an ingest.
    rows : str or None
        Folder of start.npy, stop.npy, age.npy; None: every customer, with everything bought.
    customers : int
    """

    folder: str
    rows: str | None
    customers: int

    @classmethod
    def of(cls, histories: Histories, work: Path) -> SharedHistories:
        """Say where histories lie, and write to `work` what lies nowhere yet.

        Views on mapped histories (some customers, a cut in time) cost the bounds of their
        rows; histories in memory are written whole.
        """
        folder = _mapped_folder(histories)
        if folder is None:
            folder = work / "histories"
            histories.save(folder)
            histories = Histories.open(folder)
        rows = None
        if not _is_whole(histories, folder):
            rows = work / "rows"
            rows.mkdir(parents=True, exist_ok=True)
            for name in _ROWS:
                np.save(rows / f"{name}.npy", getattr(histories, name))
        return cls(str(folder.resolve()), str(rows.resolve()) if rows else None, len(histories))

    def open(self) -> Histories:
        """Map the histories into memory."""
        histories = Histories.open(Path(self.folder))
        if self.rows is None:
            return histories
        kept = {
            name: np.load(
                Path(self.rows) / f"{name}.npy", mmap_mode="r" if self.customers else None
            )
            for name in _ROWS
        }
        return replace(histories, **kept)


def _mapped_folder(histories: Histories) -> Path | None:
    """Return the folder that all purchase arrays are mapped from whole, or None."""
    folders = set()
    for name in COLUMNS:
        array = getattr(histories, name)
        file = getattr(array, "filename", None)
        if not isinstance(array, np.memmap) or file is None or Path(file).name != f"{name}.npy":
            return None
        folders.add(Path(file).parent)
    if len(folders) != 1:
        return None
    folder = folders.pop()
    # an array that is a part of its file would be shifted where it is mapped again
    whole = Histories.open(folder)
    return folder if len(whole.article) == len(histories.article) else None


def _is_whole(histories: Histories, folder: Path) -> bool:
    whole = Histories.open(folder)
    return all(
        len(getattr(whole, name)) == len(getattr(histories, name))
        and np.array_equal(getattr(whole, name), getattr(histories, name), equal_nan=name == "age")
        for name in _ROWS
    )
