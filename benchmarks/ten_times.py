"""H&M's size and ten times it, step by step: what time, memory and disk grow with.

    python benchmarks/ten_times.py --work DIR [--done DIR] [--sizes tenth few loyal one ten]

Simulates a shop of each size straight to Parquet under DIR, reads it, counts, finds similar
articles, trains, and recommends to everyone, each in a process of its own. The largest takes
36 GB of disk on the way; a size is removed before the next one is made, unless --keep. With
--done what a step measured is kept as SIZE-STEP.json, and is not measured again: a run that was
stopped goes on. --step SIZE-STEP does one step in this very process and prints its figures.

ALS trains on at most CUSTOMERS customers, sampled by their histories; `als_sample.py` measures
what that costs. The other recipes are measured up to H&M's size, for `plan.py`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from record import measure_step, peak_bytes, record

CUSTOMERS, ARTICLES, DAYS, ROWS = 1_371_980, 105_542, 731, 31_788_324
SIZES: dict[str, tuple[float, float, int]] = {
    "tenth": (0.1, 0.1, ARTICLES),
    "few": (0.1, 0.1, ARTICLES // 4),
    "loyal": (0.025, 0.1, ARTICLES),
    "one": (1, 1, ARTICLES),
    "ten": (10, 10, ARTICLES),
}
"""Shares of H&M's customers and of its purchases, and the number of articles. "few" has fewer
articles, "loyal" more purchases of each customer: they tell apart what a cost grows with."""

DIMENSIONS = 256
TRAINED_ON = 1_400_000
"""Customers that ALS trains on, about: the rule for shops that are larger."""

INGEST_GB = 5.0
BARS = {
    "ten.ingest.seconds": "<= 720",
    "ten.ingest.peak_gib": "<= 8",
    "ten_over_one.recommend.seconds": "<= 10.5",
    "ten_over_one.recommend.peak": "<= 1.1",
    "ten_over_one.neighbours.peak": "<= 1.1",
}
STEPS = ("simulate", "ingest", "counts", "neighbours", "als", "recommend")
RECIPES = ("popular", "repurchase", "rules", "two-stage")
K = 12


def on_disk(folder: Path) -> float:
    """Return the GiB that a folder or file takes."""
    files = [folder] if folder.is_file() else [one for one in folder.rglob("*") if one.is_file()]
    return round(sum(one.stat().st_size for one in files) / 2**30, 3)


class Spilled:
    """Watches how much lies in folders of a pattern while it lasts."""

    def __init__(self, folder: Path, pattern: str) -> None:
        self.folder, self.pattern = folder, pattern
        self.most = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Spilled:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()

    def _watch(self) -> None:
        while not self.ended.wait(0.5):
            held = 0
            for file in self.folder.glob(f"{self.pattern}/**/*"):
                with suppress(FileNotFoundError):  # it has been taken away meanwhile
                    held += file.stat().st_size
            self.most = max(self.most, held)


class Shop:
    """The steps of one size; each returns what it has to say beside time and memory."""

    def __init__(self, work: Path, size: str) -> None:
        self.customers, self.purchases, self.articles = SIZES[size]
        self.folder = work / size
        self.data, self.tables, self.bundle = (
            self.folder / name for name in ("shop", "tables", "bundle")
        )

    def opened(self) -> Any:
        """Return the tables."""
        from hemline.shop.tables import Tables

        return Tables.open(self.tables)

    def catalogue(self) -> Any:
        """Return what recipes know of the articles."""
        from hemline.config import Config
        from hemline.photos.neighbours import Neighbours
        from hemline.recommend.bundle import catalogue_of

        found = Neighbours.open(self.folder / "neighbours")
        return catalogue_of(Config(), self.opened().articles, found)

    def simulate(self) -> dict[str, Any]:
        """Draw the shop, purchases and customers alone."""
        from hemline.shop.simulate import simulate

        shutil.rmtree(self.data, ignore_errors=True)
        found = simulate(
            self.data,
            customers=round(CUSTOMERS * self.customers),
            purchases=round(ROWS * self.purchases),
            articles=self.articles,
            days=DAYS,
            seed=1,
            format="parquet",
            photos=False,
        )
        kept = ("customers", "articles", "purchases")
        return {**{name: found[name] for name in kept}, "disk_gib": on_disk(self.data)}

    def ingest(self) -> dict[str, Any]:
        """Read and check the files."""
        from hemline.config import Config
        from hemline.shop.ingest import ingest
        from hemline.shop.source import Shop as Source

        shutil.rmtree(self.tables, ignore_errors=True)
        config = Config().replaced({"ingest.memory_gb": INGEST_GB})
        with Spilled(self.folder, "tables-spill-*") as spilled:
            found = ingest(Source.from_folder(self.data), config, self.tables)
        return {
            "spill_gib": round(spilled.most / 2**30, 3),
            "purchases": found["purchases"]["rows_kept"],
            "buyers": found["purchases"]["customers_with_purchases"],
            "disk_gib": on_disk(self.tables),
        }

    def counts(self) -> dict[str, Any]:
        """Count what the cascade counts, and the pairs of the rules."""
        from hemline.config import Config
        from hemline.models import AlsoBought, CoPurchase, Popular

        histories, config = self.opened().histories, Config()
        chosen: dict[str, Any] = {
            "popular": Popular(**{**config.popular.model_dump(), "by_age": True}),
            "also_bought": AlsoBought(**config.also_bought.model_dump()),
            "co_purchase": CoPurchase(),
        }
        found = {}
        for name, model in chosen.items():
            started = time.perf_counter()
            model.fit(histories).save(self.bundle / "recipe" / name)
            found[f"{name}_seconds"] = round(time.perf_counter() - started, 1)
        return found

    def neighbours(self) -> dict[str, Any]:
        """Find the similar articles, whose number does not change with the customers."""
        from hemline.photos.embed import take_vectors
        from hemline.photos.neighbours import similar_articles
        from hemline.shop.simulate import simulate

        drawn, out = self.folder / "vectors", self.folder / "neighbours"
        for folder in (drawn, out):
            shutil.rmtree(folder, ignore_errors=True)
        simulate(
            drawn,
            customers=1,
            purchases=0,
            articles=self.articles,
            days=DAYS,
            seed=1,
            format="parquet",
            vectors=DIMENSIONS,
        )
        started = time.perf_counter()
        out.mkdir()
        ids = self.opened().article_ids
        take_vectors(drawn / "vectors", ids, out)
        similar_articles(out, len(ids), 10).save(out)
        return {"without_drawing_seconds": round(time.perf_counter() - started, 1)}

    def als(self) -> dict[str, Any]:
        """Train ALS on a sample where there are more customers."""
        from hemline.config import Config
        from hemline.models import ALS

        settings = {**Config().als.model_dump(), "max_customers": TRAINED_ON}
        model = ALS(**settings).fit(self.opened().histories)
        model.save(self.bundle / "recipe" / "als")
        return {
            "share_of_customers": round(model.share_, 4),
            "customers": model.core_.after.customers,
            "pairs": model.core_.after.pairs,
        }

    def recommend(self) -> dict[str, Any]:
        """Answer everyone with the cascade."""
        from hemline.config import Config
        from hemline.recommend.bundle import Bundle
        from hemline.recommend.cascade import Cascade

        catalogue = self.catalogue()
        (self.bundle / "recipe" / "summary.json").write_text("{}")
        recipe = Cascade.load(self.bundle / "recipe", Config(), catalogue)
        return self.answered(Bundle(recipe, catalogue, Config()))

    def answered(self, bundle: Any) -> dict[str, Any]:
        """Write the recommendations of everyone; what was there before does not count."""
        from hemline.recommend.output import recommend_all, write_recommendations

        tables, out = self.opened(), self.folder / "recommendations.parquet"
        started = time.perf_counter()
        written = write_recommendations(
            out,
            recommend_all(bundle, tables.histories, K, as_of=bundle.cutoff),
            tables.customer_ids,
            tables.article_ids,
            bundle.recipe.channel_names,
        )
        seconds = round(time.perf_counter() - started, 1)
        found = {"customers": written["customers"], "short": written["customers_short"]}
        found = {**found, "answering_seconds": seconds, "disk_gib": on_disk(out)}
        out.unlink()
        return found

    def train_recipe(self, name: str) -> dict[str, Any]:
        """Train another recipe."""
        from hemline.config import Config
        from hemline.recommend.bundle import train_bundle

        tables, folder = self.opened(), self.folder / f"bundle-{name}"
        config = Config.of({"recipe": name})
        shutil.rmtree(folder, ignore_errors=True)
        train_bundle(config, self.catalogue(), tables.histories, as_of=tables.cutoff).save(folder)
        return {"disk_gib": on_disk(folder)}

    def recommend_recipe(self, name: str) -> dict[str, Any]:
        """Answer everyone with another recipe."""
        from hemline.recommend.bundle import Bundle

        return self.answered(Bundle.open(self.folder / f"bundle-{name}"))


def steps_of(size: str) -> list[str]:
    """Return the names of the steps of a size, in order."""
    others = [f"{what}-{one}" for one in RECIPES for what in ("train", "recommend")]
    return [*STEPS, *(others if size != "ten" else [])]


def do(work: Path, size: str, name: str) -> dict[str, Any]:
    """Do one step in this process, measured from within."""
    shop = Shop(work, size)
    shop.folder.mkdir(parents=True, exist_ok=True)
    what, _, recipe = name.partition("-")
    step: Callable[[], dict[str, Any]] = (
        partial(getattr(shop, f"{what}_recipe"), recipe) if recipe else getattr(shop, name)
    )
    started, cpu = time.perf_counter(), time.process_time()
    found = step()
    return {
        "seconds": round(time.perf_counter() - started, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "peak_gib": round(peak_bytes() / 2**30, 3),
        **found,
    }


def ratios(figures: dict[str, Any]) -> dict[str, Any]:
    """Hold ten times H&M against H&M."""
    one, ten = figures["one"], figures["ten"]
    return {
        name: {
            "seconds": round(ten[name]["seconds"] / one[name]["seconds"], 2),
            "cpu_seconds": round(ten[name]["cpu_seconds"] / one[name]["cpu_seconds"], 2),
            "peak": round(ten[name]["peak_gib"] / one[name]["peak_gib"], 2),
        }
        for name in STEPS
        if name in one and name in ten
    }


def has(figures: dict[str, Any], path: str) -> bool:
    """Tell whether there is a figure of that path."""
    found: Any = figures
    for name in path.split("."):
        if name not in found:
            return False
        found = found[name]
    return True


def main() -> None:
    """Do every step of every size, each in a process of its own; write results/ten_times.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--done", type=Path, help="folder of steps measured already")
    parser.add_argument("--sizes", nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument(
        "--only-done", action="store_true", help="record what --done has, and measure nothing"
    )
    parser.add_argument("--note", help="kept with the figures: what else the machine did")
    parser.add_argument("--keep", action="store_true", help="do not remove what was made")
    parser.add_argument("--step", help="SIZE-STEP: only this one, in this process; prints JSON")
    chosen = parser.parse_args()
    if chosen.step:
        size, _, name = chosen.step.partition("-")
        print(json.dumps(do(chosen.work, size, name)))
        return
    figures: dict[str, Any] = {}
    for size in chosen.sizes:
        figures[size] = {}
        for name in steps_of(size):
            kept = chosen.done / f"{size}-{name}.json" if chosen.done else None
            if kept is not None and kept.exists():
                figures[size][name] = json.loads(kept.read_text())
            if name in figures[size] or chosen.only_done:
                continue
            given = ("--work", str(chosen.work), "--step", f"{size}-{name}")
            found = json.loads(measure_step(__file__, *given).output.splitlines()[-1])
            figures[size][name] = found
            if kept is not None:
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_text(json.dumps(found))
            print(size, name, found, flush=True)
        if not chosen.keep and not chosen.only_done:
            shutil.rmtree(chosen.work / size, ignore_errors=True)
    if chosen.note:
        figures["note"] = chosen.note
    bars = {}
    if {"one", "ten"} <= set(figures):
        figures["ten_over_one"] = ratios(figures)
        bars = {name: bar for name, bar in BARS.items() if has(figures, name)}
    record("ten_times", figures, bars=bars)


if __name__ == "__main__":
    main()
