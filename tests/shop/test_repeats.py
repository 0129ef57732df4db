"""Equal purchases beside each other become one."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemline.shop.repeats import joined

ROW = st.tuples(
    st.integers(0, 2), st.sampled_from([None, 0.5, 1.5]), st.sampled_from([None, 1]),
    st.integers(1, 9),
)  # fmt: skip


def batches(rows: list[tuple], sizes: list[int]) -> list[pa.RecordBatch]:
    schema = pa.schema([("a", "int32"), ("price", "float64"), ("b", "int8"), ("quantity", "int32")])
    table = pa.Table.from_pylist(
        [dict(zip(schema.names, row, strict=True)) for row in rows], schema=schema
    )
    found, at = [], 0
    for size in [*sizes, len(rows)]:
        found += table.slice(at, size).combine_chunks().to_batches() or [
            pa.RecordBatch.from_pylist([], schema=schema)
        ]
        at += size
    return found


@given(st.lists(ROW, max_size=40), st.lists(st.integers(0, 7), max_size=8))
def test_as_if_counted_one_by_one(rows: list[tuple], sizes: list[int]) -> None:
    rows.sort(key=lambda row: [(one is None, one or 0) for one in row[:3]])
    expected: dict[tuple, int] = {}
    for *key, quantity in rows:
        expected[tuple(key)] = expected.get(tuple(key), 0) + quantity
    found = [
        row
        for batch in joined(batches(rows, sizes))
        for row in zip(*batch.to_pydict().values(), strict=True)
    ]
    assert found == [(*key, quantity) for key, quantity in expected.items()]


def test_more_pieces_than_can_be_written() -> None:
    rows = [(1, 0.5, 1, 2**31 - 1), (1, 0.5, 1, 1)]
    with pytest.raises(pa.ArrowInvalid, match="2147483648 pieces"):
        list(joined(batches(rows, [1])))
    assert list(joined([])) == []
