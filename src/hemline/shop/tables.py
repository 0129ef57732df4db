"""The checked tables of a shop, as `ingest` wrote them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hemline import schema
from hemline.errors import ConfigError, RunError
from hemline.shop.histories import Histories, end_of_day
from hemline.shop.ids import IdMap


@dataclass(frozen=True)
class Tables:
    """A folder of tables: articles, customers, purchases, rejects, ids, histories.

    Everything is opened when it is asked for; ids and histories are memory-mapped.
    """

    folder: Path

    @classmethod
    def open(cls, folder: Path) -> Tables:
        """Open what `ingest` wrote.

        Raises
        ------
        RunError
            The folder is not whole.
        """
        for name in ("ingest.json", "articles.parquet", "customers.parquet", "purchases.parquet"):
            if not (folder / name).exists():
                raise RunError(f"{folder} has no {name}", hint="run `hemline ingest` again")
        return cls(folder)

    @property
    def purchases_path(self) -> Path:
        """The purchases, schema.PURCHASES."""
        return self.folder / "purchases.parquet"

    @cached_property
    def summary(self) -> dict[str, Any]:
        """What ingest counted: rows read, kept, repeats, rejects, first and last day, …"""
        found: dict[str, Any] = json.loads((self.folder / "ingest.json").read_text())
        return found

    @cached_property
    def articles(self) -> pa.Table:
        """The product table, schema.ARTICLES; row i is the article at position i."""
        return schema.read(self.folder / "articles.parquet", schema.ARTICLES)

    @cached_property
    def customers(self) -> pa.Table:
        """The customer table, schema.CUSTOMERS; row i is the customer at position i."""
        return schema.read(self.folder / "customers.parquet", schema.CUSTOMERS)

    @cached_property
    def article_ids(self) -> IdMap:
        """Article ids and positions."""
        return IdMap.open(self.folder / "article_ids.npy", "article")

    @cached_property
    def customer_ids(self) -> IdMap:
        """Customer ids and positions."""
        return IdMap.open(self.folder / "customer_ids.npy", "customer")

    @cached_property
    def histories(self) -> Histories:
        """All purchases by customer, memory-mapped."""
        return Histories.open(self.folder / "histories")

    def listed_customers(self) -> IdMap:
        """Return the ids of the shop's own customer table; of all customers where it has none."""
        added = np.load(self.folder / "customers_added.npy")
        ids = self.customer_ids
        return IdMap(np.delete(ids.ids, added), ids.kind) if len(added) else ids

    @property
    def cutoff(self) -> int:
        """The first second after the last day with a purchase."""
        last = self.histories.last_time()
        return 0 if last is None else end_of_day(last)


@dataclass(frozen=True)
class Catalogue:
    """What is known of the articles, as arrays.

    Attributes
    ----------
    n_articles : int
    codes : dict of int32 (n_articles,)
        For each attribute a number for each of its values; -1 where it is missing.
    similar : int32 (n_articles, s)
        Visually similar articles, nearest first, -1 for none; s may be 0.
    similarity : float32 (n_articles, s)
        Their cosine.
    """

    n_articles: int
    codes: dict[str, npt.NDArray[np.int32]]
    similar: npt.NDArray[np.int32]
    similarity: npt.NDArray[np.float32]

    @classmethod
    def of(
        cls,
        articles: pa.Table,
        attributes: tuple[str, ...],
        similar: npt.NDArray[np.int32] | None = None,
        similarity: npt.NDArray[np.float32] | None = None,
    ) -> Catalogue:
        """Number the values of the attributes of a product table (schema.ARTICLES).

        Values are numbered in their sorted order, so that equal tables give equal codes.

        Raises
        ------
        ConfigError
            The product table has no such column.
        """
        for name in attributes:
            if name not in articles.column_names:
                raise ConfigError(
                    f"no attribute {name!r} in the product table",
                    hint=f"known here: {', '.join(articles.column_names)}",
                )
        n = articles.num_rows
        none = np.zeros((n, 0))
        return cls(
            n,
            {name: _codes(articles.column(name)) for name in attributes},
            none.astype(np.int32) if similar is None else similar,
            none.astype(np.float32) if similarity is None else similarity,
        )


def _codes(column: pa.ChunkedArray) -> npt.NDArray[np.int32]:
    values = pc.drop_null(pc.unique(column))
    values = values.take(pc.sort_indices(values))
    found: npt.NDArray[np.int32] = (
        pc.fill_null(pc.index_in(column, value_set=values), -1)
        .to_numpy(zero_copy_only=False)
        .astype(np.int32)
    )
    return found
