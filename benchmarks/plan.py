"""Fit the constants of `hemline plan` to what the other benchmarks recorded.

    python benchmarks/plan.py

Reads results/ten_times.json (every stage at a tenth of H&M's size, with fewer articles, with more
purchases a customer, at H&M's size and ten times it), neighbours.json, two_stage_size.json,
spark_score.json and spark_ingest.json, where they are; writes
src/hemline/planning/constants.json and results/plan.json, which says how far the fit is from each
figure. Nothing is measured here.

Time is fitted as processor time, which other work on the machine changes little, and becomes time
on the clock by the processors that a stage kept busy in its least disturbed measurement, those of
ingest.json and als.json among them; a stage without one keeps as many busy as these two.

Each cost is a sum of multiples of what it can grow with, none below zero, chosen so that the sum
of the squared relative deviations is least (Lawson and Hanson's NNLS on rows divided by the
figure).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import nnls

from hemline.planning.sizes import Sizes
from record import RESULTS, record
from ten_times import DIMENSIONS, SIZES, TRAINED_ON

CONSTANTS = Path(__file__).parents[1] / "src" / "hemline" / "planning" / "constants.json"
ABLE_SHARE = 0.65
"""Customers with at least five purchases; replaced by what ten_times.json says of a sample."""

JVM_GIB = 1.0
"""Of an executor, beside what its Python process takes."""

LEAST = 0.005
"""Seconds or GiB: a smaller figure says too little to be fitted to."""

GROWS_WITH: dict[str, dict[str, tuple[str, ...]]] = {
    "ingest": {
        "cpu_seconds": ("one", "articles", "customers", "purchases"),
        "peak_gib": ("one", "articles", "customers", "purchases_in_memory"),
        "disk_gib": ("articles", "customers", "purchases"),
        "spill_gib": ("customers", "purchases"),
    },
    "neighbours": {
        "cpu_seconds": ("one", "articles", "vector_pairs"),
        "peak_gib": ("one", "articles", "vector_pairs"),
    },
    "counts": {
        "cpu_seconds": ("one", "purchases", "pairs_of_articles"),
        "peak_gib": ("one", "articles", "purchases_in_memory"),
    },
    "als": {
        "cpu_seconds": ("one", "articles", "purchases_trained_on"),
        "peak_gib": ("one", "articles", "purchases_trained_on"),
    },
    "train": {
        "cpu_seconds": ("one", "articles", "customers", "purchases", "pairs_of_articles"),
        "peak_gib": ("one", "articles", "customers", "purchases"),
    },
    "recommend": {
        "cpu_seconds": ("one", "articles", "customers", "purchases"),
        "peak_gib": ("one", "customers_at_once", "articles"),
        "disk_gib": ("customers",),
    },
}
STEPS = {"ingest": "ingest", "neighbours": "neighbours", "counts": "counts", "als": "als"}
OTHERS = ("popular", "repurchase", "rules", "two-stage")
WITHOUT_PHOTOS = ("popular", "repurchase")


def sizes_of(found: dict[str, Any], name: str) -> Sizes:
    """Return what was measured under a name of `ten_times.SIZES`."""
    drawn = found[name]["simulate"]
    return Sizes(
        drawn["customers"],
        drawn["articles"],
        drawn["purchases"],
        dimensions=DIMENSIONS,
        trained_on=TRAINED_ON,
    )


def points(ten: dict[str, Any], step: str) -> list[tuple[str, Sizes, dict[str, float]]]:
    """Return where a step was measured, the size, and its figures."""
    found = []
    for name in SIZES:
        if name in ten and step in ten[name]:
            one = dict(ten[name][step])
            if step == "counts":  # the cascade does without the pairs of the rules
                both = one["popular_seconds"] + one["also_bought_seconds"]
                part = both / (both + one["co_purchase_seconds"])
                one["seconds"], one["cpu_seconds"] = both, one["cpu_seconds"] * part
            if step == "neighbours":
                part = one["without_drawing_seconds"] / one["seconds"]
                one["seconds"] *= part
                one["cpu_seconds"] *= part
            found.append((name, sizes_of(ten, name), one))
    return found


def undisturbed(stage: str) -> dict[str, float] | None:
    """Return the time of a stage as a benchmark of its own recorded it; None where none did."""
    where = {
        "ingest": ("ingest", "parquet", "hemline"),
        "als": ("als", "own_all_iterations"),
    }.get(stage)
    found: Any = opened(where[0]) if where else None
    if found is None:
        return None
    found = found["figures"]
    for name in (where or ())[1:]:
        found = found.get(name, {})
    return found if {"seconds", "cpu_seconds"} <= set(found) else None


def busy(stage: str, measured: list[tuple[str, Sizes, dict[str, float]]]) -> float:
    """Return how many processors a stage keeps busy where nothing else runs."""
    names = [stage] if undisturbed(stage) else ["ingest", "als"]
    alone = [one["cpu_seconds"] / one["seconds"] for name in names if (one := undisturbed(name))]
    seen = max(one["cpu_seconds"] / one["seconds"] for _, _, one in measured)
    return round(max(seen, sum(alone) / len(alone) if alone else 0.0), 2)


def fit(
    stage: str, measured: list[tuple[str, Sizes, dict[str, float]]], able_share: float
) -> tuple[dict[str, Any], dict[str, dict[str, float]]]:
    """Return the weights of one stage, and fitted over measured for every figure."""
    weights: dict[str, Any] = {"cores": busy(stage, measured)}
    ratios: dict[str, dict[str, float]] = {}
    for measure, names in GROWS_WITH[stage].items():
        rows = [
            (name, size, one[measure])
            for name, size, one in measured
            if one.get(measure, 0.0) >= LEAST  # below it is mostly rounding
        ]
        if not rows:
            continue
        terms = [size.terms(able_share) for _, size, _ in rows]
        table = np.array([[one[name] for name in names] for one in terms])
        wanted = np.array([figure for _, _, figure in rows])
        # columns of one size, or the solver stops early
        scale = np.maximum(table.max(axis=0), 1e-30)
        found, _ = nnls(table / wanted[:, None] / scale, np.ones(len(rows)))
        found /= scale
        weights[measure] = {
            name: float(f"{one:.6g}") for name, one in zip(names, found, strict=True) if one > 0
        }
        ratios[measure] = {
            name: round(float(row @ found / figure), 3)
            for (name, _, figure), row in zip(rows, table, strict=True)
        }
    return weights, ratios


def opened(name: str) -> dict[str, Any] | None:
    """Return a file of results; None where it has not been measured."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def spark() -> dict[str, Any] | None:
    """Return what Spark costs beside the same function here; None where it was not measured.

    The overhead is what a job takes beside its tasks, the session's start included; the slowdown
    is the processor seconds of its tasks over those of one machine. The tasks run the same block
    function for every recipe. Reading takes so many times as long as here, in executors of the
    memory that they were given.
    """
    found = opened("spark_score")
    if found is None:
        return None
    overheads, slowdowns = [], []
    for recipe in ("cascade", "rules"):
        one = found["figures"][recipe]
        there = one["spark"]
        here = min(one[name]["seconds"] for name in ("laptop", "laptop_afterwards"))
        cores = there["ready"]["executors"]  # each has one
        tasks = there["ready"]["task_seconds"]
        overheads.append(
            there["session_seconds"] + max(0.0, there["ready"]["seconds"] - tasks / cores)
        )
        slowdowns.append(max(1.0, tasks / cores / here))
    how = {
        "overhead_seconds": round(max(overheads), 1),
        "slowdown": round(max(slowdowns), 2),
    }
    stages = {"recommend": how}
    if (reading := opened("spark_ingest")) is not None:
        one = reading["figures"]
        # the session is counted with the job above, and is the same one
        stages["ingest"] = {
            "overhead_seconds": 0.0,
            "slowdown": one["times_the_laptop"],
            "peak_gib": float(one["spark"]["executor_memory"].rstrip("g")) + JVM_GIB,
        }
    return {"base_gib": JVM_GIB, "stages": stages}


