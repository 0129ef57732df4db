"""A shop's photos into a folder of vectors: in parallel, resumable, memory bounded."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from hemline.blocks import Progress, block_bounds, map_blocks, silent
from hemline.errors import DataError
from hemline.photos.base import Embedder, existing_photos
from hemline.photos.decode import UnusablePhotoError, open_photo
from hemline.photos.spec import make_embedder, needs_own_process
from hemline.photos.vectors import (
    NO_DIRECTION,
    NO_PHOTO,
    NOT_FINITE,
    UNREADABLE,
    EmbedReport,
    Missing,
    publish,
    take_vectors,
    usable_rows,
)

__all__ = ["EmbedReport", "embed_photos", "embed_with", "take_vectors"]

CHUNK = 1024
"""Photos, about, whose vectors are written at once: so much work a kill can lose."""


def embed_photos(
    images: Path,
    article_ids: Sequence[str],
    spec: str,
    preprocessing: dict[str, Any],
    out: Path,
    *,
    work: Path,
    batch: int = 32,
    threads: int = 0,
    progress: Progress = silent,
) -> EmbedReport:
    """Turn the photo of every article that has one into a vector, and list the others.

    An embedder on torch works in a process of its own; its progress arrives here.

    Parameters
    ----------
    images : Path
        Folder of photos in the Kaggle layout, images/010/0108775015.jpg.
    article_ids : sequence of str
        In order of their positions.
    spec, preprocessing
        The settings `photos.embedder` and `photos.preprocessing`.
    out : Path
        The folder that is written; `hemline.photos.vectors` says what it holds.
    work : Path
        Holds what is done already: the same call resumes there after a kill and gives the
        same bytes. It is the caller's to remove once `out` is safe.
    batch : int
        Photos in one pass through the model.
    threads : int
        Workers that read photos and run the model; 0: one for each processor.
    progress
        Called with (photos done, photos in all).

    Raises
    ------
    ConfigError
        No such embedder, or its weights or settings cannot be used.
    MissingExtraError
        The embedder needs the extra `neural`.
    DataError
        There is no folder of photos, or it holds none of these articles.
    """
    if needs_own_process(spec):
        from hemline.photos.process import embed_in_process

        return embed_in_process(
            images, article_ids, spec, preprocessing, out, work, batch, threads, progress
        )
    return embed_with(
        make_embedder(spec, preprocessing),
        images,
        article_ids,
        out,
        work=work,
        batch=batch,
        threads=threads,
        progress=progress,
    )


def embed_with(
    embedder: Embedder,
    images: Path,
    article_ids: Sequence[str],
    out: Path,
    *,
    work: Path,
    batch: int = 32,
    threads: int = 0,
    progress: Progress = silent,
) -> EmbedReport:
    """Do what `embed_photos` does, in this process and with any embedder."""
    files = _files(images, article_ids)
    places = np.array(sorted(files), dtype=np.int32)
    paths = [files[place] for place in places.tolist()]
    plan = _plan(embedder, paths, [article_ids[place] for place in places.tolist()], batch, work)
    _forget_others(work, plan)
    resumed = sum(high - low for low, high, path in plan if path.exists())
    _compute(embedder, paths, plan, batch, threads, progress)

    missing = [
        Missing(one, place, NO_PHOTO) for place, one in enumerate(article_ids) if place not in files
    ]
    usable = np.ones(len(places), dtype=bool)
    for low, _, path in plan:
        for row, reason, detail in _read_chunk(path)[1]:
            usable[low + row] = False
            place = int(places[low + row])
            missing.append(Missing(article_ids[place], place, reason, detail))
    missing.sort(key=lambda one: one.position or 0)
    report = EmbedReport(
        embedder=embedder.name,
        dimension=embedder.dimension,
        articles=len(article_ids),
        photos=len(places),
        vectors=int(usable.sum()),
        missing=dict(Counter(one.reason for one in missing)),
        resumed=resumed,
    )
    vectors = (_read_chunk(path)[0] for _, _, path in plan)
    publish(out, vectors, places[usable], missing, report)
    return report


def _files(images: Path, article_ids: Sequence[str]) -> dict[int, Path]:
    if not images.is_dir():
        raise DataError(f"{images}: no such folder of photos", hint="see ingest.images")
    files = existing_photos(images, article_ids)
    if not files:
        raise DataError(
            f"{images}: none of the {len(article_ids)} articles has a photo there",
            hint="they are looked for as images/010/0108775015.jpg: a folder for the first "
            "three characters of the id, then the id and .jpg",
        )
    return files


Chunk = tuple[int, int, Path]
"""Photos [low, high), and the file that holds their vectors once they are computed."""


def _plan(
    embedder: Embedder, paths: list[Path], ids: list[str], batch: int, work: Path
) -> list[Chunk]:
    """Cut the photos into chunks, each named after all that its vectors depend on."""
    base = [embedder.name, embedder.dimension, batch, _code()]
    # whole batches: then a photo shares its batch with the same others after a kill
    size = batch * max(1, CHUNK // batch)
    chunks = []
    for low, high in block_bounds(len(paths), size):
        content = [base, [[ids[row], *_state(paths[row])] for row in range(low, high)]]
        name = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]
        chunks.append((low, high, work / f"{low:08d}-{name}.npz"))
    return chunks


def _state(path: Path) -> tuple[int, int]:
    try:
        state = path.stat()
    except OSError:  # a link to nowhere: decoding says so
        return -1, -1
    return state.st_size, state.st_mtime_ns


def _code() -> str:
    """Return a digest of this folder's code: vectors of another version are not resumed."""
    sha = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if not path.name.startswith("neighbours"):
            sha.update(path.read_bytes())
    return sha.hexdigest()


