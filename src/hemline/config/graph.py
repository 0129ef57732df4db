"""Settings of the graph: what goes into it, where it lives, how it is asked."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, SecretStr, field_serializer

from hemline.config.section import Section


class _Secret(Section):
    """Base of what holds a password: it is never written into a run, nor shown."""

    password: SecretStr | None = Field(
        None, description="its password; better left to the environment variable `password_env`"
    )

    @field_serializer("password", when_used="json")
    def _never_written(self, value: Any) -> None:
        return None


class NamedStore(_Secret):
    """A store that a federated query calls by a name, and what lives in it."""

    at: str = Field(description="folder of an embedded store, or bolt://… or neo4j+s://… URI")
    user: str = Field("neo4j", description="user of the server")
    password_env: str = Field(
        "NEO4J_PASSWORD", description="environment variable that holds the password"
    )
    database: str = Field("", description="database of the server; empty: its default one")
    labels: tuple[str, ...] = Field((), description="labels that live in it; empty: all")
    relationships: tuple[str, ...] = Field(
        (), description="relationships that live in it; empty: all"
    )
    properties: dict[str, tuple[str, ...]] = Field(
        default={}, description="of a label, the properties it has here; not named: all"
    )


class Graph(_Secret):
    """The shop as a graph."""

    embeddings: bool = Field(True, description="photo vectors as `embedding` of the products")
    recommendations: bool = Field(True, description="RECOMMENDED edges, where the run has them")
    buffer_pool_mb: int = Field(
        1024, ge=64, description="memory the embedded store may take for pages when it is read"
    )
    build_memory_mb: int = Field(
        0,
        ge=0,
        description="memory the embedded store may take for pages when it is built; 0: what it "
        "needs, 3 GB and more with vectors and recommendations",
    )
    time_limit_seconds: float = Field(60, ge=0, description="of one query; 0: none")
    batch_rows: int = Field(
        10_000, ge=1, description="rows a batch takes to a server, or from part to part of a query"
    )
    uri: str = Field("", description="Neo4j server: bolt://… or neo4j+s://…")
    user: str = Field("neo4j", description="user of the server")
    password_env: str = Field(
        "NEO4J_PASSWORD", description="environment variable that holds the password"
    )
    database: str = Field("", description="database of the server; empty: its default one")
    retry_seconds: float = Field(
        30, ge=0, description="how long a transaction is tried again when the server is busy"
    )
    composite: str = Field(
        "fabric",
        description="name of the composite database, before the dot in `USE fabric.products`",
    )
    sharding: Literal["", "sources", "talk"] = Field(
        "",
        description='what lives where: "sources" (products: code, embedding, SIMILAR; neo4j: all '
        'the rest), "talk" (products: them with all their attributes, and SIMILAR; customers: '
        'customers and purchases), or "": what `stores` says',
    )
    stores: dict[str, NamedStore] = Field(
        default={}, description='named stores of federated queries: [graph.stores.NAME] at = "…"'
    )
