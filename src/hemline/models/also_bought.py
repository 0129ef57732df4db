"""Others who bought what you bought also bought."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hemline.blocks import map_blocks
from hemline.config import AlsoBought as Settings
from hemline.models import passes
from hemline.models.also_bought_kernel import best_sums, count_paths, score_sums, turn
from hemline.models.base import Float32, Int32, Mask, Model, Repeat, TopK
from hemline.models.topk import best_by
from hemline.shop.histories import Histories
from hemline.shop.pairs import merge

BLOCK = 8192
MOST = np.iinfo(np.int32).max
ARTICLE_BLOCK = 128  # small, since a few articles take as long as thousands of others


class AlsoBought(Model[Settings]):
    """Paths through the graph of purchases: yours, another customer's of the same, another.

    The sources' query counts, for a customer c and an article r that c did not buy, the
    paths c -> p <- other -> r over purchases. With E the number of purchases of each article
    by each customer, that is the sum over c's purchases of row p of C = E'E without its
    diagonal: `recommend(..., repeat=Repeat.exclude())` is that query, when `per_article`
    is unset. An article with no path is not recommended and scores 0. Identical rows of the
    source are one purchase, as they are one edge in the sources' graph.

    Attributes
    ----------
    indptr_ : int64 (n_articles + 1,)
    article_ : int32 (nnz,)
        In each row of C, the `per_article` largest counts, ties by lower position.
    count_ : float32 (nnz,)
        Whole numbers, exact below 2^24.
    """

    name = "also_bought"
    settings_type = Settings
    fitted: ClassVar[tuple[str, ...]] = ("indptr_", "article_", "count_")

    indptr_: npt.NDArray[np.int64]
    article_: Int32
    count_: Float32

    def _fit(self, train: Histories, as_of: int | None) -> None:
        if len(train.article) > passes.IN_MEMORY and train.n_purchases > passes.IN_MEMORY:
            self._fit_in_passes(train)
            return
        n_articles = train.n_articles
        pairs = merge(train, threads=self.threads)
        indptr, article = pairs.indptr.astype(np.int64), pairs.indices
        times = pairs.data.astype(np.int32)
        bounds = np.zeros(n_articles + 1, np.int64)
        np.cumsum(np.bincount(article, minlength=n_articles), out=bounds[1:])
        buyer, bought = np.empty(len(article), np.int32), np.empty(len(article), np.int32)
        turn(indptr, article, times, bounds[:-1].copy(), buyer, bought)
        width = _width(train.lengths, bounds, buyer, bought)
        per_article = self.settings.per_article or n_articles
        held = np.zeros(n_articles, np.int64)

        def block(low: int, high: int) -> tuple[Int32, Float32]:
            return count_paths(  # type: ignore[no-any-return]
                indptr, article, times, bounds, buyer, bought, per_article, low, high,
                np.zeros(n_articles, width), held,
            )  # fmt: skip

        parts = list(map_blocks(block, n_articles, ARTICLE_BLOCK, self.threads))
        self.indptr_ = np.concatenate([[0], np.cumsum(held)]).astype(np.int64)
        self.article_ = np.concatenate([np.zeros(0, np.int32), *(one for one, _ in parts)])
        self.count_ = np.concatenate([np.zeros(0, np.float32), *(one for _, one in parts)])

    def _fit_in_passes(self, train: Histories) -> None:
        """Count the same paths while the histories stream past, a few articles at a time."""
        from hemline.models.passes_kernel import add_paths, count_steps

        steps = np.zeros(train.n_articles)
        for block in train.blocks():
            count_steps(*_rows(block), steps)
        narrow = steps.max(initial=0) < MOST

        def add(
            block: Histories, low: int, high: int, sums: npt.NDArray[np.int64], totals: object
        ) -> None:
            add_paths(*_rows(block), low, high, sums)

        self.indptr_, self.article_, self.count_ = passes.sums_in_passes(
            train, add, np.int32 if narrow else np.int64,
            self.settings.per_article or train.n_articles, threads=self.threads,
        )  # fmt: skip

    def _recommend(
        self,
        histories: Histories,
        k: int,
        as_of: int | None,
        among: Mask | None,
        repeat: Repeat,
    ) -> TopK:
        return best_by(
            best_sums, self._arrays, histories, k,
            as_of=as_of, among=among, repeat=repeat, block=BLOCK, threads=self.threads,
        )  # fmt: skip

    def _score(self, histories: Histories, candidates: Int32, as_of: int | None) -> Float32:
        found = np.empty(candidates.shape, np.float32)
        score_sums(*self._arrays(histories), candidates, found)
        return found

    def _arrays(self, histories: Histories) -> tuple[Any, ...]:
        return (
            np.ascontiguousarray(histories.start), np.ascontiguousarray(histories.stop),
            histories.article, self.indptr_, self.article_, self.count_,
        )  # fmt: skip


def _rows(
    block: Histories,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Int32]:
    return np.ascontiguousarray(block.start), np.ascontiguousarray(block.stop), block.article


def _width(
    lengths: npt.NDArray[np.int64], bounds: npt.NDArray[np.int64], buyer: Int32, bought: Int32
) -> type[np.int32 | np.int64]:
    """Return the narrower integer that no sum of an article's row can overflow."""
    # a customer who bought p b times, and n things in all, adds at most b x n to any sum
    paths = np.concatenate([[0.0], np.cumsum(bought.astype(np.float64) * lengths[buyer])])
    most = np.diff(paths[bounds]).max(initial=0)
    return np.int32 if most < MOST else np.int64
