"""Expected time, memory and disk: what they add up to, and that they fit what was measured."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from hemline.cli import app
from hemline.errors import ConfigError
from hemline.planning import Sizes, plan
from hemline.planning.estimate import MEASURES, constants, on_executors, on_one, pays_from, total

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
HM = Sizes(1_371_980, 105_542, 31_788_324)

FITTED: dict[str, Any] = {
    "able_share": 0.5,
    "recipes": {"cascade": ["ingest", "neighbours", "recommend"]},
    "stages": {
        "ingest": {
            "cores": 2.0,
            "cpu_seconds": {"one": 20.0, "purchases": 2e-6},
            "peak_gib": {"one": 1.0, "purchases_in_memory": 1e-7},
            "disk_gib": {"purchases": 1e-8, "customers": 1e-6},
            "spill_gib": {"purchases": 2e-8},
        },
        "neighbours": {
            "cores": 1.0,
            "cpu_seconds": {"vector_pairs": 1e-12},
            "peak_gib": {"one": 2.0},
        },
        "recommend": {"cores": 1.0, "cpu_seconds": {"customers": 1e-4}, "peak_gib": {"one": 0.5}},
    },
    "spark": {
        "base_gib": 1.0,
        "stages": {"recommend": {"overhead_seconds": 20.0, "slowdown": 1.5}},
    },
}


def test_a_cost_is_the_sum_of_what_it_grows_with():
    ingest, neighbours, recommend = on_one(Sizes(10**6, 1000, 10**8), "cascade", FITTED)
    assert asdict(ingest) == pytest.approx(
        {"stage": "ingest", "seconds": 110, "cpu_seconds": 220, "peak_gib": 1 + 2**25 * 1e-7,
         "disk_gib": 2.0, "spill_gib": 2.0}
    )  # fmt: skip
    assert neighbours.seconds == pytest.approx(1000**2 * 2048 * 1e-12)
    assert recommend.seconds == pytest.approx(100)
    whole = total((ingest, neighbours, recommend))
    assert whole.seconds == pytest.approx(210 + neighbours.seconds)
    assert (whole.peak_gib, whole.disk_gib, whole.spill_gib) == (ingest.peak_gib, 2.0, 2.0)


def test_no_photos_no_neighbours():
    stages = [one.stage for one in on_one(Sizes(1, 1, 1, dimensions=0), "cascade", FITTED)]
    assert stages == ["ingest", "recommend"]


def test_customers_that_are_not_trained_on_do_not_count():
    terms = Sizes(1000, 10, 5000, trained_on=100).terms(0.5)
    assert terms["purchases_trained_on"] == pytest.approx(1000)
    assert Sizes(1000, 10, 5000).terms(0.5)["purchases_trained_on"] == 5000
    assert Sizes(1000, 10, 5000, trained_on=800).terms(0.5)["purchases_trained_on"] == 5000


def test_executors_share_what_spark_spreads():
    sizes = Sizes(10**6, 1000, 10**8)
    here, there = on_one(sizes, "cascade", FITTED), on_executors(sizes, "cascade", 4, FITTED)
    assert there[:2] == here[:2]
    assert there[2].seconds == pytest.approx(20 + 1.5 * 100 / 4)
    assert there[2].peak_gib == pytest.approx(1.5)


def test_where_spark_pays():
    sizes = Sizes(10**6, 1000, 10**7)
    # 20 + 1.5 x / 4 < x from x = 32 s on: 320,000 customers
    assert pays_from(sizes, "cascade", 4, FITTED) == pytest.approx(0.32, rel=1e-3)
    assert pays_from(sizes.times(7), "cascade", 4, FITTED) == pytest.approx(0.32, rel=1e-3)
    assert pays_from(sizes, "cascade", 1, FITTED) is None


@given(st.integers(0, 3), st.floats(1, 5), st.sampled_from(["customers", "articles", "purchases"]))
def test_a_larger_shop_never_costs_less(shift: int, factor: float, name: str):
    small = Sizes(10**5 * 4**shift, 20_000, 10**6 * 4**shift)
    large = Sizes(**{**asdict(small), name: round(getattr(small, name) * factor)})
    for recipe in constants()["recipes"]:
        for one, other in zip(plan(small, recipe).here, plan(large, recipe).here, strict=True):
            for measure in MEASURES:
                assert getattr(one, measure) <= getattr(other, measure) * (1 + 1e-12)
                assert getattr(one, measure) >= 0


def test_constants_give_back_what_was_measured():
    """Every figure that was fitted to, again from the shipped constants and the results."""
    fitted = constants()
    ten = json.loads((RESULTS / "ten_times.json").read_text())["figures"]
    compared = 0
    for found in (ten[name] for name in ("tenth", "few", "loyal", "one", "ten") if name in ten):
        drawn = found["simulate"]
        sizes = Sizes(
            drawn["customers"], drawn["articles"], drawn["purchases"],
            dimensions=256, trained_on=1_400_000,
        )  # fmt: skip
        costs = {one.stage: one for one in on_one(sizes, "cascade", fitted)}
        stages = {"ingest": "ingest", "als": "als", "recommend": "recommend"}
        for step, stage in stages.items():
            if step not in found:  # a size may have been measured in part
                continue
            for measure in ("cpu_seconds", "peak_gib"):
                assert getattr(costs[stage], measure) == pytest.approx(
                    found[step][measure], rel=fitted["within"] + 0.01
                ), (drawn, stage, measure)
                compared += 1
    assert compared >= 12
    assert fitted["within"] <= 0.35


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"customers": 0}, "customers = 0"),
        ({"articles": -1}, "articles = -1"),
        ({"purchases": 2**31}, "purchases = 2,147,483,648"),
        ({"dimensions": -1}, "dimensions = -1"),
        ({"trained_on": -1}, "trained_on = -1"),
    ],
)
def test_impossible_sizes_are_refused(wrong: dict[str, int], said: str):
    with pytest.raises(ConfigError, match=said) as caught:
        Sizes(**{"customers": 1, "articles": 1, "purchases": 1, **wrong})
    assert caught.value.hint


def test_unknown_recipes_and_executors_are_refused():
    with pytest.raises(ConfigError, match="no figures of the recipe 'best'") as caught:
        plan(HM, "best")
    assert "cascade" in (caught.value.hint or "")
    with pytest.raises(ConfigError, match="-1 executors"):
        plan(HM, executors=-1)


def test_without_figures_of_spark_none_are_made_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        "hemline.planning.estimate.constants", lambda: {**constants(), "spark": None}
    )
    with pytest.raises(ConfigError, match="no figures of Spark"):
        plan(HM, executors=2)
    assert plan(HM).there == ()


def invoke(*arguments: str) -> str:
    given = ("--customers", "13719800", "--articles", "105542", "--purchases", "317883240")
    found = CliRunner().invoke(app, ["plan", *given, *arguments])
    assert found.exit_code == 0, found.output
    return found.output


def test_the_table_and_the_json_say_the_same(monkeypatch: pytest.MonkeyPatch):
    fitted = {**constants(), "spark": FITTED["spark"]}
    fitted["spark"] = {
        **fitted["spark"],
        "stages": {"ingest": {"overhead_seconds": 5, "slowdown": 2}},
    }
    monkeypatch.setattr("hemline.planning.estimate.constants", lambda: fitted)
    found = json.loads(invoke("--json", "--executors", "8"))
    sizes = Sizes(13_719_800, 105_542, 317_883_240)
    assert found["total"]["here"] == asdict(total(plan(sizes).here))
    assert found["sizes"]["customers"] == 13_719_800
    assert found["here"][0]["stage"] == "ingest"
    assert found["there"][0]["seconds"] == pytest.approx(5 + found["here"][0]["seconds"] / 4)
    table = invoke("--executors", "8")
    for one in found["here"]:
        assert one["stage"] in table
    assert f"{found['machine']['cores']} cores" in table
    assert "Spark on 8 executors is" in table
    assert "Spark" not in invoke()
    assert "neighbours" not in invoke("--vectors", "0")


def test_spark_that_never_pays_is_said(monkeypatch: pytest.MonkeyPatch):
    slow = {"base_gib": 1.0, "stages": {"ingest": {"overhead_seconds": 9, "slowdown": 3}}}
    monkeypatch.setattr(
        "hemline.planning.estimate.constants", lambda: {**constants(), "spark": slow}
    )
    assert "Spark on 1 executor is not faster than one machine at any size" in invoke(
        "--executors", "1"
    )
