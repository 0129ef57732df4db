"""The cascade's candidates and counts against the same questions asked in SQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest

from hemline.config import Config
from hemline.recommend.bundle import Bundle, train_bundle
from hemline.shop.histories import Histories
from hemline.shop.ids import IdMap
from hemline.shop.tables import Catalogue

CANDIDATES = """
WITH bought AS (SELECT DISTINCT customer, article FROM purchases)
SELECT DISTINCT b.customer, s.other AS article
FROM bought b
JOIN neighbours s USING (article)
JOIN articles r ON r.article = s.other
WHERE EXISTS (SELECT 1 FROM bought x JOIN articles a USING (article)
              WHERE x.customer = b.customer AND a.department_no = r.department_no)
  AND EXISTS (SELECT 1 FROM bought x JOIN articles a USING (article)
              WHERE x.customer = b.customer AND a.index_code = r.index_code)
ORDER BY ALL
"""

ALSO_BOUGHT = """
SELECT mine.customer, other.article, count(*) AS score
FROM purchases mine
JOIN purchases same ON same.article = mine.article AND same.customer <> mine.customer
JOIN purchases other ON other.customer = same.customer AND other.article <> mine.article
WHERE mine.customer IN (SELECT unnest($customers))
  AND NOT EXISTS (SELECT 1 FROM purchases own
                  WHERE own.customer = mine.customer AND own.article = other.article)
