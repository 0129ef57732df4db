"""Exact neighbours against the plain way, faiss (exact) and hnswlib: time, memory, recall.

    python benchmarks/neighbours.py --data SHOP [--rows N] [--photos DIR]

SHOP holds `vectors/vectors.npy`, as `hemline simulate SHOP --vectors 2048` writes it. As
many random normal vectors, the hardest there are, are drawn and searched by our ways too;
what the plain way takes does not depend on the values. DIR holds `hm-sample` (images) and
`weights/squeezenet11_gap512.onnx`: real photos, all ways. Every way runs in a fresh
process on the same file, which was read just before; seconds count from opening the file
to the answer, compiled code being there already.

The plain way multiplies blocks of normalised float32 rows with all rows and takes
argpartition, then a sort. It runs both as one would write it (threads in the matrix
product only) and with a block on each processor, each in the faster of three block sizes
on the first blocks; the faster of the two is what ours is held against. Recall is the share of the
neighbours given whose exact score is not below the exact tenth score: ties count as found.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from hemline.photos.neighbours import nearest
from hemline.photos.neighbours_search import amx_available
from record import measure_step, peak_bytes, record

K = 10
ROUNDING = 1e-6  # scores of float32 products may be off by this
BLOCKS = (256, 512, 1024)
BAR, PEAK_GIB = 0.6, 4.0

Answer = tuple[npt.NDArray[np.integer[Any]], npt.NDArray[np.float32]]
Way = Callable[[npt.NDArray[np.float32]], Answer]


def normalised(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return a copy with rows of length one."""
    unit = np.array(vectors)
    for low in range(0, len(unit), 4096):
        block = unit[low : low + 4096]
        block /= np.linalg.norm(block, axis=1, keepdims=True)
    return unit


def plain_block(unit: npt.NDArray[np.float32], low: int, high: int) -> Answer:
    """Return the neighbours of some rows."""
    cosines = unit[low:high] @ unit.T
    cosines[np.arange(high - low), np.arange(low, high)] = -np.inf
    places = np.argpartition(cosines, cosines.shape[1] - K, axis=1)[:, -K:]
    scores = np.take_along_axis(cosines, places, axis=1)
    order = np.lexsort((places, -scores), axis=1)
    return np.take_along_axis(places, order, 1), np.take_along_axis(scores, order, 1)


def fastest_block(run: Callable[[list[tuple[int, int]]], Any], n: int) -> int:
    """Return the block size that treats the first 2,048 rows fastest."""
    seconds = {}
    for block in BLOCKS:
        started = time.perf_counter()
        run([(low, min(low + block, n)) for low in range(0, min(n, 2048), block)])
        seconds[block] = time.perf_counter() - started
    return min(seconds, key=seconds.__getitem__)


def plain(vectors: npt.NDArray[np.float32]) -> Answer:
    """Search as one would write it: threads in the matrix product only."""
    unit = normalised(vectors)

    def run(bounds: list[tuple[int, int]]) -> list[Answer]:
        return [plain_block(unit, low, high) for low, high in bounds]

    return gather(run, len(unit))


def plain_threads(vectors: npt.NDArray[np.float32]) -> Answer:
    """Search with a block on each processor."""
    unit = normalised(vectors)
    with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count()) as pool:

        def run(bounds: list[tuple[int, int]]) -> list[Answer]:
            return list(pool.map(lambda bound: plain_block(unit, *bound), bounds))

        return gather(run, len(unit))


def gather(run: Callable[[list[tuple[int, int]]], list[Answer]], n: int) -> Answer:
    """Try block sizes, search everything with the best, join the answers.

    The trial is not part of the time that is told.
    """
    started = time.perf_counter()
    block = fastest_block(run, n)
    TRIAL.append(time.perf_counter() - started)
    parts = run([(low, min(low + block, n)) for low in range(0, n, block)])
    return np.concatenate([one for one, _ in parts]), np.concatenate([one for _, one in parts])


TRIAL: list[float] = []


def faiss_exact(vectors: npt.NDArray[np.float32]) -> Answer:
    """Search with faiss's IndexFlatIP."""
    import faiss

    unit = normalised(vectors)
    index = faiss.IndexFlatIP(unit.shape[1])
    index.add(unit)
    parts = [index.search(unit[low : low + 8192], K + 1) for low in range(0, len(unit), 8192)]
    return without_self(*(np.concatenate(side) for side in zip(*parts, strict=True)))


def hnsw(vectors: npt.NDArray[np.float32]) -> Answer:
    """Build and search hnswlib's graph: M 16, ef 200 while building, 100 when searching."""
    import hnswlib

    index = hnswlib.Index(space="cosine", dim=vectors.shape[1])
    index.init_index(max_elements=len(vectors), M=16, ef_construction=200, random_seed=1)
    index.add_items(vectors)
    index.set_ef(100)
    rows, distances = index.knn_query(vectors, K + 1)
    return without_self(1 - distances, rows.astype(np.int64))


def without_self(scores: npt.NDArray[np.float32], rows: npt.NDArray[np.int64]) -> Answer:
    """Drop each row from its own list, or the last where it is not in it."""
    own = rows == np.arange(len(rows))[:, None]
    own[~own.any(axis=1), -1] = True
    keep = ~own
    return rows[keep].reshape(-1, K), scores[keep].reshape(-1, K)


WAYS: dict[str, Way] = {
    "hemline": lambda vectors: nearest(vectors, K),
    "hemline without matrix units": lambda vectors: nearest(vectors, K, engine="blas"),
    "plain": plain,
    "plain, a block each": plain_threads,
    "faiss IndexFlatIP": faiss_exact,
    "hnswlib": hnsw,
}


