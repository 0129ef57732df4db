from __future__ import annotations

import numpy as np
import pytest

from hemline.errors import RunError
from hemline.recommend.candidates import Candidates
from hemline.recommend.examples import digests, lowest, thinned
from hemline.recommend.ranker import MOST_ROWS, Examples
from hemline.shop.histories import Histories


def candidates(counts: list[int]) -> Candidates:
    bounds = np.concatenate([[0], np.cumsum(counts)])
    m = int(bounds[-1])
    article = np.concatenate([np.arange(one) for one in counts]).astype(np.int32)
    return Candidates(
        bounds, article, np.ones((m, 1), np.int16), np.zeros((m, 1), np.float32), ("a",)
    )


def test_all_hits_and_so_many_others_are_kept_of_customers_with_a_hit() -> None:
    found = candidates([30, 0, 25, 3, 8])
    bought = np.zeros(found.n_rows, bool)
    bought[[4, 29, 31, 57]] = True  # two of the first, one of the third, one of the fourth
    digest = np.arange(5, dtype=np.uint64) * np.uint64(77)
    kept = thinned(found, bought, 10, digest)
    assert kept[bought].all()
    per_customer = np.bincount(found.customers()[kept], minlength=5)
    assert per_customer.tolist() == [12, 0, 11, 3, 0]
    everything = thinned(found, bought, 100, digest)
    assert np.bincount(found.customers()[everything], minlength=5).tolist() == [30, 0, 25, 3, 0]


def test_what_is_kept_of_a_customer_does_not_depend_on_the_others() -> None:
    counts = [40, 35, 50]
    found = candidates(counts)
    bought = np.zeros(found.n_rows, bool)
    bought[[1, 45, 100]] = True
    digest = np.array([5, 6, 7], np.uint64)
    kept = thinned(found, bought, 7, digest)
    for i in range(3):
        low, high = found.bounds[i], found.bounds[i + 1]
        alone = thinned(found.block(i, i + 1), bought[low:high], 7, digest[i : i + 1])
        assert np.array_equal(alone, kept[low:high])
    other = thinned(found, bought, 7, digest + np.uint64(1))
    assert not np.array_equal(other, kept)


def test_a_digest_follows_from_seed_and_history_alone() -> None:
    histories = Histories.from_purchases(
        [0, 0, 1, 2, 2, 4], [3, 4, 3, 3, 4, 1], n_customers=6, n_articles=5,
        time=[86_400, 90_000, 86_400, 86_400, 90_000, 5],
    )  # fmt: skip
    found = digests(histories, 1)
    assert found[0] == found[2]
    assert len(set(found.tolist())) == 4  # 0 and 2; 3 and 5, who bought nothing
    assert np.array_equal(digests(histories.take(slice(1, 5)), 1), found[1:5])
    assert not (digests(histories, 2) == found).any()
    rows = np.array([0, 1, 3, 4])
    assert lowest(found, rows, 10).tolist() == rows.tolist()
    few = lowest(found, rows, 2)
    assert len(few) == 2
    assert found[few].max() < found[np.setdiff1d(rows, few)].min()


@pytest.mark.parametrize(
    ("rows", "counts"), [(5, [3, 1]), (5, [5, 0]), (MOST_ROWS + 1, [MOST_ROWS + 1])]
)
def test_groups_must_add_up(rows: int, counts: list[int]) -> None:
    with pytest.raises(RunError, match="examples of"):
        Examples(np.zeros((rows, 2), np.float32), np.zeros(rows, bool), np.array(counts))
    fine = Examples(np.zeros((4, 2), np.float32), np.zeros(4, bool), np.array([3, 1]))
    assert len(Examples.join([fine, fine], 2)) == 4
