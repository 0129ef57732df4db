"""A run's graph in parts, each in a store of its own."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hemline.blocks import Progress, silent
from hemline.config import Config, NamedStore
from hemline.errors import ConfigError
from hemline.graph.federation import Federation
from hemline.graph.federation_stores import (
    named_stores,
    open_federation,
    open_named,
    record_shards,
)
from hemline.graph.sharding import shard_tables, shards_of
from hemline.graph.stores import is_server
from hemline.pipeline.graph import run_graph_tables
from hemline.runs import RunFolder


def shards_folder(run: RunFolder) -> Path:
    """Return where a run keeps the embedded stores of its shards, and which there are."""
    return run.path / "shards"


def shard_graph(
    run: RunFolder,
    *,
    preset: str = "",
    to: Mapping[str, str] | None = None,
    settings: Config | None = None,
    progress: Callable[[str], Progress] = lambda name: silent,
) -> dict[str, dict[str, Any]]:
    """Build the parts of a run's graph, each in the store that has its name.

    Where a store is: what `to` says, or `[graph.stores]`, or else a folder under RUN/shards.
    A store that was built from the very same sources is kept.

    Parameters
    ----------
    preset : str
        "sources" or "talk", in place of the setting `graph.sharding`.
    to : dict, optional
        Name of a store -> folder or URI.
    settings : Config, optional
        In place of the run's own: `graph` is used.
    progress : function
        Given the name of a store, returns what is told of its progress.

    Returns
    -------
    dict
        Name -> `at`, `counts`, `seconds`.

    Raises
    ------
    ConfigError
        No preset and no configuration say what lives where, or `to` names another store.
    """
    graph = (settings or run.config).graph
    folder = shards_folder(run)
    with run.locked():
        work = run.path / "work" / "shards"
        shutil.rmtree(work, ignore_errors=True)
        try:
            tables = run_graph_tables(run, work / "whole")
            parts = shards_of(tables.model, graph, preset)
            stores = _stores(parts, named_stores(graph), dict(to or {}), folder)
            found = {}
            for name, part in parts.items():
                started = time.perf_counter()
                one = shard_tables(tables, part, work / name)
                with open_named(graph, stores[name], read_only=False) as store:
                    store.load(one, progress=progress(name))
                seconds = time.perf_counter() - started
                found[name] = {"at": stores[name].at, "counts": one.counts, "seconds": seconds}
        finally:
            shutil.rmtree(work, ignore_errors=True)
        record_shards(
            folder,
            preset or graph.sharding,
            {name: _recorded(stores[name].at, folder) for name in parts},
        )
    return found


def _stores(
    parts: Mapping[str, Any], known: Mapping[str, NamedStore], to: dict[str, str], folder: Path
) -> dict[str, NamedStore]:
    for name in to:
        if name not in parts:
            raise ConfigError(
                f"--to {name}=…: this sharding has no store {name!r}",
                hint=f"it has {', '.join(parts)}",
            )
    return {
        name: known.get(name, NamedStore(at=str(folder / name))).model_copy(
            update={"at": to[name]} if name in to else {}
        )
        for name in parts
    }


def _recorded(at: str, folder: Path) -> str:
    """Return a place as it is found again when the run is moved: relative if it lies within."""
    if is_server(at):
        return at
    path = Path(at).resolve()
    return str(
        path.relative_to(folder.resolve()) if path.is_relative_to(folder.resolve()) else path
    )


def open_shards(run: RunFolder, settings: Config | None = None) -> Federation:
    """Return a run's named stores as one that answers queries over several of them."""
    return open_federation((settings or run.config).graph, shards_folder(run))