GROUP BY ALL ORDER BY ALL
"""


def in_sql(histories: Histories, catalogue: Catalogue) -> duckdb.DuckDBPyConnection:
    database = duckdb.connect()
    whole = histories.compact()
    n = catalogue.n_articles

    def code(name: str) -> pa.Array:
        codes = catalogue.codes[name]
        return pa.array(codes, mask=codes < 0)

    has = catalogue.similar >= 0
    tables: dict[str, dict[str, Any]] = {
        "purchases": {"customer": whole.customers(), "article": whole.article, "time": whole.time},
        "articles": {
            "article": np.arange(n),
            "department_no": code("department_no"),
            "index_code": code("index_code"),
        },
        "neighbours": {
            "article": np.repeat(np.arange(n), has.sum(axis=1)),
            "other": catalogue.similar[has],
        },
    }
    for name, columns in tables.items():
        database.register(f"{name}_", pa.table(columns))
        database.execute(f"CREATE TABLE {name} AS FROM {name}_")
    return database


def check_candidates(bundle: Bundle, histories: Histories, as_of: int) -> int:
    """With room for all of them, what comes from the two channels is every candidate."""
    expected = in_sql(histories, bundle.catalogue).execute(CANDIDATES).fetchnumpy()
    most = int(np.bincount(expected["customer"]).max())
    customers, articles = [], []
    for low in range(0, len(histories), 64):
        found = bundle.recommend(histories.block(low, low + 64), most, as_of=as_of)
        assert set(bundle.recipe.channel_names[:2]) == {"similar", "similar-sample"}
        row, place = np.nonzero((found.channels == 0) | (found.channels == 1))
        customers.append(row + low)
        articles.append(found.articles[row, place])
    customer, article = np.concatenate(customers), np.concatenate(articles)
    order = np.lexsort((article, customer))
    np.testing.assert_array_equal(customer[order], expected["customer"])
    np.testing.assert_array_equal(article[order], expected["article"])
    return len(order)


def check_also_bought(bundle: Bundle, histories: Histories, as_of: int, rows: list[int]) -> int:
    database = in_sql(histories, bundle.catalogue)
    expected = database.execute(ALSO_BOUGHT, {"customers": rows}).fetchnumpy()
    checked = 0
    for row in rows:
        mine = expected["customer"] == row
        wanted = dict(
            zip(expected["article"][mine].tolist(), expected["score"][mine].tolist(), strict=True)
        )
        k = max(1, len(wanted))
        found = bundle.recommend(histories.block(row, row + 1), k, as_of=as_of)
        counted = found.channels[0] == 2
        got = dict(
            zip(found.articles[0][counted].tolist(), found.scores[0][counted].tolist(), strict=True)
        )
        assert got == wanted
        checked += len(got)
    return checked


def without_similar(catalogue: Catalogue) -> Catalogue:
    n = catalogue.n_articles
    return Catalogue(n, catalogue.codes, np.zeros((n, 0), np.int32), np.zeros((n, 0), np.float32))


SETTINGS = {
    "recipe": "cascade",
    "als": {"factors": 4, "iterations": 2},
    "also_bought": {"per_article": None},
    "threads": 1,
}


def random_shop() -> tuple[Histories, Catalogue]:
    rng = np.random.default_rng(4)
    customers, articles, m = 150, 80, 1200
    histories = Histories.from_purchases(
        rng.integers(0, customers - 5, m),
        (rng.random(m) ** 2 * articles).astype(np.int32),
        time=rng.integers(1, 40, m) * 86_400,
        n_customers=customers,
        n_articles=articles,
    )
    department = rng.integers(-1, 9, articles).astype(np.int32)
    similar = rng.permuted(np.tile(np.arange(articles), (articles, 1)), axis=1)[:, :10]
    similar[rng.random(similar.shape) < 0.1] = -1
    codes = {"department_no": department, "index_code": rng.integers(-1, 3, articles)}
    similarity = rng.random(similar.shape).astype(np.float32)
    return histories, Catalogue(articles, codes, similar.astype(np.int32), similarity)


def test_candidates() -> None:
    histories, catalogue = random_shop()
    as_of = 40 * 86_400
    bundle = train_bundle(Config.of(SETTINGS), catalogue, histories, as_of=as_of)
    assert check_candidates(bundle, histories, as_of) > 2000


def test_also_bought() -> None:
    histories, catalogue = random_shop()
    as_of = 40 * 86_400
    bundle = train_bundle(Config.of(SETTINGS), without_similar(catalogue), histories, as_of=as_of)
    rows = [*list(range(0, 150, 5)), 149]
    assert check_also_bought(bundle, histories, as_of, rows) > 1000


@pytest.fixture(scope="module")
def sample(real_data: Path) -> tuple[Histories, Catalogue, int]:
    """`hm-sample`, with ten articles of the same product type as similar ones."""
    folder = real_data / "hm-sample"
    text = {
        name: pa.string()
        for name in ("article_id", "customer_id", "department_no", "index_code", "product_type_no")
    }

    def read(name: str) -> pa.Table:
        (path,) = (one for one in folder.glob(f"{name}.*") if "csv" in one.suffixes[0])
        return pa_csv.read_csv(
            path,
            parse_options=pa_csv.ParseOptions(newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(column_types=text),
        )

    articles = read("articles").sort_by("article_id")
    purchases = read("transactions_train").group_by(
        ["customer_id", "article_id", "t_dat", "price", "sales_channel_id"]
    ).aggregate([])  # fmt: skip
    article_ids = IdMap.from_strings(articles["article_id"], "article")
    customer_ids = IdMap.from_strings(purchases["customer_id"], "customer")
    days = purchases["t_dat"].cast(pa.date32()).cast(pa.int32()).to_numpy().astype(np.int64)
    histories = Histories.from_purchases(
        customer_ids.positions(purchases["customer_id"].to_pylist()),
        article_ids.positions(purchases["article_id"].to_pylist()),
        time=days * 86_400,
        n_customers=len(customer_ids),
        n_articles=len(article_ids),
    )
    names = ("department_no", "index_code", "product_type_no")
    catalogue = Catalogue.of(articles, names)
    kind = catalogue.codes["product_type_no"]
    order = np.argsort(kind, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    similar = np.stack([order[(place + step) % len(order)] for step in range(1, 11)], axis=1)
    similar[kind[similar] != kind[:, None]] = -1
    similarity = np.zeros(similar.shape, np.float32)
    catalogue = Catalogue(
        catalogue.n_articles, catalogue.codes, similar.astype(np.int32), similarity
    )
    return histories, catalogue, int(days.max() + 1) * 86_400


@pytest.mark.real_data
def test_candidates_of_real_customers(sample: tuple[Histories, Catalogue, int]) -> None:
    histories, catalogue, as_of = sample
    bundle = train_bundle(Config.of(SETTINGS), catalogue, histories, as_of=as_of)
    assert check_candidates(bundle, histories, as_of) > 20_000


@pytest.mark.real_data
def test_also_bought_of_real_customers(sample: tuple[Histories, Catalogue, int]) -> None:
    histories, catalogue, as_of = sample
    bundle = train_bundle(Config.of(SETTINGS), without_similar(catalogue), histories, as_of=as_of)
    rows = list(range(0, len(histories), 50))
    assert check_also_bought(bundle, histories, as_of, rows) > 10_000
