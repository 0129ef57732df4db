"""A shop of a few articles and customers with everything that is awkward in a graph."""

from __future__ import annotations

import csv
import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hemline.config import Config
from hemline.graph.making import make_graph_tables
from hemline.graph.sources import Sources
from hemline.graph.tables import GraphTables
from hemline.photos.neighbours import Neighbours
from hemline.schema import RECOMMENDATIONS
from hemline.shop.ingest import ingest
from hemline.shop.source import Shop
from hemline.shop.tables import Tables

NAMES = ('Strap "top"', "L'Été — 漢字 🧥", r"back\slash `tick` $x {y} %s", None, "Strap top")
DESCRIPTION = "First line,\n'second' line; /* no comment */ // none"
CODES = ("0108775015", "0108775044", "0200000001", "0300000003", "0400000004")
CUSTOMERS = {
    "aa": 65,
    "bb": None,
    "cc": 16,
    "dd": 99,
    "ee": 66,
    "ff": 15,
    'o\'brien "x"': 24.5,
    "né`e": 100,
}
"""Customer -> age: 65 and 66 on either side of the overlap, and ages that have no group."""

DEPARTMENTS = (("1676", "Jersey Basic"), ("3608", "Tights"), ("1676", "Jersey Basic"))
ARTICLES: list[dict[str, Any]] = [
    {
        "article_id": CODES[0],
        "product_code": "0108775",
        "prod_name": NAMES[0],
        "product_type_no": 253,
        "product_type_name": "Vest top",
        "product_group_name": "Garment Upper body",
        "graphical_appearance_no": 1010016,
        "graphical_appearance_name": "Solid",
        "colour_group_code": 9,
        "colour_group_name": "Black",
        "perceived_colour_value_id": 4,
        "perceived_colour_value_name": "Dark",
        "perceived_colour_master_id": 5,
        "perceived_colour_master_name": "Black",
        "department_no": 1676,
        "department_name": "Jersey Basic",
        "index_code": "A",
        "index_name": "Ladieswear",
        "index_group_no": 1,
        "index_group_name": "Ladieswear",
        "section_no": 16,
        "section_name": "Womens Everyday Basics",
        "garment_group_no": 1002,
        "garment_group_name": "Jersey Basic",
        "detail_desc": DESCRIPTION,
    }
]
ARTICLES += [
    # the same product_code in another department, the same section in another index
    ARTICLES[0]
    | {
        "article_id": CODES[1],
        "prod_name": NAMES[1],
        "department_no": 3608,
        "department_name": "Tights",
        "index_code": "B",
        "index_name": "Lingeries/Tights",
        "detail_desc": None,
    },
    ARTICLES[0] | {"article_id": CODES[2], "product_code": "0200000", "prod_name": NAMES[2]},
    {"article_id": CODES[3], "product_code": "0300000"},
    # another department of the same name
    ARTICLES[0]
    | {
        "article_id": CODES[4],
        "product_code": "0400000",
        "prod_name": NAMES[4],
        "department_no": 9999,
    },
]

DAY = "2020-02-29"
PURCHASES: list[tuple[str, str, str, float | None, int | None]] = [
    ("aa", CODES[0], DAY, 0.1, 2),
    ("aa", CODES[0], DAY, 0.1, 2),  # the same again: one edge of quantity 2
    ("aa", CODES[0], DAY, 0.0508305084745763, 1),
    ("aa", CODES[0], "2018-09-20", 0.1, 2),
    ("bb", CODES[0], DAY, None, None),
    ("bb", CODES[1], DAY, 0.3, 1),
    ("cc", CODES[1], DAY, 0.3, 1),
    ('o\'brien "x"', CODES[2], "2020-09-22", 1 / 3, 2),
    ("né`e", CODES[1], "1999-12-31", 5.0, 1),
]


@dataclass
class OddShop:
    """The shop as it can be changed before its tables are made."""

    articles: list[dict[str, Any]] = field(default_factory=lambda: [dict(one) for one in ARTICLES])
    purchases: list[tuple[Any, ...]] = field(default_factory=lambda: list(PURCHASES))
    similar: tuple[tuple[int, int, float], ...] = ((0, 1, 0.75), (0, 2, 0.5), (1, 0, 0.75))
    recommended: tuple[tuple[str, int, str, float, str], ...] = (
        ("aa", 1, CODES[1], 0.5, "similar"),
        ("aa", 2, CODES[2], 2.0, "popular"),
        ("bb", 1, CODES[0], 3.0, "also_bought"),
    )
    vectors: bool = True

    def tables(self, folder: Path) -> GraphTables:
        """Ingest the shop and make its graph tables, each in a folder of its own."""
        shop, out = folder / "shop", folder / "ingested"
        shop.mkdir(parents=True)
        out.mkdir()
        _csv(shop / "articles.csv", list(ARTICLES[0]), self.articles)
        customers = [{"customer_id": one, "age": age} for one, age in CUSTOMERS.items()]
        _csv(shop / "customers.csv", ["customer_id", "age"], customers)
        columns = ["customer_id", "article_id", "t_dat", "price", "sales_channel_id"]
        bought = [dict(zip(columns, one, strict=True)) for one in self.purchases]
        _csv(shop / "transactions_train.csv", columns, bought)
        config = Config()
        ingest(Shop.from_folder(shop, config.ingest), config, out)
        sources = Sources(
            Tables.open(out),
            self._neighbours() if self.similar else None,
            self._vectors(folder) if self.vectors else None,
            self.write_recommendations(folder / "recommendations.parquet"),
        )
        return make_graph_tables(sources, folder / "tables", fingerprint=folder.name)

    def _neighbours(self) -> Neighbours:
        articles = np.full((len(self.articles), 2), -1, np.int32)
        scores = np.full(articles.shape, -np.inf, np.float32)
        for start, end, score in self.similar:
            place = int((articles[start] >= 0).sum())
            articles[start, place], scores[start, place] = end, score
        return Neighbours(articles, scores)

    def _vectors(self, folder: Path) -> Path:
        np.save(folder / "vectors.npy", np.array([[1, 0, 0.5], [0, 1, -0.25]], np.float32))
        np.save(folder / "positions.npy", np.array([0, 2], np.int32))
        return folder

    def write_recommendations(self, path: Path) -> Path | None:
        """Write the recommendations as the run does; none when there are none."""
        if not self.recommended:
            return None
        names = ("customer_id", "rank", "article_id", "score", "channel")
        columns = dict(zip(names, zip(*self.recommended, strict=True), strict=True))
        plain = pa.table({name: list(one) for name, one in columns.items()})
        pq.write_table(plain.cast(RECOMMENDATIONS), path)
        return path


def day(text: str) -> dt.date:
    """Return a date."""
    return dt.date.fromisoformat(text)


def _csv(path: Path, columns: list[str], rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(
            {name: "" if one is None else one for name, one in row.items()} for row in rows
        )
