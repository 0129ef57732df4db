"""The named stores of a configuration, and those that a run's graph was sharded into."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from hemline.config import Graph, NamedStore
from hemline.errors import ConfigError
from hemline.graph.base import GraphStore
from hemline.graph.federation import Federation
from hemline.graph.stores import is_server, open_store

SHARDS: Final = "shards.json"
"""In the folder of a run's shards: which sharding they have, and where each store is."""


def store_settings(settings: Graph, store: NamedStore) -> Graph:
    """Return the settings of the graph with the credentials and the database of one store."""
    return settings.model_copy(
        update={
            "user": store.user,
            "password": store.password,
            "password_env": store.password_env,
            "database": store.database,
        }
    )


def named_stores(settings: Graph, shards: Path | None = None) -> dict[str, NamedStore]:
    """Return the stores that a query may call, by name.

    Those under `[graph.stores]`, and before them those that `hemline graph shard` recorded in
    the folder `shards`; a folder without a server stands relative to where it was recorded.
    """
    found: dict[str, NamedStore] = {}
    if shards is not None and (shards / SHARDS).exists():
        recorded = json.loads((shards / SHARDS).read_text())["stores"]
        for name, place in recorded.items():
            at = place if is_server(place) else str(shards / place)
            found[name] = NamedStore(at=at)
    return {**found, **settings.stores}


def record_shards(shards: Path, preset: str, places: Mapping[str, str]) -> None:
    """Remember where the stores of a sharding are; no user and no password."""
    shards.mkdir(parents=True, exist_ok=True)
    content = {"sharding": preset, "stores": dict(places)}
    temporary = shards / f"{SHARDS}.tmp"
    temporary.write_text(json.dumps(content, indent=1))
    temporary.replace(shards / SHARDS)


def open_named(
    settings: Graph, store: NamedStore, *, read_only: bool = True, password: str | None = None
) -> GraphStore:
    """Open one named store with its own credentials."""
    options = {"password": password} if password is not None and is_server(store.at) else {}
    return open_store(
        store.at, read_only=read_only, settings=store_settings(settings, store), **options
    )


def open_federation(settings: Graph, shards: Path | None = None) -> Federation:
    """Return the named stores as one that answers queries over several; each opened when asked.

    Raises
    ------
    ConfigError
        No store has a name.
    """
    stores = named_stores(settings, shards)
    if not stores:
        raise ConfigError(
            "a query with USE asks stores by name, and none is known",
            hint="`hemline graph shard RUN --preset sources` makes two; or name them under "
            "[graph.stores]",
        )

    def opener(store: NamedStore) -> Callable[[], GraphStore]:
        return lambda: open_named(settings, store)

    return Federation(
        {name: opener(store) for name, store in stores.items()},
        composite=settings.composite,
        batch_rows=settings.batch_rows,
    )
