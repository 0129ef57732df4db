"""Gowalla in LightGCN's split: EASE and GraphFilter against their published figures.

python benchmarks/gowalla.py --data DIR

GraphFilter is the exact filter, with the paper's 256 directions and weight of the low-pass.
Its time is that of a process that reads nothing but the two text files: normalising, SVD,
filter rows, and 20 articles for each of the customers.

EASE chooses its regularization on a validation part of the training part (a fifth of each
customer's purchases). To be short, the choice is made among the articles with at least
MIN_CUSTOMERS customers; the model that is judged is trained on all 40,981, whose inverse takes
6.7 GB in place. Steps can be run one at a time with `--only`; what the others found before stays.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from published import Ratings, gowalla, judge, split
from record import RESULTS, measure_step, peak_bytes, record

K = 20
PUBLISHED = {"recall": 0.17649, "ndcg": 0.14666}
MIN_CUSTOMERS = 15
REGULARIZATION = (50.0, 100.0, 200.0, 400.0, 800.0)


def graph_filter(data: Path, out: Path) -> dict[str, Any]:
    """Fit the exact filter and answer everybody."""
    from hemline.models import GraphFilter

    train, test = gowalla(data)
    histories, truth = train.histories(), test.truth()
    started = time.perf_counter()
    model = GraphFilter(factors=256, low_pass=0.3, per_article=0).fit(histories)
    fitted = time.perf_counter()
    found = judge(model, histories, truth, K)
    return {
        **{name: round(found[name], 5) for name in ("recall", "ndcg")},
        "fit_seconds": round(fitted - started, 1),
        "minutes": round((time.perf_counter() - started) / 60, 2),
        "cpu_minutes": round(time.process_time() / 60, 2),
        "peak_gib": round(peak_bytes() / 2**30, 2),
    }


def restricted(ratings: Ratings) -> Ratings:
    """Return the ratings of articles with enough customers, renumbered."""
    kept = np.bincount(ratings.article, minlength=ratings.n_articles) >= MIN_CUSTOMERS
    rows = np.flatnonzero(kept[ratings.article])
    part = ratings.take(rows)
    place = np.cumsum(kept) - 1
    return Ratings(
        part.customer, place[part.article], part.rating, part.time, part.n_customers,
        int(kept.sum()),
    )  # fmt: skip


def ease_choice(data: Path, out: Path) -> dict[str, Any]:
    """Choose the regularization on a part of the training part."""
    from hemline.models import EASE

    train, _ = gowalla(data)
    part = restricted(train)
    fitted, held = split(part, "user", share=0.8, seed=1)
    histories, truth = fitted.histories(), held.truth()
    tried = {}
    for regularization in REGULARIZATION:
        model = EASE(regularization=regularization, max_articles=50_000).fit(histories)
        tried[f"recall_at_{regularization:g}"] = round(
            judge(model, histories, truth, K)["recall"], 5
        )
    best = max(tried, key=lambda name: tried[name])
    return {
        "articles": part.n_articles,
        "purchases_share": round(len(part) / len(train), 3),
        **tried,
        "chosen": float(best.removeprefix("recall_at_")),
    }


def ease(data: Path, out: Path) -> dict[str, Any]:
    """Train on everything with the regularization chosen, and answer everybody."""
    from hemline.models import EASE

    chosen = json.loads(out.read_text())["figures"]["ease_choice"]["chosen"]
    train, test = gowalla(data)
    histories, truth = train.histories(), test.truth()
    started = time.perf_counter()
    model = EASE(regularization=chosen, max_articles=50_000).fit(histories)
    fitted = time.perf_counter()
    found = judge(model, histories, truth, K)
    return {
        "regularization": chosen,
        **{name: round(found[name], 5) for name in PUBLISHED},
        **{
            f"{name}_from_published": round(abs(found[name] - wanted), 5)
            for name, wanted in PUBLISHED.items()
        },
        "fit_seconds": round(fitted - started, 1),
        "minutes": round((time.perf_counter() - started) / 60, 2),
        "cpu_minutes": round(time.process_time() / 60, 2),
        "peak_gib": round(peak_bytes() / 2**30, 2),
    }


STEPS = {"graph_filter": graph_filter, "ease_choice": ease_choice, "ease": ease}
BARS = {
    "graph_filter.recall": ">= 0.1849",
    "graph_filter.minutes": "<= 5",
    "ease.recall_from_published": "<= 0.001",
    "ease.ndcg_from_published": "<= 0.001",
}


def main() -> None:
    """Run the steps, each in a process of its own, and write results/gowalla.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with benchmarks/gowalla/")
    parser.add_argument("--only", choices=STEPS, action="append", help="run these steps")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    out = RESULTS / "gowalla.json"
    if arguments.step:
        print(json.dumps(STEPS[arguments.step](arguments.data, out)))
        return
    figures: dict[str, Any] = {}
    if arguments.only and out.exists():
        figures = json.loads(out.read_text())["figures"]
    for step in arguments.only or STEPS:
        output = measure_step(__file__, "--data", str(arguments.data), "--step", step).output
        figures[step] = json.loads(output)
        record("gowalla", figures, bars=BARS)


if __name__ == "__main__":
    main()
