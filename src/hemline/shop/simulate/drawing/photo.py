"""One product photo: a silhouette cut from cloth, lit, on a light ground."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from hemline.shop.simulate.drawing import accessories, bottoms, shoes, tops
from hemline.shop.simulate.drawing.outline import Points, Shape, Silhouette
from hemline.shop.simulate.drawing.textures import cloth, contrast

SHAPES: Final[dict[str, Shape]] = {
    **tops.SHAPES,
    **bottoms.SHAPES,
    **shoes.SHAPES,
    **accessories.SHAPES,
}
"""Every silhouette by its name in the vocabulary."""

OVERSAMPLING = 2
"""Drawn twice as fine, then averaged: `_reduced` counts on two."""


@dataclass(frozen=True)
class Stencil:
    """What all colours of a product share, drawn once.

    Attributes
    ----------
    mask : float32 (s, s)
        How much of each pixel the product covers.
    light : float32 (s, s)
        Brightness: parts, seams, folds, the light from above.
    shadow : float32 (s, s)
        Of the product on the ground.
    pattern : float32 (s, s)
        How much of the pattern's colour each pixel has.
    grain : float32 (s, s)
        Lighter and darker places of the cloth, of 255.
    """

    mask: npt.NDArray[np.float32]
    light: npt.NDArray[np.float32]
    shadow: npt.NDArray[np.float32]
    pattern: npt.NDArray[np.float32]
    grain: npt.NDArray[np.float32]


def silhouette(name: str, numbers: npt.NDArray[np.float64]) -> Silhouette:
    """Return the silhouette of a name with the proportions of a product's numbers (4,)."""
    found = Silhouette()
    a, b, c, d = (float(one) for one in numbers)
    SHAPES[name](found, a, b, c, d)
    return found


def stencil(drawing: Silhouette, appearance: str, size: int, rng: np.random.Generator) -> Stencil:
    """Draw a silhouette and its cloth at `size` pixels square, all but the colours."""
    big = size * OVERSAMPLING
    every = np.vstack([*drawing.filled, *(one for one, _ in drawing.parts)])
    low, high = every.min(axis=0), every.max(axis=0)
    # six per cent of air around it, small things not blown up beyond 1.25
    scale = min(1.25, 0.88 / float((high - low).max()))
    shift = 0.5 - scale * (low + high) / 2

    def points(one: Points) -> list[tuple[float, float]]:
        return [(x, y) for x, y in ((one * scale + shift) * big).tolist()]

    mask = Image.new("L", (big, big), 0)
    pen = ImageDraw.Draw(mask)
    for one in drawing.filled:
        pen.polygon(points(one), fill=255)
    for one in drawing.holes:
        pen.polygon(points(one), fill=0)
    light = Image.new("L", (big, big), 128)
    shade = ImageDraw.Draw(light)
    for one, brightness in drawing.parts:
        pen.polygon(points(one), fill=255)
        shade.polygon(points(one), fill=min(255, round(128 * brightness)))
    for one in drawing.lines:
        shade.line(points(one), fill=88, width=max(1, round(big * 0.006)))
    edge = np.asarray(mask.filter(ImageFilter.GaussianBlur(big * 0.025)), dtype=np.float32) / 255
    lit = np.asarray(light.filter(ImageFilter.GaussianBlur(big * 0.002)), dtype=np.float32) / 128
    y, x = np.mgrid[0:big, 0:big].astype(np.float32) / np.float32(big)
    # rounder towards the edges, brighter at the upper left, with two soft folds
    lit = lit * (0.8 + 0.24 * edge) * (1.05 - 0.06 * x - 0.06 * y)
    lit = lit + np.float32(0.025) * np.sin(7 * x + 11 * y) * edge
    shadow = mask.filter(ImageFilter.GaussianBlur(big * 0.018))
    down = round(big * 0.014)
    dropped = np.roll(np.asarray(shadow, dtype=np.float32) / 255, down, axis=0)
    pattern, grain = cloth(appearance, big, rng)
    return Stencil(
        _reduced((np.asarray(mask) / 255).astype(np.float32)),
        _reduced(lit.astype(np.float32)),
        _reduced(dropped.astype(np.float32)),
        _reduced(pattern),
        _reduced(grain),
    )


def _reduced(fine: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    # a mean over two by two pixels, four times as fast as reshape and mean
    found: npt.NDArray[np.float32] = (
        fine[::2, ::2] + fine[1::2, ::2] + fine[::2, 1::2] + fine[1::2, 1::2]
    ) * np.float32(0.25)
    return found


def photo(shared: Stencil, colour: tuple[int, int, int], rng: np.random.Generator) -> bytes:
    """Return the JPEG of one article: its product's stencil in its colour."""
    base = np.array(colour, dtype=np.float32) + rng.normal(0, 4, 3).astype(np.float32)
    other = np.array(contrast(colour, rng), dtype=np.float32)
    textile = base + (other - base) * shared.pattern[..., None] + shared.grain[..., None]
    # dark cloth shows its seams by reflection
    dark = np.maximum(0, 1 - textile @ np.full(3, 1 / 330, dtype=np.float32))
    gleam = dark * (46 * (1 - np.minimum(shared.light, 1)) + 6)
    lit = textile * shared.light[..., None] + gleam[..., None]
    ground = np.float32(rng.uniform(236, 250)) * (1 - np.float32(0.22) * shared.shadow)
    found = ground[..., None] + (lit - ground[..., None]) * shared.mask[..., None]
    buffer = io.BytesIO()
    image = Image.fromarray(np.clip(found, 0, 255).astype(np.uint8))
    image.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
