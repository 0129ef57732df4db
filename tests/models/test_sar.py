from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemline.models import SAR
from hemline.models.base import Repeat
from hemline.shop.histories import SECONDS_PER_DAY, Histories

GOLDEN = Path(__file__).parents[1] / "golden"
CASE = json.loads((GOLDEN / "sar.json").read_text())


def shop() -> Histories:
    customer, article, rating, time = np.array(CASE["rows"]).T
    return Histories.from_purchases(
        customer,
        article,
        n_customers=CASE["n_customers"],
        n_articles=CASE["n_articles"],
        time=time,
        weight=rating,
    )


def dense(model: SAR) -> np.ndarray:
    found = np.zeros((model.n_articles_, model.n_articles_))
    rows = np.repeat(np.arange(model.n_articles_), np.diff(model.indptr_))
    found[rows, model.article_] = model.similarity_
    return found


@pytest.mark.parametrize("threshold", [1, 3])
@pytest.mark.parametrize("name", CASE["similarity"]["1"])
def test_golden_similarities(name, threshold):
    similarity, _, observations = name.partition(", ")
    model = SAR(
        similarity=similarity,
        observations=observations or "customers",
        threshold=threshold,
        per_article=0,
    ).fit(shop(), as_of=CASE["as_of"])
    wanted = CASE["similarity"][str(threshold)][name]
    np.testing.assert_allclose(dense(model), wanted, rtol=1e-6, atol=1e-7)


def test_golden_affinity_and_scores():
    histories = shop()
    model = SAR(half_life_days=CASE["half_life_days"], per_article=0)
    model.fit(histories, as_of=CASE["as_of"])
    affinity = np.zeros((len(histories), histories.n_articles))
    np.add.at(affinity, (histories.customers(), histories.article), model.affinity(histories))
    np.testing.assert_allclose(affinity, CASE["affinity"], rtol=1e-12)
    every = np.tile(np.arange(histories.n_articles, dtype=np.int32), (len(histories), 1))
    np.testing.assert_allclose(model.score(histories, every), CASE["scores"], rtol=1e-6)


def test_golden_is_what_its_script_makes(tmp_path: Path):
    script = tmp_path / "make_sar.py"
    script.write_text((GOLDEN / "make_sar.py").read_text())
    subprocess.run([sys.executable, str(script)], check=True)
    assert (tmp_path / "sar.json").read_text() == (GOLDEN / "sar.json").read_text()


def test_half_life():
    day = SECONDS_PER_DAY
    histories = Histories.from_purchases(
        [0, 1, 2], [0, 1, 2], n_customers=3, n_articles=3, time=[day, 11 * day, 21 * day]
    )
    model = SAR(half_life_days=10).fit(histories, as_of=31 * day)
    assert model.affinity(histories).tolist() == [1 / 8, 1 / 4, 1 / 2]
    assert model.affinity(histories, 41 * day).tolist() == [1 / 16, 1 / 8, 1 / 4]
    assert SAR(half_life_days=0).fit(histories).affinity(histories).tolist() == [1, 1, 1]


def test_ratings_are_weights_or_not():
    histories = Histories.from_purchases(
        [0, 0], [0, 1], n_customers=1, n_articles=2, weight=[4.0, 1.0]
    )
    assert SAR().fit(histories).affinity(histories).tolist() == [4, 1]
    assert SAR(ratings=False).fit(histories).affinity(histories).tolist() == [1, 1]


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9)), max_size=60), st.sampled_from([1, 3])
)
def test_kept_rows_are_the_most_similar(edges, per_article):
    customer, article = np.array(edges or np.zeros((0, 2)), int).T
    histories = Histories.from_purchases(customer, article, n_customers=7, n_articles=10)
    whole = dense(SAR(per_article=0).fit(histories))
    model = SAR(per_article=per_article).fit(histories)
    for one in range(10):
        row = slice(model.indptr_[one], model.indptr_[one + 1])
        order = np.argsort(-whole[one], kind="stable")[:per_article]
        order = order[whole[one][order] > 0]
        assert model.article_[row].tolist() == order.tolist()
        assert model.similarity_[row].tolist() == whole[one][order].tolist()


def test_less_than_chance_is_not_recommended():
    # 0 and 1 are bought by nearly everybody, but seldom together
    baskets = [[0]] * 6 + [[1]] * 6 + [[0, 1]] + [[2, 3]] * 2
    histories = Histories.from_baskets(baskets, n_articles=4)
    model = SAR(similarity="mutual_information").fit(histories)
    ask = Histories.from_baskets([[0], [2]], n_articles=4)
    assert model.score(ask, np.array([[1], [3]], np.int32)).ravel().tolist()[0] < 0
    found = model.recommend(ask, 2, repeat=Repeat.exclude())
    assert found.articles.tolist() == [[-1, -1], [3, -1]]


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("by", "published"),
    [
        ("user", (0.106959, 0.379533, 0.331071, 0.176837)),
        ("item", (0.114038, 0.393819, 0.340615, 0.185377)),
    ],
)
def test_published_figures(real_data, by, published):
    from benchmarks.published import judge, movielens_100k, split

    train, test = split(movielens_100k(real_data), by)
    histories = train.histories()
    found = judge(SAR(per_article=0).fit(histories), histories, test.truth(), 10)
    names = ("map", "ndcg", "precision", "recall")
    assert tuple(round(found[name], 6) for name in names) == published
