"""Visually similar articles: the exact nearest neighbours of every vector by cosine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from hemline.blocks import Progress, map_blocks, silent
from hemline.errors import ConfigError, DataError, RunError

MEMORY = 2 << 30
ARRAYS = ("similar", "similarity")


@dataclass(frozen=True)
class Neighbours:
    """The similar articles of every article, most similar first.

    Attributes
    ----------
    articles : int32 (n_articles, k)
        Positions, -1 where there is none.
    scores : float32 (n_articles, k)
        Cosines, -inf where there is none.
    """

    articles: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float32]

    def save(self, folder: Path) -> None:
        """Write `similar.npy` and `similarity.npy` into a folder that exists."""
        for name, array in zip(ARRAYS, (self.articles, self.scores), strict=True):
            np.save(folder / f"{name}.npy", array, allow_pickle=False)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Map the two files into memory, read-only.

        Raises
        ------
        RunError
            A file is missing or is not what `save` writes.
        """
        articles, scores = (_open(folder / f"{name}.npy", "neighbours") for name in ARRAYS)
        if (
            articles.shape != scores.shape
            or articles.ndim != 2
            or articles.dtype != np.int32
            or scores.dtype != np.float32
        ):
            raise RunError(
                f"{folder}: similar.npy is {articles.dtype} {articles.shape}, similarity.npy "
                f"{scores.dtype} {scores.shape}",
                hint="run `hemline neighbours RUN` anew",
            )
        return cls(articles, scores)


