from __future__ import annotations

import json

import numpy as np
import pytest

from hemline.config import Config, Weights
from hemline.errors import CutoffError, DataError
from hemline.evaluate import holdout
from hemline.evaluate.holdout import TALK_WEIGHTS, talk_table
from hemline.evaluate.talk import KINDS, TALK_TEST, TALK_TRAIN, TalkTable
from hemline.shop.histories import SECONDS_PER_DAY, Histories
from hemline.shop.splits import Split

DAY = SECONDS_PER_DAY
N_CUSTOMERS, N_ARTICLES = 150, 120
CONFIG = Config.of(
    {
        # OpenMP's threads wait in a loop, and cost seconds on matrices of this size
        "threads": 1,
        "als": {"factors": 24, "iterations": 4, "min_customer": 5, "min_article": 3},
    }
)


def shop(dated: bool = True) -> Histories:
    """Draw purchases by chance alone: there is nothing that a model could rightly foresee."""
    draw = np.random.default_rng(5)
    customer = np.repeat(np.arange(N_CUSTOMERS), 15)
    day = 18_000 + draw.integers(0, 400, len(customer))
    return Histories.from_purchases(
        customer,
        draw.integers(0, N_ARTICLES, len(customer)),
        time=day * DAY if dated else None,
        n_customers=N_CUSTOMERS,
        n_articles=N_ARTICLES,
    )


@pytest.fixture(scope="module")
def table() -> TalkTable:
    return talk_table(shop(), CONFIG)


def test_without_the_leak_chance_stays_chance(table: TalkTable) -> None:
    guess = 15 * 0.2 / N_ARTICLES
    for one in table.part("random").precision.values():
        assert one.test < 3 * guess
        assert one.train > 10 * guess


def test_the_leak_finds_what_nobody_could_know(table: TalkTable) -> None:
    for kind in KINDS:
        honest, leaking = (table.part(way).precision[kind] for way in ("random", "leak"))
        assert leaking.test > 4 * honest.test
        assert leaking.test_allowing_train > 2 * honest.test_allowing_train
        # a fifth held out, and seen in training: a fourth of what is found in the rest
        assert leaking.test_allowing_train / leaking.train == pytest.approx(0.25, abs=0.1)


def test_in_time(table: TalkTable) -> None:
    part = table.part("cutoff")
    assert "fitted before" in part.title
    assert all(one.test < 0.2 < one.train for one in part.precision.values())
    assert "the talk" not in str(part.table())


def test_the_talks_figures_stand_beside_ours(table: TalkTable) -> None:
    for way in ("random", "leak"):
        rows = {row[0]: tuple(row[1:]) for row in table.part(way).table()}
        assert rows["precision@5"] == KINDS
        assert rows["train, the talk"] == TALK_TRAIN == (0.496, 0.487, 0.487)
        assert rows["test, the talk"] == TALK_TEST == (0.033, 0.105, 0.104)
    assert "not in time" in table.part("random").title
    assert "a leak" in table.part("leak").title


def test_report_is_plain(table: TalkTable) -> None:
    found = json.loads(json.dumps(table.to_json(), allow_nan=False))
    assert [part["name"] for part in found["tables"]] == ["random", "leak", "cutoff"]
    for part in found["tables"]:
        assert all(len(row) == 4 for row in part["table"])
        assert part["title"]
        assert part["note"]


def test_the_same_table_at_any_number_of_threads(table: TalkTable) -> None:
    again = talk_table(shop(), CONFIG.replaced({"threads": 3}))
    assert again.to_json() == table.to_json()


def test_fewer_may_be_judged_than_learnt_from(table: TalkTable) -> None:
    some = talk_table(shop(), CONFIG, judged=40)
    assert (some.judged, table.judged) == (40, table.customers)
    assert some.customers == table.customers


def test_other_weights(table: TalkTable) -> None:
    found = talk_table(shop(), CONFIG, weights={"decay": Weights(kind="power_decay")})
    assert found.part("random").table()[0] == ["precision@5", "decay"]
    assert "the talk" not in str(found.part("random").table())
    assert tuple(TALK_WEIGHTS) == KINDS


def test_settings_of_one_kind_need_not_fit_another() -> None:
    config = CONFIG.replaced(
        {"als.weights": {"kind": "recent", "horizons": [1], "values": [4, 1], "repeats": "max"}}
    )
    kinds = [holdout._weights(config, kind) for kind in KINDS]
    assert [one.kind for one in kinds] == list(KINDS)
    assert kinds[1] == config.als.weights
    assert all(one.repeats == "max" for one in kinds)


def test_an_overlap_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    real = holdout.random_holdout

    def leaking(histories: Histories, **settings: float) -> Split:
        return Split(histories, real(histories, **settings).truth)  # type: ignore[arg-type]

    monkeypatch.setattr(holdout, "random_holdout", leaking)
    with pytest.raises(CutoffError, match="both learnt from and judged by"):
        talk_table(shop(), CONFIG)


def test_without_dates_there_is_no_judging_in_time() -> None:
    found = talk_table(shop(dated=False), CONFIG)
    assert [part.name for part in found.parts] == ["random", "leak"]
    assert "no dates" in found.part("random").note


def test_an_empty_core_is_said() -> None:
    with pytest.raises(DataError, match="no customer has 50 articles"):
        talk_table(shop(), CONFIG.replaced({"als.min_customer": 50}))
    with pytest.raises(DataError, match="nobody has so many articles"):
        talk_table(shop(), CONFIG, share=0.01)
    with pytest.raises(DataError, match="no purchases"):
        talk_table(shop().before(0), CONFIG)


def test_a_mean_over_nobody_is_not_a_number_in_no_file() -> None:
    histories = shop()
    last = int(histories.last_time() or 0)
    # everybody who came in the last week came for the first time
    early = histories.before(last - 7 * DAY)
    late = Histories.from_purchases(
        [N_CUSTOMERS], [0], time=[last], n_customers=N_CUSTOMERS + 1, n_articles=N_ARTICLES
    )
    both = Histories.from_purchases(
        np.append(early.customers(), late.customers()),
        np.append(early.article[early.rows()], late.article),
        time=np.append(early.time[early.rows()], late.time),
        n_customers=N_CUSTOMERS + 1,
        n_articles=N_ARTICLES,
    )
    found = talk_table(both, CONFIG).part("cutoff")
    assert found.precision["binary"].plain() == {
        "train": None,
        "test": 0.0,
        "test_allowing_train": 0.0,
    }
    assert found.table()[1][1:] == ["–"] * 3
