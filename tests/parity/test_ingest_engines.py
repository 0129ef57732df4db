"""The ingest on Spark writes what it writes on DuckDB: the same bytes, the same rejects."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from hemline.config import Config
from hemline.engines.spark import Spark
from hemline.errors import HemlineError
from hemline.shop.ingest import ingest
from hemline.shop.source import Shop

pytestmark = pytest.mark.spark

Both = Callable[..., tuple[Path, Path]]


@pytest.fixture
def both(local_spark: Spark, tmp_path: Path) -> Both:
    """Ingests a shop on both engines, checks that nothing differs, and returns both folders."""

    def work(shop: Shop, *, same_lines: bool = True, **settings: Any) -> tuple[Path, Path]:
        config = Config.of({"threads": 2, "ingest": {"max_reject_share": 1.0, **settings}})
        here, there = tmp_path / "duckdb", tmp_path / "spark"
        for one in (here, there):
            shutil.rmtree(one, ignore_errors=True)
        ingest(shop, config, here)
        told: list[int] = []
        ingest(shop, config, there, lambda done, total: told.append(done), local_spark)
        assert told == sorted(told)
        assert {one.name for one in tmp_path.iterdir() if "spill" in one.name} == set()
        same(here, there, same_lines=same_lines)
        return here, there

    return work


def same(here: Path, there: Path, *, same_lines: bool) -> None:
    """Assert that two folders hold the same bytes, but for the lines of rejected purchases."""
    names = sorted(str(one.relative_to(here)) for one in here.rglob("*.*"))
    assert names == sorted(str(one.relative_to(there)) for one in there.rglob("*.*"))
    for name in names:
        if name.endswith("rejects.parquet") and not same_lines:
            assert _unlined(here / name) == _unlined(there / name)
        else:
            assert (here / name).read_bytes() == (there / name).read_bytes(), name


def _unlined(path: Path) -> list[tuple[str, ...]]:
    rows = pq.read_table(path).drop_columns("line").to_pylist()
    return sorted(tuple(str(value) for value in one.values()) for one in rows)


ARTICLES = """article_id,product_code,prod_name,department_no,detail_desc
108775015,108775,Strap top,1676,"Narrow straps, ""soft"" jersey."
108775044,108775,Strap top,1676,
111565001,111565,"Tights
of two lines",3608,plain
111565001,111565,"Tights
of two lines",3608,plain
111565001,111565,Another,3608,plain
,111565,No id,3608,plain
"""

CUSTOMERS = """customer_id,FN,Active,club_member_status,fashion_news_frequency,age,postal_code
cc,1.0,1.0,ACTIVE,Regularly,24.0,p1
aa,,,,,,
bb,x,1.0,PRE-CREATE,NONE,611,p2
äö,,1.0,PRE-CREATE,NONE,61,p2
"""

DIRTY = """t_dat,customer_id,article_id,price,sales_channel_id,quantity
2020-09-01,bb,0108775015,0.05,2,1
2020-09-01,bb,0108775015,0.05,2,2
2020-09-01,aa,111565001,0.02,1,
2020-09-01,aa,111565001,,,
2020-9-2,new,0108775044,-0.0,1,1
2020-09-02T10:11:12+02:00,äö,0108775044,1e-2,1,1
2020-09-01,aa,999,0.02,1,1
2020-13-01,aa,0108775015,0.02,1,1
,aa,0108775015,0.02,1,1
2020-09-01,,0108775015,0.02,1,1
2020-09-01,aa,,0.02,1,1
2020-09-01,b\x01b,0108775015,0.02,1,1
2020-09-01,"b\x01b",0108775015,0.02,1,1
2020-09-01,aa,0108775015,x,1,1
2020-09-01,aa,0108775015,inf,1,1
2020-09-01,aa,0108775015,-0.5,1,1
2020-09-01,aa,0108775015,0.02,1.5,1
2020-09-01,aa,0108775015,0.02,300,1
2020-09-01,aa,0108775015,0.02,1,0
2020-09-01,aa,0108775015,0.02,1,1.5
2020-10-01,aa,0108775015,0.02,1,1
2020-10-01,zz,0108775015,x,1,1
2020-09-03, "cc" ,"0108775015","0.02","1",""
2020-09-03,"c""c",0108775015,0.02,1,1

