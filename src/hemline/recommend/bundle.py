"""The bundle: everything that is learned, as files that are mapped into memory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hemline.blocks import Progress, silent
from hemline.config import ATTRIBUTES, Config
from hemline.errors import ConfigError, RunError
from hemline.models.base import Mask
from hemline.photos.neighbours import Neighbours
from hemline.recommend.base import Recipe, Recommendations
from hemline.recommend.earlier import Earlier
from hemline.shop.histories import Histories
from hemline.shop.tables import Catalogue

BUNDLE_VERSION: Final = 1
"""A bundle of another version is refused."""

RECIPES: Final = {
    "cascade": ("hemline.recommend.cascade", "Cascade"),
    "popular": ("hemline.recommend.baselines", "PopularRecipe"),
    "repurchase": ("hemline.recommend.baselines", "RepurchaseRecipe"),
    "rules": ("hemline.recommend.rules", "Rules"),
    "two-stage": ("hemline.recommend.two_stage", "TwoStage"),
}
"""Where the recipe of a name is found; loaded when it is asked for."""


def recipe_of(name: str) -> type[Recipe]:
    """Return the recipe of a name.

    Raises
    ------
    ConfigError
        There is none.
    """
    if name not in RECIPES:
        raise ConfigError(f"no recipe {name!r}", hint=f"recipes: {', '.join(RECIPES)}")
    module, attribute = RECIPES[name]
    found: type[Recipe] = getattr(import_module(module), attribute)
    return found


@dataclass(frozen=True)
class Bundle:
    """A fitted recipe with the catalogue it stands on: tens of megabytes, no customer.

    Batch, service and evaluation all ask the one function `recommend`.

    Attributes
    ----------
    recipe : Recipe
    catalogue : Catalogue
    config : Config
        The settings it was trained with.
    """

    recipe: Recipe
    catalogue: Catalogue
    config: Config

    @property
    def cutoff(self) -> int | None:
        """Seconds: the purchases before it were learned from; None for undated data."""
        return self.recipe.cutoff_

    @property
    def summary(self) -> dict[str, Any]:
        """What there is to say about it, as JSON."""
        return {
            "recipe": self.recipe.name,
            "articles": self.recipe.n_articles_,
            "cutoff": self.cutoff,
            **self.recipe.summary_,
        }

    def recommend(
        self,
        histories: Histories,
        k: int,
        *,
        as_of: int | None,
        among: Mask | None = None,
    ) -> Recommendations:
        """Answer one block of customers, on the calling thread.

        A customer's answer depends on the customer's own row of `histories` (and of `among`)
        alone, not on the block it stands in.

        Parameters
        ----------
        histories : Histories of n customers
        k : int
            Every row gets k different articles, or all that may be recommended when those
            are fewer.
        as_of : int or None
            Seconds. Purchases at or after it are not seen. None only for undated data.
        among : bool (n_articles,) or (n, n_articles), optional
            True where an article may be recommended.

        Raises
        ------
        CutoffError
            `as_of` lies before what the bundle learned from.
        """
        return self.recipe.recommend(histories, k, as_of=as_of, among=among)

    def save(self, folder: Path) -> None:
        """Write settings as JSON and one .npy file for each array."""
        folder.mkdir(parents=True, exist_ok=True)
        save_catalogue(self.catalogue, folder / "catalogue")
        self.recipe.save(folder / "recipe")
        description = {
            "version": BUNDLE_VERSION,
            "recipe": self.recipe.name,
            "cutoff": self.cutoff,
            "n_articles": self.catalogue.n_articles,
            "attributes": list(self.catalogue.codes),
            "config": self.config.model_dump(mode="json"),
        }
        # the description is written last: a folder with it is whole
        (folder / "bundle.json").write_text(json.dumps(description, indent=1, sort_keys=True))

    @classmethod
    def open(cls, folder: Path) -> Bundle:
        """Map a bundle written by `save` into memory.

        Raises
        ------
        RunError
            The folder holds no bundle, or one of another version.
        """
        try:
            description = json.loads((folder / "bundle.json").read_text())
        except (OSError, ValueError) as error:
            raise RunError(f"{folder} holds no bundle: {error}", hint="train again") from None
        version = description.get("version") if isinstance(description, dict) else None
        if version != BUNDLE_VERSION:
            raise RunError(
                f"{folder} holds a bundle of version {version}, this Hemline reads "
                f"{BUNDLE_VERSION}",
                hint="train again with this version of Hemline",
            )
        config = Config.of(description["config"], str(folder / "bundle.json"))
        catalogue = open_catalogue(folder / "catalogue", description)
        recipe = recipe_of(description["recipe"]).load(folder / "recipe", config, catalogue)
        if recipe.cutoff_ != description["cutoff"]:
            raise RunError(
                f"{folder}: the bundle is of {description['cutoff']} s, its models of "
                f"{recipe.cutoff_} s",
                hint="train again",
            )
        return cls(recipe, catalogue, config)


def catalogue_of(
    config: Config, articles: pa.Table, neighbours: Neighbours | None = None
) -> Catalogue:
    """Return what a recipe may ask of the articles: attributes, and visual neighbours if any.

    Parameters
    ----------
    config : Config
    articles : Table
        schema.ARTICLES.
    neighbours : Neighbours, optional
    """
    attributes = tuple(dict.fromkeys((*config.cascade.attributes, *ATTRIBUTES)))
    if neighbours is None:
        return Catalogue.of(articles, attributes)
    return Catalogue.of(articles, attributes, neighbours.articles, neighbours.scores)


def train_bundle(
    config: Config,
    catalogue: Catalogue,
    train: Histories,
    *,
    as_of: int | None = None,
    progress: Progress = silent,
    earlier: Earlier | None = None,
) -> Bundle:
    """Fit the recipe that `config` names on the purchases before `as_of` (seconds).

    None means the end of the last day in `train`, or no time at all for undated data.

    Raises
    ------
    CutoffError
        `earlier` was fitted on later purchases.
    """
    recipe = recipe_of(config.recipe)(config)
    if earlier is not None:
        earlier.check(as_of)
        if type(earlier.recipe) is type(recipe):
            recipe.earlier = earlier
    recipe.fit(train, catalogue, as_of=as_of, progress=progress)
    recipe.earlier = None
    return Bundle(recipe, catalogue, config)


def save_catalogue(catalogue: Catalogue, folder: Path) -> None:
    """Write one .npy file for each array."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "similar.npy", catalogue.similar, allow_pickle=False)
    np.save(folder / "similarity.npy", catalogue.similarity, allow_pickle=False)
    for name, codes in catalogue.codes.items():
        np.save(folder / f"code-{name}.npy", codes, allow_pickle=False)


def open_catalogue(folder: Path, description: dict[str, Any]) -> Catalogue:
    """Map a catalogue; `description` names its `n_articles` and `attributes`."""
    return Catalogue(
        description["n_articles"],
        {name: _open(folder / f"code-{name}.npy") for name in description["attributes"]},
        _open(folder / "similar.npy"),
        _open(folder / "similarity.npy"),
    )


def _open(path: Path) -> npt.NDArray[Any]:
    try:
        found: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError:  # an empty array cannot be mapped
        found = np.load(path, allow_pickle=False)
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error}", hint="train again") from None
    return found
