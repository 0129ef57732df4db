"""What a recipe is, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt

from hemline.config import Config
from hemline.models.base import Float32, Int32, Mask
from hemline.shop.histories import Histories
from hemline.shop.tables import Catalogue


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


class Recipe(Protocol):
    """Models joined into one answer. Learned on the catalogue's side alone.

    A recipe is fitted once and then answers any block of histories; it holds no customer.
    """

    name: ClassVar[str]
    channel_names: ClassVar[tuple[str, ...]]
    cutoff_: int | None

    def __init__(self, config: Config) -> None: ...

    def fit(self, train: Histories, catalogue: Catalogue, *, as_of: int | None) -> Self:
        """Learn from purchases before `as_of` (seconds), afresh."""
        ...

    def recommend(
        self,
        histories: Histories,
        k: int,
        *,
        as_of: int | None,
        among: Mask | None = None,
    ) -> Recommendations:
        """Answer one block of customers, on the calling thread."""
        ...

    def save(self, folder: Path) -> None: ...

    @classmethod
    def load(cls, folder: Path, config: Config) -> Self: ...
