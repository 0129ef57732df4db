"""Our recipes and other people's libraries on the same folds of real purchases.

    python benchmarks/peers.py --data DIR [--lenskit PYTHON] [--set KEY=VALUE ...]

DIR holds `hm-week/` and `hm-sample/` in the Kaggle layout. Two grounds: the last three days
of the week after four (28,845 buyers, most of them new), and the last four weeks of the
sample, each after two years (few buyers, long histories).

The peers: five models of `implicit` and, where PYTHON has it (it wants an older NumPy),
LensKit's item-based neighbours and ALS; all called as their documentation shows, with its
defaults. Each way gets the purchases as a matrix of counts and answers the buyers whom it
knows. Two lines for each: with what a customer bought left out of the list, the libraries'
default, and with it allowed. Lists that are not full are filled with the popular articles of
the fold, as are those of customers whom the peer does not know. Training and answering is
timed, each way in a fresh process, one after another.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

K = 12
IMPLICIT = ("als", "bpr", "cosine", "bm25", "tfidf")
LENSKIT = ("item-knn", "als")
OURS = ("popular", "repurchase", "rules", "cascade", "two-stage")


def implicit_lists(name: str, folder: Path, repeat: bool) -> np.ndarray[Any, Any]:
    """Fit a model of implicit on train.npz, and ask it for the customers of targets.npy."""
    import implicit.als
    import implicit.bpr
    import implicit.nearest_neighbours
    from scipy import sparse

    nearest = implicit.nearest_neighbours
    model = {
        "als": lambda: implicit.als.AlternatingLeastSquares(random_state=1),
        "bpr": lambda: implicit.bpr.BayesianPersonalizedRanking(random_state=1),
        "cosine": nearest.CosineRecommender,
        "bm25": nearest.BM25Recommender,
        "tfidf": nearest.TFIDFRecommender,
    }[name]()
    train = sparse.load_npz(folder / "train.npz").tocsr()
    targets = np.load(folder / "targets.npy")
    model.fit(train, show_progress=False)
    ids, scores = model.recommend(
        targets, train[targets], N=K, filter_already_liked_items=not repeat
    )
    # an article without a score is no recommendation
    return np.where(np.isfinite(scores) & (scores > 0 if name != "bpr" else True), ids, -1)


def lenskit_lists(name: str, folder: Path, repeat: bool) -> np.ndarray[Any, Any]:
    """Fit a model of LensKit, and ask it for the customers of targets.npy."""
    import lenskit.als
    import lenskit.knn
    import pandas as pd
    from lenskit.batch import recommend
    from lenskit.data import from_interactions_df
    from lenskit.pipeline import topn_pipeline
    from scipy import sparse

    train = sparse.load_npz(folder / "train.npz").tocoo()
    targets = np.load(folder / "targets.npy")
    rows = pd.DataFrame({"user_id": train.row, "item_id": train.col})
    scorer = {
        "item-knn": lambda: lenskit.knn.ItemKNNScorer(max_nbrs=20, feedback="implicit"),
        "als": lambda: lenskit.als.ImplicitMFScorer(embedding_size=64),
    }[name]()
    pipeline = topn_pipeline(scorer, n=K)
    pipeline.train(from_interactions_df(rows))
    found = recommend(pipeline, targets.tolist(), K, n_jobs=1)
    place = {user: i for i, user in enumerate(targets.tolist())}
    lists = np.full((len(targets), K), -1, np.int64)
    for row in found.to_df().itertuples():
        if row.rank <= K:
            lists[place[row.user_id], row.rank - 1] = row.item_id
    return lists


def peer(library: str, name: str, folder: Path, repeat: bool) -> None:
    """Answer in this process: lists.npy, and seconds on standard output."""
    started = time.perf_counter()
    ways = {"implicit": implicit_lists, "lenskit": lenskit_lists}
    lists = ways[library](name, folder, repeat)
    np.save(folder / "lists.npy", lists)
    print(json.dumps({"seconds": time.perf_counter() - started}))


def filled(lists: np.ndarray[Any, Any], fill: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Complete every list, int (n, K), with the articles of `fill` that it has not yet."""
    found = np.full_like(lists, -1)
    for i, row in enumerate(lists):
        kept = list(dict.fromkeys(row[row >= 0].tolist()))
        held = set(kept)
        kept += [one for one in fill.tolist() if one not in held]
        found[i] = kept[:K]
    return found


