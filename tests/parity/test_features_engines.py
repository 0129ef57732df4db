"""The features of the compiled code, and the same as expressions on each engine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.parity.conftest import Engine

from hemline.blocks import silent
from hemline.config import ATTRIBUTES, Config
from hemline.errors import ConfigError
from hemline.recommend.candidates import Candidates
from hemline.recommend.features import Features, features_expression, relational_features
from hemline.shop.histories import SECONDS_PER_DAY, Histories
from hemline.shop.ingest import ingest
from hemline.shop.source import Shop
from hemline.shop.tables import Catalogue, Tables

SUBTRACTED = {
    "match.age": 100.0, "match.age_distance": 100.0, "match.price_distance": 100.0,
    "match.channel": 2.0,
}  # fmt: skip
"""About what is subtracted in them: the compiled code subtracts numbers of 24 bits."""


@dataclass
class Case:
    """A shop as tables and as arrays, pairs of it, and a moment."""

    tables: dict[str, pa.Table]
    histories: Histories
    catalogue: Catalogue
    candidates: Candidates
    as_of: int | None

    def expression(self, engine: Engine, **settings: Any) -> Any:
        named = {name: engine[0](f"features_{name}", one) for name, one in self.tables.items()}
        config = Config.of({"features": settings}).features
        found = features_expression(**named, as_of=self.as_of, settings=config)
        return found.order_by("customer", "article")

    def asked(self, engine: Engine, **settings: Any) -> pa.Table:
        return engine[1](self.expression(engine, **settings))

    def compiled(self, **settings: Any) -> dict[str, Any]:
        config = Config.of({"threads": 1, "features": settings})
        features = Features(config, ("some",)).fit(self.histories, self.catalogue, as_of=self.as_of)
        found = features.compute(self.histories, self.candidates, as_of=self.as_of)
        return {one.name: found[:, at] for at, one in enumerate(features.declared)}


def case(purchases: pa.Table, articles: pa.Table, ages: Any, as_of: int | None, pairs: Any) -> Case:
    """Put a case together; `pairs` are the candidates of each customer, ascending."""
    n, age = articles.num_rows, np.asarray(ages, np.float32)
    columns = {name: purchases.column(name) for name in purchases.column_names}
    histories = Histories.from_purchases(
        columns["customer"],
        columns["article"],
        time=None if as_of is None else columns["time"],
        weight=columns["quantity"].to_numpy(),
        price=columns["price"].to_numpy(),
        channel=columns["channel"].fill_null(0),
        age=age,
        n_customers=len(age),
        n_articles=n,
    )
    attributes = tuple(one for one in ATTRIBUTES if one in articles.column_names)
    rows = [np.unique(one).astype(np.int32) for one in pairs]
    bounds = np.concatenate([[0], np.cumsum([len(one) for one in rows])])
    article = np.concatenate(rows)
    filled = np.ones((len(article), 1))
    customer = np.repeat(np.arange(len(rows)), np.diff(bounds)).astype(np.int32)
    tables = {
        "pairs": pa.table({"customer": customer, "article": article}),
        "purchases": purchases,
        "articles": pa.table(
            {"article": pa.array(np.arange(n), pa.int32())}
            | {one: articles.column(one) for one in attributes}
        ),
        "customers": pa.table({"customer": np.arange(len(age), dtype=np.int32), "age": age}),
    }
    return Case(
        tables,
        histories,
        Catalogue.of(articles, attributes),
        Candidates(bounds, article, filled.astype(np.int16), filled.astype(np.float32), ("some",)),
        as_of,
    )


def case_of(folder: Path, shop: Path, days_before: int, customers: int) -> Case:
    """The first customers of a shop: what they bought last and bought later, and some drawn."""
    config = Config.of({"threads": 1})
    ingest(Shop.from_folder(shop, config.ingest), config, folder, silent)
    tables = Tables.open(folder)
    drawn, histories = np.random.default_rng(1), tables.histories
    sold = np.unique(histories.article)
    bounds = zip(histories.start[:customers], histories.stop[:customers], strict=True)
    pairs = [
        np.concatenate([histories.article[low:high][-20:], drawn.choice(sold, 30)])
        for low, high in bounds
    ]
    pairs += [np.zeros(0)] * (len(histories) - customers)
    purchases = pq.read_table(tables.purchases_path)
    as_of = tables.cutoff - days_before * SECONDS_PER_DAY
    return case(purchases, tables.articles, tables.histories.age, as_of, pairs)


CUSTOMERS, ARTICLES, END = 40, 30, 45 * SECONDS_PER_DAY


def odd_purchases(*, dated: bool = True) -> pa.Table:
    """Purchases as an ingest orders them: an article twice a day, at odd hours, half unpriced."""
    drawn = np.random.default_rng(2)
    m = 700
    days = drawn.integers(0, 45, m) * SECONDS_PER_DAY
    hours = np.where(drawn.random(m) < 0.5, 0, drawn.integers(0, SECONDS_PER_DAY, m))
    table = pa.table(
        {
            "customer": pa.array(drawn.integers(0, CUSTOMERS - 4, m), pa.int32()),
            "article": pa.array(drawn.random(m) ** 2 * (ARTICLES - 3), pa.float64()).cast(
                pa.int32(), safe=False
            ),
            "time": pa.array((days + hours) * int(dated), pa.int64()),
            "price": pa.array(drawn.choice([5.0, 9.99, 12.5, 20.0], m), mask=drawn.random(m) < 0.4),
            "channel": pa.array(drawn.integers(1, 3, m), pa.int8(), mask=drawn.random(m) < 0.3),
        }
    )
    keys = ["customer", "time", "article", "price", "channel"]
    merged = table.group_by(keys).aggregate([([], "count_all")])
    merged = merged.rename_columns({"count_all": "quantity"}).sort_by(
        [(one, "ascending") for one in keys]
    )
    return merged.set_column(5, "quantity", merged["quantity"].cast(pa.int32()))


def odd_case(*, dated: bool = True) -> Case:
    """Every pair there is, articles that were never sold, and codes, ages that are missing."""
    drawn = np.random.default_rng(3)
    ages = drawn.integers(16, 80, CUSTOMERS).astype(np.float32)
    ages[drawn.random(CUSTOMERS) < 0.2] = np.nan
    articles = pa.table(
        {
            name: pa.array(
                [f"v{one:02}" for one in drawn.integers(0, 14 if at == 0 else 3 + at, ARTICLES)],
                mask=drawn.random(ARTICLES) < 0.1,
            )
            for at, name in enumerate(ATTRIBUTES)
        }
    )
    pairs = [np.arange(ARTICLES)] * CUSTOMERS
    return case(odd_purchases(dated=dated), articles, ages, END if dated else None, pairs)


def array(column: Any) -> Any:
    return column.cast(pa.float64()).to_numpy(zero_copy_only=False)


def agree(found: pa.Table, wanted: dict[str, Any], tolerance: float) -> None:
    """Assert that columns are the same: counts exactly, null where NaN, others nearly."""
    for name in found.column_names:
        mine, theirs = array(found[name]), np.asarray(wanted[name], np.float64)
        if pa.types.is_integer(found.schema.field(name).type):
            assert np.array_equal(mine, theirs, equal_nan=True), name
            continue
        np.testing.assert_allclose(
            mine, theirs, tolerance, tolerance * SUBTRACTED.get(name, 0.0), err_msg=name
        )


def check(one: Case, engine: Engine, **settings: Any) -> pa.Table:
    """Assert that the expression is the compiled code's, of all that is relational."""
    found = one.asked(engine, **settings)
    assert found.select(["customer", "article"]).equals(one.tables["pairs"])
    features = found.drop_columns(["customer", "article"])
    wanted = one.compiled(**settings)
    relational = {feature.name for feature in relational_features()}
    assert features.column_names == [name for name in wanted if name in relational]
    agree(features, wanted, 1e-6)
    return features


