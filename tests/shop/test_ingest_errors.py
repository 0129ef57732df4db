"""What a person is told when the files are not what they should be."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from hemline.errors import ConfigError, DataError, EmptyTableError, MissingColumnError
from hemline.shop.source import Shop


def test_a_missing_column_names_what_is_there_and_the_line_to_write(bench: Any) -> None:
    purchases = bench.purchases.replace("t_dat", "date_of_t")
    with pytest.raises(MissingColumnError) as caught:
        bench.ingest(bench.shop(purchases))
    assert "transactions_train.csv has no column 't_dat' (for time)" in str(caught.value)
    assert "date_of_t, customer_id, article_id, price, sales_channel_id" in str(caught.value)
    assert '[columns.purchases]: time = "date_of_t"' in caught.value.hint
    with pytest.raises(MissingColumnError) as caught:
        bench.ingest(bench.shop(), columns={"purchases": {"price": "cost"}})
    assert "no column 'cost' (for price)" in str(caught.value)
    with pytest.raises(MissingColumnError) as caught:
        bench.ingest(bench.shop(bench.purchases.replace("article_id", "artikle_id")))
    assert 'article_id = "artikle_id"' in caught.value.hint
    with pytest.raises(MissingColumnError) as caught:
        bench.ingest(bench.shop("a,b\n1,2\n"))
    assert 'customer_id = "YOUR COLUMN"' in caught.value.hint
    with pytest.raises(MissingColumnError, match=r"articles.csv has no column 'article_id'"):
        bench.ingest(bench.shop(articles="code,name\n1,2\n"))
    with pytest.raises(MissingColumnError, match="the frame of the purchases has no column"):
        bench.ingest(Shop(pa.table({"customer_id": ["a"]})))


def test_a_mapping_of_an_unknown_column(bench: Any) -> None:
    with pytest.raises(ConfigError, match="reads no column 'prices'") as caught:
        bench.ingest(bench.shop(), columns={"purchases": {"prices": "x"}})
    assert "did you mean 'price'?" in caught.value.hint


def test_a_column_that_stands_there_twice(bench: Any) -> None:
    with pytest.raises(DataError, match="'price' stands there more than once"):
        bench.ingest(bench.shop("t_dat,customer_id,article_id,price,price\n2020-01-01,a,b,1,2\n"))


def test_columns_are_found_whatever_their_case_and_spaces(bench: Any) -> None:
    header = " T_DAT , Customer_ID,ARTICLE_ID,Price,sales_channel_id\n"
    assert bench.ingest(bench.shop(bench.purchases.replace(bench.header, header)))


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
def test_an_empty_file(bench: Any, content: str) -> None:
    with pytest.raises(EmptyTableError, match=r"transactions_train.csv is empty"):
        bench.ingest(bench.shop(content))


def test_a_file_with_a_header_alone(bench: Any) -> None:
    with pytest.raises(EmptyTableError, match=r"transactions_train.csv has no rows"):
        bench.ingest(bench.shop(bench.header))
    with pytest.raises(EmptyTableError, match=r"articles.csv has no rows"):
        bench.ingest(bench.shop(articles="article_id\n"))


def test_until_before_the_first_purchase(bench: Any) -> None:
    with pytest.raises(EmptyTableError, match=r"no purchase is left of .* until 2019-01-01"):
        bench.ingest(bench.shop(), until="2019-01-01")


def test_a_wrong_folder_says_what_is_there(bench: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        Shop.from_folder(tmp_path / "nowhere")
    shop = bench.shop()
    with pytest.raises(DataError, match="is a file, not a folder"):
        Shop.from_folder(shop / "articles.csv")
    (shop / "transactions_train.csv").rename(shop / "sales.csv")
    with pytest.raises(DataError) as caught:
        Shop.from_folder(shop)
    message = str(caught.value)
    assert "has no purchases: expected transactions_train.csv, transactions_train.csv.gz" in message
    assert "found articles.csv, customers.csv, sales.csv" in message
    assert 'purchases = "ITS NAME"' in caught.value.hint
    with pytest.raises(DataError) as caught:
        Shop.from_folder(bench.shop().parent)
    assert "give that folder" in caught.value.hint
    (shop / "h-and-m.zip").touch()
    with pytest.raises(DataError) as caught:
        Shop.from_folder(shop)
    assert "unpack h-and-m.zip first" in caught.value.hint


def test_a_table_that_is_there_twice_or_named_and_not_there(bench: Any) -> None:
    shop = bench.shop()
    (shop / "articles.csv.gz").touch()
    with pytest.raises(DataError, match=r"has both articles.csv and articles.csv.gz"):
        Shop.from_folder(shop)
    with pytest.raises(DataError, match=r"has no articles: expected products.csv"):
        bench.ingest(bench.shop(), articles="products")
    assert bench.ingest(bench.shop(), articles="articles.csv")["articles"]["rows_read"] == 3


def test_files_that_are_not_what_their_ending_says(bench: Any) -> None:
    shop = bench.shop()
    (shop / "transactions_train.csv").unlink()
    parquet = shop / "transactions_train.parquet"
    parquet.write_text("no parquet")
    with pytest.raises(DataError, match="is not a readable Parquet file"):
        bench.ingest(shop)
    parquet.unlink()
    parquet.mkdir()
    with pytest.raises(EmptyTableError, match=r"has no \.parquet file in it"):
        bench.ingest(Shop(parquet))
    parquet.rmdir()
    packed = shop / "transactions_train.csv.gz"
    packed.write_text("no gzip")
    with pytest.raises(DataError, match="cannot be read"):
        bench.ingest(shop)
    packed.write_bytes(gzip.compress(bench.purchases.encode() * 100)[:-40])
    with pytest.raises(DataError, match="cannot be read"):
        bench.ingest(shop)


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_other_encodings(bench: Any, encoding: str) -> None:
    text = bench.purchases.replace("price", "prix payé")
    with pytest.raises(DataError, match="UTF-8") as caught:
        bench.ingest(bench.shop(text.encode(encoding)))
    assert "UTF-8" in caught.value.hint


def test_paths_that_lead_nowhere(tmp_path: Path, bench: Any) -> None:
    with pytest.raises(DataError, match="does not exist"):
        bench.ingest(Shop(tmp_path / "missing.csv"))
    (tmp_path / "x.xlsx").touch()
    with pytest.raises(DataError, match="is of a kind that is not read"):
        bench.ingest(Shop(tmp_path / "x.xlsx"))


def test_objects_that_are_no_frames(bench: Any) -> None:
    with pytest.raises(DataError, match="a list is neither a frame nor a path"):
        bench.ingest(Shop([1, 2]))
    with pytest.raises(DataError, match="neither a frame nor a path"):
        bench.ingest(Shop(None))


def test_columns_of_the_wrong_type(bench: Any) -> None:
    row = {"customer_id": ["a"], "article_id": ["b"], "t_dat": ["2020-01-01"], "price": ["1"]}
    for name, values, said in (
        ("t_dat", [20200101], "is not dates"),
        ("customer_id", [["a"]], "is not text or whole numbers"),
        ("price", [True], "is not numbers"),
    ):
        with pytest.raises(DataError, match=said):
            bench.ingest(Shop(pa.table(row | {name: values})))


def test_folders_whose_parts_differ(bench: Any, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"customer_id": ["a"]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"article_id": ["a"]}), tmp_path / "b.parquet")
    with pytest.raises(DataError, match=r"b.parquet has the columns article_id, but"):
        bench.ingest(Shop(tmp_path))
