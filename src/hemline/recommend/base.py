"""What a recipe is, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt

from hemline.blocks import Progress, silent
from hemline.config import Config
from hemline.errors import ConfigError, CutoffError
from hemline.models.base import Float32, Int32, Mask
from hemline.shop.histories import Histories
from hemline.shop.tables import Catalogue

if TYPE_CHECKING:
    from hemline.recommend.earlier import Earlier


@dataclass(frozen=True)
class Recommendations:
    """k articles for each of n customers, best first, all different in a row.

    Attributes
    ----------
    articles : int32 (n, k)
        Positions; -1 only where fewer than k articles may be recommended at all.
    scores : float32 (n, k)
        What ranked the article within its channel. Comparable within a channel only.
    channels : int8 (n, k)
        Which of the recipe's `channel_names` proposed it; -1 with articles -1.
    """

    articles: Int32
    scores: Float32
    channels: npt.NDArray[np.int8]

    @classmethod
    def empty(cls, n: int, k: int) -> Recommendations:
        """Return n rows of k places in which nothing is recommended yet."""
        return cls(
            np.full((n, k), -1, np.int32),
            np.full((n, k), -np.inf, np.float32),
            np.full((n, k), -1, np.int8),
        )

    def __len__(self) -> int:
        return len(self.articles)


class Recipe(Protocol):
    """Models joined into one answer. Learned on the catalogue's side alone.

    A recipe is fitted once and then answers any block of histories; it holds no customer.

    Attributes
    ----------
    n_articles_ : int
        Size of the catalogue that it was fitted on.
    cutoff_ : int or None
        Seconds: the purchases before it were learned from; None for undated data.
    summary_ : dict
        What there is to say about the fit, as JSON.
    earlier : Earlier or None
        A recipe of before that the next `fit` goes on from, where it can.
    """

    name: ClassVar[str]
    n_articles_: int
    cutoff_: int | None
    summary_: dict[str, Any]
    earlier: Earlier | None

    def __init__(self, config: Config) -> None: ...

    @property
    def channel_names(self) -> tuple[str, ...]:
        """What the numbers of `Recommendations.channels` stand for."""
        ...

    def fit(
        self,
        train: Histories,
        catalogue: Catalogue,
        *,
        as_of: int | None = None,
        progress: Progress = silent,
    ) -> Self:
        """Learn from purchases before `as_of` (seconds), afresh.

        None means the end of the last day in `train`, or no time at all for undated data.
        """
        ...

    def recommend(
        self,
        histories: Histories,
        k: int,
        *,
        as_of: int | None,
        among: Mask | None = None,
    ) -> Recommendations:
        """Answer one block of customers, on the calling thread.

        Parameters
        ----------
        histories : Histories of n customers
        k : int
        as_of : int or None
            Seconds. Purchases at or after it are not seen. None only for undated data.
        among : bool (n_articles,) or (n, n_articles), optional
            True where an article may be recommended, by whatever channel.

        Raises
        ------
        CutoffError
            `as_of` lies before the recipe's cutoff, or is None though it has one.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write what was learned, without the catalogue."""
        ...

    @classmethod
    def load(cls, folder: Path, config: Config, catalogue: Catalogue) -> Self:
        """Map what `save` wrote into memory."""
        ...


@dataclass(frozen=True)
class Request:
    """A question to a recipe, checked, as plain arrays for the kernels.

    Attributes
    ----------
    histories : Histories of n customers
        Cut at `as_of`.
    among : bool (0 or 1 or n, n_articles)
        No row: everything may be recommended. One row: it holds for all.
    """

    histories: Histories
    among: Mask

    @classmethod
    def of(
        cls,
        recipe: Recipe,
        histories: Histories,
        k: int,
        as_of: int | None,
        among: Mask | None,
    ) -> Request:
        """Check a question to `recipe`; raises what `Recipe.recommend` does."""
        n, n_articles = len(histories), recipe.n_articles_
        if k < 1:
            raise ConfigError(f"k = {k}", hint="k is at least 1")
        if histories.n_articles != n_articles:
            raise ConfigError(
                f"histories over {histories.n_articles} articles, the recipe {recipe.name} was "
                f"fitted on {n_articles}",
                hint="use one catalogue for both",
            )
        check_as_of(recipe, as_of)
        if among is None:
            allowed = np.zeros((0, n_articles), bool)
        else:
            allowed = np.ascontiguousarray(among, dtype=bool)
            if allowed.shape not in {(n_articles,), (n, n_articles)}:
                raise ConfigError(
                    f"among has shape {allowed.shape}",
                    hint=f"({n_articles},) or ({n}, {n_articles})",
                )
            allowed = allowed.reshape(-1, n_articles)
        return cls(histories.before(as_of), allowed)

    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        """Return start, stop, article, time, contiguous, whatever they are mapped from."""
        histories = self.histories
        names = (histories.start, histories.stop, histories.article, histories.time)
        return tuple(np.ascontiguousarray(one) for one in names)


def check_as_of(recipe: Recipe, as_of: int | None) -> None:
    """Raise CutoffError when something would be answered as of before the cutoff."""
    if recipe.cutoff_ is None:
        return
    if as_of is None:
        raise CutoffError(
            f"the recipe {recipe.name} was fitted on dated purchases and is asked without a date",
            hint=f"give as_of, {recipe.cutoff_} or later (seconds since 1970)",
        )
    if as_of < recipe.cutoff_:
        raise CutoffError(
            f"the recipe {recipe.name} was fitted on purchases up to {recipe.cutoff_} s, and is "
            f"asked as of {as_of} s",
            hint="fit it again on what came before that moment",
        )
