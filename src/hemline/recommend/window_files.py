"""A training window as files: all that its examples are made from, but the histories."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from hemline.config import Config
from hemline.recommend.bundle import open_catalogue, save_catalogue
from hemline.recommend.channels import Channels
from hemline.recommend.examples import Fitted, UInt64
from hemline.recommend.features import Features
from hemline.recommend.ranker import Examples
from hemline.recommend.windows import Window
from hemline.shop.histories import Histories
from hemline.shop.tables import Catalogue
from hemline.shop.truth import Truth


@dataclass(frozen=True)
class SavedWindow:
    """What was fitted for a window, and what n customers bought in it.

    Attributes
    ----------
    digest : uint64 (n,)
        What decides which candidates are learned from: see `examples.digests`.
    """

    window: Window
    catalogue: Catalogue
    channels: Channels
    features: Features
    truth: Truth
    digest: UInt64

    @classmethod
    def of(cls, fitted: Fitted, digest: UInt64) -> Self:
        """Take what was fitted."""
        return cls(
            fitted.window, fitted.catalogue, fitted.channels, fitted.features, fitted.truth, digest
        )

    def examples(
        self, histories: Histories, low: int, high: int, negatives: int, threads: int
    ) -> Examples:
        """Return the examples of the customers [low, high) of `histories`, the n customers'."""
        known = histories.before(self.window.cutoff)
        fitted = Fitted(
            self.window, self.catalogue, self.channels, self.features, known, self.truth, threads
        )
        return fitted.examples(np.arange(low, high), negatives, self.digest[low:high])

    def save(self, folder: Path) -> None:
        """Write settings as JSON and one .npy file for each array."""
        folder.mkdir(parents=True, exist_ok=True)
        save_catalogue(self.catalogue, folder / "catalogue")
        self.channels.save(folder / "channels")
        self.features.save(folder / "features")
        arrays: dict[str, npt.NDArray[Any]] = {
            "bounds": self.truth.bounds,
            "bought": self.truth.articles,
            "digest": self.digest,
        }
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array, allow_pickle=False)
        description = {
            "cutoff": self.window.cutoff,
            "end": self.window.end,
            "n_articles": self.catalogue.n_articles,
            "attributes": list(self.catalogue.codes),
            "channels": list(self.channels.settings),
            "config": self.channels.config.model_dump(mode="json"),
        }
        (folder / "window.json").write_text(json.dumps(description, indent=1))

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Map what `save` wrote into memory."""
        description = json.loads((folder / "window.json").read_text())
        config = Config.of(description["config"], str(folder / "window.json"))
        catalogue = open_catalogue(folder / "catalogue", description)
        channels = Channels.load(folder / "channels", config, catalogue, description["channels"])
        features = Features.load(folder / "features", config, catalogue, channels.names)
        bounds, bought, digest = (
            np.load(folder / f"{name}.npy", allow_pickle=False)
            for name in ("bounds", "bought", "digest")
        )
        window = Window(description["cutoff"], description["end"])
        return cls(window, catalogue, channels, features, Truth(bounds, bought), digest)
