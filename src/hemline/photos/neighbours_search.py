"""The search itself: what is known of each row, how long the codes are, block against block."""

from __future__ import annotations

import ctypes
import platform
import sys
import threading
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from hemline.blocks import Progress, available_threads, block_bounds, map_blocks
from hemline.photos.neighbours_codes import (
    F4,
    F8,
    I4,
    NARROW,
    Codes,
    Projection,
    Rows,
    full_width,
    main_directions,
    sample_order,
    survivors,
    unit_rows,
)

LEADERS = 128  # rows that all others are compared with: for the order and for the pilot
SMALL = 4096  # with fewer rows nothing is tried out
BLOCK = 1024
AMX_PERMISSION = (158, 0x1023, 18)  # arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA)

# Seconds of one thread, measured on one processor; they only weigh one length of code
# against another: of a pair and of a pair and column by engine, of an exact score and of
# its columns, of projecting and of not projecting a value.
COSTS = {"blas": (2e-10, 1.1e-11), "amx": (2e-10, 5e-13)}
SCORE_COST = (1e-7, 4e-10)
ENCODE_COST = 3e-11
FULL_ENCODE_COST = 5e-9
LOSSES = {"blas": 0.002, "amx": 0.0091}  # of rounding, relative to the length of a vector
AMX_FULL = 2048  # up to here whole vectors are compared about as fast as projected ones


@dataclass(frozen=True)
class Survey:
    """What one reading of the vectors tells.

    Attributes
    ----------
    norms : float64 (m,)
    hashes : uint64 (m,)
    leaders : int32 (l,)
        Rows, evenly spaced.
    cosines : float32 (m, l)
        Of every row to the leaders, rounded as matrix products are: never decides a result.
    """

    norms: F8
    hashes: npt.NDArray[np.uint64]
    leaders: I4
    cosines: F4


