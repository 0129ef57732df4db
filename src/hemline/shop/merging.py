"""New purchases into the tables of a shop: what a full ingest of old and new would have written."""

from __future__ import annotations

import copy
import json
import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from hemline import schema
from hemline.blocks import Progress, silent
from hemline.config import Config
from hemline.schema import CUSTOMER_NULLS
from hemline.shop.added_tables import Added, NewRows, Shelf, read_addition
from hemline.shop.addition import Addition
from hemline.shop.brought import brought, day_of
from hemline.shop.history_files import write_purchases
from hemline.shop.ids import IdMap
from hemline.shop.ingest import describe
from hemline.shop.known import Known
from hemline.shop.merged_rows import Merging, Rows, joined, ordered
from hemline.shop.rejects import TABLES, UNKNOWN_ARTICLE
from hemline.shop.tables import Tables
from hemline.shop.upsert import upsert
from hemline.shop.waiting import Waiting, joined_rejects
from hemline.shop.writing import ROW_GROUP, write_parquet

CONCERNED = "customers_updated.npy"
"""Positions of the customers who bought something in the last update, int32, ascending."""

_READ, _ALL = 20, 100


def merge(
    before: Path,
    additions: Sequence[Addition],
    config: Config,
    out: Path,
    progress: Progress = silent,
    *,
    folded: Sequence[tuple[int, int]] = (),
) -> dict[str, Any]:
    """Write the tables in `before` with some additions into the folder `out`.

    Every table, id and history is, byte for byte, what `ingest` makes of old and new files
    together, and so are the counts: purchases that were rejected because nothing listed their
    articles are taken when a file lists them. Only, a row of an article or customer that says
    something else than an earlier one takes its place (`replaced`), while within one file it is
    rejected.

    Parameters
    ----------
    before : path
        As `ingest`, or this, wrote it.
    additions : sequence of Addition
        In the order in which they came.
    folded : pairs of seconds
        First and end of each time whose purchases were taken from the service's log.

    Returns
    -------
    dict
        The content of ingest.json, as that of `ingest`, and `update`: what the last update
        brought.

    Raises
    ------
    DataError
        Every purchase of an addition is in the tables already, or lies in a time whose
        purchases were taken from the service's log.
    TooManyRejectsError, EmptyTableError, ConfigError
        As `read_addition`.
    """
    out.mkdir(parents=True, exist_ok=True)
    return _Merge(Tables.open(before), additions, config, out, progress, tuple(folded)).run()


