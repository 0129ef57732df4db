"""Which store a place is: a folder is an embedded one, a URI a server."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from hemline.config import Graph
from hemline.graph.base import GraphStore

SCHEMES = ("bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc")
"""What a URI of a Neo4j server begins with."""


def is_server(place: str | Path) -> bool:
    """Tell whether a place is the URI of a server."""
    return isinstance(place, str) and place.partition("://")[0] in SCHEMES and "://" in place


def open_store(
    place: str | Path,
    *,
    read_only: bool = True,
    settings: Graph | None = None,
    **options: Any,
) -> GraphStore:
    """Open the store at a place: the folder of an embedded one, or the URI of a server.

    Parameters
    ----------
    place : str or path
        A folder, or `bolt://…`, `neo4j://…`, `neo4j+s://…`, `bolt+s://…`.
    read_only : bool
        Refuse everything that writes.
    settings : Graph, optional
        Section `[graph]` of the configuration: buffer pool, credentials, time limit.
    **options
        For a server: `user`, `password`, `database` in place of those of the settings.

    Raises
    ------
    StoreUnavailableError
        There is no store, it cannot be reached, or it refuses the credentials.
    """
    settings = settings or Graph()
    module, name, where = (
        ("neo4j", "Neo4jStore", str(place))
        if is_server(place)
        else ("embedded", "EmbeddedStore", Path(place))
    )
    kind = getattr(import_module(f"hemline.graph.{module}"), name)
    store: GraphStore = kind(where, read_only=read_only, settings=settings, **options)
    return store
