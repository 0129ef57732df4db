"""The top of a file, whatever its kind, without what comes after it."""

from __future__ import annotations

import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hemline.errors import ConfigError, DataError
from hemline.shop.first_rows import first_rows
from hemline.shop.source import Shop

HEADER = "t_dat,customer_id,article_id,price,sales_channel_id\n"
LINES = [f"2018-09-{20 + i // 4},c{i},{i % 3:010d},0.05,2\n" for i in range(12)]


@pytest.mark.parametrize("kind", ["csv", "gz", "parquet", "folder", "frame"])
def test_the_first_rows_in_order_and_ids_as_text(tmp_path, kind):
    path = tmp_path / "transactions_train.csv"
    table = pa.table({"customer_id": [f"c{i}" for i in range(12)], "article_id": ["01"] * 12})
    if kind == "csv":
        path.write_text(HEADER + "".join(LINES))
    elif kind == "gz":
        path = tmp_path / "transactions_train.csv.gz"
        path.write_bytes(gzip.compress((HEADER + "".join(LINES)).encode()))
    elif kind == "parquet":
        path = tmp_path / "transactions_train.parquet"
        pq.write_table(table, path, row_group_size=2)
    elif kind == "folder":
        path = tmp_path / "transactions_train"
        path.mkdir()
        pq.write_table(table.slice(0, 4), path / "a.parquet")
        pq.write_table(table.slice(4), path / "b.parquet")
    found = first_rows(Shop(purchases=table if kind == "frame" else path), 5)
    assert found.articles is None
    assert found.purchases["customer_id"].to_pylist() == [f"c{i}" for i in range(5)]
    assert found.purchases["article_id"].type == pa.string()
    assert first_rows(Shop(purchases=found.purchases), 99).purchases.num_rows == 5


def test_what_cannot_be_read(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text(HEADER + LINES[0] + "2018-09-20,one,two\n")
    with pytest.raises(DataError, match="first 9 rows"):
        first_rows(Shop(purchases=path), 9)
    with pytest.raises(ConfigError, match="first 0 rows"):
        first_rows(Shop(purchases=path), 0)
