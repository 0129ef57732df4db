from __future__ import annotations

import doctest
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemline.errors import ConfigError
from hemline.evaluate import metrics
from hemline.shop import splits, truth
from hemline.shop.truth import Truth

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = json.loads((GOLDEN / "metrics.json").read_text())

Customers = list[tuple[list[int], list[int]]]
customers = st.lists(
    st.tuples(
        st.lists(st.integers(-1, 15), max_size=14), st.lists(st.integers(0, 15), max_size=20)
    ),
    max_size=8,
)


def padded(lists: list[list[int]]) -> np.ndarray:
    found = np.full((len(lists), max(map(len, lists), default=0)), -1, dtype=np.int32)
    for row, one in enumerate(lists):
        found[row, : len(one)] = one
    return found


def arrays(shop: Customers) -> tuple[np.ndarray, Truth]:
    return padded([listed for listed, _ in shop]), Truth.from_lists([b for _, b in shop])


@pytest.mark.parametrize("module", [metrics, splits, truth])
def test_worked_examples(module: object) -> None:
    found = doctest.testmod(module)  # type: ignore[arg-type]
    assert found.attempted
    assert not found.failed


def test_every_metric_has_a_worked_example() -> None:
    public = [f for name, f in vars(metrics).items() if name.endswith(("_k", "_coverage"))]
    assert len(public) >= 8
    assert all(">>>" in f.__doc__ for f in [*public, metrics.mean_average_precision])


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['name']} @{case['k']}")
def test_golden(case: dict) -> None:
    truth, k = Truth.from_lists([case["bought"]]), case["k"]
    lists = np.array([case["list"]], dtype=np.int32)
    found = metrics.per_customer(lists, truth, k)
    found["map_relevant"] = metrics.per_customer(lists, truth, k, denominator="relevant")["map"]
    if case["expected"] is None:
        assert all(len(values) == 0 for values in found.values())
        assert np.isnan(metrics.mean_average_precision(lists, truth, k))
    else:
        assert {name: values.tolist() for name, values in found.items()} == {
            name: [pytest.approx(value, abs=1e-12)] for name, value in case["expected"].items()
        }


