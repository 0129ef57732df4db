"""One entrant of a comparison, in this process alone: `python -m … FOLDER` with a job.json."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from hemline.blocks import Progress
from hemline.config import Config
from hemline.errors import HemlineError
from hemline.evaluate.backtest import bundle_lists, judge
from hemline.evaluate.beyond import buyers_of, diversity, novelty
from hemline.evaluate.contest import RECALL_AT
from hemline.evaluate.metrics import per_customer
from hemline.evaluate.report import ALL
from hemline.memory import peak_bytes
from hemline.photos.neighbours import Neighbours
from hemline.recommend.bundle import catalogue_of, train_bundle
from hemline.shop.splits import Fold, split
from hemline.shop.tables import Catalogue, Tables

ALIKE_BY = (
    "product_type_no",
    "colour_group_code",
    "department_no",
    "index_code",
    "graphical_appearance_no",
)
"""Attributes by which two articles of a list are told apart; those that the shop has."""


def judge_fold(
    config: Config, tables: Tables, catalogue: Catalogue, fold: Fold, k: int, progress: Progress
) -> tuple[dict[str, Any], np.ndarray[Any, Any]]:
    """Train on what lies before the fold, judge its lists; also each buyer's own MAP@k."""
    histories = tables.histories
    parted = split(histories, fold)
    truth = parted.truth.take(parted.truth.buyers)
    started = time.perf_counter()
    bundle = train_bundle(config, catalogue, parted.train, as_of=fold.cutoff, progress=progress)
    trained = time.perf_counter()
    judged, threads = parted.train.take(parted.truth.buyers), config.threads
    lists = bundle_lists(bundle, judged, k, as_of=fold.cutoff, threads=threads)
    ended = time.perf_counter()
    longer = bundle_lists(bundle, judged, RECALL_AT, as_of=fold.cutoff, threads=threads)
    segments = judge(lists, parted, fold, k, histories.n_articles, threads)
    buyers, n = buyers_of(parted.train)
    codes = Catalogue.of(tables.articles, ALIKE_BY).codes
    known = {name: one for name, one in codes.items() if (one >= 0).any()}
    segments[ALL] |= {
        f"recall@{RECALL_AT}": float(per_customer(longer, truth, RECALL_AT)["recall"].mean()),
        "novelty": novelty(lists, k, buyers, n),
        "diversity": diversity(lists, k, known),
    }
    found = {
        "cutoff": fold.cutoff,
        "end": fold.end,
        "segments": segments,
        "train_seconds": round(trained - started, 3),
        "recommend_seconds": round(ended - trained, 3),
    }
    return found, per_customer(lists, truth, k, threads=threads)["map"]


def main(folder: Path) -> None:
    """Do the job of a folder and leave result.json and scores.npy in it."""
    job = json.loads((folder / "job.json").read_text())
    config = Config.of(job["config"], "job.json")
    tables = Tables.open(Path(job["ingest"]))
    neighbours = Neighbours.open(Path(job["neighbours"]))
    folds = [Fold(**one) for one in job["folds"]]
    found, scores = [], []
    try:
        catalogue = catalogue_of(config, tables.articles, neighbours)
        for i, fold in enumerate(folds):

            def told(done: int, total: int, i: int = i) -> None:
                print(i * 1000 + 1000 * done // max(total, 1), len(folds) * 1000, flush=True)  # noqa: T201

            figures, each = judge_fold(config, tables, catalogue, fold, job["k"], told)
            found.append(figures)
            scores.append(each)
        result: dict[str, Any] = {"folds": found, "peak_bytes": peak_bytes()}
        np.save(folder / "scores.npy", np.concatenate(scores), allow_pickle=False)
    except HemlineError as error:
        result = {"error": str(error), "hint": error.hint}
    (folder / "result.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
