"""Vectors of articles in the layout of `dense_kernel.score_all`."""

from __future__ import annotations

import numpy as np

from hemline.models.base import Float32
from hemline.models.dense_kernel import TILE


def in_tiles(vectors: Float32) -> Float32:
    """Return vectors (n, factors) turned, in tiles of articles, flat and padded with 0."""
    n, factors = vectors.shape
    tiles = -(-n // TILE)
    padded = np.zeros((tiles * TILE, factors), np.float32)
    padded[:n] = vectors
    return np.ascontiguousarray(padded.reshape(tiles, TILE, factors).transpose(0, 2, 1)).ravel()
