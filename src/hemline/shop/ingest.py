"""From a shop's files to checked tables, with every row accounted for."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hemline import schema
from hemline.blocks import Progress, silent
from hemline.config import Config
from hemline.engines.base import Engine, UnreadableError
from hemline.engines.duckdb import DuckDB
from hemline.errors import DataError, EmptyTableError
from hemline.schema import CUSTOMER_NULLS
from hemline.shop.articles import article_rows, typed_articles
from hemline.shop.customers import count_dropped, customer_rows, typed_customers
from hemline.shop.history_files import write_purchases
from hemline.shop.ids import IdMap
from hemline.shop.keyed import Keyed, count_nulls, read_keyed
from hemline.shop.padding import names_of_files
from hemline.shop.purchases import Purchases, number_ids, read_purchases
from hemline.shop.reading import Reader
from hemline.shop.rejects import TABLES, Rejects
from hemline.shop.repeats import joined
from hemline.shop.source import Shop
from hemline.shop.writing import write_parquet

if TYPE_CHECKING:
    from hemline.engines.spark import Spark

_SAMPLE = 1000
_FETCH = 1 << 18

# shares of the whole, as measured on 31.8 million purchases
_ARTICLES, _CUSTOMERS, _READ, _SORTING, _SORTED, _ALL = 2, 10, 55, 70, 85, 100


def ingest(
    shop: Shop,
    config: Config,
    out: Path,
    progress: Progress = silent,
    spark: Spark | None = None,
) -> dict[str, Any]:
    """Read a shop's data, check every row, and write its tables into the folder `out`.

    Written are articles.parquet, customers.parquet, purchases.parquet and rejects.parquet
    (see `hemline.schema`), article_ids.npy, customer_ids.npy, customers_added.npy (places of
    customers that only the purchases know), histories/ and ingest.json.
    Of every table, rows read = rows kept + repeats + rejects (+ purchases after
    `ingest.until`).

    Parameters
    ----------
    spark : engines.spark.Spark, optional
        Where the tables are read and computed; None: DuckDB, on this machine. The tables are
        the same; in a CSV file that executors read in parts, rejects have no line. `out` lies
        on a filesystem that all executors see at the same path.

    Returns
    -------
    dict
        The content of ingest.json: for each table what became of its rows, and `lines`,
        the same for a person.

    Raises
    ------
    MissingColumnError, EmptyTableError, DataError
        A file is not what it should be.
    TooManyRejectsError
        More than `ingest.max_reject_share` of a table's rows were rejected;
        rejects.parquet is written then.
    """
    out.mkdir(parents=True, exist_ok=True)
    spill = Path(tempfile.mkdtemp(prefix=f"{out.name}-spill-", dir=out.parent))
    try:
        opened = DuckDB if spark is None else spark.tables
        with opened(spill, threads=config.threads, memory_gb=config.ingest.memory_gb) as engine:
            return _Ingest(shop, config, out, engine, Rejects(engine), progress).run()
    finally:
        shutil.rmtree(spill, ignore_errors=True)


@dataclass
class _Ingest:
    shop: Shop
    config: Config
    out: Path
    engine: Engine
    rejects: Rejects
    progress: Progress

    def run(self) -> dict[str, Any]:
        readers = {name: self._reader(name) for name in TABLES}
        purchases_reader = readers["purchases"]
        assert purchases_reader is not None
        summary: dict[str, Any] = {}
        articles = customers = None
        if (reader := readers["articles"]) is not None:
            articles = read_keyed(
                reader,
                "article_id",
                typed_articles,
                self.rejects,
                lambda: [
                    *purchases_reader.peek("article_id", _SAMPLE),
                    *names_of_files(self.shop.images, self.shop.vectors),
                ],
            )
            summary["articles"] = {
                "source": reader.source.label,
                **articles.summary,
                "nulls": count_nulls(self.engine, articles.table, schema.ARTICLES.names),
            }
            self._check("articles", summary)
        self.progress(_ARTICLES, _ALL)
        if (reader := readers["customers"]) is not None:
            customers = read_keyed(reader, "customer_id", typed_customers, self.rejects)
            summary["customers"] = {
                "source": reader.source.label,
                **customers.summary,
                "nulls_filled": count_nulls(self.engine, customers.table, CUSTOMER_NULLS),
                "nulls": count_nulls(self.engine, customers.table, ("age",)),
                "values_dropped": count_dropped(self.engine, customers.table),
            }
            self._check("customers", summary)
        self.progress(_CUSTOMERS, _ALL)
        found = read_purchases(
            purchases_reader,
            customers,
            articles,
            self.config.ingest.until,
            self.rejects,
            self._part(_CUSTOMERS, _READ),
        )
        summary["purchases"] = {"source": purchases_reader.source.label, **found.summary}
        self._check("purchases", summary)
        if not self._taken(found.summary):
            late = f" until {self.config.ingest.until}" if found.summary["after_until"] else ""
            raise EmptyTableError(
                f"no purchase is left of {purchases_reader.source.label}{late}",
                hint="choose a later ingest.until, or leave it away" if late else "see the rejects",
            )
        summary["purchases"]["customers_added"] = number_ids(found)
        self._write_parties(found, articles, customers, summary)
        self._write_purchases(found, summary["purchases"])
        self.rejects.write(self.out / "rejects.parquet")
        for name in TABLES:
            if name in summary:
                _reconcile(name, summary[name])
        summary["lines"] = describe(summary)
        text = json.dumps(summary, indent=1, ensure_ascii=False)
        (self.out / "ingest.json").write_text(text + "\n", encoding="utf-8")
        self.progress(_ALL, _ALL)
        return summary

    def _reader(self, name: str) -> Reader | None:
        source = self.shop.source(name)
        if source is None:
            return None
        return Reader.open(name, source, self.engine, getattr(self.config.columns, name))

    def _check(self, name: str, summary: dict[str, Any]) -> None:
        read = summary[name]["rows_read"] - summary[name].get("after_until", 0)
        most = self.config.ingest.max_reject_share
        self.rejects.check(name, read, most, self.out / "rejects.parquet")

    def _taken(self, purchases: dict[str, Any]) -> int:
        read, late = purchases["rows_read"], purchases["after_until"]
        return int(read - late - self.rejects.count("purchases"))

    def _part(self, low: int, high: int) -> Callable[[float], None]:
        return lambda share: self.progress(low + int(share * (high - low)), _ALL)

    def _write_parties(
        self,
        found: Purchases,
        articles: Keyed | None,
        customers: Keyed | None,
        summary: dict[str, Any],
    ) -> None:
        """Write the tables of articles and customers, and the maps of their ids."""
        kept = found.numbered["article"] if articles is None else articles.table
        tables = {
            "article": (schema.ARTICLES, article_rows(kept)),
            "customer": (
                schema.CUSTOMERS,
                customer_rows(found.numbered["customer"], customers.table if customers else None),
            ),
        }
        for name, (columns, rows) in tables.items():
            path = self.out / f"{name}s.parquet"
            n = write_parquet(path, columns, self.engine.batches(rows, _FETCH))
            IdMap.write(self.out / f"{name}_ids.npy", partial(_column, path, f"{name}_id"))
            summary[f"n_{name}s"] = n
        added = found.numbered["customer"]
        new = np.zeros(0, np.int32)
        if customers is not None and "old" in added.columns:
            listed = added.filter(added.old.isnull()).order_by("position").select("position")
            new = self.engine.table(listed).column(0).to_numpy().astype(np.int32)
        np.save(self.out / "customers_added.npy", new)

    def _write_purchases(self, found: Purchases, summary: dict[str, Any]) -> None:
        n_articles = pq.read_metadata(self.out / "articles.parquet").num_rows
        try:
            self.progress(_SORTING, _ALL)
            batches = joined(self.engine.batches(found.sorted(), _FETCH))
            rows = self._taken(summary)
            grow = self._part(_SORTED, _ALL)
            totals = write_purchases(
                self.out, batches, None, n_articles, lambda done: grow(done / rows)
            )
        except (UnreadableError, pa.ArrowInvalid) as error:
            raise DataError(
                f"the purchases cannot be added up: {str(error).splitlines()[0]}",
                hint="equal purchases may have 2,147,483,647 pieces together",
            ) from None
        summary["rows_kept"] = totals.rows
        summary["repeats"] = self._taken(summary) - totals.rows
        summary["pieces"] = totals.pieces
        summary["first_day"], summary["last_day"] = _day(totals.first), _day(totals.last)
        summary["customers_with_purchases"] = totals.customers
        summary["articles_sold"] = totals.articles


def _reconcile(name: str, summary: dict[str, Any]) -> None:
    parts = summary["rows_kept"] + summary["repeats"] + sum(summary["rejects"].values())
    parts += summary.get("after_until", 0)
    if parts != summary["rows_read"] or summary["repeats"] < 0:
        raise AssertionError(f"{name}: {parts} rows accounted for of {summary}")


def describe(summary: dict[str, Any]) -> list[str]:
    """Put the summary into lines: for each table, what became of its rows."""
    lines = []
    for name in TABLES:
        if name not in summary:
            lines.append(f"{name}: no table; those of the purchases")
            continue
        one = summary[name]
        rejected = sum(one["rejects"].values())
        late = f" + {one['after_until']:,} after until" if one.get("after_until") else ""
        lines.append(
            f"{name}: {one['rows_read']:,} rows read = {one['rows_kept']:,} kept + "
            f"{one['repeats']:,} repeats + {rejected:,} rejects{late}"
        )
        lines += [f"  rejected: {n:,} {reason}" for reason, n in one["rejects"].items()]
        for key, said in _REMARKS.items():
            if one.get(key):
                lines.append(f"  {one[key]:,} {said}")
        for key, said in (("nulls_filled", "empty"), ("values_dropped", "unusable, emptied")):
            if one.get(key):
                counts = ", ".join(f"{column} {n:,}" for column, n in one[key].items())
                lines.append(f"  {said}: {counts}")
    purchases = summary["purchases"]
    lines.append(
        f"{purchases['first_day']} to {purchases['last_day']}: "
        f"{purchases['customers_with_purchases']:,} of {summary['n_customers']:,} customers "
        f"bought {purchases['articles_sold']:,} of {summary['n_articles']:,} articles"
    )
    return lines


_REMARKS = {
    "ids_padded": "ids were given their leading zeros back",
    "article_ids_padded": "article ids were given their leading zeros back",
    "customer_ids_padded": "customer ids were given their leading zeros back",
    "customers_added": "customers are in no customer table and were added with the defaults",
}


def _column(path: Path, name: str) -> Iterator[pa.Array]:
    for batch in pq.ParquetFile(path).iter_batches(columns=[name]):
        yield batch.column(0)


def _day(seconds: int) -> str:
    return (dt.date(1970, 1, 1) + dt.timedelta(days=seconds // 86_400)).isoformat()
