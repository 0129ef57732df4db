"""`descriptor`: colour, texture and shape of a garment in 352 numbers, without any weights.

Four parts, each scaled so that its share of the squared distance between two photos of a
fashion catalogue is about the one in `_PARTS`:

    gradients   6 x 6 cells of 6 orientations of the lightness gradient (after Dalal and
                Triggs 2005, cells interpolated, blocks of one cell)
    layout      mean Oklab colour of the garment in 4 x 4 fields
    colours     histogram of the garment's colours, 4 x 4 x 4 in Oklab (Ottosson 2020)
    outline     how much of 12 bands across and 12 down the garment covers

The garment is what differs from the colour of the photo's border. This sees that two
things look alike, not what they are: a trained model knows more.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from hemline.errors import ConfigError

Array = npt.NDArray[np.float32]

SIDE: Final = 72
"""Of the photo that is described: a multiple of 4, 6 and 12."""

_CELLS, _ORIENTATIONS, _FIELDS, _LEVELS, _BANDS = 6, 6, 4, 4, 12
_PARTS: Final = {"gradients": 1.0, "layout": 0.20, "colours": 0.15, "outline": 0.10}
_SPREAD: Final = {"gradients": 1.90, "layout": 0.80, "colours": 0.72, "outline": 0.98}
"""Root mean square distance from the mean, over 5,170 product photos."""

_DIMENSION: Final = _CELLS**2 * _ORIENTATIONS + 3 * _FIELDS**2 + _LEVELS**3 + 2 * _BANDS
_BORDER = 3
_SEEN, _SURE = 0.025, 0.075
"""Oklab distances from the border's colour: up to the first it is background, from the
second on garment, between them partly."""


def resolve(settings: dict[str, Any]) -> str:
    """Return the descriptor's name; it has no settings.

    Raises
    ------
    ConfigError
        `photos.preprocessing` is not empty.
    """
    if settings:
        raise ConfigError(
            f"photos.preprocessing: no setting {min(settings)!r} for the descriptor",
            hint="it has none; remove photos.preprocessing",
        )
    return "descriptor:1"


class DescriptorEmbedder:
    """Describes a photo by itself, so that its vector is the same in any batch, bit by bit."""

    draft = SIDE
    """Large JPEGs need not be decoded in full."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._name = resolve(settings)

    @property
    def name(self) -> str:
        """The descriptor's version."""
        return self._name

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return _DIMENSION

    def preprocess(self, photo: Image.Image) -> Array:
        """Return the vector of an RGB photo, float32 (352,); zeros for one of a single colour."""
        small = np.asarray(photo.resize((SIDE, SIDE), Image.Resampling.BOX))
        return describe(small)

    def embed(self, batch: Array) -> Array:
        """Return what `preprocess` made: all the work is done there, photo by photo."""
        return batch


def describe(pixels: npt.NDArray[np.uint8]) -> Array:
    """Return the vector, float32 (352,), of RGB pixels (72, 72, 3).

    A photo of a single colour shows nothing, and gives zeros.
    """
    if not np.ptp(pixels, axis=(0, 1)).any():
        return np.zeros(_DIMENSION, dtype=np.float32)
    lab = oklab(pixels)
    garment = _garment(lab)
    parts = {
        "gradients": _gradients(lab[0]),
        "layout": _layout(lab, garment),
        "colours": _colours(lab, garment),
        "outline": _outline(garment),
    }
    return np.concatenate(
        [parts[name] * np.float32(np.sqrt(share) / _SPREAD[name]) for name, share in _PARTS.items()]
    )


def _linear_light() -> Array:
    value = np.arange(256) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(
        np.float32
    )


_LINEAR = _linear_light()
_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    dtype=np.float32,
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    dtype=np.float32,
)


def oklab(pixels: npt.NDArray[np.uint8]) -> Array:
    """Return sRGB pixels (height, width, 3) as Oklab planes, float32 (3, height, width).

    Lightness is 0..1, the two colour axes about -0.4..0.4: distances are alike to the eye.
    """
    light = _LINEAR[pixels].reshape(-1, 3)
    planes: Array = _TO_LAB @ np.cbrt(_TO_CONES @ light.T)
    return planes.reshape(3, *pixels.shape[:2])


