"""Do product features help LightGCN with articles that never sold? On `hm-sample`, in time.

python benchmarks/lightgcn_cold.py --data DIR [--without-photos]

Three cutoffs, 28 days apart; trained on what came before, judged by the purchases of the next 28
days of articles that had never been sold: each customer's list of 100 of those articles. The
candidates are every such article that sells in the period, so a list by chance has a known
recall. Photos are embedded by SqueezeNet, and centred; categories are department, product type,
section, colour and index.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hemline.config import Config
from hemline.evaluate.metrics import evaluate
from hemline.models import LightGCN
from hemline.photos.embed import embed_photos
from hemline.shop.histories import SECONDS_PER_DAY, Histories
from hemline.shop.ingest import ingest
from hemline.shop.source import Shop
from hemline.shop.tables import Catalogue, Tables
from hemline.shop.truth import Truth
from record import record

DAYS, FOLDS, K = 28, 3, 100
CATEGORIES = (
    "department_no", "product_type_no", "section_no", "colour_group_code", "index_code",
)  # fmt: skip
SETTINGS = {"layers": 2, "factors": 64, "epochs": 20, "batch": 2048, "learning_rate": 0.005}


def photo_rows(data: Path, ids: list[str], work: Path) -> npt.NDArray[np.float32]:
    """Return a centred vector of length 1 for each article with a photo, else zeros."""
    weights = data / "weights" / "squeezenet11_gap512.onnx"
    preprocessing = {
        "channels": "BGR", "layout": "NCHW", "size": 224, "scale": 1.0,
        "mean": [103.939, 116.779, 123.68],
    }  # fmt: skip
    embed_photos(
        data / "hm-sample" / "images", ids, f"onnx:{weights}", preprocessing, work / "vectors",
        work=work / "chunks",
    )  # fmt: skip
    vectors = np.load(work / "vectors" / "vectors.npy").astype(np.float32)
    positions = np.load(work / "vectors" / "positions.npy")
    vectors -= vectors.mean(axis=0)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    rows = np.zeros((len(ids), vectors.shape[1]), np.float32)
    rows[positions] = vectors
    return rows


def judged(model: LightGCN, past: Histories, truth: Truth, among: Any, cutoff: int) -> Any:
    """Return recall of lists of new articles, and the share of purchases in the upper half."""
    buyers = truth.buyers
    held = past.take(buyers)
    lists = model.recommend(held, K, as_of=cutoff, among=among).articles
    found = evaluate(lists, truth.take(buyers), K, n_articles=past.n_articles)
    return {"recall": found["recall"], "listed": found["listed"]}


def main() -> None:
    """Measure each set of features, and write results/lightgcn_cold.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with hm-sample/")
    parser.add_argument("--without-photos", action="store_true", help="categories alone")
    arguments = parser.parse_args()
    data = arguments.data
    with tempfile.TemporaryDirectory() as work:
        ingest(Shop.from_folder(data / "hm-sample"), Config(), Path(work) / "ingest")
        tables = Tables.open(Path(work) / "ingest")
        catalogue = Catalogue.of(tables.articles, CATEGORIES)
        histories, end = tables.histories, tables.cutoff
        ways: dict[str, dict[str, Any]] = {
            "categories": {"attributes": CATEGORIES},
            "photo": {},
            "both": {"attributes": CATEGORIES},
        }
        photos = None
        if arguments.without_photos:
            ways = {"categories": ways["categories"]}
        else:
            photos = photo_rows(data, tables.article_ids.strings(), Path(work))
        rows: dict[str, list[dict[str, float]]] = {name: [] for name in ("by_chance", *ways)}
        warm: dict[str, list[float]] = {name: [] for name in ("none", *ways)}
        sizes = []
        for fold in range(FOLDS):
            cutoff = end - (fold + 1) * DAYS * SECONDS_PER_DAY
            past = histories.before(cutoff)
            period = histories.since(cutoff).before(cutoff + DAYS * SECONDS_PER_DAY)
            sold = np.zeros(histories.n_articles, bool)
            sold[past.article[past.rows()]] = True
            bought = Truth.of(period)
            customer = np.repeat(np.arange(len(bought)), bought.counts)
            fresh = ~sold[bought.articles] & (past.lengths[customer] > 0)
            new = Truth.from_pairs(customer[fresh], bought.articles[fresh], n_customers=len(bought))
            candidates = np.zeros(histories.n_articles, bool)
            candidates[bought.articles[~sold[bought.articles]]] = True
            sizes.append({"candidates": int(candidates.sum()), "purchases": int(fresh.sum())})
            rows["by_chance"].append({"recall": K / candidates.sum(), "listed": 1.0})
            for name, settings in {"none": {}, **ways}.items():
                model = LightGCN(**SETTINGS, **settings)
                if name in ("photo", "both"):
                    model.with_features(photos)
                model.threads = 1
                model.fit(past, as_of=cutoff, catalogue=catalogue)
                if name != "none":
                    rows[name].append(judged(model, past, new, candidates, cutoff))
                warm[name].append(judged(model, past, bought, sold, cutoff)["recall"])
                print(fold, name, rows.get(name, [None])[-1:], warm[name][-1], flush=True)
    figures = {
        "folds": sizes,
        "recall_of_new_articles": {
            name: round(float(np.mean([one["recall"] for one in each])), 4)
            for name, each in rows.items()
        },
        "recall_of_articles_sold_before": {
            name: round(float(np.mean(each)), 4) for name, each in warm.items()
        },
    }
    record("lightgcn_cold", figures)


if __name__ == "__main__":
    main()