@pytest.fixture(scope="module")
def simulated(simulated_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return case_of(tmp_path_factory.mktemp("features") / "ingest", simulated_shop, 14, 120)


def test_a_shop_on_duckdb(duckdb: Engine, simulated: Case) -> None:
    found = check(simulated, duckdb)
    assert found.num_columns == len(relational_features())
    for name in found.column_names:
        known = array(found[name])
        assert len(np.unique(known[~np.isnan(known)])) > 1, f"{name} says the same of all"


@pytest.mark.parametrize("dated", [True, False])
def test_what_is_missing_now_and_then(duckdb: Engine, dated: bool) -> None:
    check(odd_case(dated=dated), duckdb, decay=1.3, pairs_kept=3)


def test_a_shop_without_attributes_prices_channels_ages_and_quantities(duckdb: Engine) -> None:
    whole = odd_case()
    bare = whole.tables["purchases"].select(["customer", "article", "time"])
    rows = bare.take(np.repeat(np.arange(bare.num_rows), whole.tables["purchases"]["quantity"]))
    merged = rows.group_by(rows.column_names).aggregate([([], "count_all")])
    none = pa.nulls(merged.num_rows, pa.float64())
    known = merged.rename_columns({"count_all": "quantity"}).append_column("price", none)
    known = known.append_column("channel", none.cast(pa.int8()))
    plain = case(
        known,
        whole.tables["articles"].select(["article"]),
        np.full(CUSTOMERS, np.nan),
        END,
        [np.arange(ARTICLES)] * CUSTOMERS,
    )
    plain.tables["purchases"], plain.tables["customers"] = rows, None
    engine = (lambda name, table: None if table is None else duckdb[0](name, table), duckdb[1])
    found = check(plain, engine)
    assert found["customer.age"].null_count == found.num_rows
    assert found["own.price"].null_count == found.num_rows


def test_what_is_left_out(duckdb: Engine) -> None:
    check(odd_case(), duckdb, leave_out=["own", "type.days"], pairs_days=0)
    named = {name: duckdb[0](name, one) for name, one in odd_case().tables.items()}
    named["purchases"] = named["purchases"].drop("time")
    with pytest.raises(ConfigError, match="purchases has no column 'time'"):
        features_expression(**named, as_of=END)


def test_ids_in_place_of_positions(duckdb: Engine) -> None:
    whole = odd_case()
    found = whole.asked(duckdb)
    for key, table in whole.tables.items():
        for at, name in enumerate(table.column_names):
            if name in ("customer", "article"):
                ids = [f"{name[0]}{position:04}" for position in table[name].to_pylist()]
                table = table.set_column(at, name, pa.array(ids))
        whole.tables[key] = table
    again = whole.asked(duckdb)
    assert again["customer"][0].as_py() == "c0000"
    features = found.column_names[2:]
    agree(again.select(features), {name: array(found[name]) for name in features}, 1e-12)


def test_the_guide(duckdb: Engine) -> None:
    guide = Path(__file__).parents[2] / "docs" / "guide" / "features.md"
    block = re.search(r"```python\n(.*?)```", guide.read_text(), re.DOTALL)[1]
    whole = odd_case()
    ids = {"customer": "customer_id", "article": "article_id", "channel": "sales_channel_id"}
    tables = dict(whole.tables)
    days = pa.array(tables["purchases"]["time"].to_numpy() // SECONDS_PER_DAY, pa.int32())
    sold = tables.pop("purchases").drop_columns(["time", "quantity"])
    tables["transactions_train"] = sold.append_column("t_dat", days.cast(pa.date32()))
    for name, table in tables.items():
        names = [ids.get(one, one) if name != "pairs" else one for one in table.column_names]
        duckdb[0](name, table.rename_columns(names))
    connection = duckdb[0]("t", pa.table({"x": [1]})).get_backend()
    said: dict[str, Any] = {"warehouse": connection}
    exec(block, said)
    assert connection.table("features").count().to_pyarrow().as_py() == CUSTOMERS * ARTICLES
    assert said["table"].columns == connection.table("features").columns


def same_on_both(duckdb: Engine, spark: Engine, one: Case) -> None:
    ours, theirs = one.asked(duckdb), one.asked(spark)
    assert ours.column_names == theirs.column_names
    agree(theirs, {name: array(ours[name]) for name in ours.column_names}, 1e-12)


@pytest.mark.spark
def test_both_engines_agree_to_the_last_digits(
    duckdb: Engine, spark: Engine, simulated: Case
) -> None:
    same_on_both(duckdb, spark, simulated)


@pytest.fixture(scope="module")
def real(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return case_of(tmp_path_factory.mktemp("real") / "ingest", real_data / "hm-sample", 90, 200)


@pytest.mark.real_data
def test_real_purchases(duckdb: Engine, real: Case) -> None:
    check(real, duckdb)


@pytest.mark.real_data
@pytest.mark.spark
def test_real_purchases_on_both(duckdb: Engine, spark: Engine, real: Case) -> None:
    same_on_both(duckdb, spark, real)
