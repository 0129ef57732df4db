"""One addition to a shop, read and checked as `ingest` reads and checks the shop itself."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from hemline import schema
from hemline.config import Config
from hemline.engines.duckdb import DuckDB
from hemline.errors import ConfigError, EmptyTableError
from hemline.schema import CUSTOMER_NULLS
from hemline.shop.addition import Addition
from hemline.shop.articles import article_rows, typed_articles
from hemline.shop.customers import count_dropped, customer_rows, typed_customers
from hemline.shop.keyed import Keyed, count_nulls, read_keyed
from hemline.shop.known import Known
from hemline.shop.merged_rows import Rows, joined, ordered, rows_of
from hemline.shop.padding import Padding
from hemline.shop.purchases import Purchases, number_ids, read_purchases
from hemline.shop.reading import Reader
from hemline.shop.rejects import TABLES, Rejects

_FETCH = 1 << 18


@dataclass(frozen=True)
class NewRows:
    """Rows of a table with one row an id.

    Attributes
    ----------
    table : Table
    places : int64 (m,)
        Of the ids, by `Known`.
    fresh : bool (m,)
        Ids that the shop's table did not list before.
    present : set of str
        The columns that the file has.
    """

    table: pa.Table
    places: npt.NDArray[np.int64]
    fresh: npt.NDArray[np.bool_]
    present: set[str]


@dataclass
class Added:
    """What was read of an addition.

    Attributes
    ----------
    rows : Rows
        Its purchases by places of `Known`, in any order, none twice.
    articles, customers : NewRows or None
        Of schema.ARTICLES and schema.CUSTOMERS.
    rejects : dict of Table
        schema.REJECTS, by the table that they are of.
    summary : dict
        For each table what became of its rows, as in that of `ingest`.
    """

    rows: Rows
    articles: NewRows | None
    customers: NewRows | None
    rejects: dict[str, pa.Table]
    summary: dict[str, dict[str, Any]]


@dataclass
class Shelf:
    """The ids that are known when an addition is read; those of articles may be open.

    Attributes
    ----------
    has : dict of bool
        Whether the shop has a table of "articles", of "customers".
    padding : dict of Padding
        How the ids of each are written.
    """

    articles: Known
    customers: Known
    has: dict[str, bool]
    padding: dict[str, Padding]


def read_addition(addition: Addition, shelf: Shelf, config: Config, out: Path) -> Added:
    """Read one addition; ids that are new get places of `shelf`.

    Parameters
    ----------
    out : path
        The folder that is being made: what is spilled lies beside it, and the rejects of a
        file with too many of them lie in it.

    Raises
    ------
    ConfigError
        There is a table of articles or customers, and the shop has none.
    EmptyTableError, TooManyRejectsError, DataError
        As those of `ingest`.
    """
    spill = Path(tempfile.mkdtemp(prefix=f"{out.name}-spill-", dir=out.parent))
    try:
        with DuckDB(spill, threads=config.threads, memory_gb=config.ingest.memory_gb) as engine:
            return _Reading(addition, shelf, config, out, engine, Rejects(engine)).read()
    finally:
        shutil.rmtree(spill, ignore_errors=True)


@dataclass
class _Reading:
    addition: Addition
    shelf: Shelf
    config: Config
    out: Path
    engine: DuckDB
    rejects: Rejects

    def read(self) -> Added:
        summary: dict[str, dict[str, Any]] = {}
        articles, customers = self._articles(summary), self._customers(summary)
        found = self._purchases(summary)
        table = found.ordered()
        parts = [rows_of(one) for one in self.engine.batches(table, _FETCH)]
        rows = joined(parts)
        for name, known in (("customer", self.shelf.customers), ("article", self.shelf.articles)):
            places = self._places(found, name, known)
            rows[name] = places[rows[name]].astype(np.int32)
        rows, _ = ordered(rows)
        return Added(rows, articles, customers, self._listed_rejects(), summary)

    def _articles(self, summary: dict[str, Any]) -> NewRows | None:
        reader = self._reader("articles")
        if reader is None:
            return None
        padding = self.shelf.padding["article"]
        kept = read_keyed(reader, "article_id", typed_articles, self.rejects, padding=padding)
        summary["articles"] = kept.summary
        self._check("articles", summary)
        return self._taken("article", article_rows(kept.table), kept)

    def _customers(self, summary: dict[str, Any]) -> NewRows | None:
        reader = self._reader("customers")
        if reader is None:
            return None
        padding = self.shelf.padding["customer"]
        kept = read_keyed(reader, "customer_id", typed_customers, self.rejects, padding=padding)
        summary["customers"] = {
            **kept.summary,
            "nulls_filled": count_nulls(self.engine, kept.table, CUSTOMER_NULLS),
            "values_dropped": count_dropped(self.engine, kept.table),
        }
        self._check("customers", summary)
        ids = kept.table.customer_id
        place = ibis.row_number().over(order_by=ids).cast("int32")
        numbered = self.engine.store(
            "customers_in_order", kept.table.select(customer_id=ids, position=place)
        )
        return self._taken("customer", customer_rows(numbered, kept.table), kept)

    def _taken(self, name: str, rows: ibis.Table, kept: Keyed) -> NewRows:
        columns = schema.ARTICLES if name == "article" else schema.CUSTOMERS
        table = self.engine.table(rows).select(columns.names).cast(columns)
        known = self.shelf.articles if name == "article" else self.shelf.customers
        places = known.places(table.column(f"{name}_id").to_pylist())
        fresh = ~known.listed[places]
        known.list(places)
        return NewRows(table, places, fresh, set(kept.table.columns))

    def _purchases(self, summary: dict[str, Any]) -> Purchases:
        reader = self._reader("purchases")
        assert reader is not None
        self.listed: dict[str, npt.NDArray[np.int64]] = {}
        found = read_purchases(
            reader,
            self._keyed("customer", self.shelf.customers),
            self._keyed("article", self.shelf.articles),
            self.config.ingest.until,
            self.rejects,
        )
        summary["purchases"] = found.summary
        self._check("purchases", summary)
        taken = found.summary["rows_read"] - found.summary["after_until"]
        if taken == self.rejects.count("purchases"):
            late = f" until {self.config.ingest.until}" if found.summary["after_until"] else ""
            raise EmptyTableError(
                f"no purchase is left of {reader.source.label}{late}",
                hint="choose a later ingest.until, or leave it away" if late else "see its rows",
            )
        number_ids(found)
        return found

    def _keyed(self, name: str, known: Known) -> Keyed | None:
        """Return the ids that the shop lists, as `read_purchases` takes those of a table."""
        if not self.shelf.has[f"{name}s"]:
            return None
        ids, self.listed[name] = known.table()
        lazy = self.engine.arrow(f"{name}s_listed", ids, picks={f"{name}_id": f"{name}_id"})
        return Keyed(lazy, {}, self.shelf.padding[name])

    def _places(self, found: Purchases, name: str, known: Known) -> npt.NDArray[np.int64]:
        """Return the place of each id that the purchases were numbered by."""
        numbered = found.numbered[name]
        listed = self.listed.get(name)
        if listed is not None and "old" not in numbered.columns:
            return listed
        new = numbered.filter(numbered.old.isnull()) if listed is not None else numbered
        names = self.engine.table(new.select(f"{name}_id", "position"))
        size = names.num_rows + (0 if listed is None else len(listed))
        places = np.empty(size, np.int64)
        texts = names.column(0).to_pylist()
        places[names.column(1).to_numpy()] = known.places(texts)
        if listed is not None:
            old = self.engine.table(
                numbered.filter(numbered.old.notnull()).select("old", "position")
            )
            places[old.column(1).to_numpy()] = listed[old.column(0).to_numpy()]
        return places

    def _reader(self, name: str) -> Reader | None:
        source = self.addition.shop.source(name)
        if source is None:
            return None
        if not self.shelf.has.get(name, True):
            raise ConfigError(
                f"{source.label}: the shop has no table of {name}, and this one would make all "
                "that it lacks unknown",
                hint=f"put the {name} beside the shop's own purchases and `hemline run` again",
            )
        return Reader.open(name, source, self.engine, getattr(self.config.columns, name))

    def _check(self, name: str, summary: dict[str, Any]) -> None:
        read = summary[name]["rows_read"] - summary[name].get("after_until", 0)
        most = self.config.ingest.max_reject_share
        self.rejects.check(name, read, most, self.out / "rejects.parquet")

    def _listed_rejects(self) -> dict[str, pa.Table]:
        path = self.engine.spill / "rejects.parquet"
        self.rejects.write(path)
        table, at = pq.read_table(path), 0
        found = {}
        for name in TABLES:
            found[name] = table.slice(at, self.rejects.count(name))
            at += self.rejects.count(name)
        return found
