"""What the channels cost at H&M's size, and what they reach on real weeks.

    python benchmarks/channels.py --data DIR --shop SHOP [--run RUN]

DIR holds `hm-week/` and `hm-sample/` in the Kaggle layout, SHOP a shop of H&M's size with photo
vectors (`hemline simulate SHOP --customers 1371980 --articles 105542 …`). RUN keeps the checked
tables and the neighbours of SHOP between calls. Every step is measured in a process of its own.

- gather: all channels fitted on SHOP as of its last day, then the candidates of every customer,
  block by block, on all processors.
- simulated: the report of the channels over the last week of SHOP.
- week: the same over 2020-09-20..22 of `hm-week`, learned from 09-16..19: every purchase, but
  almost no history.
- sample: the last 12 weeks of `hm-sample`, rolled: whole histories, but of 1,364 customers.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from record import measure_step, peak_bytes, record

BLOCK = 4096
WEEKS = 12


def opened(run: Path) -> tuple[Any, Any]:
    """Return the tables and the catalogue of a run whose stage `neighbours` is done."""
    from hemline.config import Config
    from hemline.photos.neighbours import Neighbours
    from hemline.recommend.bundle import catalogue_of
    from hemline.runs import RunFolder
    from hemline.shop.tables import Tables

    folder = RunFolder.open(run)
    tables = Tables.open(folder.folder("ingest"))
    neighbours = Neighbours.open(folder.folder("neighbours"))
    return tables, catalogue_of(Config(), tables.articles, neighbours)


def prepare(shop: Path, run: Path) -> None:
    """Ingest a shop and find its neighbours; what is done is skipped."""
    from hemline.config import Config
    from hemline.pipeline import run_stages
    from hemline.shop.source import Shop

    config = Config()
    run_stages(run, config, Shop.from_folder(shop, config.ingest), stages=["neighbours"])


def gather(run: Path, threads: int, als: Path | None, every: int) -> dict[str, Any]:
    """Fit every channel, then gather the candidates of every customer, or of every n-th block."""
    from hemline.blocks import available_threads, block_bounds, map_blocks
    from hemline.config import Config
    from hemline.models import ALS
    from hemline.recommend.channels import Channels

    tables, catalogue = opened(run)
    histories, as_of = tables.histories, tables.cutoff
    given = {"als": ALS.load(als)} if als else {}
    started, cpu = time.perf_counter(), time.process_time()
    channels = Channels(Config.of({"threads": threads}))
    channels.fit(histories, catalogue, as_of=as_of, given=given)
    fit = time.perf_counter() - started, time.process_time() - cpu
    fit_peak = peak_bytes()
    # every kernel is loaded before the clock starts
    channels.gather(histories.block(0, 8), as_of=as_of)
    started, cpu = time.perf_counter(), time.process_time()

    blocks = block_bounds(len(histories), BLOCK)[::every]

    def block(one: int, _: int) -> Any:
        return channels.gather(histories.block(*blocks[one]), as_of=as_of).counts

    counts = list(map_blocks(block, len(blocks), 1, threads))
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    each = np.concatenate(counts)
    gathered = np.concatenate([np.arange(low, high) for low, high in blocks])
    bought = histories.take(gathered).before(as_of).lengths > 0
    scale = len(histories) / len(each)
    return {
        "customers": len(histories),
        "customers_gathered": len(each),
        "threads": available_threads(threads),
        "als_was_given": als is not None,
        "fit_seconds": round(fit[0], 1),
        "fit_cpu_seconds": round(fit[1], 1),
        "fit_seconds_by_channel": {k: round(v, 2) for k, v in channels.fit_seconds_.items()},
        "fit_peak_gib": round(fit_peak / 2**30, 2),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu_seconds, 1),
        "cpu_seconds_for_all": round(cpu_seconds * scale, 1),
        "peak_gib": round(peak_bytes() / 2**30, 2),
        "candidates_mean": round(float(each.mean()), 1),
        "candidates_min": int(each.min()),
        "candidates_mean_of_buyers": round(float(each[bought].mean()), 1),
        "share_of_customers_with_100": round(float((each >= 100).mean()), 4),
        "channels": list(channels.names),
    }


def by_figure(found: dict[str, Any]) -> dict[str, Any]:
    """Turn the report of the channels to one table for each figure, rounded for reading."""
    lines = {one["channel"]: one for one in (*found.pop("channels"), found.pop("all"))}
    for name, digits in (("rows", 2), ("recall", 5), ("unique", 5), ("seconds", 2)):
        found[name] = {
            channel: round(one[name], digits)
            for channel, one in lines.items()
            if one[name] is not None
        }
    return found


def simulated(run: Path, threads: int) -> dict[str, Any]:
    """Report the channels over the last week of the simulated shop."""
    from hemline.config import Config
    from hemline.evaluate.channels import channel_report

    tables, catalogue = opened(run)
    config = Config.of({"threads": threads})
    report = channel_report(config, catalogue, tables.histories, as_of=tables.cutoff)
    return by_figure(report.to_json())


def real(folder: Path) -> tuple[Any, Any]:
    """Ingest a folder in the Kaggle layout; return histories and catalogue."""
    from hemline.blocks import silent
    from hemline.config import Config
    from hemline.recommend.bundle import catalogue_of
    from hemline.shop.histories import Histories
    from hemline.shop.ingest import ingest
    from hemline.shop.source import Shop
    from hemline.shop.tables import Tables

    config = Config()
    with tempfile.TemporaryDirectory() as out:
        ingest(Shop.from_folder(folder, config.ingest), config, Path(out), silent)
        tables = Tables.open(Path(out))
        mapped = tables.histories
        held: dict[str, Any] = {
            name: np.array(getattr(mapped, name))
            for name in ("start", "stop", "article", "time", "weight", "price", "channel", "age")
        }
        return Histories(n_articles=mapped.n_articles, **held), catalogue_of(
            config, tables.articles
        )


def week(data: Path) -> dict[str, Any]:
    """Report the channels over the second half of the real week."""
    from hemline.config import Config
    from hemline.evaluate.channels import channel_report
    from hemline.shop.splits import Fold

    histories, catalogue = real(data / "hm-week")
    fold = Fold.at(dt.date(2020, 9, 20), 3)
    return by_figure(channel_report(Config(), catalogue, histories, fold=fold).to_json())


def sample(data: Path) -> dict[str, Any]:
    """Report the channels over the last weeks of the sample, added up."""
    from hemline.config import Config
    from hemline.evaluate.channels import channel_report
    from hemline.shop.splits import rolling_folds

    histories, catalogue = real(data / "hm-sample")
    reports = [
        channel_report(Config(), catalogue, histories, fold=fold, as_of=fold.end).to_json()
        for fold in rolling_folds(histories, 7, WEEKS)
    ]
    customers = sum(one["customers"] for one in reports)
    bought = sum(one["bought"] for one in reports)

    def together(lines: list[dict[str, Any]]) -> dict[str, Any]:
        weights = [one["customers"] for one in reports], [one["bought"] for one in reports]
        rows = sum(w * one["rows"] for w, one in zip(weights[0], lines, strict=True))
        found = {**lines[0], "rows": rows / customers}
        for name in ("recall", "unique"):
            if lines[0][name] is not None:
                hits = sum(w * one[name] for w, one in zip(weights[1], lines, strict=True))
                found[name] = hits / bought
        found["precision"] = found["recall"] * bought / max(rows, 1)
        for name in ("fit_seconds", "seconds"):
            found[name] = sum(one[name] for one in lines)
        return found

    return by_figure(
        {
            "first_day": reports[0]["first_day"],
            "last_day": reports[-1]["last_day"],
            "customers": customers,
            "bought": bought,
            "channels": [
                together([one["channels"][at] for one in reports])
                for at in range(len(reports[0]["channels"]))
            ],
            "all": together([one["all"] for one in reports]),
            "left_out": reports[0]["left_out"],
        }
    )


def main() -> None:
    """Measure every step in a fresh process, and write results/channels.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of hm-week, hm-sample")
    parser.add_argument("--shop", type=Path, help="folder of a shop of H&M's size")
    parser.add_argument("--run", type=Path, help="run folder for --shop; a temporary one if unset")
    parser.add_argument("--als", type=Path, help="ALS fitted on --run already: not fitted again")
    parser.add_argument("--every", type=int, default=1, help="gather every n-th block only")
    parser.add_argument("--only-gather", action="store_true", help="leave the week of --run out")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--step")
    chosen = parser.parse_args()
    if chosen.step:
        done = {
            "gather": lambda: gather(chosen.run, chosen.threads, chosen.als, chosen.every),
            "simulated": lambda: simulated(chosen.run, chosen.threads),
            "week": lambda: week(chosen.data),
            "sample": lambda: sample(chosen.data),
        }[chosen.step]()
        print(json.dumps(done))
        return

    def step(name: str, *arguments: str) -> dict[str, Any]:
        given = ["--step", name, "--data", str(chosen.data), *arguments]
        found: dict[str, Any] = json.loads(measure_step(__file__, *given).output)
        print(name, found.get("seconds", ""))
        return found

    figures: dict[str, Any] = {"week": step("week"), "sample": step("sample")}
    bars = {}
    if chosen.shop or chosen.run:
        with tempfile.TemporaryDirectory() as folder:
            run = chosen.run or Path(folder) / "run"
            if chosen.shop:
                prepare(chosen.shop, run)
            arguments = ["--run", str(run), "--threads", str(chosen.threads)]
            given = ["--every", str(chosen.every)]
            given += ["--als", str(chosen.als)] if chosen.als else []
            figures["gather"] = step("gather", *arguments, *given)
            if not chosen.only_gather:
                figures["simulated"] = step("simulated", *arguments)
        bars = {
            # three minutes on two cores
            "gather.cpu_seconds_for_all": "<= 360",
            **({"gather.seconds": "<= 180"} if chosen.every == 1 else {}),
            "gather.candidates_mean": ">= 100",
            "gather.peak_gib": "<= 10",
        }
    record("channels", figures, bars=bars)


if __name__ == "__main__":
    main()
