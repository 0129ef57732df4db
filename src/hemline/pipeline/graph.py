"""The graph of a run: its tables, and the embedded store under RUN/graph."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from hemline.blocks import Progress, silent
from hemline.config import Config, Graph
from hemline.errors import RunError, StoreUnavailableError
from hemline.graph.making import make_graph_tables
from hemline.graph.model import GraphModel
from hemline.graph.sources import Sources
from hemline.graph.tables import GraphTables
from hemline.runs import RunFolder, code_version, fingerprint

if TYPE_CHECKING:
    from hemline.graph.embedded import EmbeddedStore

FORMAT = 1
"""Of the graph tables: another one makes every graph anew."""

_MADE_BY = tuple(
    f"graph/{one}.py"
    for one in ("model", "tables", "sources", "nodes", "edges", "making", "embedded_build")
)
"""Code that a graph depends on; how it is asked does not make it another."""


def graph_sources(
    run: RunFolder,
    settings: Graph | None = None,
    *,
    embeddings: bool | None = None,
    recommendations: bool | None = None,
) -> Sources:
    """Return what a run's graph is made from: its tables, and what later stages added.

    Parameters
    ----------
    embeddings, recommendations : bool, optional
        Whether vectors and recommendations go in; as the run's settings say when None.

    Raises
    ------
    RunError
        The shop's data has not been read.
    """
    from hemline.photos.neighbours import Neighbours
    from hemline.shop.tables import Tables

    settings = settings or run.config.graph
    with_vectors = settings.embeddings if embeddings is None else embeddings
    with_them = settings.recommendations if recommendations is None else recommendations
    neighbours, vectors = run.record("neighbours"), run.record("embed")
    done = run.record("recommend")
    return Sources(
        Tables.open(run.folder("ingest")),
        Neighbours.open(run.folder("neighbours")) if neighbours else None,
        run.folder("embed") if vectors and with_vectors else None,
        run.folder("recommend") / "recommendations.parquet" if done and with_them else None,
    )


def graph_fingerprint(run: RunFolder, sources: Sources) -> str:
    """Return the digest of what a run's graph follows from."""
    stages = {
        "ingest": True,
        "neighbours": sources.neighbours is not None,
        "embed": sources.vectors is not None,
        "recommend": sources.recommendations is not None,
    }
    found = {name: run.record(name) for name, used in stages.items() if used}
    return fingerprint(
        "graph",
        FORMAT,
        code_version("schema.py", *_MADE_BY),
        {name: record.fingerprint for name, record in found.items() if record},
    )


def run_graph_tables(
    run: RunFolder,
    out: Path,
    *,
    embeddings: bool | None = None,
    recommendations: bool | None = None,
    progress: Progress = silent,
) -> GraphTables:
    """Write the graph tables of a run into a new folder.

    Raises
    ------
    RunError
        The folder has something in it.
    """
    if out.is_dir() and any(out.iterdir()):
        raise RunError(f"{out} is not empty", hint="name a new folder")
    sources = graph_sources(run, embeddings=embeddings, recommendations=recommendations)
    digest = graph_fingerprint(run, sources)
    return make_graph_tables(sources, out, fingerprint=digest, progress=progress)


def graph_folder(run: RunFolder) -> Path:
    """Return where a run's embedded graph is."""
    return run.path / "graph"


def build_graph(
    run: RunFolder,
    *,
    settings: Config | None = None,
    embeddings: bool | None = None,
    recommendations: bool | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Build a run's embedded graph under RUN/graph, unless it is there and fits.

    It is built in a new folder, reconciled with the tables, and published at one instant;
    who has the earlier one open keeps it.

    Parameters
    ----------
    settings : Config, optional
        In place of the run's own: `graph` and `threads` are used.

    Returns
    -------
    dict
        What is kept with the store (counts, irregularities, versions), `built`, and `seconds`
        of each step.

    Raises
    ------
    RunError
        The shop's data has not been read, or another process works on the run.
    GraphError
        The graph's counts differ from those of the tables.
    """
    from hemline.graph.embedded_build import build_store
    from hemline.graph.embedded_files import StoreFiles

    files, config = StoreFiles(graph_folder(run)), settings or run.config
    with run.locked():
        sources = graph_sources(
            run, config.graph, embeddings=embeddings, recommendations=recommendations
        )
        digest = graph_fingerprint(run, sources)
        if files.fits(digest):
            return {**files.description(), "built": False, "seconds": {}}
        started = time.perf_counter()
        work = files.work()
        try:
            tables = make_graph_tables(
                sources, work, fingerprint=digest, progress=_half(progress, first=True)
            )
            made = time.perf_counter() - started
            del sources
            pa.default_memory_pool().release_unused()  # the engine allocates elsewhere
            found = build_store(
                tables,
                files,
                settings=config.graph,
                threads=config.threads,
                progress=_half(progress, first=False),
                remember={"chosen": {"embeddings": embeddings, "recommendations": recommendations}},
            )
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return {**found, "built": True, "seconds": {"tables": made, **found["seconds"]}}


def _half(progress: Progress, *, first: bool) -> Progress:
    """Return a progress of which this one is a half: tables first, then the store."""

    def shown(done: int, total: int) -> None:
        progress(done + (0 if first else total), 2 * total)

    return shown


def open_graph(
    run: RunFolder, *, read_only: bool = True, progress: Progress = silent
) -> EmbeddedStore:
    """Open a run's embedded graph; one that this version cannot read is built anew first.

    Raises
    ------
    StoreUnavailableError
        None has been built.
    """
    from hemline.graph.embedded import EmbeddedStore
    from hemline.graph.embedded_files import StoreFiles, engine_format

    files = StoreFiles(graph_folder(run))
    if not files.exists():
        raise StoreUnavailableError(
            f"{run.path} has no graph yet", hint=f"`hemline graph build {run.path}` makes it"
        )
    if files.description().get("engine_format") != engine_format():
        build_graph(run, progress=progress)
    return EmbeddedStore(files.path, read_only=read_only, settings=run.config.graph)


def graph_model(run: RunFolder) -> tuple[GraphModel, dict[str, int] | None]:
    """Return what of the graph a run has; and how much of it, where the graph is built."""
    from hemline.graph.embedded_files import StoreFiles
    from hemline.graph.making import model_of

    files = StoreFiles(graph_folder(run))
    if not files.exists():
        return model_of(graph_sources(run)), None
    found = files.description()
    return GraphModel.from_json(found["model"]), {**found["counts"], **found["edges"]}


def graph_is_stale(run: RunFolder) -> bool:
    """Tell whether the graph was built from other stages than the current ones."""
    from hemline.graph.embedded_files import StoreFiles

    found = StoreFiles(graph_folder(run)).description()
    sources = graph_sources(run, **found.get("chosen", {}))
    return bool(found.get("fingerprint") != graph_fingerprint(run, sources))