class Ground:
    """One data set with its folds: who is asked, what they bought, what popularity says."""

    def __init__(self, folder: Path, work: Path, folds: list[Any] | None) -> None:
        from hemline.blocks import silent
        from hemline.config import Config
        from hemline.shop.ingest import ingest
        from hemline.shop.source import Shop
        from hemline.shop.splits import rolling_folds, split
        from hemline.shop.tables import Tables

        config = Config()
        ingest(Shop.from_folder(folder, config.ingest), config, work, silent)
        self.tables = Tables.open(work)
        histories = self.tables.histories
        self.folds = folds or rolling_folds(histories, 7, 4)
        self.splits = [split(histories, fold) for fold in self.folds]

    def judge(self, lists: list[np.ndarray[Any, Any]]) -> dict[str, Any]:
        """Return the metrics over the buyers of all folds, and apart for known and new ones."""
        from hemline.evaluate.metrics import per_customer

        each, warm = [], []
        for parted, one in zip(self.splits, lists, strict=True):
            buyers = parted.truth.buyers
            each.append(per_customer(one, parted.truth.take(buyers), K))
            warm.append(parted.train.take(buyers).lengths > 0)
        known = np.concatenate(warm)
        scores = np.concatenate([one["map"] for one in each])
        return {
            "map": round(float(scores.mean()), 6),
            "map_known": round(float(scores[known].mean()), 6),
            "ndcg": round(float(np.concatenate([one["ndcg"] for one in each]).mean()), 6),
            "recall": round(float(np.concatenate([one["recall"] for one in each]).mean()), 6),
            "buyers": len(scores),
            "buyers_known": int(known.sum()),
        }


def ours(ground: Ground, name: str, settings: list[str]) -> dict[str, Any]:
    """Judge a recipe of ours; its process has all folds."""
    from hemline.config import Config
    from hemline.evaluate.backtest import fold_lists
    from hemline.recommend.bundle import catalogue_of

    config = Config.load(None, [f"recipe={name}", *settings])
    catalogue = catalogue_of(config, ground.tables.articles)
    started = time.perf_counter()
    lists = [
        fold_lists(config, catalogue, parted, fold, K)
        for parted, fold in zip(ground.splits, ground.folds, strict=True)
    ]
    return {**ground.judge(lists), "seconds": round(time.perf_counter() - started, 2)}


def theirs(
    ground: Ground, library: str, name: str, python: str, repeat: bool, popular: list[Any]
) -> dict[str, Any]:
    """Judge a peer; it is asked for the buyers whom it knows, the rest get what is popular."""
    from scipy import sparse

    lists, seconds = [], 0.0
    for parted, fill in zip(ground.splits, popular, strict=True):
        buyers = parted.truth.buyers
        known = parted.train.take(buyers).lengths > 0
        with tempfile.TemporaryDirectory() as folder:
            sparse.save_npz(Path(folder) / "train.npz", parted.train.matrix())
            np.save(Path(folder) / "targets.npy", buyers[known])
            command = [python, __file__, "--peer", library, name, folder, str(int(repeat))]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            seconds += json.loads(done.stdout.splitlines()[-1])["seconds"]
            answered = np.load(Path(folder) / "lists.npy")
        whole = np.full((len(buyers), K), -1, np.int64)
        whole[known] = answered
        lists.append(filled(whole, fill))
    return {**ground.judge(lists), "seconds": round(seconds, 2)}


def measure_ground(ground: Ground, lenskit: str | None, settings: list[str]) -> dict[str, Any]:
    """Return the figures of every way on one ground."""
    from hemline.models.popular import Popular

    fills = [
        Popular().fit(parted.train, as_of=fold.cutoff).order_[0, :48]
        for parted, fold in zip(ground.splits, ground.folds, strict=True)
    ]
    found: dict[str, Any] = {}
    for name in OURS:
        found[name] = ours(ground, name, settings)
        print(name, found[name], flush=True)
    peers = [("implicit", one, sys.executable) for one in IMPLICIT]
    if lenskit:
        peers += [("lenskit", one, lenskit) for one in LENSKIT]
    for library, name, python in peers:
        # LensKit's pipeline has no switch for it: its default alone
        for repeat in (False, True) if library == "implicit" else (False,):
            label = f"{library} {name}" + ", repeats allowed" * repeat
            found[label] = theirs(ground, library, name, python, repeat, fills)
            print(label, found[label], flush=True)
    return found


def main() -> None:
    """Measure both grounds and write results/peers.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--lenskit", help="a Python that has LensKit")
    parser.add_argument("--set", action="append", default=[], help="settings of our recipes")
    parser.add_argument("--peer", nargs=4)
    asked = parser.parse_args()
    if asked.peer:
        library, name, folder, repeat = asked.peer
        peer(library, name, Path(folder), repeat == "1")
        return
    if asked.data is None:
        parser.error("--data is needed")
    from hemline.shop.splits import Fold
    from record import record

    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as work:
        week = Ground(asked.data / "hm-week", Path(work) / "w", [Fold.at(dt.date(2020, 9, 20), 3)])
        figures["three days after four"] = measure_ground(week, asked.lenskit, asked.set)
        sample = Ground(asked.data / "hm-sample", Path(work) / "s", None)
        figures["four weeks after two years"] = measure_ground(sample, asked.lenskit, asked.set)
    bars = {}
    for name, found in figures.items():
        best = max(one["map"] for label, one in found.items() if label not in OURS)
        found["best peer"] = {"map": best}
        bars[f"{name}.two-stage.map"] = f">= {best}"
    record("peers", figures, bars=bars)


if __name__ == "__main__":
    main()