def _forget_others(work: Path, plan: list[Chunk]) -> None:
    """Remove what earlier calls with other photos or settings left, and torn files."""
    work.mkdir(parents=True, exist_ok=True)
    wanted = {path for _, _, path in plan}
    for path in work.glob("*.npz*"):
        if path not in wanted:
            path.unlink(missing_ok=True)


@dataclass
class _Block:
    """Vectors float32 (m, dimension) of a block's usable photos, and what ails the others."""

    vectors: npt.NDArray[np.float32]
    flaws: list[tuple[int, str, str]]


def _compute(
    embedder: Embedder,
    paths: list[Path],
    plan: list[Chunk],
    batch: int,
    threads: int,
    progress: Progress,
) -> None:
    missing = [chunk for chunk in plan if not chunk[2].exists()]
    bounds = [
        (low + first, low + last)
        for low, high, _ in missing
        for first, last in block_bounds(high - low, batch)
    ]
    done = len(paths) - sum(high - low for low, high, _ in missing)
    progress(done, len(paths))

    def work(block: int, _: int) -> _Block:
        low, high = bounds[block]
        return _embed_block(embedder, paths[low:high])

    # the workers are the parallelism: NumPy's own threads would only stand in their way
    with threadpool_limits(1, user_api="blas"):
        results = map_blocks(work, len(bounds), 1, threads)
        for low, high, path in missing:
            vectors: list[npt.NDArray[np.float32]] = []
            flaws: list[tuple[int, str, str]] = []
            for first, last in block_bounds(high - low, batch):
                block = next(results)
                vectors.append(block.vectors)
                flaws.extend((first + row, reason, detail) for row, reason, detail in block.flaws)
                done += last - first
                progress(done, len(paths))
            _write_chunk(path, np.concatenate(vectors), flaws)


def _embed_block(embedder: Embedder, paths: list[Path]) -> _Block:
    draft = getattr(embedder, "draft", None)
    inputs: list[npt.NDArray[np.float32]] = []
    rows: list[int] = []
    flaws: list[tuple[int, str, str]] = []
    for row, path in enumerate(paths):
        try:
            inputs.append(embedder.preprocess(open_photo(path, draft)))
            rows.append(row)
        except UnusablePhotoError as error:
            flaws.append((row, UNREADABLE, str(error)))
    if not inputs:
        return _Block(np.zeros((0, embedder.dimension), np.float32), flaws)
    vectors = np.ascontiguousarray(embedder.embed(np.stack(inputs)), dtype=np.float32)
    finite, nonzero = usable_rows(vectors)
    flaws.extend(
        (rows[place], NO_DIRECTION if finite[place] else NOT_FINITE, "")
        for place in np.flatnonzero(~(finite & nonzero)).tolist()
    )
    return _Block(vectors[finite & nonzero], sorted(flaws))


def _write_chunk(
    path: Path, vectors: npt.NDArray[np.float32], flaws: list[tuple[int, str, str]]
) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    with partial.open("wb") as file:
        text = np.frombuffer(json.dumps(flaws).encode(), dtype=np.uint8)
        np.savez(file, vectors=vectors, flaws=text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _read_chunk(path: Path) -> tuple[npt.NDArray[np.float32], list[tuple[int, str, str]]]:
    with np.load(path, allow_pickle=False) as chunk:
        flaws = json.loads(chunk["flaws"].tobytes())
        return chunk["vectors"], [(int(row), reason, detail) for row, reason, detail in flaws]