def nearest(
    vectors: npt.NDArray[np.float32],
    k: int,
    *,
    threads: int = 0,
    progress: Progress = silent,
    memory_bytes: int = MEMORY,
    engine: str = "auto",
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Return the k nearest other rows of every row by cosine, exactly.

    The score of two rows is their cosine computed in float64 in one fixed order and
    rounded to float32; equal scores are in order of the row. The result is the same on
    any number of threads and with any engine: short codes only say, by a proven bound,
    which pairs cannot matter (see neighbours_codes).

    Parameters
    ----------
    vectors : float32 (m, d)
        May be memory-mapped; is read in blocks and never written. A row that is zero or
        not finite has no neighbours and is nobody's neighbour.
    k : int
        At least 1.
    threads : int
        0: one for each processor.
    progress : Progress
        Called with (done, total) pairs of blocks.
    memory_bytes : int
        What may be taken beside the vectors and the result, about: it bounds the length
        of the codes, which are the larger part.
    engine : str
        "blas", "amx" (int8 matrix units), or "auto": amx where the processor has it.

    Returns
    -------
    rows : int32 (m, k)
        -1 where there is none.
    scores : float32 (m, k)
        -inf where there is none.

    Raises
    ------
    ConfigError
        k is less than 1, or the engine is unknown or not there.
    DataError
        `vectors` is not a matrix.
    """
    from threadpoolctl import threadpool_limits

    from hemline.photos import neighbours_search as searching
    from hemline.photos.neighbours_codes import Rows, encode

    if k < 1:
        raise ConfigError(f"{k} neighbours: not possible", hint="ask for at least 1")
    if vectors.ndim != 2:
        raise DataError(f"vectors have shape {vectors.shape}", hint="one row for each photo")
    chosen = _engine(engine)
    values = np.ascontiguousarray(np.asarray(vectors), dtype=np.float32).view()
    values.flags.writeable = False
    m, d = values.shape
    rows, scores = np.full((m, k), -1, np.int32), np.full((m, k), -np.inf, np.float32)
    if m == 0 or d == 0:
        return rows, scores
    # every block is one thread's: BLAS may not make threads of its own beside them
    with threadpool_limits(1, user_api="blas"):
        seen = searching.survey(values, threads)
        first = searching.distinct_rows(values, seen)
        distinct = np.flatnonzero(first == np.arange(m)).astype(np.int32)
        if not len(distinct):
            return rows, scores
        known = Rows(values, seen.norms, searching.like_beside_like(seen, distinct))
        projection = searching.choose_projection(known, seen, k, engine=chosen, room=memory_bytes)
        del seen
        block = max(64, min(4096, (32 << 20) // (8 * (d + projection.width))))
        codes = encode(known, projection, int8=chosen == "amx", block=block, threads=threads)
        found, ids, _scored = searching.search(
            known, codes, k, engine=chosen, threads=threads, progress=progress
        )
    _all_rows(first, known.order, found, ids, rows, scores, threads)
    return rows, scores


def similar_articles(
    photos: Path,
    n_articles: int,
    k: int,
    *,
    threads: int = 0,
    progress: Progress = silent,
    memory_bytes: int = MEMORY,
) -> Neighbours:
    """Return the similar articles of all articles, from a folder of photo vectors.

    Parameters
    ----------
    photos : Path
        Holds `vectors.npy`, float32 (m, d), and `positions.npy`, int32 (m,): the article
        of each row, ascending. An article without a photo has no neighbours.
    n_articles, k : int

    Raises
    ------
    RunError
        A file is missing, or the two do not fit each other or the articles.
    """
    vectors, positions = (
        _open(photos / f"{name}.npy", "embed") for name in ("vectors", "positions")
    )
    if (
        vectors.ndim != 2
        or positions.shape != (len(vectors),)
        or (len(positions) and not (positions[0] >= 0 and positions[-1] < n_articles))
        or (np.diff(positions) <= 0).any()
    ):
        raise RunError(
            f"{photos}: vectors {vectors.shape} and positions {positions.shape} do not fit "
            f"{n_articles} articles",
            hint="run `hemline embed RUN` anew",
        )
    rows, cosines = nearest(
        vectors, k, threads=threads, progress=progress, memory_bytes=memory_bytes
    )
    articles = np.full((n_articles, k), -1, np.int32)
    scores = np.full((n_articles, k), -np.inf, np.float32)
    if len(positions):
        articles[positions] = np.where(rows >= 0, positions[rows], -1)
        scores[positions] = cosines
    return Neighbours(articles, scores)


def _engine(engine: str) -> str:
    from hemline.photos.neighbours_search import amx_available

    if engine not in ("auto", "blas", "amx"):
        raise ConfigError(f"engine {engine!r} is unknown", hint='"auto", "blas" or "amx"')
    if engine == "blas" or not amx_available():
        if engine == "amx":
            raise ConfigError("this processor has no int8 matrix units", hint='engine "auto"')
        return "blas"
    return "amx"


def _all_rows(
    first: npt.NDArray[np.int32],
    order: npt.NDArray[np.int32],
    found: npt.NDArray[np.float32],
    ids: npt.NDArray[np.int32],
    rows: npt.NDArray[np.int32],
    scores: npt.NDArray[np.float32],
    threads: int,
) -> None:
    """Fill rows and scores (m, k) of all rows from the lists of the distinct ones."""
    valid = np.flatnonzero(first >= 0).astype(np.int32)
    if len(valid) == len(order):
        rows[order], scores[order] = ids, found
        return
    from hemline.photos.neighbours_kernel import expand

    m = len(first)
    place = np.full(m + 1, -1, np.int32)  # of a row among the lists; the last is for no row
    place[order] = np.arange(len(order), dtype=np.int32)
    group = np.where(first >= 0, place[first], -1).astype(np.int32)
    members = valid[np.argsort(group[valid], kind="stable")]
    counts = np.bincount(group[valid], minlength=len(order))
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    named = place[ids]  # -1 is the last

    def fill(low: int, high: int) -> None:
        expand(low, high, group, starts, members, found, named, scores, rows)

    for _ in map_blocks(fill, m, 16384, threads):
        pass


def _open(path: Path, stage: str) -> npt.NDArray[Any]:
    try:
        array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise RunError(f"{path} is not there", hint=f"run `hemline {stage} RUN` first") from None
    except ValueError as error:
        raise RunError(f"{path}: {error}", hint=f"run `hemline {stage} RUN` anew") from None
    return array
