"""A bench for the tests of ingest: small shops as files, and what was made of them."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hemline.config import Config
from hemline.shop.ingest import ingest
from hemline.shop.source import Shop

ARTICLES = """article_id,product_code,prod_name,department_no,detail_desc
0200000001,0200000,Strap top,1676,"Narrow straps, ""soft"" jersey."
0100000002,0100000,Tights,3608,
0300000003,0300000,Coat,1010,"First line.
Second line."
"""

CUSTOMERS = """customer_id,FN,Active,club_member_status,fashion_news_frequency,age,postal_code
cc,1.0,1.0,ACTIVE,Regularly,24.0,p1
aa,,,,,,
bb,,1.0,PRE-CREATE,NONE,61,p2
"""

HEADER = "t_dat,customer_id,article_id,price,sales_channel_id\n"

PURCHASES = (
    HEADER
    + """2020-09-01,bb,0200000001,0.05,2
2020-09-01,aa,0100000002,0.02,1
2020-09-01,aa,0100000002,0.02,1
2020-09-03,aa,0300000003,0.10,2
2020-09-02,aa,0200000001,,
2020-09-01,aa,0100000002,0.01,1
"""
)


class Bench:
    """Writes shops, ingests them and reads the result, each into a folder of its own."""

    articles, customers, header, purchases = ARTICLES, CUSTOMERS, HEADER, PURCHASES

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0
        self.out = folder

    def fresh(self, name: str) -> Path:
        """Return a path that is not there yet."""
        self.count += 1
        return self.folder / f"{name}{self.count}"

    def shop(
        self,
        purchases: str | bytes = PURCHASES,
        articles: str | bytes | None = ARTICLES,
        customers: str | bytes | None = CUSTOMERS,
        *,
        ending: str = ".csv",
    ) -> Path:
        """Write a shop in the Kaggle layout and return its folder."""
        folder = self.fresh("shop")
        folder.mkdir(parents=True)
        tables = {"transactions_train": purchases, "articles": articles, "customers": customers}
        for name, content in tables.items():
            if content is None:
                continue
            raw = content.encode() if isinstance(content, str) else content
            path = folder / f"{name}{ending}"
            path.write_bytes(gzip.compress(raw) if ending.endswith(".gz") else raw)
        return folder

    def ingest(self, shop: Shop | Path, **settings: Any) -> dict[str, Any]:
        """Ingest a shop into `self.out`; any share of rejects is allowed unless given."""
        config = Config.of(
            {
                "threads": settings.pop("threads", 2),
                "columns": settings.pop("columns", {}),
                "ingest": {"max_reject_share": 1.0, **settings},
            }
        )
        if isinstance(shop, Path):
            shop = Shop.from_folder(shop, config.ingest)
        self.out = self.fresh("out")
        return ingest(shop, config, self.out)

    def rejects(self) -> list[tuple[str, int | None, str, str]]:
        """Return the rejects of the last run, in their order."""
        table = pq.read_table(self.out / "rejects.parquet")
        return [tuple(one.values())[:4] for one in table.to_pylist()]

    def reasons(self) -> list[tuple[int | None, str]]:
        """Return line and reason of the rejects of the last run."""
        return [(line, reason) for _, line, reason, _ in self.rejects()]

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of a table of the last run."""
        rows: list[dict[str, Any]] = pq.read_table(self.out / f"{name}.parquet").to_pylist()
        return rows

    def bought(self) -> list[tuple[Any, ...]]:
        """Return the purchases of the last run, ids in place of positions."""
        customers = [one["customer_id"] for one in self.rows("customers")]
        articles = [one["article_id"] for one in self.rows("articles")]
        return [
            (customers[one.pop("customer")], articles[one.pop("article")], *one.values())
            for one in self.rows("purchases")
        ]

    def same(self, one: Path, other: Path) -> None:
        """Assert that two runs wrote the same bytes, but for the names of their sources."""
        names = sorted(str(file.relative_to(one)) for file in one.rglob("*.*"))
        assert names == sorted(str(file.relative_to(other)) for file in other.rglob("*.*"))
        assert len(names) > 12
        for name in names:
            if name not in ("ingest.json", "rejects.parquet"):
                assert (one / name).read_bytes() == (other / name).read_bytes(), name

    def table(self, text: str, **types: pa.DataType) -> pa.Table:
        """Read CSV text into an Arrow table, text columns but for `types`."""
        header, *rows = list(csv.reader(io.StringIO(text)))
        columns = {}
        for place, name in enumerate(header):
            values = pa.array([row[place] or None for row in rows], pa.string())
            columns[name] = values.cast(types.get(name, pa.string()))
        return pa.table(columns)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A fresh bench."""
    return Bench(tmp_path)
