"""Batches of sorted rows: they cover everything, and a small change changes few of them."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemline.errors import GraphError
from hemline.graph.neo4j_batches import Batch, cut

SCHEMA = pa.schema([("key", pa.string()), ("n", pa.int64())])


def rows(keys: list[tuple[str, int]]) -> pa.Table:
    return pa.table([[one for one, _ in keys], [n for _, n in keys]], schema=SCHEMA)


def batches(table: pa.Table, size: int, chunk: int = 1000) -> list[Batch]:
    return list(cut(table.to_batches(chunk), SCHEMA, size, "rows"))


def shop(customers: int, each: int = 7) -> list[tuple[str, int]]:
    return [(f"{one:06d}", n) for one in range(customers) for n in range(each)]


@given(st.lists(st.integers(1, 40), max_size=60), st.integers(1, 50), st.integers(1, 50))
def test_batches_are_the_rows_again(groups: list[int], size: int, chunk: int) -> None:
    keys = [(f"{place:03d}", n) for place, group in enumerate(groups) for n in range(group)]
    found = batches(rows(keys), size, chunk)
    assert [row for one in found for row in one.tuples()] == keys
    # intervals follow on one another, from the lowest key there can be to the end
    assert found[0].low == ""
    assert found[-1].high is None
    assert [one.high for one in found[:-1]] == [one.low for one in found[1:]]
    for one in found:
        assert all(one.low < key and (one.high is None or key <= one.high)
                   for key, _ in one.tuples())  # fmt: skip
        assert one.rows.num_rows <= 2 * size + max(groups, default=0)
    assert found == batches(rows(keys), size, chunk=7)


def test_batches_are_about_as_long_as_wanted() -> None:
    found = batches(rows(shop(20_000)), 1000)
    lengths = [one.rows.num_rows for one in found[:-1]]
    assert 700 < sum(lengths) / len(lengths) < 1400
    assert min(lengths) >= 500


def test_a_new_key_changes_few_batches() -> None:
    keys = shop(20_000)
    before = {(one.low, one.high): one.digest for one in batches(rows(keys), 1000)}
    changed = sorted([*keys, ("010000a", 1), ("015000a", 1)])
    after = {(one.low, one.high): one.digest for one in batches(rows(changed), 1000)}
    assert len(before) > 100
    assert 2 <= len(set(after.items()) - set(before.items())) <= 8


def test_a_changed_value_changes_one_digest() -> None:
    keys = shop(5_000)
    before = batches(rows(keys), 1000)
    keys[12_345] = (keys[12_345][0], -1)
    after = batches(rows(keys), 1000)
    assert [one.low for one in after] == [one.low for one in before]
    assert sum(a.digest != b.digest for a, b in zip(after, before, strict=True)) == 1


def test_the_same_rows_in_other_files_have_the_same_digests() -> None:
    table = rows(shop(3_000))
    encoded = table.set_column(0, "key", table.column(0).dictionary_encode())
    assert batches(table, 1000, 999) == batches(encoded, 1000, 64)


def test_rows_that_do_not_ascend_are_refused() -> None:
    with pytest.raises(GraphError, match="'a' stands after 'b'"):
        batches(rows([("b", 1), ("a", 1)]), 10)
