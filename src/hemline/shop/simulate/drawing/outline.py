"""What a silhouette is: polygons in the unit square, smooth or with corners.

A silhouette has an outline, parts that are darker or lighter than the cloth, and lines
(seams, necklines, straps). Proportions follow four numbers in [0, 1] of the product.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Points: TypeAlias = npt.NDArray[np.float64]
Pair: TypeAlias = tuple[float, float]


@dataclass
class Silhouette:
    """One drawing: polygons to fill, holes to cut, parts to shade, lines to draw.

    Attributes
    ----------
    filled, holes : list of float64 (n, 2)
        x to the right, y downwards, in [0, 1].
    parts : list of (float64 (n, 2), float)
        Polygons within or beside the outline with their brightness, 1 being the cloth's.
    lines : list of float64 (n, 2)
    """

    filled: list[Points] = field(default_factory=list)
    holes: list[Points] = field(default_factory=list)
    parts: list[tuple[Points, float]] = field(default_factory=list)
    lines: list[Points] = field(default_factory=list)


def curve(points: list[Pair], closed: bool = True, steps: int = 6) -> Points:
    """Return a smooth curve through points (Catmull and Rom 1974)."""
    p = np.array(points, dtype=np.float64)
    n = len(p)
    at = np.arange(n if closed else n - 1)
    if closed:
        p0, p1, p2, p3 = p[at - 1], p[at], p[(at + 1) % n], p[(at + 2) % n]
    else:
        p0, p1, p2, p3 = p[np.maximum(at - 1, 0)], p[at], p[at + 1], p[np.minimum(at + 2, n - 1)]
    t = (np.arange(steps) / steps)[:, None, None]
    found = 0.5 * (
        2 * p1
        + (p2 - p0) * t
        + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
        + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    )
    smooth = found.transpose(1, 0, 2).reshape(-1, 2)
    return smooth if closed else np.vstack([smooth, p[-1:]])


def sharp(points: list[Pair]) -> Points:
    """Return a polygon with corners."""
    return np.array(points, dtype=np.float64)


def mirrored(right: list[Pair]) -> Points:
    """Return the polygon whose right half is given, from its top to its bottom."""
    left = [(1 - x, y) for x, y in reversed(right)]
    return sharp(right + left)


def circle(x: float, y: float, radius: float, tall: float = 1.0) -> Points:
    """Return a circle, or an ellipse `tall` times as high as wide."""
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    return np.stack([x + radius * np.cos(angle), y + tall * radius * np.sin(angle)], axis=1)


Shape: TypeAlias = Callable[[Silhouette, float, float, float, float], None]
"""Adds a drawing to a silhouette; the four numbers in [0, 1] set its proportions."""
