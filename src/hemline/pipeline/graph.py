"""The graph of a run: its tables, and the embedded store under RUN/graph."""

from __future__ import annotations

from pathlib import Path

from hemline.blocks import Progress, silent
from hemline.errors import RunError
from hemline.graph.making import make_graph_tables
from hemline.graph.sources import Sources
from hemline.graph.tables import GraphTables
from hemline.runs import RunFolder, code_version, fingerprint

FORMAT = 1
"""Of the graph tables and of what is kept beside an embedded store."""


def graph_sources(
    run: RunFolder, *, embeddings: bool | None = None, recommendations: bool | None = None
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

    settings = run.config.graph
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
        code_version("graph", "schema.py"),
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
