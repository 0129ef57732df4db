"""A recipe of before, from which the next one goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hemline.config import Update
from hemline.errors import CutoffError
from hemline.models.base import Float32, Int32, Model

if TYPE_CHECKING:
    from hemline.models.als import ALS
    from hemline.recommend.base import Recipe


@dataclass(frozen=True)
class Earlier:
    """A fitted recipe, and where its articles stand now.

    Attributes
    ----------
    recipe : Recipe
    places : int32 (n_before,)
        The present position of each of its articles; -1 for one that is gone.
    n_articles : int
        That there are now.
    keep : bool
        Whether what is dear to learn stays as it is: the trees of a ranker, and the models of
        `update.keep`. Otherwise it is learned again, and begins at what was learned before
        where the model can.
    """

    recipe: Recipe
    places: Int32
    n_articles: int
    keep: bool

    @property
    def same_articles(self) -> bool:
        """Whether the articles are the very same."""
        n = self.n_articles
        return len(self.places) == n and bool((self.places == np.arange(n)).all())

    def moved(self, rows: Float32) -> Float32:
        """Return an array with a row an article, (n_before, d), as (n_articles, d), new ones 0."""
        found = np.zeros((self.n_articles, *rows.shape[1:]), rows.dtype)
        there = self.places >= 0
        found[self.places[there]] = np.asarray(rows)[there]
        return found

    def als_from(self, model: Model[Any], before: Any, update: Update) -> ALS | None:
        """Return an ALS that begins at earlier vectors, with as few iterations as that takes.

        None where it cannot: another model or trainer, vectors of another length.
        """
        # at first use: an executor sets up Numba's cache before anything compiled is imported
        from hemline.models.als import ALS

        if not isinstance(model, ALS) or not isinstance(before, ALS):
            return None
        settings = model.settings.model_dump()
        vectors = self.moved(before.item_factors_)
        # MLlib takes no vectors to begin at
        if settings.get("trainer") == "mllib" or vectors.shape[1] != settings["factors"]:
            return None
        settings["iterations"] = min(settings["iterations"], update.als_iterations)
        return ALS(**settings).start_from(vectors) if vectors.any() else None

    def kept(self, model: Model[Any], before: Any, update: Update) -> bool:
        """Tell whether an earlier model stays in the place of one that would be fitted."""
        return bool(
            self.keep
            and self.same_articles
            and model.name in update.keep
            and isinstance(before, type(model))
            and before.settings == model.settings
        )

    def check(self, as_of: int | None) -> None:
        """Raise CutoffError when the earlier recipe knows what is not to be known yet."""
        before = self.recipe.cutoff_
        if before is not None and as_of is not None and before > as_of:
            raise CutoffError(
                f"the recipe to start from was fitted on purchases up to {before} s, and this "
                f"one may know those up to {as_of} s",
                hint="start from a run that ends no later",
            )
