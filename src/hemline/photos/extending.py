"""Vectors of before, and those of photos that have come since."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from hemline.blocks import Progress, silent
from hemline.photos.base import existing_photos
from hemline.photos.embed import embed_photos
from hemline.photos.vectors import (
    NO_PHOTO,
    EmbedReport,
    Missing,
    Positions,
    Vectors,
    publish,
)

_ROWS = 4096


def extend_photos(
    before: Path,
    before_articles: Positions,
    images: Path,
    articles: Positions,
    spec: str,
    preprocessing: dict[str, Any],
    out: Path,
    *,
    work: Path,
    batch: int = 32,
    threads: int = 0,
    progress: Progress = silent,
) -> EmbedReport:
    """Do what `embed_photos` does, and compute no vector that was computed before.

    A photo that has changed since, by its file's time, is computed again. An embedder whose
    vectors depend on what else is in a batch may differ in the last digits from one pass
    over all photos.

    Parameters
    ----------
    before : path
        A folder of vectors by the same embedder, of `before_articles`.
    """
    told = _told(before)
    ids = articles.strings()
    files = existing_photos(images, ids)
    kept, rows = _kept(before, before_articles, articles, files)
    fresh = sorted(set(files) - set(kept.tolist()))
    part = work.with_name(f"{work.name}-new")
    found: Vectors = np.zeros((0, told["dimension"]), np.float32)
    places = np.zeros(0, np.int32)
    flaws: list[Missing] = []
    if fresh:
        names = [ids[one] for one in fresh]
        report = embed_photos(
            images, names, spec, preprocessing, part, work=work, batch=batch, threads=threads,
            progress=progress,
        )  # fmt: skip
        found = np.load(part / "vectors.npy", mmap_mode="r" if report.vectors else None)
        places = np.array(fresh, np.int32)[np.load(part / "positions.npy")]
        flaws += [
            replace(Missing(**one), position=fresh[one["position"]])
            for one in pq.read_table(part / "missing_photos.parquet").to_pylist()
        ]
    flaws += [Missing(one, place, NO_PHOTO) for place, one in enumerate(ids) if place not in files]
    flaws.sort(key=lambda one: one.position or 0)
    positions = np.concatenate([kept, places])
    order = np.argsort(positions)
    whole = EmbedReport(
        embedder=told["embedder"],
        dimension=found.shape[1],
        articles=len(ids),
        photos=len(files),
        vectors=len(order),
        missing=dict(Counter(one.reason for one in flaws)),
        resumed=len(kept),
    )
    old = np.load(before / "vectors.npy", mmap_mode="r" if len(kept) else None)
    publish(out, _gathered(old, rows, found, order), positions[order], flaws, whole)
    return whole


def _kept(
    before: Path, before_articles: Positions, articles: Positions, files: dict[int, Path]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Return the positions whose vectors still hold, and their rows of before."""
    old = np.load(before / "positions.npy")
    now = articles.positions(before_articles.strings(old))
    made = (before / "photos.json").stat().st_mtime_ns
    holds = [place in files and files[place].stat().st_mtime_ns < made for place in now.tolist()]
    rows = np.flatnonzero(np.array(holds, bool))
    return now[rows], rows


def _gathered(
    old: Vectors, rows: npt.NDArray[np.int64], new: Vectors, order: npt.NDArray[np.int64]
) -> Iterator[Vectors]:
    n = len(rows)
    for low in range(0, len(order), _ROWS):
        some = order[low : low + _ROWS]
        block = np.empty((len(some), new.shape[1]), np.float32)
        block[some < n] = old[rows[some[some < n]]]
        block[some >= n] = new[some[some >= n] - n]
        yield block


def _told(before: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((before / "photos.json").read_text())
    return found
