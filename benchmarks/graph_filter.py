"""GraphFilter at H&M's size: fit and top-12 for every customer, and what the short rows cost.

python benchmarks/graph_filter.py --tables DIR

DIR is a folder that `ingest` wrote, of a shop of H&M's size. The first process opens the mapped
histories, fits and recommends to everybody. The second computes the exact answer for 10,000
customers spread evenly over all: the linear term through the graph itself, with every entry, and
the low-pass with the singular vectors of ARPACK instead of the randomised ones; recall is
the share of the exact twelve that were found. What was bought is not recommended again, for
else the customer's own articles would take most places.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from record import RESULTS, measure_step, peak_bytes, record

K = 12
SAMPLE = 10_000
BLOCK = 100
"""Sampled customers answered at once."""


def opened(tables: Path) -> tuple[Any, int]:
    """Return the histories and the end of their last day."""
    from hemline.shop.histories import Histories, end_of_day

    histories = Histories.open(tables / "histories")
    last = histories.last_time()
    assert last is not None
    return histories, end_of_day(last)


def sampled(n: int) -> Any:
    """Return rows spread evenly over all."""
    return np.unique(np.linspace(0, n - 1, SAMPLE).astype(np.int64))


def whole(tables: Path, out: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Fit and recommend to everybody."""
    from hemline.models import GraphFilter
    from hemline.models.base import Repeat

    started = time.perf_counter()
    histories, as_of = opened(tables)
    model = GraphFilter(**settings)
    marks = []
    model.progress = lambda done, total: marks.append(time.perf_counter())
    model.fit(histories, as_of=as_of)
    fitted = time.perf_counter()
    found = model.recommend(histories, K, as_of=as_of, repeat=Repeat.exclude())
    ended = time.perf_counter()
    model.save(out / "model")
    np.save(out / "found.npy", found.articles[sampled(len(histories))])
    return {
        **model.settings.model_dump(include={"factors", "low_pass", "per_article", "rounds"}),
        "customers": len(histories),
        "articles": histories.n_articles,
        "purchases": histories.n_purchases,
        "svd_seconds": round(marks[-1] - marks[0], 1),
        "fit_seconds": round(fitted - started, 1),
        "recommend_seconds": round(ended - fitted, 1),
        "minutes": round((ended - started) / 60, 2),
        "cpu_minutes": round(time.process_time() / 60, 2),
        "peak_gib": round(peak_bytes() / 2**30, 2),
        "model_mb": round(sum(one.stat().st_size for one in (out / "model").iterdir()) / 1e6, 1),
        "lists_of_12": round(float((found.articles[:, -1] >= 0).mean()), 4),
    }


def exact(tables: Path, out: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Answer the sample exactly and compare."""
    from scipy import sparse
    from scipy.sparse.linalg import LinearOperator, eigsh

    from hemline.models import GraphFilter
    from hemline.models.base import Repeat
    from hemline.models.topk import exclusions, top_k
    from hemline.models.weights import interactions

    started = time.perf_counter()
    model = GraphFilter.load(out / "model")
    histories, as_of = opened(tables)
    matrix = interactions(histories, as_of, model.settings.weights)
    counts = np.asarray(matrix.sum(axis=1)).ravel(), np.asarray(matrix.sum(axis=0)).ravel()
    of_customer, of_article = (
        np.divide(1, np.sqrt(one), out=np.zeros(len(one)), where=one > 0) for one in counts
    )
    normal = sparse.diags_array(of_customer).dot(matrix).dot(sparse.diags_array(of_article))
    normal = sparse.csr_matrix(normal, dtype=np.float32)
    turned = normal.T.tocsr()
    operator = LinearOperator(
        (normal.shape[1],) * 2, matvec=lambda x: turned @ (normal @ x), dtype=np.float32
    )
    values, vectors = eigsh(operator, k=model.settings.factors, tol=1e-5)
    svd_seconds = time.perf_counter() - started
    ends = np.sqrt(counts[1])[:, None] * vectors
    starts = (model.settings.low_pass * of_article[:, None] * vectors).astype(np.float32)
    ends_turned = np.ascontiguousarray(ends.T, np.float32)
    rows = sampled(len(histories))
    part = histories.take(rows)
    mine = matrix[rows]
    answers = np.empty((len(rows), K), np.int32)
    for low in range(0, len(rows), BLOCK):
        some = mine[low : low + BLOCK]
        scores = np.asarray(((some @ turned) @ normal).todense(), np.float32)
        scores += (some @ starts) @ ends_turned
        scores[:, counts[1] == 0] = -np.inf
        scores[np.diff(some.indptr) == 0] = -np.inf
        excluded = exclusions(part.block(low, low + BLOCK), Repeat.exclude(), as_of)
        answers[low : low + BLOCK] = top_k(scores, K, excluded=excluded).articles
    found = np.load(out / "found.npy")
    asked = (answers[:, 0] >= 0).nonzero()[0]
    shared = [np.isin(found[one], answers[one]).sum() / K for one in asked]
    firsts = (found[asked, 0] == answers[asked, 0]).mean()
    return {
        "customers": len(asked),
        "recall_at_12": round(float(np.mean(shared)), 4),
        "same_first": round(float(firsts), 4),
        "smallest_singular_value": round(float(np.sqrt(values.min())), 4),
        "svd_seconds": round(svd_seconds, 1),
        "seconds": round(time.perf_counter() - started, 1),
    }


STEPS = {"whole": whole, "exact": exact}


def main() -> None:
    """Fit, recommend, compare, and write results/graph_filter.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=Path, required=True)
    parser.add_argument("--settings", type=json.loads, default={}, help="JSON, of the model")
    parser.add_argument("--out", type=Path, help="folder that keeps the model; else thrown away")
    parser.add_argument("--only", choices=STEPS, help="run this step; what the other found stays")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        step = STEPS[arguments.step]
        print(json.dumps(step(arguments.tables, arguments.out, arguments.settings)))
        return
    with tempfile.TemporaryDirectory() as folder:
        out = arguments.out or Path(folder)
        out.mkdir(parents=True, exist_ok=True)
        given = ["--tables", str(arguments.tables), "--out", str(out)]
        given += ["--settings", json.dumps(arguments.settings)]
        figures: dict[str, Any] = {}
        if arguments.only:
            before = RESULTS / "graph_filter.json"
            figures = json.loads(before.read_text())["figures"] if before.exists() else {}
        for step in [arguments.only] if arguments.only else STEPS:
            output = measure_step(__file__, *given, "--step", step).output
            figures[step] = json.loads(output)
    record(
        "graph_filter",
        figures,
        bars={"whole.minutes": "<= 12", "whole.peak_gib": "<= 12"},
    )


if __name__ == "__main__":
    main()
