"""A new day of purchases into a run of H&M's size, beside the run that it saves.

python benchmarks/update.py --data SHOP --work FOLDER [--recipe cascade] [--recipe two-stage]
                            [--step run] [--step update] [--step check]

SHOP is made by `hemline simulate SHOP --customers 1371980 --articles 105542 --days 731
--format parquet --vectors 2048`. Its last day is taken away; the rest is run whole, and then
the day is taken in. The seconds of the update count from the start of its process to the
recommendations of the customers concerned, and to those of all. The steps may be done by
calls of their own, one after the other with the same FOLDER; without --step all are done.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from record import measure, record

STEPS = ["run", "update", "check"]

RUN = """
import json, sys
import hemline
shop, out, recipe = sys.argv[1:4]
run = hemline.run(shop, out=out, recipe=recipe, settings={"evaluate.folds": 0})
print(json.dumps({name: one.seconds for name, one in run.status() if one}))
"""

UPDATE = """
import json, sys, time
import hemline
from hemline.pipeline import Silent
run, day, started = sys.argv[1], sys.argv[2], float(sys.argv[3])
class Listener(Silent):
    stages, concerned, notices = {}, None, []
    def finished(self, record, skipped):
        self.stages[record.name] = [record.seconds, skipped]
    def notice(self, text):
        self.notices.append(text)
        if "customers concerned" in text:
            self.concerned = time.time() - started
listener = Listener()
found = hemline.update(run, day, listener=listener)
print(json.dumps({"stages": listener.stages, "concerned": listener.concerned,
                  "notices": listener.notices,
                  "update": found.tables.summary["update"],
                  "lines": found.bundle.summary["lines"]}))
"""

INGEST = """
import sys
from pathlib import Path
from hemline.config import Config
from hemline.shop.ingest import ingest
from hemline.shop.source import Shop
ingest(Shop.from_folder(sys.argv[1]), Config(), Path(sys.argv[2]))
"""


def split(data: Path, work: Path) -> tuple[Path, Path, int]:
    """Write the shop without its last day, and that day; return both and the day's rows."""
    shop, day = work / "shop", work / "day.parquet"
    shop.mkdir(parents=True, exist_ok=True)
    source = data / "transactions_train.parquet"
    table = pq.read_table(source)
    last = pc.equal(table.column("t_dat"), pc.max(table.column("t_dat")))
    pq.write_table(table.filter(pc.invert(last)), shop / source.name)
    pq.write_table(table.filter(last), day)
    for name in ("articles.parquet", "customers.parquet", "vectors"):
        (shop / name).unlink(missing_ok=True)
        (shop / name).symlink_to((data / name).resolve())
    return shop, day, pc.sum(last).as_py()


def equal(data: Path, work: Path, run: Path) -> bool:
    """Tell whether the tables of the update are, byte for byte, those of all the data."""
    whole = work / "whole"
    shutil.rmtree(whole, ignore_errors=True)
    measure([sys.executable, "-c", INGEST, str(data), str(whole)])
    (tables,) = (run / "stages").glob("ingest-*")
    names = [one.relative_to(whole) for one in whole.rglob("*") if one.is_file()]
    names = [one for one in names if one.name != "ingest.json"]
    same = all((whole / one).read_bytes() == (tables / one).read_bytes() for one in names)
    shutil.rmtree(whole)
    return same and len(names) > 12


def run_whole(work: Path, shop: Path, recipe: str) -> dict[str, Any]:
    """Run all but the last day, afresh."""
    run = work / f"run-{recipe}"
    shutil.rmtree(run, ignore_errors=True)
    full = measure([sys.executable, "-c", RUN, str(shop), str(run), recipe])
    stages = json.loads(full.output.splitlines()[-1])
    return {
        "full_run_seconds": round(full.seconds, 1),
        "full_run_cpu_seconds": round(full.cpu_seconds, 1),
        "full_run_stages": {name: round(one, 1) for name, one in stages.items()},
    }


def update(work: Path, day: Path, recipe: str) -> dict[str, Any]:
    """Take the day in, and once more."""
    command = [sys.executable, "-c", UPDATE, str(work / f"run-{recipe}"), str(day)]
    measured = measure([*command, str(time.time())])
    found = json.loads(measured.output.splitlines()[-1])
    again = measure([*command, str(time.time())])
    return {
        "concerned_seconds": round(found["concerned"], 1),
        "all_seconds": round(measured.seconds, 1),
        "cpu_seconds": round(measured.cpu_seconds, 1),
        "peak_gib": round(measured.peak_bytes / 2**30, 2),
        "stages": {name: round(one[0], 1) for name, one in found["stages"].items() if not one[1]},
        "customers_concerned": found["update"]["customers"],
        "the_same_day_again_seconds": round(again.seconds, 1),
        "lines": found["lines"],
    }


def main() -> None:
    """Measure the run of all but the last day, the update with that day, and check its tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--recipe", action="append", help="default: cascade")
    parser.add_argument("--step", action="append", choices=STEPS, help="default: all")
    chosen = parser.parse_args()
    recipes, steps = chosen.recipe or ["cascade"], chosen.step or STEPS
    shop, day, kept = chosen.work / "shop", chosen.work / "day.parquet", chosen.work / "kept.json"
    figures: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    if "run" in steps and not day.exists():
        shop, day, figures["purchases"] = split(chosen.data, chosen.work)
    for recipe in recipes:
        one = figures.setdefault(recipe, {})
        if "run" in steps:
            one.update(run_whole(chosen.work, shop, recipe))
        if "update" in steps:
            one.update(update(chosen.work, day, recipe))
        kept.write_text(json.dumps(figures))
    if "check" in steps:
        run = chosen.work / f"run-{recipes[0]}"
        figures["tables_equal_a_rebuild"] = equal(chosen.data, chosen.work, run)
        kept.write_text(json.dumps(figures))
    measured = [
        name for name, one in figures.items() if isinstance(one, dict) and "all_seconds" in one
    ]
    if measured:
        bars = {f"{name}.concerned_seconds": "<= 90" for name in measured}
        record("update", figures, bars=bars | {f"{one}.all_seconds": "<= 240" for one in measured})


if __name__ == "__main__":
    main()
