"""What the engine promises: names, numbered rows, order, errors, bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hemline.engines.duckdb import ROW, DuckDB, UnreadableError


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDB]:
    with DuckDB(tmp_path / "spill", threads=2) as engine:
        yield engine


def test_a_csv_file_is_text_with_empty_fields_null(engine: DuckDB, tmp_path: Path) -> None:
    file = tmp_path / "it's [a] file?.csv"
    file.write_text('a;b;c\n01;"x;y";\n;"";3\n')
    table = engine.csv("t", file, delimiter=";", width=3, picks={"third": 2, "first": 0})
    assert table.columns == ("third", "first")
    assert engine.rows(table) == [{"third": None, "first": "01"}, {"third": "3", "first": None}]


def test_rows_are_numbered_in_the_order_of_the_file(engine: DuckDB, tmp_path: Path) -> None:
    n = 400_000
    file = tmp_path / "x.csv"
    file.write_text("a\n" + "".join(f"{i}\n" for i in range(n)))
    table = engine.csv("t", file, delimiter=",", width=1, picks={"a": 0}, numbered=True)
    differ = table.filter(table.a != table[ROW].cast("string"))
    assert engine.rows(differ.aggregate(n=differ.count())) == [{"n": 0}]
    parts = []
    for part in range(3):
        parts.append(tmp_path / f"{part}.parquet")
        pq.write_table(pa.table({"a": range(part * 10, part * 10 + 10)}), parts[-1])
    table = engine.parquet("p", parts, offsets=[0, 10, 20], picks={"b": "a"}, numbered=True)
    assert all(one["b"] == one[ROW] for one in engine.rows(table))
    frame = pa.table({"a": range(5)})
    table = engine.arrow("f", frame, picks={"b": "a"}, numbered=True)
    assert [one[ROW] for one in engine.rows(table)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("row", ["1", "1,2,3", '"1,2', '"1"1,2', "1,\xff"])
def test_a_file_that_is_not_sound_is_not_read(engine: DuckDB, tmp_path: Path, row: str) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(f"a,b\n3,4\n{row}\n5,6\n".encode("latin-1"))
    table = engine.csv("t", file, delimiter=",", width=2, picks={"a": 0, "b": 1})
    with pytest.raises(UnreadableError):
        engine.store("s", table)
    with pytest.raises(UnreadableError):
        engine.store("s", table, lambda share: None)


def test_joins_hash_their_right_side(engine: DuckDB, tmp_path: Path) -> None:
    """A file's rows are guessed at a few dozen, however many there are."""
    file = tmp_path / "x.csv"
    file.write_text("a\n1\n")
    left = engine.csv("left", file, delimiter=",", width=1, picks={"a": 0})
    numbers = ibis.range(100_000).unnest().name("n").as_table()
    right = engine.store("right", numbers.select(b=ibis._.n.cast("string")))
    joined = left.left_join(right, left.a == right.b)
    plan = engine.native.execute(f"EXPLAIN {engine.ibis.compile(joined)}").fetchall()[0][1]
    assert "Join Type: LEFT" in plan


def test_batches_come_in_order(engine: DuckDB) -> None:
    numbers = engine.store("n", ibis.range(300_000).unnest().name("n").as_table())
    found = list(engine.batches(numbers.order_by(numbers.n.desc()), 1000))
    assert len(found) > 1
    assert pa.Table.from_batches(found).column("n").to_pylist() == list(range(299_999, -1, -1))


def test_errors_in_the_middle_of_batches_are_translated(engine: DuckDB) -> None:
    numbers = engine.store("n", ibis.range(300_000).unnest().name("n").as_table())
    with pytest.raises(UnreadableError):
        list(engine.batches(numbers.select(m=numbers.n.cast("int8")), 1000))


def test_appended_rows_add_up(engine: DuckDB) -> None:
    for n in range(3):
        engine.append("t", pa.table({"a": [n]}))
    assert len(engine.rows(engine.ibis.table("t"))) == 3
    engine.drop("t", "t")


def test_little_memory_spills(tmp_path: Path) -> None:
    with DuckDB(tmp_path / "spill", threads=1, memory_gb=0.1) as engine:
        numbers = ibis.range(4_000_000).unnest().name("n").as_table()
        numbers = engine.store("n", numbers.mutate(m=(ibis._.n * 7919) % 4_000_037))
        found = engine.batches(numbers.order_by("m"), 100_000)
        assert sum(batch.num_rows for batch in found) == 4_000_000


def test_moments_with_a_zone_are_utc(engine: DuckDB) -> None:
    frame = pa.table({"a": ["2020-09-01T10:00:00+02:00"]})
    table = engine.arrow("f", frame, picks={"a": "a"})
    moment = table.a.try_cast("timestamp('UTC')").cast("timestamp").epoch_seconds()
    assert engine.rows(table.select(s=moment))[0]["s"] == 1_598_947_200


def test_ctrl_c_ends_the_query(engine: DuckDB, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("a\n" + "1\n" * 3_000_000)
    table = engine.csv("t", file, delimiter=",", width=1, picks={"a": 0})
    heavy = table.cross_join(table.view()).aggregate(n=ibis._.count())

    def interrupted(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.store("s", heavy, interrupted)
    assert engine.rows(ibis.range(2).unnest().name("n").as_table()) == [{"n": 0}, {"n": 1}]
