"""Expected time, memory and disk of every stage, on one machine and on a cluster."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

from hemline.errors import ConfigError
from hemline.planning.sizes import Sizes

MEASURES: Final = ("cpu_seconds", "peak_gib", "disk_gib", "spill_gib")
_SMALLEST: Final = 1e-4
_MOST_ROWS: Final = 2.1e9


@dataclass(frozen=True)
class Cost:
    """What one stage is expected to take.

    Attributes
    ----------
    seconds : float
        On the clock, on a machine that does nothing else.
    cpu_seconds : float
        Of all processors together.
    peak_gib : float
        The largest memory of one process: of the machine, or of each executor.
    disk_gib : float
        What stays.
    spill_gib : float
        What is needed beside it while the stage runs.
    """

    stage: str
    seconds: float
    cpu_seconds: float
    peak_gib: float
    disk_gib: float
    spill_gib: float


@dataclass(frozen=True)
class Plan:
    """The stages of a recipe on one machine, and on executors if they were asked for.

    Attributes
    ----------
    here : tuple of Cost
    there : tuple of Cost
        Empty without executors.
    spark_pays_from : float or None
        Millions of customers, with as many purchases each and the same articles; None where
        Spark is not faster at any size, or where nothing was asked.
    """

    recipe: str
    sizes: Sizes
    executors: int
    here: tuple[Cost, ...]
    there: tuple[Cost, ...]
    spark_pays_from: float | None
    machine: dict[str, Any]
    measured: str
    within: float

    def to_json(self) -> dict[str, Any]:
        """Return all of it as JSON can hold it, with totals."""
        found = asdict(self)
        found["total"] = {"here": asdict(total(self.here))}
        if self.there:
            found["total"]["there"] = asdict(total(self.there))
        return found


@cache
def constants() -> dict[str, Any]:
    """Return the fitted constants that `benchmarks/plan.py` wrote."""
    text = resources.files("hemline.planning").joinpath("constants.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def plan(sizes: Sizes, recipe: str = "cascade", executors: int = 0) -> Plan:
    """Say what a shop will take, from constants fitted to what was measured.

    Raises
    ------
    ConfigError
        The recipe was not measured, or the number of executors is not possible.
    """
    fitted = constants()
    if recipe not in fitted["recipes"]:
        raise ConfigError(
            f"no figures of the recipe {recipe!r}",
            hint=f"measured are {', '.join(fitted['recipes'])}",
        )
    if not 0 <= executors <= 10_000:
        raise ConfigError(f"{executors} executors", hint="give 1 to 10,000, or none")
    if executors and fitted["spark"] is None:
        raise ConfigError(
            "no figures of Spark yet",
            hint="benchmarks/spark_score.py measures them, benchmarks/plan.py takes them over",
        )
    here = on_one(sizes, recipe, fitted)
    there = on_executors(sizes, recipe, executors, fitted) if executors else ()
    return Plan(
        recipe,
        sizes,
        executors,
        here,
        there,
        pays_from(sizes, recipe, executors, fitted) if executors else None,
        fitted["machine"],
        fitted["measured"],
        fitted["within"],
    )


def on_one(sizes: Sizes, recipe: str, fitted: Mapping[str, Any]) -> tuple[Cost, ...]:
    """Return what each stage takes on one machine like that of the figures."""
    terms = sizes.terms(fitted["able_share"])
    names = fitted["recipes"][recipe]
    if not sizes.dimensions:
        names = [one for one in names if one != "neighbours"]
    return tuple(_cost(name, fitted["stages"][name], terms) for name in names)


def on_executors(
    sizes: Sizes, recipe: str, executors: int, fitted: Mapping[str, Any]
) -> tuple[Cost, ...]:
    """Return what each stage takes on executors, each with the cores of the measured machine.

    What Spark spreads takes its overhead once, and then `slowdown` times as long as here,
    divided among the executors. What only the driver does takes as long as here.
    """
    spark = fitted["spark"]
    found = []
    for cost in on_one(sizes, recipe, fitted):
        if cost.stage not in spark["stages"]:
            found.append(cost)
            continue
        how = spark["stages"][cost.stage]
        found.append(
            Cost(
                cost.stage,
                how["overhead_seconds"] + how["slowdown"] * cost.seconds / executors,
                how["slowdown"] * cost.cpu_seconds,
                how.get("peak_gib", spark["base_gib"] + cost.peak_gib),
                cost.disk_gib,
                cost.spill_gib,
            )
        )
    return tuple(found)


def pays_from(sizes: Sizes, recipe: str, executors: int, fitted: Mapping[str, Any]) -> float | None:
    """Return from how many million customers on Spark is faster; None where it never is."""

    def gained(factor: float) -> float:
        scaled = sizes.times(factor)
        there = total(on_executors(scaled, recipe, executors, fitted)).seconds
        return total(on_one(scaled, recipe, fitted)).seconds - there

    # positions and counts reach no further: no larger shop can be asked for
    low, high = _SMALLEST, _MOST_ROWS / max(sizes.customers, sizes.purchases)
    if gained(high) <= 0:
        return None
    for _ in range(60):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if gained(middle) > 0 else (middle, high)
    return high * sizes.customers / 1e6


def total(costs: tuple[Cost, ...]) -> Cost:
    """Return all stages as one: times and disk add up, memory and spill are the largest."""
    return Cost(
        "total",
        sum(one.seconds for one in costs),
        sum(one.cpu_seconds for one in costs),
        max(one.peak_gib for one in costs),
        sum(one.disk_gib for one in costs),
        max(one.spill_gib for one in costs),
    )


def _cost(name: str, fitted: Mapping[str, Any], terms: Mapping[str, float]) -> Cost:
    cpu, *others = (
        sum(weight * terms[term] for term, weight in fitted.get(one, {}).items())
        for one in MEASURES
    )
    # what is fitted for each recipe has its name after the stage's
    return Cost(name.partition(" ")[0], cpu / fitted["cores"], cpu, *others)
