"""What comes out of ingest when the shop's files are sound."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from hemline import schema
from hemline.config import Config
from hemline.shop.histories import Histories
from hemline.shop.ingest import ingest
from hemline.shop.source import Shop
from hemline.shop.tables import Tables

DAY = 86_400
FIRST = int(dt.datetime(2020, 9, 1, tzinfo=dt.UTC).timestamp())


def test_purchases_are_numbered_ordered_and_added_up(bench: Any) -> None:
    summary = bench.ingest(bench.shop())
    assert bench.bought() == [
        ("aa", "0100000002", FIRST, 0.01, 1, 1),
        ("aa", "0100000002", FIRST, 0.02, 1, 2),
        ("aa", "0200000001", FIRST + DAY, None, None, 1),
        ("aa", "0300000003", FIRST + 2 * DAY, 0.10, 2, 1),
        ("bb", "0200000001", FIRST, 0.05, 2, 1),
    ]
    bought = summary["purchases"]
    assert (bought["rows_read"], bought["rows_kept"], bought["repeats"]) == (6, 5, 1)
    assert (bought["pieces"], bought["first_day"], bought["last_day"]) == (
        6,
        "2020-09-01",
        "2020-09-03",
    )
    assert "purchases: 6 rows read = 5 kept + 1 repeats + 0 rejects" in summary["lines"]
    assert json.loads((bench.out / "ingest.json").read_text()) == summary


def test_tables_have_their_schemas_and_defaults(bench: Any) -> None:
    summary = bench.ingest(bench.shop())
    for name, columns in (
        ("articles", schema.ARTICLES),
        ("customers", schema.CUSTOMERS),
        ("purchases", schema.PURCHASES),
        ("rejects", schema.REJECTS),
    ):
        assert pq.read_schema(bench.out / f"{name}.parquet").equals(columns), name
    articles = bench.rows("articles")
    assert [one["article_id"] for one in articles] == ["0100000002", "0200000001", "0300000003"]
    assert articles[1]["detail_desc"] == 'Narrow straps, "soft" jersey.'
    assert articles[2]["detail_desc"] == "First line.\nSecond line."
    assert articles[0]["detail_desc"] is None
    assert articles[0]["index_code"] is None
    empty = {
        "customer_id": "aa",
        "fn": 0,
        "active": 0,
        "club_member_status": "NOT_ACTIVE",
        "fashion_news_frequency": "NONE",
        "age": None,
        "postal_code": "NONE",
    }
    assert bench.rows("customers")[0] == empty
    assert bench.rows("customers")[2]["age"] == 24.0
    assert summary["customers"]["nulls_filled"] == {
        "fn": 2,
        "active": 1,
        "club_member_status": 1,
        "fashion_news_frequency": 1,
        "postal_code": 1,
    }
    assert summary["customers"]["nulls"] == {"age": 1}


def test_histories_are_the_purchases(bench: Any) -> None:
    bench.ingest(bench.shop())
    tables = Tables.open(bench.out)
    purchases = pq.read_table(tables.purchases_path)
    wanted = Histories.from_purchases(
        purchases.column("customer"),
        purchases.column("article"),
        n_customers=3,
        n_articles=3,
        time=purchases.column("time"),
        weight=purchases.column("quantity"),
        price=purchases.column("price").to_numpy(),
        channel=purchases.column("channel").fill_null(0),
        age=[np.nan, 61, 24],
    )
    found = tables.histories
    for name in ("start", "stop", "article", "time", "weight", "price", "channel", "age"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name), name)
        assert getattr(found, name).dtype == getattr(wanted, name).dtype
    assert found.n_articles == 3
    assert tables.customer_ids.strings() == ["aa", "bb", "cc"]
    assert tables.article_ids.strings() == ["0100000002", "0200000001", "0300000003"]
    assert tables.listed_customers().strings() == ["aa", "bb", "cc"]


def test_customers_without_a_row_are_added_with_defaults(bench: Any) -> None:
    more = bench.purchases + "2020-09-01,ab,0100000002,0.02,1\n2020-09-01,zz,0100000002,0.02,1\n"
    summary = bench.ingest(bench.shop(more))
    assert summary["purchases"]["customers_added"] == 2
    assert [one["customer_id"] for one in bench.rows("customers")] == ["aa", "ab", "bb", "cc", "zz"]
    assert bench.rows("customers")[1]["club_member_status"] == "NOT_ACTIVE"
    assert [one[0] for one in bench.bought()] == ["aa"] * 4 + ["ab", "bb", "zz"]
    tables = Tables.open(bench.out)
    assert tables.listed_customers().strings() == ["aa", "bb", "cc"]
    assert tables.histories.lengths.tolist() == [4, 1, 1, 0, 1]
    np.testing.assert_array_equal(
        tables.histories.age, np.float32([np.nan, np.nan, 61, 24, np.nan])
    )


def test_a_shop_of_purchases_alone(bench: Any) -> None:
    summary = bench.ingest(bench.shop(articles=None, customers=None))
    assert [one["customer_id"] for one in bench.rows("customers")] == ["aa", "bb"]
    articles = bench.rows("articles")
    assert [one["article_id"] for one in articles] == ["0100000002", "0200000001", "0300000003"]
    assert set(articles[0].values()) == {"0100000002", None}
    assert len(bench.bought()) == 5
    assert Tables.open(bench.out).listed_customers().strings() == ["aa", "bb"]
    assert summary["lines"][0] == "articles: no table; those of the purchases"
    assert "articles" not in summary


def test_unusable_ages_and_flags_are_dropped_and_counted(bench: Any) -> None:
    customers = "customer_id,FN,age\na,1,-1\nb,0,121\nc,x,old\nd,300,0\ne,0.5,120\nf,,nan\n"
    summary = bench.ingest(bench.shop(customers=customers))
    ages = {one["customer_id"]: one["age"] for one in bench.rows("customers")}
    assert [ages[one] for one in "abcdef"] == [None, None, None, 0.0, 120.0, None]
    assert [one["fn"] for one in bench.rows("customers") if len(one["customer_id"]) == 1] == [
        1, 0, 0, 0, 0, 0,
    ]  # fmt: skip
    assert summary["customers"]["values_dropped"] == {"fn": 3, "age": 3}


def test_purchases_after_until_are_not_read(bench: Any) -> None:
    late = "2020-09-02,,,-1,x\n2020-09-05,new,0900000009,0.1,1\n"
    summary = bench.ingest(bench.shop(bench.purchases + late), until=dt.date(2020, 9, 1))
    bought = summary["purchases"]
    assert (bought["rows_read"], bought["rows_kept"], bought["repeats"]) == (8, 3, 1)
    assert (bought["after_until"], bought["rejects"], bought["last_day"]) == (4, {}, "2020-09-01")
    assert bought["customers_added"] == 0
    assert any("+ 4 after until" in line for line in summary["lines"])
    until = bench.out
    kept = [line for line in bench.purchases.splitlines() if "-09-02" not in line]
    kept = [line for line in kept if "-09-03" not in line]
    bench.ingest(bench.shop("\n".join(kept) + "\n"))
    bench.same(until, bench.out)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("2020-09-01", FIRST),
        ("2020-09-01 10:00:00", FIRST + 36_000),
        ("2020-09-01T10:00:00Z", FIRST + 36_000),
        ("2020-09-01T10:00:00+02:00", FIRST + 28_800),
        ("2020-09-01 10:00:00.9", FIRST + 36_000),
        ("1969-12-31 23:59:59.5", -1),
    ],
)
def test_moments_become_seconds(bench: Any, written: str, seconds: int) -> None:
    bench.ingest(bench.shop(f"{bench.header}{written},aa,0100000002,1,1\n"))
    assert [one["time"] for one in bench.rows("purchases")] == [seconds]


def test_columns_by_other_names(bench: Any) -> None:
    folder = bench.fresh("shop")
    folder.mkdir()
    (folder / "sales.csv").write_text(
        "Kunde;Artikel;Datum;Preis;Stück\nk1;a1;2020-09-01;9.95;2\nk1;a1;2020-09-01;9.95;\n"
        "k1;a1;2020-09-01;9.95;3\n"
    )
    (folder / "products.csv").write_text("Artikel;Abteilung\na1;Damen\na2;\n")
    columns = {
        "purchases": {
            "customer_id": "Kunde",
            "article_id": "Artikel",
            "time": "Datum",
            "price": "Preis",
            "quantity": "Stück",
        },
        "articles": {"article_id": "Artikel", "department_name": "Abteilung"},
    }
    summary = bench.ingest(folder, columns=columns, purchases="sales", articles="products")
    assert bench.bought() == [("k1", "a1", FIRST, 9.95, None, 6)]
    assert summary["purchases"]["repeats"] == 2
    assert [one["department_name"] for one in bench.rows("articles")] == ["Damen", None]
    assert Tables.open(bench.out).histories.weight.tolist() == [6.0]


def test_every_form_of_a_shop_gives_the_same_tables(bench: Any, tmp_path: Path) -> None:
    bench.ingest(bench.shop())
    wanted = bench.out
    forms: dict[str, Path | Shop] = {
        "gz": bench.shop(ending=".csv.gz"),
        "BOM": bench.shop(
            "\ufeff" + bench.purchases, "\ufeff" + bench.articles, "\ufeff" + bench.customers
        ),
        "quoted": bench.shop(
            "\n".join(
                ",".join(f'"{one}"' for one in line.split(","))
                for line in bench.purchases.splitlines()
            )
        ),
        "CRLF": bench.shop(bench.purchases.replace("\n", "\r\n")),
        "CR": bench.shop(bench.purchases.replace("\n", "\r")),
        "mixed ends": bench.shop(bench.purchases.replace("1\n", "1\r\n")),
        "semicolons": bench.shop(bench.purchases.replace(",", ";")),
        "blank lines": bench.shop(bench.purchases.replace("\n", "\n\n")),
        "columns moved": bench.shop(
            "\n".join(",".join(line.split(",")[::-1]) for line in bench.purchases.splitlines())
        ),
    }
    types = {"t_dat": pa.date32(), "price": pa.float64(), "sales_channel_id": pa.int64()}
    bought = bench.table(bench.purchases, **types)
    articles = bench.table(bench.articles, product_code=pa.string(), department_no=pa.int32())
    customers = bench.table(bench.customers, FN=pa.float64(), Active=pa.float32(), age=pa.float64())
    forms["Arrow"] = Shop(bought, articles, customers)
    forms["Arrow text"] = Shop(
        *map(bench.table, (bench.purchases, bench.articles, bench.customers))
    )
    coded = bought.set_column(1, "customer_id", bought.column("customer_id").dictionary_encode())
    forms["dictionary"] = Shop(coded, articles, customers)
    forms["pandas"] = Shop(bought.to_pandas(), articles.to_pandas(), customers.to_pandas())
    moments = pd.DataFrame(bought.to_pandas()).assign(t_dat=lambda one: pd.to_datetime(one.t_dat))
    forms["pandas moments"] = Shop(moments, articles, customers)
    forms["polars"] = Shop(*(pl.from_arrow(one) for one in (bought, articles, customers)))
    files = tmp_path / "parquet"
    files.mkdir()
    pq.write_table(articles, files / "articles.parquet")
    pq.write_table(customers, files / "customers.parquet")
    pq.write_table(bought, files / "transactions_train.parquet")
    forms["Parquet"] = files
    parts = tmp_path / "parts"
    (parts / "transactions_train").mkdir(parents=True)
    for n in range(3):
        part = bought.slice(2 * n, 2)
        pq.write_table(part, parts / "transactions_train" / f"part-{n}.parquet")
    pq.write_table(articles, parts / "articles.parquet")
    pc.write_csv(customers, parts / "customers.csv")
    forms["parts"] = parts
    forms["paths"] = Shop(
        str(files / "transactions_train.parquet"), files / "articles.parquet", customers
    )
    for name, form in forms.items():
        summary = bench.ingest(form)
        assert summary["purchases"]["rows_read"] == 6, name
        assert not bench.rejects(), name
        bench.same(wanted, bench.out)


def test_a_folder_with_pattern_characters_in_its_name(bench: Any) -> None:
    shop = bench.shop()
    odd = shop.rename(shop.parent / "sh[o]p *?'")
    assert bench.ingest(odd)["purchases"]["rows_read"] == 6


def test_threads_memory_and_order_of_rows_change_nothing(bench: Any, tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    n = 150_000
    table = pa.table(
        {
            "t_dat": pa.array(random.integers(18_000, 18_100, n).astype("datetime64[D]")),
            "customer_id": [f"{one:x}" for one in random.integers(0, 5_000, n).tolist()],
            "article_id": [f"{one:010}" for one in random.integers(0, 900, n).tolist()],
            "price": random.integers(0, 5, n) / 590,
            "sales_channel_id": random.integers(1, 3, n),
        }
    )
    pc.write_csv(table, tmp_path / "bought.csv")
    shop = Shop(tmp_path / "bought.csv")
    summary = bench.ingest(shop, threads=1)
    one = bench.out
    bench.ingest(shop, threads=2)
    bench.same(one, bench.out)
    bench.ingest(shop, threads=2)
    bench.same(one, bench.out)
    bench.ingest(shop, threads=2, memory_gb=0.15)
    bench.same(one, bench.out)
    bench.ingest(Shop(table.take(random.permutation(n))))
    bench.same(one, bench.out)
    wanted = table.group_by(table.column_names).aggregate([([], "count_all")])
    assert summary["purchases"]["rows_kept"] == wanted.num_rows
    found = pq.read_table(one / "purchases.parquet")
    order = [(name, "ascending") for name in ("customer", "time", "article", "price", "channel")]
    assert found.equals(found.sort_by(order))
    assert sum(found.column("quantity").to_pylist()) == n


def test_progress_only_grows(bench: Any) -> None:
    seen: list[tuple[int, int]] = []
    shop = Shop.from_folder(bench.shop())
    ingest(shop, Config(), bench.fresh("out"), lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1] == (100, 100)


def test_nothing_is_left_beside_the_tables(bench: Any) -> None:
    shop = bench.shop(bench.purchases + "broken\n")
    before = set(bench.folder.iterdir())
    bench.ingest(shop)
    assert set(bench.folder.iterdir()) == before | {bench.out}


@pytest.mark.real_data
def test_hm_sample(bench: Any, real_data: Path) -> None:
    summary = bench.ingest(real_data / "hm-sample", max_reject_share=0.0)
    assert summary["purchases"]["rows_read"] == 31_662
    assert summary["purchases"]["rows_kept"] + summary["purchases"]["repeats"] == 31_662
    assert summary["purchases"]["pieces"] == 31_662
    assert (summary["n_customers"], summary["n_articles"]) == (1_364, 105_542)
    assert summary["articles"]["nulls"] == {"detail_desc": 416}
    assert summary["purchases"]["first_day"] == "2018-09-20"
    assert summary["purchases"]["last_day"] == "2020-09-22"
    assert not bench.rejects()
    text = (real_data / "hm-sample" / "transactions_train.csv").read_text().splitlines()[1:]
    assert len(set(text)) == summary["purchases"]["rows_kept"]


@pytest.mark.real_data
def test_hm_week_adds_the_customers_it_does_not_list(bench: Any, real_data: Path) -> None:
    summary = bench.ingest(real_data / "hm-week")
    assert summary["purchases"]["rows_read"] == 240_311
    assert summary["n_customers"] == 68_984
    assert summary["purchases"]["customers_added"] == 68_984 - 5_228
    assert summary["purchases"]["articles_sold"] == 17_986
    assert len(Tables.open(bench.out).listed_customers()) == 5_228