2020-09-04,cc,0108775015,0.02,1,1,
"""

BROKEN = """2020-09-01,aa,0108775015
2020-09-01,aa,0108775015,0.02,1,1,2,3
2020-09-01,a"a"a,0108775015,0.02,1,1,9
2020-09-01,"a"a,0108775015,0.02,1,1
"""


def write(folder: Path, purchases: bytes, ending: str = ".csv") -> Shop:
    """Write a shop of CSV files."""
    folder.mkdir(exist_ok=True)
    tables = {
        "transactions_train": purchases,
        "articles": ARTICLES.encode(),
        "customers": CUSTOMERS.encode(),
    }
    for name, content in tables.items():
        raw = gzip.compress(content) if ending.endswith(".gz") else content
        (folder / f"{name}{ending}").write_bytes(raw)
    return Shop.from_folder(folder)


def test_bad_rows_of_every_kind_ids_without_zeros_and_quotes(both: Both, tmp_path: Path) -> None:
    bad = BROKEN.encode() + b"   \n2020-09-01,a\xffa,0108775015,0.02,1,1\n"
    bad += b"2020-09-01,aa," + b"9" * 2_000_001 + b",1\n"
    text = DIRTY.replace("\n", "\r\n").encode() + bad
    shop = write(tmp_path / "shop", text, ".csv.gz")
    _, there = both(shop, same_lines=False, until="2020-09-30")
    reasons = pq.read_table(there / "rejects.parquet")["reason"].to_pylist()
    assert len(set(reasons)) == 13, reasons
    summary = json.loads((there / "ingest.json").read_text())
    assert summary["purchases"]["after_until"] == 2
    assert summary["purchases"]["customers_added"] == 2
    assert summary["purchases"]["article_ids_padded"] == 2
    assert summary["articles"]["ids_padded"] == 5


def test_a_record_over_two_lines_is_read_by_the_driver(both: Both, tmp_path: Path) -> None:
    path = tmp_path / "purchases.csv"
    path.write_text(DIRTY + '2020-09-05,"c\nc",015,0.02,1,1\n2020-09-05,"c,015,0.02,1,1\n')
    _, there = both(Shop(path))
    rejects = pq.read_table(there / "rejects.parquet").to_pylist()
    broken = [one["line"] for one in rejects if one["reason"] == "broken quoting"]
    assert broken == [len(path.read_text().splitlines())]


def test_other_marks_and_line_ends(both: Both, tmp_path: Path) -> None:
    path = tmp_path / "purchases.csv"
    lines = [one for one in DIRTY.splitlines() if '"' not in one]
    path.write_bytes(b"\xef\xbb\xbf" + "\r".join(one.replace(",", "|") for one in lines).encode())
    both(Shop(path), same_lines=False)


def test_a_simulated_shop_in_parts_of_parquet_and_frames(
    both: Both, simulated_shop: Path, tmp_path: Path
) -> None:
    table = pa_csv.read_csv(
        simulated_shop / "transactions_train.csv",
        convert_options=pa_csv.ConvertOptions(
            column_types={"article_id": pa.string(), "t_dat": pa.timestamp("ns")}
        ),
    )
    folder = tmp_path / "odd [x]* names"
    folder.mkdir()
    bad = table.slice(0, 3).set_column(
        table.column_names.index("price"), "price", pa.array([-1.0, None, float("nan")])
    )
    parts = [table.slice(0, 3000), pa.concat_tables([bad, table.slice(3000)])]
    for place, part in enumerate(parts):
        pq.write_table(part, folder / f"part{place}.parquet", row_group_size=1000)
    # one part has its columns in another order
    pq.write_table(parts[0].select(table.column_names[::-1]), folder / "part0.parquet")
    articles = pa_csv.read_csv(simulated_shop / "articles.csv")
    customers = pa_csv.read_csv(simulated_shop / "customers.csv")
    _, there = both(Shop(folder, articles=articles, customers=customers))
    rejects = pq.read_table(there / "rejects.parquet").to_pylist()
    assert [(one["file"], one["line"]) for one in rejects] == [("part1.parquet", 1)]
    assert np.load(there / "histories" / "time.npy").min() > 0


def test_a_file_that_is_not_what_it_says(local_spark: Spark, tmp_path: Path) -> None:
    whole = tmp_path / "whole.parquet"
    pq.write_table(
        pa.table(
            {
                "t_dat": ["2020-09-01"] * 50_000,
                "customer_id": [str(n) for n in range(50_000)],
                "article_id": [str(n % 1000) for n in range(50_000)],
            }
        ),
        whole,
        compression="zstd",
    )
    raw = bytearray(whole.read_bytes())
    raw[1000:3000] = bytes(2000)
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(raw)
    for spark in (None, local_spark):
        with pytest.raises(HemlineError, match=r"broken\.parquet cannot be read"):
            ingest(Shop(broken), Config(), tmp_path / "out", spark=spark)


def test_a_quantity_that_counts_too_much(local_spark: Spark, tmp_path: Path) -> None:
    rows = "2020-09-01,a,b,0.1,1,2147483647\n" * 2
    path = tmp_path / "purchases.csv"
    path.write_text(f"t_dat,customer_id,article_id,price,sales_channel_id,quantity\n{rows}")
    for spark in (None, local_spark):
        out = tmp_path / f"out{spark is None}"
        with pytest.raises(HemlineError, match="cannot be added up"):
            ingest(Shop(path), Config(), out, spark=spark)


@pytest.mark.real_data
def test_hm_sample(both: Both, real_data: Path) -> None:
    both(Shop.from_folder(real_data / "hm-sample"))
