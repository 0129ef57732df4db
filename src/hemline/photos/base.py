"""The Embedder contract: photos in, one vector each out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image


class Embedder(Protocol):
    """Turns photos into vectors; the same photo gives the same vector in any batch.

    `name` identifies the model, its weights and its preprocessing; it is part of the
    fingerprint that decides whether vectors are computed anew. `dimension` is the length
    of a vector. `preprocess` runs in worker threads, one photo at a time; `embed` takes
    what it returned, stacked.
    """

    @property
    def name(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    def preprocess(self, photo: Image.Image) -> npt.NDArray[np.float32]:
        """Return one photo as the array the model takes, float32, any fixed shape."""
        ...

    def embed(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the vectors of a batch of preprocessed photos, float32 (n, dimension)."""
        ...


def photo_path(images: Path, article_id: str) -> Path:
    """Return where the Kaggle layout keeps an article's photo: images/010/0108775015.jpg."""
    return images / article_id[:3] / f"{article_id}.jpg"


def existing_photos(images: Path, article_ids: Sequence[str]) -> dict[int, Path]:
    """Return the photo of each article that has one, by the article's place in `article_ids`."""
    found: dict[int, Path] = {}
    folders: dict[str, set[str]] = {}
    for place, one in enumerate(article_ids):
        folder = one[:3]
        if folder not in folders:
            path = images / folder
            folders[folder] = {p.name for p in path.iterdir()} if path.is_dir() else set()
        if f"{one}.jpg" in folders[folder]:
            found[place] = photo_path(images, one)
    return found
