"""Rows that cannot be taken, and that none is lost."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemline.engines.duckdb import DuckDB
from hemline.errors import DataError, TooManyRejectsError
from hemline.shop import csvfile, purchase_rejects
from hemline.shop.reading import Reader
from hemline.shop.source import CsvSource, Shop

GOOD = "2020-09-01,aa,0100000002,0.02,1"

BAD = {
    "2020-13-01,aa,0100000002,0.02,1": "unparsable date",
    "2020-02-30,aa,0100000002,0.02,1": "unparsable date",
    "01/09/2020,aa,0100000002,0.02,1": "unparsable date",
    "infinity,aa,0100000002,0.02,1": "unparsable date",
    ",aa,0100000002,0.02,1": "unparsable date",
    "2020-09-01,,0100000002,0.02,1": "empty id",
    "2020-09-01,aa,,0.02,1": "empty id",
    '2020-09-01,aa,"",0.02,1': "empty id",
    "2020-09-01,a\ta,0100000002,0.02,1": "unusable id",
    f"2020-09-01,{'a' * 257},0100000002,0.02,1": "unusable id",
    "2020-09-01,aa,0100000002,cheap,1": "unparsable price",
    "2020-09-01,aa,0100000002,inf,1": "unparsable price",
    "2020-09-01,aa,0100000002,1e999,1": "unparsable price",
    "2020-09-01,aa,0100000002,-0.01,1": "negative price",
    "2020-09-01,aa,0100000002,0.02,web": "unparsable channel",
    "2020-09-01,aa,0100000002,0.02,1.5": "unparsable channel",
    "2020-09-01,aa,0100000002,0.02,128": "unparsable channel",
    "2020-09-01,aa,0900000009,0.02,1": "unknown article",
    "2020-09-01,aa,01000000020,0.02,1": "unknown article",
    "2020-09-01,aa,0100000002,0.02": "wrong column count",
    "2020-09-01,aa,0100000002,0.02,1,x": "wrong column count",
    '2020-09-01,"aa",0100000002,0.02,1,x': "wrong column count",
    "broken": "wrong column count",
    "   ": "wrong column count",
    '2020-09-01,"aa,0100000002,0.02,1': "broken quoting",
    '2020-09-01,"a"a,0100000002,0.02,1': "broken quoting",
}


def test_every_kind_of_bad_row_has_its_line_and_its_reason(bench: Any) -> None:
    rows = [GOOD]
    for bad in BAD:
        rows += [bad, GOOD]
    summary = bench.ingest(bench.shop(bench.header + "\n".join(rows) + "\n"))
    wanted = [
        ("transactions_train.csv", 3 + 2 * n, reason, text)
        for n, (text, reason) in enumerate(BAD.items())
    ]
    assert bench.rejects() == wanted
    found = summary["purchases"]
    assert found["rows_read"] == len(rows)
    assert found["rows_kept"] == 1
    assert found["repeats"] == len(BAD)
    assert sum(found["rejects"].values()) == len(BAD)
    assert next(iter(found["rejects"].items())) == ("unparsable date", 5)
    assert bench.bought() == [("aa", "0100000002", 1598918400, 0.02, 1, len(BAD) + 1)]
    assert [one["customer_id"] for one in bench.rows("customers")] == ["aa", "bb", "cc"]


@pytest.mark.parametrize("bad", list({reason: row for row, reason in BAD.items()}.values()))
def test_each_bad_row_alone(bench: Any, bad: str) -> None:
    bench.ingest(bench.shop(f"{bench.header}{GOOD}\n\n{bad}\n{GOOD}\n"), threads=1)
    assert bench.rejects() == [("transactions_train.csv", 4, BAD[bad], bad)]


def test_bad_values_without_broken_lines_need_no_copy(bench: Any) -> None:
    bad = [
        row for row, reason in BAD.items() if reason not in ("wrong column count", "broken quoting")
    ]
    bench.ingest(bench.shop(bench.header + "\n".join([*bad, GOOD]) + "\n"))
    assert bench.reasons() == [(n + 2, BAD[row]) for n, row in enumerate(bad)]


def test_bytes_that_are_no_text(bench: Any) -> None:
    rows = f"{bench.header}{GOOD}\n2020-09-01,a\xe9,0100000002,0.02,1\n{GOOD}\n".encode("latin-1")
    bench.ingest(bench.shop(rows))
    assert bench.rejects() == [
        ("transactions_train.csv", 3, "not UTF-8", "2020-09-01,a�,0100000002,0.02,1")
    ]
    # in a column that is not read they do no harm, whatever else the file holds
    rows = rows.replace(b"price", b"note").replace(b"0.02", b"\xe9")
    for more in (b"", b"broken\n"):
        bench.ingest(bench.shop(rows.replace(b"a\xe9,", b"a,") + more))
        assert bench.reasons() == ([(5, "wrong column count")] if more else [])


def test_a_quantity_that_counts_nothing(bench: Any) -> None:
    header = bench.header.strip() + ",quantity\n"
    rows = [f"{GOOD},{quantity}" for quantity in ("2", "0", "-1", "1.5", "many", "", "2147483648")]
    bench.ingest(bench.shop(header + "\n".join(rows) + "\n"))
    assert bench.reasons() == [(n, "unparsable quantity") for n in (3, 4, 5, 6, 8)]
    assert bench.bought()[0][-1] == 3
    with pytest.raises(DataError, match="cannot be added up"):
        bench.ingest(bench.shop(f"{header}{GOOD},2147483647\n{GOOD},1\n"))


def test_lines_are_counted_through_quoted_line_ends_crlf_and_gzip(bench: Any) -> None:
    articles = (
        'article_id,detail_desc\r\n1,"one\r\ntwo\r\nthree"\r\n1,"other"\r\n'
        '\r\n2,"open\r\n3,"x"\r\n,empty\r\n1,"one\r\ntwo\r\nthree"\r\n'
    )
    for ending in (".csv", ".csv.gz"):
        purchases = f"{bench.header}{GOOD.replace('0100000002', '1')}\n"
        summary = bench.ingest(bench.shop(purchases, articles, None, ending=ending))
        name = f"articles{ending}"
        assert bench.rejects() == [
            (name, 5, "another row has this id", '1,"other"'),
            (name, 7, "broken quoting", '2,"open'),
            (name, 9, "empty id", ",empty"),
        ]
        found = summary["articles"]
        assert (found["rows_read"], found["rows_kept"], found["repeats"]) == (6, 2, 1)
        assert bench.rows("articles")[0]["detail_desc"] == "one\r\ntwo\r\nthree"


def test_a_broken_quote_costs_its_own_line_alone(bench: Any) -> None:
    open_quote = '2020-09-01,"aa,0100000002,0.02,1'
    rows = [GOOD] * 50 + [open_quote] + [GOOD] * 3000 + [open_quote] + [GOOD]
    summary = bench.ingest(bench.shop(bench.header + "\n".join(rows)))
    assert bench.reasons() == [(52, "broken quoting"), (3053, "broken quoting")]
    assert summary["purchases"]["repeats"] == 3050


def test_second_rows_of_an_id(bench: Any) -> None:
    customers = "customer_id,FN,age\naa,1,20\naa,1.0,20.0\naa,1,21\nbb,,\nbb,,\nbb,,\n,1,2\n"
    summary = bench.ingest(bench.shop(customers=customers))
    assert bench.rejects() == [
        ("customers.csv", 4, "another row has this id", "aa,1,21"),
        ("customers.csv", 8, "empty id", ",1,2"),
    ]
    found = summary["customers"]
    assert (found["rows_read"], found["rows_kept"], found["repeats"]) == (7, 2, 3)
    assert [one["age"] for one in bench.rows("customers")] == [20.0, None]


def test_rows_of_frames_and_parquet_are_numbered(bench: Any, tmp_path: Path) -> None:
    text = bench.header + "\n".join([GOOD, "x,aa,0100000002,1,1", GOOD, GOOD.replace(",1", ",-7")])
    table = bench.table(text)
    articles = bench.table(bench.articles)
    bench.ingest(Shop(table, articles))
    assert bench.rejects() == [
        ("purchases", 2, "unparsable date", "aa,0100000002,x,1,1"),
        ("purchases", 4, "unparsable channel", "aa,0100000002,2020-09-01,0.02,-7"),
    ]
    folder = tmp_path / "parts"
    (folder / "year=2020").mkdir(parents=True)
    pq.write_table(table.slice(0, 3), folder / "a.parquet")
    pq.write_table(table.slice(3), folder / "year=2020" / "b.parquet")
    bench.ingest(Shop(folder, articles))
    assert [one[:3] for one in bench.rejects()] == [
        ("a.parquet", 2, "unparsable date"),
        ("year=2020/b.parquet", 1, "unparsable channel"),
    ]


def test_ids_that_only_rejected_rows_have_are_none(bench: Any) -> None:
    rows = [
        "2020-09-01,only,a\tb,0.02,1",
        f"2020-09-01,{'x' * 300},lost,0.02,1",
        "2020-09-01,gone,a1,-1,1",
        "2020-09-01,kept,a1,1,1",
    ]
    bench.ingest(bench.shop(bench.header + "\n".join(rows), None, None))
    assert bench.reasons() == [(2, "unusable id"), (3, "unusable id"), (4, "negative price")]
    assert [one["customer_id"] for one in bench.rows("customers")] == ["kept"]
    assert [one["article_id"] for one in bench.rows("articles")] == ["a1"]


def test_too_many_rejects_stop_the_run_and_are_written(bench: Any) -> None:
    rows = [GOOD] * 6 + ["x,aa,0100000002,1,1"] * 2 + ["2020-09-01,aa,9,1,1", "short"]
    with pytest.raises(TooManyRejectsError) as caught:
        bench.ingest(bench.shop(bench.header + "\n".join(rows)), max_reject_share=0.39)
    message = str(caught.value)
    assert "4 of 10 rows of the purchases were rejected (40.0%, allowed are 39.0%)" in message
    assert "unparsable date (2), unknown article (1), wrong column count (1)" in message
    assert "transactions_train.csv, line 8, unparsable date: 'x,aa,0100000002,1,1'" in message
    assert str(bench.out / "rejects.parquet") in message
    assert len(bench.rejects()) == 4
    assert "ingest.max_reject_share" in caught.value.hint
    bench.ingest(bench.shop(bench.header + "\n".join(rows)), max_reject_share=0.4)
    with pytest.raises(TooManyRejectsError, match="of the articles"):
        bench.ingest(bench.shop(articles="article_id\n1\n,\n"), max_reject_share=0.1)


def many_rows(bench: Any) -> str:
    """Return purchases with bad rows here and there, over many of the engine's vectors."""
    rows = []
    for n in range(30_000):
        rows.append(f"2020-09-01,{'new' * (n % 3 == 0)}{n % 97},0100000002,0.02,{n % 5}")
        if n % 6_000 == 4_321:
            rows += [*BAD, f"2020-09-01,c{n},{n},0.02,1"]
    return str(bench.header) + "\n".join(rows)


