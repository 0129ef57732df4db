"""What there is to show of a run: its backtest, its recommendations, what was compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from hemline.errors import HemlineError
from hemline.service import Recommender


def run_facts(run: Recommender) -> dict[str, Any]:
    """Collect what a run's finished stages hold, as plain values.

    Returns
    -------
    dict
        `recipe`; `backtest`, `recommendations`, `comparison`, `channels`, `importance` where
        the run has them.
    """
    found: dict[str, Any] = {"recipe": run.config.recipe, "k": run.config.k}
    done = {name for name, record in run.status() if record is not None}
    if "evaluate" in done:
        found["backtest"] = run.backtest() or None
    if "recommend" in done:
        path = run.run.folder("recommend") / "recommendations.parquet"
        found["recommendations"] = recommended(path, len(run.tables.article_ids))
    if "train" in done:
        found["importance"] = _importance(run)
    for name in ("comparison", "channels"):
        kept = run.run.path / f"{name}.json"
        if kept.exists():
            found[name] = json.loads(kept.read_text())
    return {name: one for name, one in found.items() if one is not None}


def _importance(run: Recommender) -> list[dict[str, Any]] | None:
    try:
        return run.bundle.summary.get("importance") or None
    except HemlineError:
        return None  # a bundle of another version: everything else can still be shown


def recommended(path: Path, n_articles: int) -> dict[str, Any]:
    """Count what was recommended: articles by channel and rank, and how much of the catalogue.

    Parameters
    ----------
    path : path
        schema.RECOMMENDATIONS; read a row group at a time.
    n_articles : int
    """
    file = pq.ParquetFile(path)
    by_channel: dict[str, int] = {}
    first: dict[str, int] = {}
    times: dict[str, int] = {}
    rows = 0
    for batch in file.iter_batches(1 << 20, columns=["rank", "article_id", "channel"]):
        rows += batch.num_rows
        top = batch.column("rank").to_numpy() == 1
        channels = batch.column("channel")
        places = channels.indices.to_numpy()
        for counts, which in ((by_channel, places), (first, places[top])):
            for name, n in zip(
                channels.dictionary.to_pylist(),
                np.bincount(which, minlength=len(channels.dictionary)).tolist(),
                strict=True,
            ):
                counts[name] = counts.get(name, 0) + n
        articles = batch.column("article_id")
        counted = np.bincount(articles.indices.to_numpy(), minlength=len(articles.dictionary))
        for place in np.flatnonzero(counted).tolist():
            name = articles.dictionary[place].as_py()
            times[name] = times.get(name, 0) + int(counted[place])
    most = sorted(times.items(), key=lambda one: (-one[1], one[0]))[:10]
    return {
        "rows": rows,
        "by_channel": [{"channel": name, "n": n} for name, n in by_channel.items() if n],
        "first_by_channel": [{"channel": name, "n": n} for name, n in first.items() if n],
        "articles": len(times),
        "coverage": len(times) / n_articles if n_articles else None,
        "most": [{"article_id": name, "n": n, "share": n / max(rows, 1)} for name, n in most],
    }