def survey(values: F4, threads: int) -> Survey:
    """Read all vectors once."""
    from hemline.photos.neighbours_kernel import measure_rows

    m, d = values.shape
    norms, hashes = np.zeros(m), np.zeros(m, np.uint64)
    leaders = np.unique(np.linspace(0, m - 1, min(m, LEADERS)).astype(np.int32))
    for leader in leaders.tolist():
        measure_rows(values, leader, leader + 1, norms, hashes)
    leaders = leaders[norms[leaders] > 0]
    unit = (values[leaders] / norms[leaders][:, None]).astype(np.float32)
    cosines = np.zeros((m, len(leaders)), np.float32)

    def read(low: int, high: int) -> None:
        measure_rows(values, low, high, norms, hashes)
        with np.errstate(all="ignore"):
            inverse = np.where(norms[low:high] > 0, 1 / norms[low:high], 0).astype(np.float32)
            found = np.dot(values[low:high], unit.T) * inverse[:, None]
            cosines[low:high] = np.nan_to_num(found, copy=False)

    block = max(64, (16 << 20) // (4 * d))
    for _ in map_blocks(read, m, block, threads):
        pass
    return Survey(norms, hashes, leaders, cosines)


def distinct_rows(values: F4, seen: Survey) -> I4:
    """Return for each row the first row that equals it byte for byte, -1 for a row without norm."""
    first = np.arange(len(values), dtype=np.int32)
    valid = np.flatnonzero(seen.norms > 0)
    hashes = seen.hashes[valid]
    by_hash = np.argsort(hashes, kind="stable")
    sorted_hashes = hashes[by_hash]
    start = np.flatnonzero(np.r_[True, sorted_hashes[1:] != sorted_hashes[:-1]][: len(valid)])
    counts = np.diff(np.r_[start, len(valid)])
    for at, count in zip(start[counts > 1].tolist(), counts[counts > 1].tolist(), strict=True):
        same = valid[by_hash[at : at + count]]
        pattern = values[same[0]].view(np.uint32)
        for row in same[1:].tolist():
            if np.array_equal(values[row].view(np.uint32), pattern):
                first[row] = same[0]
    first[seen.norms == 0] = -1
    return first


def like_beside_like(seen: Survey, rows: I4) -> I4:
    """Return the rows sorted by their nearest leader, leaders in a chain of nearest ones.

    Then blocks near the diagonal hold most neighbours, limits are good from the start,
    and what is read together lies together.
    """
    if not len(rows) or not len(seen.leaders):
        return rows
    between = seen.cosines[seen.leaders].copy()
    np.fill_diagonal(between, -np.inf)
    place = np.empty(len(seen.leaders), np.int32)
    here = 0
    for at in range(len(place)):
        place[here] = at
        between[:, here] = -np.inf
        here = int(between[here].argmax())
    nearest = seen.cosines[rows].argmax(axis=1)
    order: I4 = rows[np.argsort(place[nearest], kind="stable")]
    return order


class Engine(Protocol):
    """Multiplies the codes of two blocks and sifts the pairs, updating both blocks' lists."""

    def join(self, one: tuple[int, int], other: tuple[int, int], lists: tuple[Any, ...]) -> int: ...


class Blas:
    """float32 matrix products, on any processor."""

    def __init__(self, codes: Codes) -> None:
        self.codes = codes.codes
        self.own = threading.local()

    def join(self, one: tuple[int, int], other: tuple[int, int], lists: tuple[Any, ...]) -> int:
        """Multiply, seed a block with itself, sift; return the pairs that were scored."""
        from hemline.photos.neighbours_kernel import seed, sift

        if not hasattr(self.own, "tile"):
            self.own.tile = np.empty(BLOCK * BLOCK, np.float32)
        shape = (one[1] - one[0], other[1] - other[0])
        tile = self.own.tile[: shape[0] * shape[1]].reshape(shape)
        np.dot(self.codes[slice(*one)], self.codes[slice(*other)].T, out=tile)
        if one == other:
            seed(tile, *one, *lists)
        return int(sift(tile, *one, *other, *lists))


class Amx:
    """int8 matrix products of processors that have units for them."""

    def __init__(self, codes: Codes, threads: int) -> None:
        from hemline.photos.neighbours_amx import aligned, pack, tile_shapes

        n, width = codes.codes.shape
        words = codes.codes.view(np.int32)
        self.left, self.right = (aligned(n // 32, 8 * width) for _ in range(2))
        self.own = threading.local()
        self.shapes = tile_shapes()

        def store(low: int, high: int) -> None:
            pack(words, low, high, self.left, self.right)

        for _ in map_blocks(store, n, 4096, threads):
            pass

    def join(self, one: tuple[int, int], other: tuple[int, int], lists: tuple[Any, ...]) -> int:
        """Multiply, seed a block with itself, sift; return the pairs that were scored."""
        from hemline.photos.neighbours_amx import BLOCK, STRIDE, aligned, join

        if not hasattr(self.own, "piece"):
            self.own.piece = aligned(BLOCK, STRIDE)
        return int(join(self.left, self.right, self.own.piece, self.shapes, *one, *other, *lists))


def amx_available() -> bool:
    """Say whether this process may use the matrix units, asking the system for them."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return False
    import llvmlite.binding as llvm
    from numba import config

    if config.CPU_NAME or config.CPU_FEATURES or config.DISABLE_JIT:
        return False  # someone compiles for another processor than this one
    features = llvm.get_host_cpu_features()
    if not (features.get("amx-int8") and features.get("amx-tile")):
        return False
    system = ctypes.CDLL(None)
    return bool(system.syscall(*(ctypes.c_long(one) for one in AMX_PERMISSION)) == 0)


def choose_projection(rows: Rows, seen: Survey, k: int, *, engine: str, room: int) -> Projection:
    """Return the projection with the least expected work, by trying its bound on a sample.

    `room` is the bytes that codes may take; a code of 64 columns is taken however little
    that is.
    """
    d, n = rows.values.shape[1], len(rows.order)
    per_column = n * (3 if engine == "amx" else 4)
    full = full_width(d)
    fits = full * per_column <= room
    sample = unit_rows(rows, sample_order(rows))
    centre = sample.mean(axis=0, dtype=np.float64)
    narrow = [width for width in NARROW if width < 0.8 * d and width * per_column <= room]
    if fits and (n <= SMALL or (engine == "amx" and full <= AMX_FULL)):
        narrow = []  # the whole vector costs less than to find out
    elif not fits and not narrow and d >= NARROW[0]:
        narrow = [NARROW[0]]
    width, directions = full, None
    if narrow:
        sample -= centre.astype(np.float32)
        found = main_directions(sample, narrow[-1] - 1)
        costs = _costs(rows, seen, k, sample, centre, found, narrow, engine)
        if fits:
            base, column = COSTS[engine]
            costs[full] = n * n / 2 * (base + column * full) + n * d * FULL_ENCODE_COST
        width = min(costs, key=costs.__getitem__)
        directions = None if width == full else found[: width - 1]
    power = 1 << (width.bit_length() - 1)
    signs = np.random.default_rng(2).choice([-1.0, 1.0], (2, power))
    return Projection(centre, directions, signs, width)


def _costs(
    rows: Rows,
    seen: Survey,
    k: int,
    centred: F4,
    centre: F8,
    directions: F8,
    widths: list[int],
    engine: str,
) -> dict[int, float]:
    """Return the expected seconds of one thread for each width."""
    n, d = len(rows.order), rows.values.shape[1]
    cosines = np.ascontiguousarray(seen.cosines[np.sort(rows.order)].T)
    kth = max(0, n - 1 - k)  # the leader itself is the first
    limits = np.partition(cosines, kth, axis=1)[:, kth]
    unit = rows.values[seen.leaders] / rows.norms[seen.leaders][:, None]
    leaders = (unit - centre).astype(np.float32)
    shares = survivors(centred, leaders, limits, centre, directions, widths, LOSSES[engine])
    base, column = COSTS[engine]
    score = SCORE_COST[0] + SCORE_COST[1] * d
    return {
        width: n * n / 2 * (base + column * width + 2 * share * score) + n * d * width * ENCODE_COST
        for width, share in shares.items()
    }


def _tasks(blocks: list[tuple[int, int]]) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return every pair of blocks once, near the diagonal first, neighbours in the list apart."""
    n = len(blocks)
    found = [(block, block) for block in blocks]
    for apart in range(1, n):
        for turn in (0, 1):
            found += [
                (blocks[i], blocks[i + apart]) for i in range(n - apart) if i // apart % 2 == turn
            ]
    return found


def search(
    rows: Rows, codes: Codes, k: int, *, engine: str, threads: int, progress: Progress
) -> tuple[F4, I4, int]:
    """Return the exact lists of the searched rows, (u, k) in their order, and the pairs scored.

    Two blocks are held by one thread at a time; which one comes first changes how many
    pairs are scored, never which ones win.
    """
    from hemline.photos.neighbours_kernel import OPEN

    n = len(rows.order)
    # enough blocks that threads seldom wait for each other
    side = max(256, min(BLOCK, n // (8 * available_threads(threads)) // 256 * 256))
    blocks = block_bounds(n, side)
    tasks = _tasks(blocks)
    locks = {block: threading.Lock() for block in blocks}
    scores, ids = np.full((n, k), -np.inf, np.float32), np.full((n, k), -1, np.int32)
    limits = np.full(n, OPEN, codes.lifts.dtype)
    bounds = (codes.terms, codes.per_unit, codes.lifts, limits)
    lists = (rows.values, rows.order, rows.norms, *bounds, scores, ids)
    multiply: Engine = Amx(codes, threads) if engine == "amx" else Blas(codes)

    def work(low: int, _high: int) -> int:
        one, other = tasks[low]
        with locks[one]:
            if one == other:
                return multiply.join(one, other, lists)
            with locks[other]:
                return multiply.join(one, other, lists)

    total = 0
    for done, passed in enumerate(map_blocks(work, len(tasks), 1, threads), 1):
        total += passed
        progress(done, len(tasks))
    return scores, ids, total