@dataclass
class _Merge:
    tables: Tables
    additions: Sequence[Addition]
    config: Config
    out: Path
    progress: Progress
    folded: tuple[tuple[int, int], ...] = ()
    added: list[Added] = field(default_factory=list)
    readmitted: list[Rows] = field(default_factory=list)
    """Of each addition: the purchases that had waited for its articles."""

    def run(self) -> dict[str, Any]:
        self.summary = copy.deepcopy(self.tables.summary)
        self.summary.pop("update", None)
        self.shelf = self._shelf()
        self.waiting = Waiting(
            self.tables.folder / "rejects.parquet",
            self.shelf.articles,
            self.shelf.customers,
            self.shelf.padding,
        )
        self.articles: pa.Table = self.tables.articles
        self.customers: pa.Table | None = None
        self.replaced = {"articles": 0, "customers": 0}
        for at, one in enumerate(self.additions):
            found = read_addition(one, self.shelf, self.config, self.out)
            self._take("articles", found.articles)
            self._take("customers", found.customers)
            self.readmitted.append(self._readmit(found.articles))
            self._grow()
            self._count(found)
            self.added.append(found)
            self.progress((at + 1) * _READ // len(self.additions), _ALL)
        self._write_articles()
        age = self._write_customers()
        self._write_purchases(age)
        self._write_rejects()
        self.summary["lines"] = describe(self.summary)
        text = json.dumps(self.summary, indent=1, ensure_ascii=False)
        (self.out / "ingest.json").write_text(text + "\n", encoding="utf-8")
        self.progress(_ALL, _ALL)
        return self.summary

    def _shelf(self) -> Shelf:
        tables = self.tables
        has = {name: name in self.summary for name in ("articles", "customers")}
        n_articles, n_customers = len(tables.article_ids), len(tables.customer_ids)
        listed = np.full(n_customers, has["customers"])
        listed[np.load(tables.folder / "customers_added.npy")] = False
        articles = Known(tables.article_ids, np.full(n_articles, has["articles"]))
        customers = Known(tables.customer_ids, listed)
        codes = tables.articles.column("product_code")
        padding = {"article": articles.padding(codes), "customer": customers.padding()}
        return Shelf(articles, customers, has, padding)

    def _take(self, name: str, rows: NewRows | None) -> None:
        """Put rows of articles or customers into their table."""
        if rows is None:
            return
        table = self.articles if name == "articles" else self._customer_table()
        found = upsert(table, rows.table, rows.places, rows.present, rows.fresh)
        if name == "articles":
            self.articles = found.table
        else:
            self.customers = found.table
        one = self.summary[name]
        one["rows_kept"] += found.new
        one["repeats"] += found.same
        if found.changed or "replaced" in one:
            one["replaced"] = one.get("replaced", 0) + found.changed
        self.replaced[name] += found.changed

    def _readmit(self, articles: NewRows | None) -> Rows:
        """Take the purchases that were rejected for want of articles that have come now."""
        found = None
        if articles is not None and articles.fresh.any():
            came = articles.table.column("article_id").filter(pa.array(articles.fresh))
            since = [one.rejects["purchases"] for one in self.added]
            found = self.waiting.readmit(came.combine_chunks(), since)
        if found is None:
            return joined([])
        purchases = self.summary["purchases"]
        purchases["article_ids_padded"] += found.padded
        self._reject(purchases, {UNKNOWN_ARTICLE: -len(found.rows["time"])})
        return found.rows

    def _reject(self, whole: dict[str, Any], more: Mapping[str, int]) -> None:
        counts = Counter(whole["rejects"])
        counts.update(more)
        whole["rejects"] = {
            reason: n
            for reason, n in sorted(counts.items(), key=lambda one: (-one[1], one[0]))
            if n
        }

    def _customer_table(self) -> pa.Table:
        if self.customers is None:
            self.customers = self.tables.customers
        return self.customers

    def _grow(self) -> None:
        """Add rows for the ids that only purchases know."""
        for name, known in (("article", self.shelf.articles), ("customer", self.shelf.customers)):
            size = len(known) - len(known.before)
            table = self.articles if name == "article" else self.customers
            held = (len(known.before) if table is None else len(table)) - len(known.before)
            if size == held:
                continue
            ids = [one.decode() for one in known.added[held:]]
            if name == "article":
                self.articles = pa.concat_tables([self.articles, _rows(schema.ARTICLES, ids)])
            else:
                new = _rows(schema.CUSTOMERS, ids)
                self.customers = pa.concat_tables([self._customer_table(), new])

    def _count(self, found: Added) -> None:
        for name, one in found.summary.items():
            whole = self.summary[name]
            for key in ("rows_read", "after_until", "ids_padded", "article_ids_padded",
                        "customer_ids_padded"):  # fmt: skip
                if key in one:
                    whole[key] += one[key]
            for key in ("nulls_filled", "values_dropped"):
                if key in one:
                    counted = {
                        column: whole[key].get(column, 0) + one[key].get(column, 0)
                        for column in schema.CUSTOMERS.names
                    }
                    whole[key] = {column: n for column, n in counted.items() if n}
            self._reject(whole, one["rejects"])

    def _write_articles(self) -> None:
        known = self.shelf.articles
        self.article_ids, self.article_position = known.numbered()
        self.summary["n_articles"] = len(known)
        changed = self.replaced["articles"] or known.added
        present: set[str] = set()
        for one in self.added:
            present |= one.articles.present if one.articles else set()
        table = self.articles.take(pa.array(np.argsort(self.article_position)))
        if "articles" in self.summary and present:
            counts = self.summary["articles"]["nulls"]
            self.summary["articles"]["nulls"] = {
                column: n
                for column in schema.ARTICLES.names
                if (n := table.column(column).null_count)
                and (column in counts or column in present or self._was_there(column))
            }
        if not changed:
            self._same("articles.parquet", "article_ids.npy")
            return
        self._write_table("article", schema.ARTICLES, table, self.article_ids)

    def _was_there(self, column: str) -> bool:
        """Tell whether the shop's product table had a column: it has a value somewhere."""
        before = self.tables.articles.column(column)
        return bool(before.null_count < len(before))

    def _write_customers(self) -> npt.NDArray[np.float32]:
        known = self.shelf.customers
        self.customer_ids, self.customer_position = known.numbered()
        self.summary["n_customers"] = len(known)
        changed = self.replaced["customers"] or known.added
        new = np.flatnonzero(~known.listed) if self.shelf.has["customers"] else np.zeros(0, int)
        positions = np.sort(self.customer_position[new]).astype(np.int32)
        np.save(self.out / "customers_added.npy", positions)
        self.summary["purchases"]["customers_added"] = len(positions)
        if self.customers is not None:
            table = self.customers.take(pa.array(np.argsort(self.customer_position)))
            if "customers" in self.summary:
                listed = len(known) - len(positions)
                # those that only purchases know have no age, and no row that could lack it
                missing = table.column("age").null_count - len(positions)
                counts = self.summary["customers"]["nulls"]
                aged = any(one.customers and "age" in one.customers.present for one in self.added)
                told = "age" in counts or aged or table.column("age").null_count < len(table)
                self.summary["customers"]["nulls"] = {"age": missing} if missing and told else {}
                assert listed == self.summary["customers"]["rows_kept"]
            self._write_table("customer", schema.CUSTOMERS, table, self.customer_ids)
            ages = table.column("age")
            return ages.to_numpy(zero_copy_only=False).astype(np.float32)  # type: ignore[no-any-return]
        assert not changed
        self._same("customers.parquet", "customer_ids.npy")
        return np.load(self.tables.folder / "histories" / "age.npy")  # type: ignore[no-any-return]

    def _write_table(self, name: str, columns: pa.Schema, table: pa.Table, ids: IdMap) -> None:
        write_parquet(self.out / f"{name}s.parquet", columns, table.to_batches(ROW_GROUP))
        ids.save(self.out / f"{name}_ids.npy")

    def _same(self, *names: str) -> None:
        """Take files as they are: nothing in a folder of tables is ever changed."""
        for name in names:
            try:
                os.link(self.tables.folder / name, self.out / name)
            except OSError:
                shutil.copyfile(self.tables.folder / name, self.out / name)

    def _write_purchases(self, age: npt.NDArray[np.float32]) -> None:
        every = [self._numbered(one.rows) for one in self.added]
        every += [self._numbered(rows) for rows in self.readmitted]
        new, place = ordered(joined(every))
        n_articles = len(self.article_position)
        article = self.article_position[: len(self.shelf.articles.before)]
        customer = self.customer_position[: len(self.shelf.customers.before)]
        merging = Merging(new, customer, article)
        purchases = self.summary["purchases"]
        whole = purchases["rows_kept"] + len(place)

        def grow(done: int) -> None:
            self.progress(_READ + int((_ALL - _READ) * done / whole), _ALL)

        with pq.ParquetFile(self.tables.purchases_path) as file:
            batches = merging.batches(file.iter_batches(ROW_GROUP))
            totals = write_purchases(self.out, batches, age, n_articles, grow)
        taken = purchases["rows_read"] - purchases["after_until"]
        purchases["rows_kept"] = totals.rows
        purchases["repeats"] = taken - sum(purchases["rejects"].values()) - totals.rows
        purchases["pieces"] = totals.pieces
        purchases["first_day"], purchases["last_day"] = day_of(totals.first), day_of(totals.last)
        purchases["customers_with_purchases"] = totals.customers
        purchases["articles_sold"] = totals.articles
        self._say(every, place, merging.there)

    def _numbered(self, rows: Rows) -> Rows:
        return rows | {
            "customer": self.customer_position[rows["customer"]],
            "article": self.article_position[rows["article"]],
        }

    def _say(
        self, every: list[Rows], place: npt.NDArray[np.int64], there: npt.NDArray[np.int64]
    ) -> None:
        """Note what the last update brought; refuse what was there already."""
        found, customers = brought(self.additions, every, place, there, self.folded)
        np.save(self.out / CONCERNED, customers)
        self.summary["update"] = {
            **found,
            "new_customers": len(self.shelf.customers.added),
            "new_articles": len(self.shelf.articles.added),
            "replaced": self.replaced,
        }

    def _write_rejects(self) -> None:
        summary = self.tables.summary
        sizes = [sum(summary.get(name, {}).get("rejects", {}).values()) for name in TABLES]
        further = [[one.rejects[name] for one in self.added] for name in TABLES]
        batches = joined_rejects(self.waiting.path, sizes, further)
        left = (part for one in batches if (part := self.waiting.rest(one)).num_rows)
        write_parquet(self.out / "rejects.parquet", schema.REJECTS, left)


def _rows(columns: pa.Schema, ids: list[str]) -> pa.Table:
    """Return rows for ids of which nothing else is known."""
    arrays = []
    for one in columns:
        if one.name.endswith("_id") and not one.nullable:
            arrays.append(pa.array(ids, pa.string()))
        elif columns is schema.CUSTOMERS and one.name in CUSTOMER_NULLS:
            arrays.append(pa.array([CUSTOMER_NULLS[one.name]] * len(ids), one.type))
        else:
            arrays.append(pa.nulls(len(ids), one.type))
    return pa.table(arrays, schema=columns)
