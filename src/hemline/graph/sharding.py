"""What of the graph lives in which store, and the tables of each part."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

from hemline.config import Graph, NamedStore
from hemline.errors import ConfigError, GraphError
from hemline.graph.model import GraphModel
from hemline.graph.tables import GraphTables, node_schema

PRESETS: Final = ("sources", "talk")
"""The sources' own sharding, and the one that the talk wished for afterwards."""

_CUSTOMERS: Final = frozenset({"Customer", "AgeGroup"})
_OF_CUSTOMERS: Final = frozenset({"IS_AGE_GROUP", "PURCHASED", "RECOMMENDED"})


def shards_of(model: GraphModel, settings: Graph, preset: str = "") -> dict[str, GraphModel]:
    """Return the part of the model that lives in each named store.

    - ``sources``: `products` has Product with its code and embedding, and SIMILAR; `neo4j` has
      everything but these two.
    - ``talk``: `products` has the products with all their attributes beside the embeddings, and
      SIMILAR; `customers` has the customers with their purchases, and of a product its code.
    - without a preset, what `[graph.stores]` says of each store.

    Parameters
    ----------
    preset : str
        In place of the setting `graph.sharding`.

    Raises
    ------
    ConfigError
        There is no such preset, or a store is to hold what the model does not have.
    """
    preset = preset or settings.sharding
    if preset == "sources":
        edges = {one.name for one in model.relationships}
        return {
            "neo4j": _without(model.only(_labels(model), edges - {"SIMILAR"}), "embedding"),
            "products": _with(model.only({"Product"}, {"SIMILAR"}), {"Product": ("embedding",)}),
        }
    if preset == "talk":
        edges = {one.name for one in model.relationships}
        customers = model.only({*_CUSTOMERS, "Product"}, _OF_CUSTOMERS)
        return {
            "customers": _with(customers, {"Product": ()}),
            "products": model.only(_labels(model) - _CUSTOMERS, edges - _OF_CUSTOMERS),
        }
    if preset:
        raise ConfigError(f"no sharding {preset!r}", hint=f"presets: {', '.join(PRESETS)}")
    named = {name: one for name, one in settings.stores.items() if name != settings.composite}
    if not named:
        raise ConfigError(
            "nothing says what lives in which store",
            hint=f"--preset {' or '.join(PRESETS)}, or [graph.stores.NAME] with labels and "
            "relationships",
        )
    return {name: _configured(model, name, one) for name, one in named.items()}


def _labels(model: GraphModel) -> set[str]:
    return {one.name for one in model.labels}


def _configured(model: GraphModel, name: str, store: NamedStore) -> GraphModel:
    known = _labels(model)
    edges = {one.name for one in model.relationships}
    for what, given, there in (
        ("label", (*store.labels, *store.properties), known),
        ("relationship", store.relationships, edges),
    ):
        unknown = next((one for one in given if one not in there), None)
        if unknown is not None:
            raise ConfigError(
                f"graph.stores.{name}: no {what} {unknown!r}",
                hint=f"this shop has {', '.join(sorted(there))}",
            )
    part = model.only(set(store.labels) or known, set(store.relationships) or edges)
    return _with(part, store.properties)


def _with(model: GraphModel, properties: Mapping[str, Collection[str]]) -> GraphModel:
    """Keep of each label that is named only these properties, besides its key."""
    labels = tuple(
        replace(one, properties=tuple(p for p in one.properties if p.name in properties[one.name]))
        if one.name in properties
        else one
        for one in model.labels
    )
    embeds = any(p.type == "vector" for one in labels for p in one.properties)
    return replace(model, labels=labels, dimension=model.dimension if embeds else 0)


def _without(model: GraphModel, name: str) -> GraphModel:
    return _with(
        model,
        {one.name: [p.name for p in one.properties if p.name != name] for one in model.labels},
    )


def shard_tables(tables: GraphTables, part: GraphModel, out: Path) -> GraphTables:
    """Write the tables of a part of the graph into a new folder.

    Files that the part has whole are the same files, linked.

    Raises
    ------
    GraphError
        The folder is there already.
    """
    if out.exists():
        raise GraphError(f"{out} is there already", hint="name a new folder")
    for name in ("nodes", "edges"):
        (out / name).mkdir(parents=True)
    found = GraphTables(out)
    for label in part.labels:
        source, target = tables.node_path(label), found.node_path(label)
        schema = node_schema(label)
        if pq.read_schema(source).names == schema.names:
            _linked(source, target)
            continue
        with (
            pq.ParquetFile(source) as file,
            pq.ParquetWriter(target, schema, compression="zstd") as writer,
        ):
            for batch in file.iter_batches(columns=schema.names):
                writer.write_batch(batch.select(schema.names).cast(schema))
    for edge in part.relationships:
        _linked(tables.edge_path(edge), found.edge_path(edge))
    kept = {one.name for one in part.labels}
    content = part.to_json()
    summary = {
        **tables.summary,
        "model": content,
        "nodes": {name: n for name, n in tables.node_counts.items() if name in kept},
        "edges": {one.table: tables.edge_counts[one.table] for one in part.relationships},
        "units": tables.units if any(e.name == "PURCHASED" for e in part.relationships) else 0,
        "fingerprint": _digest(tables.summary.get("fingerprint", ""), content),
    }
    (out / "graph.json").write_text(json.dumps(summary, indent=1, ensure_ascii=False))
    return GraphTables.open(out)


def _linked(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copyfile(source, target)


def _digest(fingerprint: str, content: object) -> str:
    if not fingerprint:
        return ""
    text = json.dumps([fingerprint, content], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