def _garment(lab: Array) -> Array:
    """Return how much each pixel belongs to the garment, float32 (72, 72), 0..1."""
    border = np.concatenate(
        [
            lab[:, :_BORDER].reshape(3, -1),
            lab[:, :, :_BORDER].reshape(3, -1),
            lab[:, :, -_BORDER:].reshape(3, -1),  # not the lower edge: legs leave there
        ],
        axis=1,
    )
    background = np.median(border, axis=1)[:, np.newaxis, np.newaxis]
    distance = np.sqrt(np.square(lab - background).sum(axis=0))
    seen = np.clip((distance - _SEEN) / (_SURE - _SEEN), 0, 1)
    # a white shirt before a white wall is seen by its edges: fill what they enclose
    most = np.maximum.accumulate
    across = np.minimum(most(seen, axis=1), most(seen[:, ::-1], axis=1)[:, ::-1])
    down = np.minimum(most(seen, axis=0), most(seen[::-1], axis=0)[::-1])
    filled: Array = np.minimum(across, down)
    return filled


def _cell_weights() -> Array:
    """Return how much each row of pixels counts for each of the cells, float32 (72, 6)."""
    centre = (np.arange(SIDE) + 0.5) * _CELLS / SIDE - 0.5
    near = 1 - np.abs(centre[:, np.newaxis] - np.arange(_CELLS))
    weights = np.maximum(near, 0)
    shares: Array = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


_CELL_WEIGHTS = _cell_weights()


def _gradients(lightness: Array) -> Array:
    down, across = np.zeros_like(lightness), np.zeros_like(lightness)
    down[1:-1] = lightness[2:] - lightness[:-2]
    across[:, 1:-1] = lightness[:, 2:] - lightness[:, :-2]
    strength = np.sqrt(down * down + across * across)
    # without a sign: a dark seam on a light shirt is a light one on a dark shirt
    turn = (np.arctan2(down, across) * np.float32(_ORIENTATIONS / np.pi)) % _ORIENTATIONS
    below = np.floor(turn)
    part = turn - below
    first = below.astype(np.int64) % _ORIENTATIONS
    planes = np.zeros((_ORIENTATIONS, SIDE * SIDE), dtype=np.float32)
    pixel = np.arange(SIDE * SIDE)
    planes[first.ravel(), pixel] = (strength * (1 - part)).ravel()
    planes[(first.ravel() + 1) % _ORIENTATIONS, pixel] = (strength * part).ravel()
    cells = _CELL_WEIGHTS.T @ planes.reshape(_ORIENTATIONS, SIDE, SIDE) @ _CELL_WEIGHTS
    # a floor of noise keeps empty cells near zero
    floor = 0.02 * (SIDE / _CELLS) ** 2
    shares: Array = np.sqrt(cells / (cells.sum(axis=0) + np.float32(floor)))
    return shares.ravel()


def _layout(lab: Array, garment: Array) -> Array:
    step = SIDE // _FIELDS
    weight = garment + np.float32(1e-3)  # where no garment is, the background's colour
    covered = weight.reshape(_FIELDS, step, _FIELDS, step).sum(axis=(1, 3))
    centred = lab - np.array([0.75, 0, 0], dtype=np.float32)[:, np.newaxis, np.newaxis]
    sums = (centred * weight).reshape(3, _FIELDS, step, _FIELDS, step).sum(axis=(2, 4))
    # fields that the garment hardly touches say little; hue says more than lightness
    means = sums / (covered + 4)
    means[1:] *= 3
    return np.asarray(means, dtype=np.float32).ravel()


def _colours(lab: Array, garment: Array) -> Array:
    # square roots spread the many greys and muted colours of clothes apart
    hue = np.sign(lab[1:]) * np.sqrt(np.abs(lab[1:]))
    scaled = np.stack([(lab[0] - 0.1) / 0.9, (hue[0] + 0.42) / 0.84, (hue[1] + 0.42) / 0.84])
    place = np.clip(scaled, 0, 1).reshape(3, -1) * np.float32(_LEVELS - 1)
    low = np.minimum(place.astype(np.int64), _LEVELS - 2)
    part = place - low
    weight = (garment + np.float32(1e-3)).ravel()
    counts = np.zeros(_LEVELS**3)
    for corner in np.ndindex(2, 2, 2):
        share = weight
        for axis, upper in enumerate(corner):
            share = share * (part[axis] if upper else 1 - part[axis])
        light, green, yellow = low + np.array(corner)[:, np.newaxis]
        level = (light * _LEVELS + green) * _LEVELS + yellow
        counts += np.bincount(level, share, _LEVELS**3)
    shares: Array = np.sqrt(counts / counts.sum()).astype(np.float32)
    return shares


def _outline(garment: Array) -> Array:
    down = garment.mean(axis=1).reshape(_BANDS, -1).mean(axis=1)
    across = garment.mean(axis=0).reshape(_BANDS, -1).mean(axis=1)
    return np.concatenate([down, across])