def test_golden_cases_are_what_their_script_makes(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("make_metrics", GOLDEN / "make_metrics.py")
    assert spec
    assert spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    for case in CASES:
        assert script.judge(case["list"], case["bought"], case["k"]) == case["expected"]


def test_whole_table_is_the_mean_of_its_buyers() -> None:
    cases = [case for case in CASES if case["k"] == 12]
    lists, truth = arrays([(case["list"], case["bought"]) for case in cases])
    expected = [case["expected"] for case in cases if case["expected"]]
    found = metrics.evaluate(lists, truth, 12, n_articles=200)
    assert found["customers"] == len(expected) < len(cases)
    for name in (*metrics.METRICS, "customer_coverage", "listed"):
        assert found[name] == pytest.approx(np.mean([one[name] for one in expected]), abs=1e-12)
    relevant = metrics.mean_average_precision(lists, truth, 12, denominator="relevant")
    assert relevant == pytest.approx(np.mean([one["map_relevant"] for one in expected]))
    assert relevant < found["map"]


def test_single_metrics_are_those_of_the_table() -> None:
    lists, truth = arrays([(case["list"], case["bought"]) for case in CASES])
    whole = metrics.evaluate(lists, truth, 5, n_articles=200)
    single = {
        "map": metrics.mean_average_precision,
        "precision": metrics.precision_at_k,
        "recall": metrics.recall_at_k,
        "hit_rate": metrics.hit_rate_at_k,
        "ndcg": metrics.ndcg_at_k,
        "mrr": metrics.mrr_at_k,
        "customer_coverage": metrics.customer_coverage,
    }
    assert {name: metric(lists, truth, 5) for name, metric in single.items()} == {
        name: whole[name] for name in single
    }


@given(customers, st.integers(1, 14))
def test_bounds(shop: Customers, k: int) -> None:
    lists, truth = arrays(shop)
    each = metrics.per_customer(lists, truth, k)
    for values in each.values():
        assert ((values >= 0) & (values <= 1 + 1e-12)).all()
    assert (each["map"] <= each["ndcg"] + 1e-12).all()  # places weigh less, hits as much
    assert (each["precision"] <= each["hit_rate"]).all()
    assert ((each["mrr"] > 0) == (each["hit_rate"] > 0)).all()
    relevant = metrics.per_customer(lists, truth, k, denominator="relevant")
    assert (relevant["map"] <= each["map"]).all()


@given(customers, st.integers(1, 14))
def test_the_truth_itself_scores_one(shop: Customers, k: int) -> None:
    truth = Truth.from_lists([bought for _, bought in shop])
    lists = padded([sorted(set(bought)) for _, bought in shop])
    each = metrics.per_customer(lists, truth, k)
    for name in ("map", "hit_rate", "ndcg", "mrr"):
        assert each[name] == pytest.approx(1.0)


@given(customers, st.integers(1, 14), st.randoms(use_true_random=False))
def test_order_of_customers_and_purchases_does_not_matter(
    shop: Customers, k: int, draw: object
) -> None:
    shuffled = [(listed, draw.sample(bought, len(bought))) for listed, bought in shop]  # type: ignore[attr-defined]
    draw.shuffle(shuffled)  # type: ignore[attr-defined]
    found = metrics.evaluate(*arrays(shop), k, n_articles=16)
    again = metrics.evaluate(*arrays(shuffled), k, n_articles=16)
    assert again == pytest.approx(found, nan_ok=True)


@given(customers, st.integers(1, 14))
def test_a_repeated_prediction_never_helps(shop: Customers, k: int) -> None:
    lists, truth = arrays([(listed, bought) for listed, bought in shop if len(listed) > 1])
    if not lists.size:
        return
    repeated = lists.copy()
    repeated[:, -1] = repeated[:, 0]
    for name, values in metrics.per_customer(repeated, truth, k).items():
        assert (values <= metrics.per_customer(lists, truth, k)[name]).all()


def test_a_missing_list_scores_zero_and_is_seen_in_the_coverage() -> None:
    truth = Truth.from_lists([[1], [2], []])
    full = metrics.evaluate(np.array([[1, 5], [2, 5], [3, 5]]), truth, 2, n_articles=10)
    blank = metrics.evaluate(np.array([[1, 5], [-1, -1], [3, 5]]), truth, 2, n_articles=10)
    assert (full["map"], blank["map"]) == (1, 0.5)
    assert (full["customer_coverage"], blank["customer_coverage"]) == (1, 0.5)
    assert (full["listed"], blank["listed"]) == (1, 0.5)
    assert (full["catalogue_coverage"], blank["catalogue_coverage"]) == (0.4, 0.3)


def test_threads_and_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(3)
    lists = draw.integers(-1, 60, (5000, 12)).astype(np.int32)
    truth = Truth.from_pairs(
        draw.integers(0, 5000, 9000), draw.integers(0, 60, 9000), n_customers=5000
    )
    found = metrics.evaluate(lists, truth, 12, n_articles=60, threads=1)
    monkeypatch.setattr(metrics, "_BLOCK", 77)
    assert metrics.evaluate(lists, truth, 12, n_articles=60, threads=3) == found


def test_read_only_and_strided_arrays_are_taken() -> None:
    lists = np.asfortranarray(np.array([[3, 4], [4, 3]], dtype=np.int64))
    lists.flags.writeable = False
    truth = Truth.from_lists([[4], [4]])
    truth.articles.flags.writeable = truth.bounds.flags.writeable = False
    assert metrics.mrr_at_k(lists, truth, 2) == 0.75
    contiguous = np.ascontiguousarray(lists, dtype=np.int32)
    contiguous.flags.writeable = False
    assert metrics.mrr_at_k(contiguous, truth, 2) == 0.75


def test_nobody() -> None:
    found = metrics.evaluate(np.zeros((0, 12), np.int32), Truth.from_lists([]), 12, n_articles=5)
    assert found["customers"] == 0
    assert np.isnan(found["map"])


def test_what_cannot_be_judged_is_said() -> None:
    truth = Truth.from_lists([[1], [2]])
    with pytest.raises(ConfigError, match="k = 0"):
        metrics.precision_at_k(np.array([[1], [2]]), truth, 0)
    with pytest.raises(ConfigError, match=r"\(1, 2\) for 2 customers"):
        metrics.precision_at_k(np.array([[1, 2]]), truth, 2)
    with pytest.raises(ConfigError, match="lists of float64"):
        metrics.precision_at_k(np.array([[1.0], [2.0]]), truth, 1)
    with pytest.raises(ConfigError, match="denominator"):
        metrics.mean_average_precision(np.array([[1], [2]]), truth, 1, denominator="all")  # type: ignore[arg-type]
