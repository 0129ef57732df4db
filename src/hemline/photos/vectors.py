"""The vectors of a run: how they are written down, and those that a shop brings itself.

A folder of vectors holds

    vectors.npy             float32 (n, dimension), no row of zeros, all finite
    positions.npy           int32 (n,), ascending: whose vectors they are
    missing_photos.parquet  every article without one, and why
    photos.json             embedder, dimension, counts
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from hemline.errors import DataError

Vectors = npt.NDArray[np.float32]

MISSING_PHOTOS: Final = pa.schema(
    [
        pa.field("article_id", pa.string(), nullable=False),
        ("position", pa.int32()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
    ]
)
"""Ascending by position; an id that is no article's has none, and comes last."""

NO_PHOTO: Final = "no photo"
UNREADABLE: Final = "unreadable"
NO_DIRECTION: Final = "zero vector"
NOT_FINITE: Final = "not finite"
NO_VECTOR: Final = "no vector"
UNKNOWN_ARTICLE: Final = "unknown article"

_ROWS = 4096


@dataclass(frozen=True)
class Missing:
    """Why one article has no vector."""

    article_id: str
    position: int | None
    reason: str
    detail: str = ""


@dataclass(frozen=True)
class EmbedReport:
    """What became of a shop's photos.

    `articles` were asked for, `photos` of them had a file or a row, and `vectors` came of
    it; `missing` counts the rest by reason. `resumed` photos were found done already.
    """

    embedder: str
    dimension: int
    articles: int
    photos: int
    vectors: int
    missing: dict[str, int] = field(default_factory=dict)
    resumed: int = 0

    def summary(self) -> dict[str, Any]:
        """Return the counts that are the same at every run, for the run's record."""
        return {
            "embedder": self.embedder,
            "dimension": self.dimension,
            "articles": self.articles,
            "photos": self.photos,
            "vectors": self.vectors,
            "missing": dict(sorted(self.missing.items())),
        }


class Positions(Protocol):
    """What is needed of an id map: `hemline.shop.ids.IdMap` is one."""

    def __len__(self) -> int: ...

    def positions(self, ids: Iterable[str]) -> npt.NDArray[np.int32]:
        """Return int32 (n,), -1 where an id is not known."""
        ...

    def strings(self, positions: npt.ArrayLike | None = None) -> list[str]:
        """Return the ids at `positions`."""
        ...


