"""Models that are ordered lists of articles, of which a customer has some, weighed by taste."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from hemline.config import Section
from hemline.models.attributes import lacks_attribute
from hemline.models.base import Float32, Int32, Mask, Model, Repeat, TopK
from hemline.models.lists_kernel import best_of_lists, score_of_lists, shares
from hemline.models.sales import Float64, Int64, fading
from hemline.models.topk import best_by
from hemline.shop.histories import Histories

if TYPE_CHECKING:
    from hemline.shop.tables import Catalogue

BLOCK = 8192

S = TypeVar("S", bound=Section)
Taste = tuple[Int64, Int32, Float64]
"""Of n customers: bounds int64 (n + 1,), list int32 (m,), weight float64 (m,)."""


class Lists(Model[S]):
    """The articles with the largest weight x value on the lists of a customer.

    A subclass fills the lists and says which of them a customer has. An article on none of
    them, or with a value of 0, is not recommended, and scores 0.

    Attributes
    ----------
    indptr_ : int64 (lists + 1,)
    article_ : int32 (m,)
        Of each list the largest value first, ties by lower position.
    value_ : float32 (m,)
        Above 0.
    """

    fitted: ClassVar[tuple[str, ...]] = ("indptr_", "article_", "value_")

    indptr_: Int64
    article_: Int32
    value_: Float32

    def _set_lists(self, which: Int32, values: Float64 | Float32) -> None:
        """Make one list of each number in `which` (n_articles,); -1 and 0 stand in none."""
        held = np.flatnonzero((which >= 0) & (values.astype(np.float32) > 0)).astype(np.int32)
        self._set_sorted([(which[held], held, values[held])], int(which.max(initial=-1)) + 1)

    def _set_sorted(
        self, parts: Sequence[tuple[Int32, Int32, npt.NDArray[np.floating[Any]]]], n_lists: int
    ) -> None:
        """Make lists of parts (list, article, value), each (m,), in any order."""
        number = np.concatenate([np.zeros(0, np.int32), *(one for one, _, _ in parts)])
        article = np.concatenate([np.zeros(0, np.int32), *(one for _, one, _ in parts)])
        value = np.concatenate([np.zeros(0), *(one for _, _, one in parts)]).astype(np.float32)
        order = np.lexsort((article, -value, number))
        counts = np.bincount(number, minlength=n_lists)
        self.indptr_ = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self.article_ = article[order].astype(np.int32)
        self.value_ = value[order]
        self._loaded()

    def _loaded(self) -> None:
        self._by_position: tuple[Int32, Float32] | None = None

    @abstractmethod
    def _taste(self, histories: Histories, as_of: int | None) -> Taste:
        """Return which lists each customer has, and how much they weigh."""

    def _codes(self) -> Int32:
        """Return the list on which each article stands, or nothing when it may be on several."""
        return np.zeros(0, np.int32)

    def _recommend(
        self,
        histories: Histories,
        k: int,
        as_of: int | None,
        among: Mask | None,
        repeat: Repeat,
    ) -> TopK:
        def arrays(part: Histories) -> tuple[Any, ...]:
            return *self._taste(part, as_of), self.indptr_, self.article_, self.value_

        return best_by(
            best_of_lists, arrays, histories, k,
            as_of=as_of, among=among, repeat=repeat, block=BLOCK, threads=self.threads,
        )  # fmt: skip

    def _score(self, histories: Histories, candidates: Int32, as_of: int | None) -> Float32:
        found = np.empty(candidates.shape, np.float32)
        score_of_lists(
            *self._taste(histories, as_of), self.indptr_, *self._in_order_of_positions(),
            self._codes(), candidates, found,
        )  # fmt: skip
        return found

    def _in_order_of_positions(self) -> tuple[Int32, Float32]:
        if self._by_position is None:
            number = np.repeat(np.arange(len(self.indptr_) - 1), np.diff(self.indptr_))
            order = np.lexsort((self.article_, number))
            self._by_position = self.article_[order], self.value_[order]
        return self._by_position


class AttributeLists(Lists[S]):
    """One list for each value of an attribute, weighed by its share in the customer's purchases.

    The settings have `attribute`, `history_days` and `history_decay`.

    Attributes
    ----------
    code_ : int32 (n_articles,)
        The attribute of each article, -1 where it has none.
    """

    fitted: ClassVar[tuple[str, ...]] = (*Lists.fitted, "code_")

    code_: Int32

    def lacks(self, catalogue: Catalogue | None) -> str:
        """Say that no article has the attribute."""
        return lacks_attribute(catalogue, self.settings.attribute)  # type: ignore[attr-defined]

    def _fit(self, train: Histories, as_of: int | None) -> None:
        raise NotImplementedError("needs the catalogue")  # `lacks` has said so already

    def _codes(self) -> Int32:
        return self.code_

    def _taste(self, histories: Histories, as_of: int | None) -> Taste:
        settings = self.settings
        moment = self.cutoff_ if as_of is None else as_of
        most = histories.n_purchases
        bounds = np.zeros(len(histories) + 1, np.int64)
        group, share = np.empty(most, np.int32), np.empty(most)
        table = fading(settings.history_decay, settings.history_days)  # type: ignore[attr-defined]
        n = shares(
            np.ascontiguousarray(histories.start), np.ascontiguousarray(histories.stop),
            histories.article, histories.time, 0 if moment is None else moment,
            table[:1] if moment is None else table, self.code_, len(self.indptr_) - 1, bounds,
            group, share,
        )  # fmt: skip
        return bounds, group[:n], share[:n]


def one_list(n: int, number: Int32 | None = None) -> Taste:
    """Return n customers with one list each, of weight 1: number 0, or those given."""
    group = np.zeros(n, np.int32) if number is None else number
    return np.arange(n + 1, dtype=np.int64), group, np.ones(n)
