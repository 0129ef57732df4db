"""The ingest on Spark writes what it writes on DuckDB: the same bytes, the same rejects."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from hemline.config import Config
from hemline.engines import spark_csv
from hemline.engines.chosen import engine as on_engine
from hemline.engines.chosen import is_there, place
from hemline.engines.duckdb import DuckDB
from hemline.engines.spark import Spark
from hemline.errors import ConfigError, DataError, HemlineError
from hemline.shop import records, rejects
from hemline.shop.checks import as_number, as_seconds
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
    for number, part in enumerate(parts):
        pq.write_table(part, folder / f"part{number}.parquet", row_group_size=1000)
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


def test_a_shop_at_a_uri(local_spark: Spark, tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    write(shop, DIRTY.encode(), ".csv.gz")
    purchases = shop / "transactions_train"
    (purchases / "year=2020").mkdir(parents=True)
    (shop / "transactions_train.csv.gz").unlink()
    table = pa.table({"t_dat": ["2020-09-01", "x"], "customer_id": ["aa", "b"]})
    table = table.append_column("article_id", pa.array([108775015, 108775044]))
    pq.write_table(table, purchases / "a.parquet")
    pq.write_table(table.slice(0, 1), purchases / "year=2020" / "b.parquet")
    config = Config.of({"ingest": {"max_reject_share": 1.0}})
    with pytest.raises(DataError, match="not on this machine") as raised:
        Shop.from_folder(shop.as_uri())
    assert "--engine spark" in raised.value.hint
    assert not is_there(shop.as_uri())
    with on_engine("spark", config):
        found = Shop.from_folder(shop.as_uri())
        assert found.purchases == f"{shop.as_uri()}/transactions_train"
        assert is_there(str(found.purchases))
        with pytest.raises(DataError, match="does not exist"):
            Shop.from_folder(f"{shop.as_uri()}/none")
        with pytest.raises(DataError, match="cannot be reached"):
            place("nosuch://bucket/shop").exists()
        ingest(found, config, tmp_path / "spark", spark=local_spark)
    ingest(Shop.from_folder(shop), config, tmp_path / "duckdb")
    for name in ("purchases.parquet", "customers.parquet", "articles.parquet", "rejects.parquet"):
        assert (tmp_path / "spark" / name).read_bytes() == (tmp_path / "duckdb" / name).read_bytes()


def test_a_place_elsewhere_is_like_a_path(local_spark: Spark, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    file = tmp_path / "in" / "a file.csv"
    file.write_bytes(bytes(range(256)) * 9000)
    there = local_spark.path(tmp_path.as_uri()) / "in" / "a file.csv"
    assert (there.name, there.suffix) == ("a file.csv", ".csv")
    state = there.stat()
    assert state.st_size == file.stat().st_size
    assert abs(state.st_mtime_ns - file.stat().st_mtime_ns) < 2_000_000_000
    with there.open("rb") as opened:
        assert opened.read() == file.read_bytes()
        assert opened.seek(-3, 2) == state.st_size - 3
        assert opened.read() == file.read_bytes()[-3:]
    there.copy_to(tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == file.read_bytes()
    folder = local_spark.path(f"{tmp_path.as_uri()}/")
    assert [str(one.relative_to(folder)) for one in folder.rglob("*.csv")] == ["in/a file.csv"]
    assert {one.name for one in folder.iterdir()} == {"copy", "in"}
    assert (folder.is_dir(), there.is_file(), (folder / "no").exists()) == (True, True, False)
    assert sorted([there, folder])[0] == folder
    with pytest.raises(ValueError, match="read"):
        there.open("wb")


def test_engines_are_named(tmp_path: Path) -> None:
    for name, master in (("sparc", None), ("duckdb", "local[2]")):
        with pytest.raises(ConfigError), on_engine(name, Config(), master):
            pass


MOMENTS = """2020-09-22 10:11:12|2020-09-22T10:11:12|2020-09-22T10:11:12Z|2020-09-22T10:11:12.5Z
2020-09-22 10:11|2020-09-22T10|2020-09-22 10:11:12+02|2020-09-22 10:11:12+02:00
2020-09-22 10:11:12 +02:00|2020-09-22 10:11:12+0200|2020-09-22 10:11:12-02:30
2020-09-22 10:11:12+02:30:15|2020-09-22 10:11:12 UTC|2020-09-22 10:11:12 utc|2020-09-22 10:11:12 Z
2020-09-22 24:00:00|2020-09-22 24:00:01|2020-09-22 23:59:60|2020-09-22 10:60:00
2020-09-22  10:11:12|2020-09-22 9:1:2|2020-09-22t10:11:12|2020-09-22 10:11:12.123456789
2020-09-22 10:11:12.|2020-09-22 10:11:12,5|2020-9-2 10:11:12|2020-9-2|2020/9/2|12020-09-22
2020-09-22x| 2020-09-22 10:11:12 |  2020-09-22|2020-09-22  |20200922|10:11:12|epoch|infinity|now
2020-09-22Z|2020-09-22+02:00|2020-09-22 10:11:12 PM|9999-12-31 23:59:59|10000-01-01 00:00:00
0001-01-01 00:00:00|0000-12-31 00:00:00|-0001-01-01 00:00:00|1969-12-31 23:59:59.5|1600000000
2020-09-22|2020/09/22|2020 09 22|2020.09.22| 2020-9-22|2020-9-22 |2020-9-2  |0020-09-22|-020-09-22
2020-13-01|2020-02-30|2020-02-29|2021-02-29|20200922  |2020-9-022|12020-9-22|2020-09-2a|2020-09/22
22-09-2020|1-1-1 (BC)|0000-01-01|2020-00-10|2020-10-00|00020-9-22|2020-9-2 (|  20-09-22""".replace(
    "\n", "|"
)

NUMBERS = """1|1.5|+1.5|-1.5|.5|5.|1e5|1E5|1e+5|1e-5|1e|e5|1_000|1_000.5|_1|1__0|0x10|1d|1f|1.0D|1L
 1 |1 2|1,5|inf|Inf|INF|infinity|+inf|-inf|nan|NaN|-nan|1e400|1e-400|-0|.|+|-|--1|+-1|1.2.3|1e1.5
1%|$1|1e309|  |00012|1.|-.5|+.5e3|1e05|1e 5|true|1_e5|1e1_0|1._5|1_.5|NaN(1)|infinity1""".replace(
    "\n", "|"
)


@pytest.mark.parametrize("what", ["moments", "numbers"])
def test_text_is_read_the_same(local_spark: Spark, tmp_path: Path, what: str) -> None:
    texts = (MOMENTS if what == "moments" else NUMBERS).split("|")
    texts += ["\t1\n", "2020-9-22\n", ""]
    table = pa.table({"place": np.arange(len(texts)), "x": texts})
    picks = {"place": "place", "x": "x"}
    found = []
    for engine in (DuckDB(tmp_path / "here"), local_spark.tables(tmp_path / "there")):
        with engine:
            rows = engine.arrow("texts", table, picks=picks)
            if what == "moments":
                columns: dict[str, Any] = {"seconds": as_seconds(rows.x, "x")}
            else:
                number, bad = as_number(rows.x, "x")
                columns = {"number": number, "bad": bad}
            found.append(engine.rows(rows.select("place", "x", **columns).order_by("place")))
    for here, there in zip(*found, strict=True):
        assert repr(here) == repr(there)
    # what Spark reads by itself, and DuckDB with the zone that it met last
    zoned = ibis.literal("2020-09-22 10:11:12 Europe/Berlin")
    frame = local_spark.ibis.compile(as_seconds(zoned.as_table()[0], "x").as_table())
    assert local_spark.session.sql(frame).collect()[0][0] == 1_600_762_272


def test_the_engine_and_the_walk_mean_the_same_problems() -> None:
    for name in ("LINE_TOO_LONG", "WRONG_COLUMN_COUNT", "BROKEN_QUOTING", "NOT_UTF8"):
        assert getattr(spark_csv, name) == getattr(rejects, name)
    assert spark_csv.TEXT_LENGTH == rejects.TEXT_LENGTH
    assert spark_csv.MAX_RECORD == records.MAX_RECORD


@pytest.mark.real_data
def test_hm_sample(both: Both, real_data: Path) -> None:
    both(Shop.from_folder(real_data / "hm-sample"))