def step(way: str, vectors: Path, out: Path) -> None:
    """Search once; write the answer, print seconds and peak memory as JSON."""
    started = time.perf_counter()
    rows, _scores = WAYS[way](np.load(vectors, mmap_mode="r"))
    seconds = time.perf_counter() - started - sum(TRIAL)
    peak = peak_bytes()
    np.save(out, rows.astype(np.int32))
    print(json.dumps({"seconds": seconds, "peak_bytes": peak}))


def exact_scores(
    vectors: npt.NDArray[np.float32], rows: npt.NDArray[np.int32]
) -> npt.NDArray[np.float64]:
    """Return the cosines of every row with the rows named for it, in float64."""
    found = np.empty(rows.shape)
    for low in range(0, len(rows), 512):
        block = vectors[low : low + 512].astype(np.float64)
        others = vectors[rows[low : low + 512]].astype(np.float64)
        lengths = np.linalg.norm(block, axis=1)[:, None] * np.linalg.norm(others, axis=2)
        found[low : low + 512] = np.einsum("id,ikd->ik", block, others) / lengths
    return found


def compare(vectors_file: Path, ways: list[str]) -> dict[str, Any]:
    """Run every way on one file; ours is the first and the measure of recall."""
    vectors = np.load(vectors_file, mmap_mode="r")
    figures: dict[str, Any] = {"rows": vectors.shape[0], "columns": vectors.shape[1]}
    limit: npt.NDArray[np.float64] | None = None
    for way in ways:
        for low in range(0, len(vectors), 8192):
            vectors[low : low + 8192].max()  # into the page cache
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "rows.npy"
            asked = ["--step", way, "--vectors", str(vectors_file), "--out", str(out)]
            told = json.loads(measure_step(__file__, *asked).output.splitlines()[-1])
            scores = exact_scores(vectors, np.load(out))
        limit = scores.min(axis=1) if limit is None else limit
        figures[way] = {
            "seconds": round(told["seconds"], 2),
            "peak_gib": round(told["peak_bytes"] / 2**30, 2),
            "recall_at_10": round(float((scores >= limit[:, None] - ROUNDING).mean()), 6),
            "scores_above_ours": int((scores.min(axis=1) > limit + ROUNDING).sum()),
        }
        print(way, figures[way], flush=True)
    return figures


def with_ratios(figures: dict[str, Any], plain_seconds: float) -> dict[str, Any]:
    """Add to every way its time as a share of the plain way's."""
    for told in figures.values():
        if isinstance(told, dict):
            told["ratio_to_plain"] = round(told["seconds"] / plain_seconds, 4)
    return figures


def normal_vectors(path: Path, n: int, d: int) -> Path:
    """Write random normal vectors, block by block."""
    rng = np.random.default_rng(1)
    file = np.lib.format.open_memmap(path, "w+", np.float32, (n, d))
    for low in range(0, n, 8192):
        file[low : low + 8192] = rng.standard_normal((min(8192, n - low), d), dtype=np.float32)
    file.flush()
    return path


def photo_vectors(data: Path, folder: Path) -> Path:
    """Embed the sample's photos with SqueezeNet."""
    from hemline.photos.embed import embed_photos

    images = data / "hm-sample" / "images"
    ids = sorted(path.stem for path in images.glob("*/*.jpg"))
    preprocessing = {
        "size": 224,
        "channels": "BGR",
        "mean": [103.939, 116.779, 123.68],
        "layout": "NCHW",
    }
    spec = f"onnx:{data / 'weights' / 'squeezenet11_gap512.onnx'}"
    embed_photos(images, ids, spec, preprocessing, folder, work=folder / "work")
    return folder / "vectors.npy"


def plain_seconds(figures: dict[str, Any]) -> float:
    """Return the time of the faster plain way."""
    seconds = (figures[one]["seconds"] for one in ("plain", "plain, a block each"))
    return float(min(seconds))


def files(asked: argparse.Namespace, folder: Path) -> Iterator[tuple[str, Path, list[str]]]:
    """Yield name, file and ways of each comparison."""
    ways = [one for one in WAYS if amx_available() or one != "hemline without matrix units"]
    own = [one for one in ways if one.startswith("hemline")]
    source = asked.data / "vectors" / "vectors.npy"
    vectors = np.load(source, mmap_mode="r")
    rows = min(asked.rows or len(vectors), len(vectors))
    if rows < len(vectors):
        source = folder / "some.npy"
        np.save(source, vectors[np.linspace(0, len(vectors) - 1, rows).astype(np.int64)])
    yield "simulated photos", source, ways
    yield "random normal", normal_vectors(folder / "normal.npy", rows, vectors.shape[1]), own
    if asked.photos:
        yield "real photos", photo_vectors(asked.photos, folder), ways


def main() -> None:
    """Run the benchmark, or one step of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rows", type=int, default=0)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--step", choices=list(WAYS))
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    if asked.step:
        step(asked.step, asked.vectors, asked.out)
        return
    if asked.data is None:
        parser.error("--data: the folder that holds vectors/vectors.npy")
    few = np.eye(8, dtype=np.float32)
    nearest(few, 1), nearest(few, 1, engine="blas")  # compiled once, kept for the steps
    figures: dict[str, Any] = {"matrix_units": amx_available()}
    seconds = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for name, file, ways in files(asked, Path(folder)):
            print(name, flush=True)
            found = compare(file, ways)
            if name != "random normal":
                seconds = plain_seconds(found)
            figures[name] = with_ratios(found, seconds)
    bars = {
        "simulated photos.hemline.ratio_to_plain": f"<= {BAR}",
        "simulated photos.hemline.peak_gib": f"<= {PEAK_GIB}",
    }
    record("neighbours", figures, bars=bars)


if __name__ == "__main__":
    main()
