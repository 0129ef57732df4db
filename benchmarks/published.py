"""Public data sets with published tables: how they are read, split and judged.

MovieLens 100k is split as Microsoft's Recommenders split it, Gowalla as LightGCN's authors did.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from hemline.evaluate.metrics import evaluate
from hemline.models.base import Model, Repeat
from hemline.shop.histories import Histories
from hemline.shop.truth import Truth


@dataclass(frozen=True)
class Ratings:
    """Ratings in the order of their file; customers and articles by position.

    Attributes
    ----------
    customer, article : int64 (m,)
    rating : float32 (m,)
        1 where the data has none.
    time : int64 (m,)
        Seconds; 0 where the data has none.
    n_customers, n_articles : int
    """

    customer: npt.NDArray[np.int64]
    article: npt.NDArray[np.int64]
    rating: npt.NDArray[np.float32]
    time: npt.NDArray[np.int64]
    n_customers: int
    n_articles: int

    def __len__(self) -> int:
        return len(self.customer)

    def take(self, rows: npt.NDArray[Any]) -> Ratings:
        """Return some of the ratings, over the same customers and articles."""
        return Ratings(
            self.customer[rows],
            self.article[rows],
            self.rating[rows],
            self.time[rows],
            self.n_customers,
            self.n_articles,
        )

    def histories(self) -> Histories:
        """Return the ratings as histories, the weight being the rating."""
        return Histories.from_purchases(
            self.customer,
            self.article,
            n_customers=self.n_customers,
            n_articles=self.n_articles,
            time=self.time,
            weight=self.rating,
        )

    def truth(self) -> Truth:
        """Return what each customer rated, whatever the rating."""
        return Truth.from_pairs(self.customer, self.article, n_customers=self.n_customers)


def movielens_100k(data: Path) -> Ratings:
    """Read `benchmarks/ml-100k/u.data`: user, item, rating and seconds by tabs."""
    table = np.loadtxt(data / "benchmarks" / "ml-100k" / "u.data", np.int64, delimiter="\t")
    users, customer = np.unique(table[:, 0], return_inverse=True)
    items, article = np.unique(table[:, 1], return_inverse=True)
    return Ratings(
        customer.astype(np.int64),
        article.astype(np.int64),
        table[:, 2].astype(np.float32),
        table[:, 3],
        len(users),
        len(items),
    )


def gowalla(data: Path) -> tuple[Ratings, Ratings]:
    """Read the train and test parts of `benchmarks/gowalla`: a user, then the user's items."""
    parts = []
    for name in ("train.txt", "test.txt"):
        text = (data / "benchmarks" / "gowalla" / name).read_text()
        lines = [np.array(line.split(), np.int64) for line in text.splitlines() if line.strip()]
        customer = np.repeat([line[0] for line in lines], [len(line) - 1 for line in lines])
        parts.append((customer, np.concatenate([line[1:] for line in lines])))
    n_customers = 1 + max(int(customer.max()) for customer, _ in parts)
    n_articles = 1 + max(int(article.max()) for _, article in parts)
    train, test = (
        Ratings(
            customer.astype(np.int64),
            article,
            np.ones(len(article), np.float32),
            np.zeros(len(article), np.int64),
            n_customers,
            n_articles,
        )
        for customer, article in parts
    )
    return train, test


def split(
    ratings: Ratings, by: Literal["user", "item"], *, share: float = 0.75, seed: int = 42
) -> tuple[Ratings, Ratings]:
    """Return training and test part, each user or item divided at random.

    One number is drawn for each rating in the order of the file; the ratings of a user or item
    are sorted by it, and the first round(share x count) train.
    """
    random = np.random.RandomState(seed).rand(len(ratings))  # as after np.random.seed(seed)
    key = ratings.customer if by == "user" else ratings.article
    counts = np.bincount(key)
    order = np.lexsort((random, key))
    firsts = np.cumsum(counts) - counts
    rank = np.arange(len(order)) - firsts[key[order]] + 1
    trains = np.zeros(len(ratings), bool)
    trains[order] = rank <= np.round(share * counts[key[order]])
    return ratings.take(np.flatnonzero(trains)), ratings.take(np.flatnonzero(~trains))


def judge(model: Model[Any], train: Histories, truth: Truth, k: int) -> dict[str, float]:
    """Return map, ndcg, precision and recall at k; what was trained on is not recommended.

    Every test rating is relevant, and MAP divides by all of them, as the published tables do.
    """
    found = model.recommend(train, k, as_of=model.cutoff_, repeat=Repeat.exclude())
    measured = evaluate(
        found.articles, truth, k, n_articles=train.n_articles, denominator="relevant"
    )
    return {name: measured[name] for name in ("map", "ndcg", "precision", "recall")}