def usable_rows(vectors: Vectors) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return (finite, nonzero), each bool (n,): a vector that serves is both."""
    return np.asarray(np.isfinite(vectors).all(axis=1)), np.asarray((vectors != 0).any(axis=1))


def publish(
    out: Path,
    blocks: Iterable[Vectors],
    positions: npt.NDArray[np.int32],
    missing: Sequence[Missing],
    report: EmbedReport,
) -> None:
    """Write a folder of vectors, block by block; photos.json comes last.

    `blocks` are float32 (m, dimension) and have as many rows together as `positions`.
    """
    out.mkdir(parents=True, exist_ok=True)
    with (out / "vectors.npy").open("wb") as file:
        header = {
            "descr": "<f4",
            "fortran_order": False,
            "shape": (len(positions), report.dimension),
        }
        np.lib.format.write_array_header_1_0(file, header)
        # written, not mapped: pages of a mapped file count as this process's memory
        for block in blocks:
            file.write(np.ascontiguousarray(block, dtype="<f4").data)
    np.save(out / "positions.npy", positions.astype(np.int32), allow_pickle=False)
    columns = [[getattr(one, name) for one in missing] for name in MISSING_PHOTOS.names]
    table = pa.table(columns, schema=MISSING_PHOTOS)
    pq.write_table(table, out / "missing_photos.parquet")
    content = json.dumps(report.summary(), indent=1)
    (out / "photos.json").write_text(content + "\n", encoding="utf-8")


def take_vectors(folder: Path | Sequence[Path], articles: Positions, out: Path) -> EmbedReport:
    """Take the vectors that a shop brings: `vectors.npy` and `article_ids.txt`, one id a line.

    Rows may come in any order; of unknown articles, or all zero, or not finite, they are
    left out and listed. The file is copied, not linked, because a run must not change when
    the shop rewrites it; it is read block by block and never held whole.

    Parameters
    ----------
    folder : Path, or several
        Holds vectors.npy, float16, float32 or float64 (n, dimension), and n ids. Of several,
        a later one's vector of an article takes the place of an earlier one's.
    articles : IdMap
        The run's articles.
    out : Path
        The folder that is written.

    Raises
    ------
    DataError
        A file is missing or malformed, the files differ in length, an article has two
        rows, or no id is known.
    """
    given, ids, positions, keep = _joined(
        [folder] if isinstance(folder, Path) else folder, articles
    )
    missing = [
        Missing(ids[row], None, UNKNOWN_ARTICLE) for row in np.flatnonzero(positions < 0).tolist()
    ]
    flaws: list[Missing] = []
    for low, block in _blocks(given):
        finite, nonzero = usable_rows(block)
        for row in np.flatnonzero(keep[low : low + len(block)] & ~(finite & nonzero)).tolist():
            reason = NO_DIRECTION if finite[row] else NOT_FINITE
            flaws.append(Missing(ids[low + row], int(positions[low + row]), reason))
        keep[low : low + len(block)] &= finite & nonzero
    has_row = np.zeros(len(articles), dtype=bool)
    has_row[positions[positions >= 0]] = True
    without = np.flatnonzero(~has_row)
    flaws.extend(
        Missing(one, place, NO_VECTOR)
        for one, place in zip(articles.strings(without), without.tolist(), strict=True)
    )
    missing = sorted(flaws, key=lambda one: one.position or 0) + missing
    rows = np.flatnonzero(keep)
    rows = rows[np.argsort(positions[rows])]
    report = EmbedReport(
        embedder="vectors of the shop",
        dimension=int(given.shape[1]),
        articles=len(articles),
        photos=int(has_row.sum()),
        vectors=len(rows),
        missing=dict(Counter(one.reason for one in missing)),
    )
    publish(out, _gathered(given, rows), positions[rows], missing, report)
    return report


@dataclass(frozen=True)
class _Several:
    """Matrices one after the other, read by slices and by ascending or any rows."""

    parts: list[Any]
    bounds: list[int]

    @property
    def shape(self) -> tuple[int, int]:
        return self.bounds[-1], int(self.parts[0].shape[1])

    def __len__(self) -> int:
        return self.bounds[-1]

    def __getitem__(self, rows: Any) -> Vectors:
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)))
        found = np.empty((len(rows), self.shape[1]), self.parts[0].dtype)
        which = np.searchsorted(self.bounds, rows, side="right") - 1
        for at in np.unique(which).tolist():
            mine = which == at
            found[mine] = self.parts[at][rows[mine] - self.bounds[at]]
        return found


def _joined(
    folders: Sequence[Path], articles: Positions
) -> tuple[Any, list[str], npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """Open folders of vectors as one: all rows, their ids, whose they are, which of them count."""
    parts: list[Any] = []
    names: list[str] = []
    places: list[npt.NDArray[np.int32]] = []
    for folder in folders:
        given, ids = _open(folder)
        found = articles.positions(ids)
        _check_ids(folder, ids, found)
        if parts and given.shape[1] != parts[0].shape[1]:
            raise DataError(
                f"{folder}: vectors of {given.shape[1]} numbers, those of {folders[0]} have "
                f"{parts[0].shape[1]}",
                hint="all vectors of a run come from one model",
            )
        parts.append(given)
        names += ids
        places.append(found)
    positions = np.concatenate(places)
    last = np.full(len(articles) + 1, -1)
    last[positions] = np.arange(len(positions))  # the last of each
    keep = (positions >= 0) & (last[positions] == np.arange(len(positions)))
    if len(parts) == 1:
        return parts[0], names, positions, keep
    bounds = [0, *np.cumsum([len(one) for one in parts]).tolist()]
    return _Several(parts, bounds), names, positions, keep


def _open(folder: Path) -> tuple[Any, list[str]]:
    path, names = folder / "vectors.npy", folder / "article_ids.txt"
    hint = "a folder of vectors holds vectors.npy, float32 (n, dimension), and article_ids.txt"
    try:
        given = np.load(path, mmap_mode="r", allow_pickle=False)
        ids = names.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, ValueError, EOFError) as error:  # UnicodeDecodeError is a ValueError
        raise DataError(f"{folder}: vectors cannot be read: {error}", hint=hint) from None
    if given.ndim != 2 or given.dtype.kind != "f" or given.shape[1] < 1:
        raise DataError(f"{path}: {given.dtype} {given.shape}", hint=hint)
    if ids[-1] == "":
        ids.pop()
    if len(ids) != len(given):
        raise DataError(f"{path} has {len(given)} rows, {names} {len(ids)} lines", hint=hint)
    return given, [one.strip() for one in ids]


def _check_ids(folder: Path, ids: list[str], positions: npt.NDArray[np.int32]) -> None:
    known = positions[positions >= 0]
    if len(ids) and not len(known):
        raise DataError(
            f"{folder / 'article_ids.txt'}: none of its {len(ids)} ids is an article's, "
            f"the first is {ids[0]!r}",
            hint="ids are text, with their leading zeros",
        )
    counts = np.bincount(known)
    if len(known) and counts.max() > 1:
        rows = np.flatnonzero(positions == counts.argmax())
        raise DataError(
            f"{folder / 'article_ids.txt'}, lines {rows[0] + 1} and {rows[1] + 1}: "
            f"both are article {ids[rows[0]]!r}",
            hint="an article has one vector",
        )


def _blocks(given: Any) -> Iterator[tuple[int, Vectors]]:
    for low in range(0, len(given), _ROWS):
        with np.errstate(over="ignore"):  # a float64 beyond float32 is infinite, and listed
            yield low, np.asarray(given[low : low + _ROWS], dtype=np.float32)


def _gathered(given: Any, rows: npt.NDArray[np.int64]) -> Iterator[Vectors]:
    for low in range(0, len(rows), _ROWS):
        yield np.asarray(given[rows[low : low + _ROWS]], dtype=np.float32)
