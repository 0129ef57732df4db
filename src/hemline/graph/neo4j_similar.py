"""Similar products found by Neo4j itself: by `gds.knn`, or by its vector index.

Both are approximate; how much of the exact neighbours they find is what `recall` says. Both
score by (1 + cosine) / 2, which is turned back into the cosine that SIMILAR edges have.

gds.knn is NN-descent (Dong, Moses and Li 2011); the index a small-world graph (Malkov and
Yashunin 2018).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hemline.blocks import Progress, silent
from hemline.errors import GraphError, HemlineError
from hemline.graph.neo4j_server import Server
from hemline.graph.tables import END, START

PROJECTION: Final = "hemline-similar"
INDEX: Final = "hemlineProductEmbedding"
FREE_CONCURRENCY: Final = 4
"""Threads that the open edition of Graph Data Science allows."""

_ASKED: Final = 200
"""Products whose neighbours are asked of the index at once."""

_TIE: Final = 1e-6

_SCHEMA: Final = pa.schema([(START, pa.string()), (END, pa.string()), ("score", pa.float64())])


@dataclass
class Found:
    """Similar products as edges, and what it took to find them.

    Attributes
    ----------
    edges : Table
        `start`, `end` (codes), `score` (cosine); by start, most similar first.
    seconds : dict
        Of each step.
    notes : list of str
        What a person should know, such as a concurrency that the edition does not allow.
    """

    edges: pa.Table
    seconds: dict[str, float]
    notes: list[str] = field(default_factory=list)


def by_knn(
    server: Server,
    *,
    k: int = 10,
    concurrency: int = FREE_CONCURRENCY,
    sample_rate: float = 0.5,
    delta_threshold: float = 0.001,
    max_iterations: int = 100,
    seed: int | None = None,
) -> Found:
    """Find each product's k nearest by `gds.knn` over `embedding`.

    The vectors are projected into the server's memory; the projection is dropped at the end,
    however it ends, and one that a killed call left is dropped first.

    Parameters
    ----------
    concurrency : int
        Threads; no more than the edition allows are used.
    sample_rate, delta_threshold, max_iterations : float, float, int
        As `gds.knn` has them: more comparisons find more.
    seed : int, optional
        Makes the answer the same every time, with one thread.

    Raises
    ------
    StoreUnavailableError
        The server has no Graph Data Science.
    GraphError
        No product has an embedding.
    """
    notes: list[str] = []
    threads = _allowed(server, 1 if seed is not None else concurrency, notes)
    settings: dict[str, Any] = {
        "nodeProperties": ["embedding"],
        "topK": k,
        "concurrency": threads,
        "sampleRate": sample_rate,
        "deltaThreshold": delta_threshold,
        "maxIterations": max_iterations,
    }
    if seed is not None:
        settings["randomSeed"] = seed
    _must_have_vectors(server)
    clock = _Clock()
    with _projection(server, threads):
        clock.lap("projection")
        rows = server.stream(
            "CALL gds.knn.stream($name, $settings) YIELD node1, node2, similarity "
            "RETURN gds.util.asNode(node1).code, gds.util.asNode(node2).code, similarity",
            name=PROJECTION,
            settings=settings,
        )
        edges = _edges(rows, k)
        clock.lap("knn")
    return Found(edges, clock.laps, notes)


@contextmanager
def _projection(server: Server, threads: int) -> Iterator[None]:
    """Have the products' vectors in the server's memory for a while."""
    drop = "CALL gds.graph.drop($name, false) YIELD graphName RETURN graphName"
    server.read(drop, name=PROJECTION)
    try:
        server.read(
            "MATCH (p:Product) WHERE p.embedding IS NOT NULL "
            "RETURN gds.graph.project($name, p, null, "
            "{sourceNodeProperties: p {.embedding}, targetNodeProperties: null}, "
            "{readConcurrency: $threads}).nodeCount AS n",
            name=PROJECTION,
            threads=threads,
        )
        yield
    finally:
        server.read(drop, name=PROJECTION)


def _allowed(server: Server, wanted: int, notes: list[str]) -> int:
    """Return how many threads Graph Data Science may use of those that are wanted."""
    server.read("RETURN gds.version() AS version")  # says plainly where there is none
    if wanted <= FREE_CONCURRENCY:
        return max(1, wanted)
    try:
        licensed = bool(server.read("CALL gds.license.state() YIELD isLicensed")[0]["isLicensed"])
    except HemlineError:
        licensed = False
    if licensed:
        return wanted
    notes.append(
        f"{FREE_CONCURRENCY} threads instead of {wanted}: the open edition of Graph Data "
        "Science allows no more"
    )
    return FREE_CONCURRENCY


def by_vector_index(
    server: Server,
    *,
    k: int = 10,
    quantized: bool = False,
    keep: bool = False,
    progress: Progress = silent,
) -> Found:
    """Find each product's k nearest by Neo4j's vector index over `embedding`.

    Parameters
    ----------
    quantized : bool
        Keep a byte for each number, as Neo4j does by default: a quarter of the memory, and
        some neighbours are missed.
    keep : bool
        Leave the index in the database, for an app that asks it. One that was there before is
        used, and stays in any case.
    progress : Progress
        Called with (products asked, of all).

    Raises
    ------
    GraphError
        No product has an embedding, or they have several lengths, or the server is too old.
    """
    n, dimension = _must_have_vectors(server)
    clock = _Clock()
    name, made = _index(server, dimension, quantized)
    try:
        clock.lap("index")
        edges = _edges(_asked(server, name, k, n, progress), k)
        clock.lap("queries")
    finally:
        if made and not keep:
            server.command(f"DROP INDEX {INDEX} IF EXISTS")
    return Found(edges, clock.laps)


def _index(server: Server, dimension: int, quantized: bool) -> tuple[str, bool]:
    """Return the name of the vector index over the embeddings, and whether it is new."""
    there = server.read(
        "SHOW VECTOR INDEXES YIELD name, labelsOrTypes, properties "
        "WHERE labelsOrTypes = ['Product'] AND properties = ['embedding'] RETURN name"
    )
    name = there[0]["name"] if there else INDEX
    if not there:
        server.command(
            f"CREATE VECTOR INDEX {INDEX} FOR (p:Product) ON (p.embedding) OPTIONS {{indexConfig: "
            f"{{`vector.dimensions`: {int(dimension)}, `vector.similarity_function`: 'cosine', "
            f"`vector.quantization.enabled`: {str(quantized).lower()}}}}}"
        )
    server.command("CALL db.awaitIndex($name, 3600)", name=name)
    return name, not there


def _asked(server: Server, name: str, k: int, n: int, progress: Progress) -> Iterator[Any]:
    codes = [
        one[0]
        for one in server.stream(
            "MATCH (p:Product) WHERE p.embedding IS NOT NULL RETURN p.code ORDER BY p.code"
        )
    ]
    for low in range(0, len(codes), _ASKED):
        # one more than wanted, for a product is its own nearest
        yield from server.stream(
            "UNWIND $codes AS code MATCH (p:Product {code: code}) "
            "CALL db.index.vector.queryNodes($name, $k, p.embedding) YIELD node, score "
            "WITH p, node, score WHERE node <> p RETURN p.code, node.code, score",
            codes=codes[low : low + _ASKED],
            name=name,
            k=k + 1,
        )
        progress(min(low + _ASKED, n), n)


def _must_have_vectors(server: Server) -> tuple[int, int]:
    """Return how many products have an embedding, and its length."""
    (found,) = server.read(
        "MATCH (p:Product) WHERE p.embedding IS NOT NULL "
        "RETURN count(p) AS n, min(size(p.embedding)) AS low, max(size(p.embedding)) AS high"
    )
    if not found["n"]:
        raise GraphError(
            f"no product in {server.uri} has an embedding",
            hint="a run with photos or vectors has them: `hemline graph load RUN --to URI`",
        )
    if found["low"] != found["high"]:
        raise GraphError(
            f"embeddings in {server.uri} have from {found['low']} to {found['high']} numbers",
            hint="load those of one model: `hemline graph load RUN --to URI`",
        )
    return int(found["n"]), int(found["low"])


def _edges(rows: Iterator[Any], k: int) -> pa.Table:
    """Return (start, end, scaled score) rows as edges, the k best of each start."""
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    scaled = pa.array(columns[2], pa.float64())
    cosine = pc.subtract(pc.multiply(scaled, 2.0), 1.0)
    table = pa.table([pa.array(columns[0]), pa.array(columns[1]), cosine], schema=_SCHEMA)
    table = table.sort_by([(START, "ascending"), ("score", "descending"), (END, "ascending")])
    return table.filter(pa.array(_rank(table) < k)) if table.num_rows else table


def _rank(table: pa.Table) -> np.ndarray:
    """Return the place of each row among those of its start, from 0."""
    starts = table.column(START).combine_chunks().dictionary_encode().indices.to_numpy()
    first = np.ones(len(starts), bool)
    first[1:] = starts[1:] != starts[:-1]
    at = np.flatnonzero(first)
    found: np.ndarray = np.arange(len(starts)) - np.repeat(at, np.diff([*at, len(starts)]))
    return found


def recall(found: pa.Table, exact: pa.Table) -> float:
    """Return the share of the exact neighbours that were found.

    A product that is as similar as the last of the exact neighbours counts as one of them:
    of the photos that are there twice, either will do.

    Parameters
    ----------
    found, exact : Table
        Edges as in `Found`; those of `found` that start at a product without exact ones are
        left aside.
    """
    if not exact.num_rows:
        return float("nan")
    worst = exact.group_by(START).aggregate([("score", "min"), ("score", "count")])
    joined = found.join(worst, START, join_type="inner")
    near = pc.greater_equal(joined.column("score"), pc.subtract(joined.column("score_min"), _TIE))
    hits = joined.filter(near).group_by([START, "score_count"]).aggregate([(END, "count")])
    counted = pc.min_element_wise(hits.column("end_count"), hits.column("score_count"))
    return float((pc.sum(counted).as_py() or 0) / exact.num_rows)


class _Clock:
    """Seconds from lap to lap."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self.last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = now - self.last
        self.last = now
