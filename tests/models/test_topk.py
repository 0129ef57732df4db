from __future__ import annotations

import subprocess
import sys
from itertools import chain

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hemline.models.base import Repeat
from hemline.models.topk import exclusions, mask_rows, top_k
from hemline.shop.histories import Histories


def best(scores, k, among, excluded):
    """One row at a time: drop what may not be, sort by score, then position."""
    articles = np.full((len(scores), k), -1)
    found = np.full((len(scores), k), -np.inf)
    for row, line in enumerate(scores):
        allowed = [
            (-score, one)
            for one, score in enumerate(line.tolist())
            if among[row, one] and one not in excluded[row] and score > -np.inf
        ]
        for at, (score, one) in enumerate(sorted(allowed)[:k]):
            articles[row, at], found[row, at] = one, -score
    return articles, found


few_values = st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.5, -1e30, 1e30, np.inf, -np.inf, np.nan])


@given(
    hnp.arrays(np.float32, st.tuples(st.integers(0, 4), st.integers(0, 20)), elements=few_values),
    st.integers(1, 25),
    st.sampled_from(["none", "one", "each"]),
    st.data(),
)
def test_top_k_is_sorting(scores, k, kind, data):
    among = np.ones(scores.shape, bool)
    if kind != "none":
        among = data.draw(hnp.arrays(bool, scores.shape))
        if kind == "one" and len(scores):
            among[:] = among[0]
    article = st.integers(0, max(scores.shape[1] - 1, 0))
    size = 3 if scores.shape[1] else 0
    excluded = [data.draw(st.lists(article, max_size=size)) for _ in scores]
    bounds = np.cumsum([0, *map(len, excluded)]).astype(np.int64)
    given_mask = {"none": None, "one": among[0] if len(among) else None, "each": among}[kind]
    found = top_k(
        scores, k, among=given_mask, excluded=(bounds, np.array([*chain(*excluded)], np.int32))
    )
    articles, values = best(scores, k, among, excluded)
    assert np.array_equal(found.articles, articles)
    assert np.array_equal(found.scores, values.astype(np.float32))


@given(hnp.arrays(np.float32, 60, elements=st.floats(width=32, allow_nan=False)))
def test_any_float_orders_as_itself(scores):
    found = top_k(scores[None], 60)
    finite = scores[scores > -np.inf]
    assert np.array_equal(found.scores[0, : len(finite)], np.sort(finite)[::-1])


def test_top_k_without_a_filter_and_of_a_large_row():
    scores = np.random.default_rng(0).integers(0, 999, (2, 50_000)).astype(np.float32)
    found = top_k(scores, 100)
    assert np.array_equal(found.articles, np.argsort(-scores, axis=1, kind="stable")[:, :100])


def test_exclusions_follow_the_policy():
    day = 86_400
    histories = Histories.from_purchases(
        [0, 0, 2], [5, 6, 7], n_customers=3, n_articles=9, time=[day, 5 * day, 9 * day]
    )
    bounds, articles = exclusions(histories, Repeat.allow(), 10 * day)
    assert len(bounds) == len(articles) == 0
    bounds, articles = exclusions(histories, Repeat.exclude(), 10 * day)
    assert (bounds.tolist(), articles.tolist()) == ([0, 2, 2, 3], [5, 6, 7])
    bounds, articles = exclusions(histories, Repeat.cooldown(5), 10 * day)
    assert (bounds.tolist(), articles.tolist()) == ([0, 1, 1, 2], [6, 7])
    bounds, articles = exclusions(histories, Repeat.cooldown(5), None)
    assert articles.tolist() == [5, 6, 7]


def test_mask_rows():
    assert mask_rows(None, 3).shape == (0, 3)
    assert mask_rows(np.ones(3, bool), 3).shape == (1, 3)
    assert mask_rows(np.ones((2, 3), bool), 3).shape == (2, 3)


def test_importing_the_models_loads_none_of_them():
    script = (
        "import sys, hemline.models as m; "
        "print([n for n in ('numba', 'implicit', 'scipy', 'duckdb') if n in sys.modules]); "
        "assert {'ALS', 'AlsoBought', 'Popular', 'Repurchase'} <= set(dir(m)); "
        "print(m.Popular.name, m.ALS.name)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["[]", "popular als"], done.stderr