@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_bad_rows_are_found_near_where_they_were_staged(
    bench: Any, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    text = many_rows(bench)
    monkeypatch.delattr(Reader, "locate")  # the slow way: the whole file, row by row
    bench.ingest(bench.shop(text, None, None, ending=ending))
    known = {row: reason for row, reason in BAD.items() if reason != "unknown article"}
    lines = text.split("\n")
    assert bench.rejects() == [
        (f"transactions_train{ending}", n, known[line], line)
        for n, line in enumerate(lines, 1)
        if line in known
    ]


@pytest.mark.parametrize("way", ["too many", "staged in another order"])
def test_the_whole_file_is_read_again_where_that_fails(
    bench: Any, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    shop = bench.shop(many_rows(bench))
    with monkeypatch.context() as patch:
        if way == "too many":
            patch.setattr(purchase_rejects, "MOST_JUDGED", 100)
        else:
            placed = DuckDB.placed
            patch.setattr(purchase_rejects, "FARTHEST", 10)
            patch.setattr(
                DuckDB, "placed", lambda *given: placed(*given).mutate(row=31_000 - ibis._.row)
            )
        patch.delattr(Reader, "rejected")
        bench.ingest(shop)
    slow = bench.rejects()
    assert len(slow) == 5 * (len(BAD) + 1)
    bench.ingest(shop)
    assert bench.rejects() == slow


def test_long_rows_are_cut_in_the_list(bench: Any) -> None:
    bench.ingest(bench.shop(bench.header + "x" * 5000 + "\n" + GOOD + "\n"))
    assert bench.rejects() == [("transactions_train.csv", 2, "wrong column count", "x" * 1000)]
    bench.ingest(bench.shop(bench.header + "x" * 3_000_000 + "\n" + GOOD + "\n"))
    assert bench.reasons() == [(2, "line too long")]


FIELD = st.sampled_from(
    [
        "a",
        "",
        '"q"',
        '"two\nlines"',
        '"x,y"',
        '"say ""so"""',
        'in"ch',
        '"open',
        '"a"b',
        ' "s" ',
        "é",
    ]
)


@given(
    rows=st.lists(st.lists(FIELD, min_size=1, max_size=4), min_size=1, max_size=12),
    end=st.sampled_from(["\n", "\r\n"]),
    last=st.booleans(),
    block=st.sampled_from([3, 40, 1 << 24]),
)
def test_no_row_is_lost_however_a_file_is_broken(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[list[str]],
    end: str,
    last: bool,
    block: int,
) -> None:
    """The engine and the walk through the lines agree on every file that is sound."""
    folder = tmp_path_factory.mktemp("lost")
    text = end.join(["customer_id,b,c", *(",".join(row) for row in rows)])
    path = folder / "x.csv"
    path.write_text(text + (end if last else ""), newline="")
    with pytest.MonkeyPatch.context() as patch, DuckDB(folder / "spill", threads=1) as engine:
        patch.setattr(csvfile, "BLOCK", block)
        source = Shop(path).source("purchases")
        assert isinstance(source, CsvSource)
        reader = Reader.open("customers", source, engine, {"fn": "b", "age": "c"})
        stored = reader.store("rows", lambda raw: raw, numbered=True)
        found = engine.table(stored.order_by("row")).to_pylist()
        records = list(source.file.records())
        taken = list(source.file.take(np.arange(0, len(found), 2)))
    sound = [one for one in records if one.problem is None]
    assert taken == sound[::2]
    assert len(found) == len(sound)
    for row, record in zip(found, sound, strict=True):
        fields = _fields(record.raw.decode())
        assert [row["customer_id"], row["fn"], row["age"]] == fields[:3]
    broken = [one for one in records if one.problem is not None]
    if reader.clean is not None:
        assert [(one.line, one.reason) for one in reader.broken] == [
            (one.line, one.problem) for one in broken
        ]
    # every line that is not blank belongs to one record
    spanned = [n for one in records for n in range(one.line, one.line + one.raw.count(b"\n") + 1)]
    assert len(spanned) == len(set(spanned))
    blank = {n for n, line in enumerate(re.split("\r?\n", text), 1) if not line}
    assert {1, *spanned} | blank == set(range(1, 2 + len(re.findall("\n", text)))) | {1}


def _fields(raw: str) -> list[str | None]:
    cleaned = re.sub(r' "s" ', '"s"', raw)
    return [one or None for one in next(csv.reader(io.StringIO(cleaned, newline="")))]


def test_rejects_come_in_the_order_of_the_files(bench: Any) -> None:
    table = pa.table({"customer_id": ["a"] * 3, "article_id": ["1", None, "1"], "t_dat": ["x"] * 3})
    articles = pa.table({"article_id": ["1", "", "1"], "prod_name": ["a", "b", "c"]})
    customers = pa.table({"customer_id": [None, "a"]})
    with pytest.raises(DataError, match="no purchase is left"):
        bench.ingest(Shop(table, articles, customers))
    bench.ingest(
        Shop(
            pa.concat_tables([table, table.set_column(2, "t_dat", [["2020-01-01"] * 3])]),
            articles,
            customers,
        )
    )
    assert [(file, line) for file, line, _, _ in bench.rejects()] == [
        ("articles", 2), ("articles", 3), ("customers", 1),
        ("purchases", 1), ("purchases", 2), ("purchases", 3), ("purchases", 5),
    ]  # fmt: skip