def main() -> None:
    """Fit, and write both files."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    recorded = opened("ten_times")
    if recorded is None:
        raise SystemExit("run benchmarks/ten_times.py first")
    ten = recorded["figures"]
    able_share = ABLE_SHARE
    if "als" in ten.get("ten", {}) and ten["ten"]["als"]["share_of_customers"] < 1:
        share, customers = ten["ten"]["als"]["share_of_customers"], sizes_of(ten, "ten").customers
        able_share = round(TRAINED_ON / share / customers, 4)
    stages: dict[str, Any] = {}
    fitted: dict[str, Any] = {}
    for step, stage in STEPS.items():
        measured = points(ten, step)
        if step == "neighbours" and (other := opened("neighbours")) is not None:
            photos = other["figures"]["simulated photos"]
            size = Sizes(1, photos["rows"], 1, dimensions=photos["columns"])
            hemline = {**photos["hemline"], "cpu_seconds": 2 * photos["hemline"]["seconds"]}
            measured.append(("photos", size, hemline))
        if step == "als" and "als" not in ten["one"] and (one := undisturbed("als")):
            measured.append(("one", sizes_of(ten, "one"), one))
        stages[step], fitted[step] = fit(stage, measured, able_share)
    measured = points(ten, "recommend")
    stages["recommend cascade"], fitted["recommend cascade"] = fit(
        "recommend", measured, able_share
    )
    recipes = {"cascade": ["ingest", "neighbours", "counts", "als", "recommend cascade"]}
    for recipe in OTHERS:
        for what in ("train", "recommend"):
            measured = points(ten, f"{what}-{recipe}")
            there = f"{what}-{recipe}" in ten["one"]
            other = None if there or recipe != "two-stage" else opened("two_stage_size")
            if other is not None:
                key = {"train": "train", "recommend": "score"}[what]
                one = other["figures"][key]
                measured.append(
                    ("one", sizes_of(ten, "one"), {**one, "cpu_seconds": 2 * one["seconds"]})
                )
            if measured:
                name = f"{what} {recipe}"
                stages[name], fitted[name] = fit(what, measured, able_share)
        if f"recommend {recipe}" in stages:
            first = ["ingest"] if recipe in WITHOUT_PHOTOS else ["ingest", "neighbours"]
            recipes[recipe] = [*first, f"train {recipe}", f"recommend {recipe}"]
    deviations = [
        abs(one - 1)
        for stage in fitted.values()
        for each in stage.values()
        for one in each.values()
    ]
    content = {
        "measured": recorded["measured"],
        "commit": recorded["commit"],
        "machine": recorded["machine"],
        "within": round(float(np.ceil(max(deviations) * 20) / 20), 2),
        "able_share": able_share,
        "recipes": recipes,
        "stages": stages,
        "spark": spark(),
    }
    CONSTANTS.write_text(json.dumps(content, indent=1) + "\n")
    record(
        "plan",
        {
            "fitted_over_measured": fitted,
            "largest_deviation": round(max(deviations), 3),
            "median_deviation": round(float(np.median(deviations)), 3),
            "spark": content["spark"] is not None,
        },
        bars={"largest_deviation": "<= 0.35", "median_deviation": "<= 0.1"},
    )


if __name__ == "__main__":
    main()
