from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from hemline.recommend.windows import target_windows
from hemline.shop.histories import SECONDS_PER_DAY as DAY


@given(st.integers(0, 400 * DAY), st.integers(1, 60), st.integers(1, 9), st.integers(1, 9))
def test_windows_lie_within_what_is_known(span: int, first: int, horizon: int, n: int) -> None:
    end = first + span
    found = target_windows(first, end, horizon, n)
    assert len(found) <= n
    for window in found:
        assert first < window.cutoff < window.end <= end
        assert window.end - window.cutoff <= horizon * DAY
    assert [one.cutoff for one in found] == sorted({one.cutoff for one in found}, reverse=True)
    if span >= 3 * horizon * DAY:
        for newer, older in itertools.pairwise(found):
            assert older.end == newer.cutoff
        assert len(found) >= min(n, 2)
        assert found[-1].cutoff - first >= horizon * DAY
    elif span > DAY:
        assert found
        assert found[0].end == end


def test_two_years_have_weekly_windows() -> None:
    found = target_windows(0, 734 * DAY, 7, 6)
    assert [(one.cutoff // DAY, one.end // DAY) for one in found] == [
        (727, 734), (720, 727), (713, 720), (706, 713), (699, 706), (692, 699)
    ]  # fmt: skip


def test_a_day_or_nothing_has_none() -> None:
    assert target_windows(0, DAY, 7, 5) == []
    assert target_windows(0, 0, 7, 5) == []
