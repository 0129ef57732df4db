"""Where the contract of graph stores is tried: a folder, and a Neo4j server."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from hemline.graph.base import GraphStore
from hemline.graph.stores import open_store
from hemline.graph.tables import GraphTables


class Place(ABC):
    """Opens stores of one kind; knows whether the one there still holds the odd shop."""

    def __init__(self, tables: GraphTables) -> None:
        self.tables = tables
        self.loaded = False

    @abstractmethod
    def open(self, *, read_only: bool) -> GraphStore:
        """Open the store."""

    @abstractmethod
    def wipe(self) -> None:
        """Make the store empty."""

    def reader(self) -> GraphStore:
        """Open the store for reading, with the odd shop in it."""
        if not self.loaded:
            self.wipe()
            with self.open(read_only=False) as store:
                store.load(self.tables)
            self.loaded = True
        return self.open(read_only=True)

    def writer(self) -> GraphStore:
        """Open an empty store for writing."""
        self.wipe()
        self.loaded = False
        return self.open(read_only=False)


class Folder(Place):
    """The embedded store."""

    def __init__(self, tables: GraphTables, folder: Path) -> None:
        super().__init__(tables)
        self.folder, self.count = folder, 0

    def open(self, *, read_only: bool) -> GraphStore:
        return open_store(self.folder / f"graph '{self.count}'", read_only=read_only)

    def wipe(self) -> None:
        self.count += 1


class Server(Place):
    """A Neo4j server: one database, emptied before each test that writes."""

    def __init__(self, tables: GraphTables, server: Any) -> None:
        super().__init__(tables)
        self.server = server

    def open(self, *, read_only: bool) -> GraphStore:
        return open_store(self.server.uri, read_only=read_only, password=self.server.password)

    def wipe(self) -> None:
        with self.open(read_only=False) as store:
            store.rows("MATCH (n) DETACH DELETE n")
