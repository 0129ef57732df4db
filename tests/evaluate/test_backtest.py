from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import numpy as np
import pytest

from hemline.config import Config
from hemline.errors import ConfigError, CutoffError, DataError
from hemline.evaluate import backtest as backtest_module
from hemline.evaluate.backtest import backtest, days_since_last, fold_lists
from hemline.evaluate.metrics import mean_average_precision
from hemline.evaluate.report import ALL, SEGMENTS, BacktestReport
from hemline.recommend.bundle import train_bundle
from hemline.shop.histories import SECONDS_PER_DAY, Histories
from hemline.shop.splits import Fold, rolling_folds, split
from hemline.shop.tables import Catalogue

DAY = SECONDS_PER_DAY
FIRST = 18_000
N_CUSTOMERS, N_ARTICLES, N_DAYS = 120, 60, 120

CONFIG = Config.of(
    {
        "recipe": "cascade",
        "seed": 3,
        "als": {"factors": 8, "iterations": 3, "min_customer": 2, "min_article": 2},
        "evaluate": {"folds": 2, "horizon_days": 7, "k": 6},
    }
)


def shop(seed: int = 0) -> Histories:
    """Draw customers with a taste for a third of the catalogue; the last ten come late."""
    draw = np.random.default_rng(seed)
    n = 2400
    customer = draw.integers(0, N_CUSTOMERS, n)
    article = (customer % 3) * 20 + np.minimum(draw.geometric(0.2, n), 20) - 1
    day = FIRST + draw.integers(0, N_DAYS, n)
    day = np.where(customer >= 110, FIRST + N_DAYS - 1 - day % 3, day)
    return Histories.from_purchases(
        customer,
        article,
        time=day * DAY,
        price=draw.random(n),
        n_customers=N_CUSTOMERS,
        n_articles=N_ARTICLES,
        age=draw.integers(16, 80, N_CUSTOMERS),
    )


