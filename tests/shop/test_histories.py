from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemline.shop.histories import SECONDS_PER_DAY, Histories, end_of_day

DAY = SECONDS_PER_DAY


def shop() -> Histories:
    return Histories.from_purchases(
        customer=[2, 0, 0, 2, 0],
        article=[1, 3, 0, 1, 3],
        time=[5 * DAY, 2 * DAY, DAY, DAY, 4 * DAY],
        weight=[1, 1, 2, 3, 1],
        n_customers=4,
        n_articles=5,
        age=[20, np.nan, 30, 40],
    )


def bought(histories: Histories, row: int) -> list[int]:
    return histories.article[histories.start[row] : histories.stop[row]].tolist()


def test_rows_are_sorted_by_time() -> None:
    histories = shop()
    assert [bought(histories, row) for row in range(4)] == [[0, 3, 3], [], [1, 1], []]
    assert histories.lengths.tolist() == [3, 0, 2, 0]


def test_before_and_since_cut_in_time_and_share_the_arrays() -> None:
    histories = shop()
    earlier = histories.before(4 * DAY)
    assert [bought(earlier, row) for row in range(4)] == [[0, 3], [], [1], []]
    assert earlier.article is histories.article
    assert bought(histories.since(2 * DAY), 0) == [3, 3]
    assert histories.before(None) is histories


def test_take_and_compact() -> None:
    part = shop().take(np.array([2, 0])).before(5 * DAY).compact()
    assert part.article.tolist() == [1, 0, 3, 3]
    assert part.age.tolist() == [30, 20]


def test_matrix_adds_repeats_and_leaves_the_arrays_alone() -> None:
    histories = shop()
    before = histories.article.copy()
    matrix = histories.matrix()
    assert matrix.toarray()[0].tolist() == [2, 0, 0, 2, 0]
    assert matrix.toarray()[2].tolist() == [0, 4, 0, 0, 0]
    assert np.array_equal(histories.article, before)
    assert Histories.from_baskets([], n_articles=3).matrix().shape == (0, 3)


def test_save_and_open(tmp_path: Path) -> None:
    shop().save(tmp_path)
    back = Histories.open(tmp_path)
    assert isinstance(back.article, np.memmap)
    assert [bought(back, row) for row in range(4)] == [[0, 3, 3], [], [1, 1], []]
    assert back.last_time() == 5 * DAY
    assert np.array_equal(back.age, shop().age, equal_nan=True)


def test_no_customer_and_no_purchase_can_be_saved(tmp_path: Path) -> None:
    Histories.from_baskets([[], []], n_articles=3).save(tmp_path / "a")
    assert Histories.open(tmp_path / "a").last_time() is None
    Histories.from_baskets([], n_articles=3).save(tmp_path / "b")
    assert len(Histories.open(tmp_path / "b")) == 0


def test_end_of_day() -> None:
    assert end_of_day(0) == DAY
    assert end_of_day(DAY - 1) == DAY


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9), st.integers(-3, 30))),
    st.integers(-5, 35),
)
def test_before_is_every_purchase_before(rows: list[tuple[int, int, int]], as_of: int) -> None:
    customer, article, time = zip(*rows, strict=True) if rows else ((), (), ())
    histories = Histories.from_purchases(
        customer, article, time=time, n_customers=6, n_articles=10
    ).before(as_of)
    for row in range(6):
        expected = sorted((t, a) for c, a, t in rows if c == row and t < as_of)
        assert bought(histories, row) == [a for _, a in expected]


@pytest.mark.parametrize("rows", [slice(1, 3), np.array([True, False, True, False])])
def test_customers_and_rows_agree(rows: slice | np.ndarray) -> None:
    part = shop().take(rows)
    for row, place in zip(part.customers(), part.rows(), strict=True):
        assert part.start[row] <= place < part.stop[row]


def test_walk_in_blocks_sees_every_customer_once_and_lets_go(tmp_path: Path) -> None:
    draw = np.random.default_rng(3)
    whole = Histories.from_purchases(
        draw.integers(0, 1000, 5000), draw.integers(0, 50, 5000),
        n_customers=1000, n_articles=50, time=draw.integers(1, 10**6, 5000),
    )  # fmt: skip
    whole.save(tmp_path)
    mapped = Histories.open(tmp_path)
    seen = [block.compact().article for block in mapped.blocks(64)]
    assert len(seen) == 16
    assert np.array_equal(np.concatenate(seen), whole.article)


def test_last_purchase_is_found_over_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hemline.shop.histories.BLOCK", 3)
    found = Histories.from_purchases(
        [0, 4, 4, 8], [1, 1, 0, 1], n_customers=10, n_articles=2, time=[5, 70, 60, 9]
    )
    assert found.last_time() == 70
    assert found.before(71).n_purchases == 4
    assert found.before(70).before(70).n_purchases == 3
    assert found.before(70).n_purchases == 3
    assert found.take(slice(1, 4)).last_time() is None


def test_what_was_cut_is_not_cut_again() -> None:
    found = Histories.from_purchases(
        [0, 0, 1], [1, 0, 1], n_customers=2, n_articles=2, time=[5, 70, 60]
    )
    cut = found.before(65)
    assert cut.end == 65
    assert cut.before(65) is cut
    assert cut.before(80) is cut
    assert cut.block(0, 1).before(65).end == 65
    assert cut.before(60).n_purchases == 1
    assert found.before(80).end == 80
    assert found.end is None