def catalogue() -> Catalogue:
    position = np.arange(N_ARTICLES, dtype=np.int32)
    near = (position[:, None] // 20) * 20 + (position[:, None] + np.arange(1, 6)) % 20
    return Catalogue(
        N_ARTICLES,
        {"department_no": position // 20, "index_code": position // 30},
        near.astype(np.int32),
        np.linspace(0.9, 0.5, 5, dtype=np.float32)[None].repeat(N_ARTICLES, axis=0),
    )


def without_seconds(report: BacktestReport) -> dict:
    found = report.to_json()
    for one in found["folds"]:
        del one["seconds"]
    return found


@pytest.fixture(scope="module")
def report() -> BacktestReport:
    return backtest(CONFIG, catalogue(), shop(), recipes=["cascade", "repurchase"])


def test_every_recipe_is_judged_on_every_fold_beside_the_baseline(report: BacktestReport) -> None:
    assert report.recipes == ["cascade", "repurchase", "popular"]
    assert len(report.results) == 6
    assert [one.last_day for one in report.folds] == sorted(one.last_day for one in report.folds)
    for fold in report.folds:
        parted = split(shop(), fold)
        for one in report.results:
            if one.fold == fold:
                assert one.metrics[ALL]["customers"] == len(parted.truth.buyers)
                assert one.metrics[ALL]["customer_coverage"] == 1
                assert one.seconds > 0


def test_the_score_is_that_of_the_bundle_that_serves(report: BacktestReport) -> None:
    fold = report.folds[-1]
    parted = split(shop(), fold)
    bundle = train_bundle(CONFIG, catalogue(), shop().before(fold.cutoff), as_of=fold.cutoff)
    lists = bundle.recommend(shop(), 6, as_of=fold.cutoff).articles
    expected = mean_average_precision(lists, parted.truth, 6)
    assert report.of("cascade")[-1].metrics[ALL]["map"] == pytest.approx(expected, abs=1e-12)


def test_segments_part_the_buyers(report: BacktestReport) -> None:
    for one in report.results:
        parts = [one.metrics[name] for name, _, _ in SEGMENTS if name in one.metrics]
        assert len(parts) >= 2
        counts = [part["customers"] for part in parts]
        assert sum(counts) == one.metrics[ALL]["customers"]
        for name in ("map", "recall", "ndcg"):
            mean = np.average([part[name] for part in parts], weights=counts)
            assert one.metrics[ALL][name] == pytest.approx(mean)
    assert all("never" in report.of(name)[-1].metrics for name in report.recipes)


def test_rows_are_means_and_deviations_over_folds(report: BacktestReport) -> None:
    row = next(one for one in report.rows() if one["recipe"] == "cascade")
    scores = [one.metrics[ALL]["map"] for one in report.of("cascade")]
    assert row["map"] == pytest.approx(sum(scores) / 2)
    assert row["map_sd"] == pytest.approx(abs(scores[0] - scores[1]) / 2**0.5)
    assert row["customers"] == sum(one.metrics[ALL]["customers"] for one in report.of("cascade"))


def test_report_is_plain(report: BacktestReport) -> None:
    found = json.loads(json.dumps(report.to_json(), allow_nan=False))
    header, *rows = found["table"]
    assert all(len(row) == len(header) for row in rows)
    assert header[2] == "MAP@6"
    assert [row[0] for row in rows if not row[0].startswith(" ")] == report.recipes
    assert "2 folds of 7 days" in found["title"]
    assert str(report.folds[-1].last_day) in found["title"]
    assert set(report.summary()) == {"folds", *(f"map@6 {name}" for name in report.recipes)}


def test_one_fold_has_no_deviation() -> None:
    found = backtest(CONFIG.replaced({"evaluate.folds": 1}), catalogue(), shop(), recipes="popular")
    assert found.recipes == ["popular"]
    assert found.rows()[0]["map_sd"] is None
    assert found.table()[1][3] == "–"


def test_threads_and_blocks_change_nothing(
    report: BacktestReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backtest_module, "_BLOCK", 7)
    again = backtest(
        CONFIG.replaced({"threads": 3}), catalogue(), shop(), recipes=["cascade", "repurchase"]
    )
    assert without_seconds(again) == without_seconds(report)


@pytest.mark.parametrize("recipe", ["cascade", "popular", "repurchase"])
def test_what_comes_after_the_cutoff_changes_no_list(recipe: str) -> None:
    histories, config = shop(), CONFIG.replaced({"recipe": recipe})
    fold = rolling_folds(histories, 7, 1)[0]
    parted = split(histories, fold)
    # the same purchases before the cutoff, anything else after it, for the same buyers
    later = histories.time >= fold.cutoff
    draw = np.random.default_rng(1)
    changed = replace(
        histories,
        article=np.where(later, draw.integers(0, N_ARTICLES, len(later)), histories.article).astype(
            np.int32
        ),
        price=np.where(later, 1e6, histories.price).astype(np.float32),
        weight=np.where(later, 1e6, histories.weight).astype(np.float32),
        time=np.where(later, histories.time + 300 * DAY, histories.time),
    )
    buyers = parted.truth.buyers
    other = replace(split(changed, Fold(fold.cutoff, fold.end + 400 * DAY)), truth=parted.truth)
    alone = replace(parted, train=histories.before(fold.cutoff).compact())
    expected = fold_lists(config, catalogue(), alone, fold, 6)
    assert expected.shape == (len(buyers), 6)
    assert np.array_equal(fold_lists(config, catalogue(), parted, fold, 6), expected)
    assert np.array_equal(fold_lists(config, catalogue(), other, fold, 6), expected)


def test_nothing_at_or_after_as_of_is_used() -> None:
    histories = shop()
    as_of = (FIRST + 90) * DAY
    found = backtest(CONFIG, catalogue(), histories, recipes="repurchase", as_of=as_of)
    alone = backtest(CONFIG, catalogue(), histories.before(as_of).compact(), recipes="repurchase")
    assert found.folds[-1].end == as_of
    assert without_seconds(found) == without_seconds(alone)


def test_histories_that_are_not_cut_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Histories, "before", lambda self, as_of: self)
    fold = Fold((FIRST + 110) * DAY, (FIRST + 117) * DAY)
    with pytest.raises(CutoffError):
        backtest(CONFIG, catalogue(), shop(), recipes="popular", folds=[fold])


def test_fewer_days_than_folds_is_said() -> None:
    with pytest.raises(DataError, match="20 folds of 7 days need at least 141"):
        backtest(CONFIG.replaced({"evaluate.folds": 20}), catalogue(), shop())
    with pytest.raises(ConfigError, match="no folds"):
        backtest(CONFIG, catalogue(), shop(), folds=[])


def test_progress_rises_to_the_end() -> None:
    told: list[tuple[int, int]] = []
    backtest(CONFIG, catalogue(), shop(), recipes="popular", progress=lambda *one: told.append(one))
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]


def test_days_since_last() -> None:
    histories = Histories.from_purchases(
        [0, 1, 2, 2], [0, 0, 0, 0], time=[10 * DAY, 10 * DAY + 86_399, 3 * DAY, 4 * DAY],
        n_customers=4, n_articles=1,
    )  # fmt: skip
    assert days_since_last(histories, 11 * DAY).tolist() == [1, 1, 7, 0]
    assert days_since_last(histories, 11 * DAY + 60).tolist() == [1, 1, 7, 0]


def test_segments_are_read_at_their_bounds() -> None:
    today = dt.date(2020, 9, 16)
    fold = Fold.at(today, 7)
    ages = [1, 7, 8, 30, 31, 90, 91, 2000]
    n = len(ages)
    histories = Histories.from_purchases(
        [*range(n), *range(n + 1)], [0] * (2 * n + 1), n_customers=n + 1, n_articles=2,
        time=[*(fold.cutoff - age * DAY for age in ages), *[fold.cutoff] * (n + 1)],
    )  # fmt: skip
    plain = Catalogue(2, {}, np.zeros((2, 0), np.int32), np.zeros((2, 0), np.float32))
    found = backtest(CONFIG, plain, histories, recipes="popular", folds=[fold], k=1)
    counts = {name: one["customers"] for name, one in found.results[0].metrics.items()}
    assert counts == {
        "all": 9, "7 days or less": 2, "8 to 30 days": 2, "31 to 90 days": 2, "older": 2,
        "never": 1,
    }  # fmt: skip
