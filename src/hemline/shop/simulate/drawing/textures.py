"""Cloth: a colour and a graphical appearance as a square of pixels."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Pixels: TypeAlias = npt.NDArray[np.float32]


def cloth(appearance: str, size: int, rng: np.random.Generator) -> tuple[Pixels, Pixels]:
    """Return what all colours of a product have in common: pattern and grain.

    Parameters
    ----------
    appearance : str
        A graphical appearance of the vocabulary.
    size : int
        Pixels along a side.
    rng : Generator
        Of the product: scale, angle and places of its pattern.

    Returns
    -------
    pattern : float32 (size, size)
        How much of the pattern's colour each pixel has, in [0, 1].
    grain : float32 (size, size)
        How much lighter or darker each pixel is, of 255.
    """
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / np.float32(size)
    scale = float(rng.uniform(0.7, 1.4))
    return _pattern(appearance, x, y, scale, rng), _grain(appearance, size, rng)


def contrast(colour: tuple[int, int, int], rng: np.random.Generator) -> tuple[int, int, int]:
    """Return the colour a pattern on `colour` is in: light on dark, dark on light, or bright."""
    dark = sum(colour) < 330
    light = [(244, 240, 232), (226, 205, 168), (198, 214, 232), (238, 196, 200)]
    deep = [(34, 34, 40), (42, 60, 104), (120, 36, 44), (52, 84, 62)]
    bright = [(206, 58, 60), (236, 190, 70), (66, 128, 176), (84, 146, 106)]
    choice = bright if rng.random() < 0.3 else light if dark else deep
    return choice[int(rng.integers(len(choice)))]


def _pattern(
    appearance: str, x: Pixels, y: Pixels, scale: float, rng: np.random.Generator
) -> Pixels:
    """Return how much of the second colour each pixel has, float32 in [0, 1]."""
    zero = np.zeros_like(x)
    match appearance:
        case "Stripe":
            across = y if rng.random() < 0.7 else x
            share = rng.uniform(0.3, 0.55)
            return _step(np.mod(across * 11 / scale, 1.0) < share)
        case "Check":
            n, width = 7 / scale, rng.uniform(0.25, 0.5)
            return 0.5 * _step(np.mod(x * n, 1) < width) + 0.5 * _step(np.mod(y * n, 1) < width)
        case "Argyle":
            u, v = np.mod((x + y) * 5 / scale, 1), np.mod((x - y) * 5 / scale, 1)
            lines = (np.abs(u - 0.5) < 0.03) | (np.abs(v - 0.5) < 0.03)
            return 0.65 * _step((u < 0.5) == (v < 0.5)) + 0.35 * _step(lines)
        case "Dot":
            n = 13 / scale
            row = np.floor(y * n)
            u, v = np.mod(x * n + 0.5 * np.mod(row, 2), 1) - 0.5, np.mod(y * n, 1) - 0.5
            return _step(u * u + v * v < rng.uniform(0.05, 0.12))
        case "All over pattern" | "Other pattern" | "Mixed solid/pattern" | "Jacquard":
            found = _blossoms(x, y, scale, rng)
            if appearance == "Mixed solid/pattern":
                return np.where(y < rng.uniform(0.4, 0.6), found, zero)
            return found * np.float32(0.45) if appearance == "Jacquard" else found
        case "Front print" | "Placement print" | "Embroidery" | "Application/3D":
            return _motif(x, y, appearance, rng)
        case "Colour blocking" | "Contrast":
            edge = rng.uniform(0.36, 0.6)
            slope = rng.choice([0.0, 0.0, 0.4])
            return _step(y + slope * (x - 0.5) < edge) * np.float32(0.95)
        case "Lace" | "Mesh":
            n = 24 / scale
            u, v = np.mod(x * n, 1) - 0.5, np.mod(y * n + 0.5 * np.mod(np.floor(x * n), 2), 1) - 0.5
            return _step(u * u + v * v > 0.16) * np.float32(0.35)
        case "Chambray" | "Denim":
            return _step(np.mod((x + y) * 60, 1) < 0.5) * np.float32(0.1)
        case "Hologram":
            wave: Pixels = (0.3 + 0.3 * np.sin(9 * x + 14 * y)).astype(np.float32)
            return wave
        case _:
            return zero


def _step(inside: npt.NDArray[np.bool_]) -> Pixels:
    return inside.astype(np.float32)


def _blossoms(x: Pixels, y: Pixels, scale: float, rng: np.random.Generator) -> Pixels:
    """Return flowers or blots at places of the product's own, on a tile repeated each way."""
    side = max(8, round(len(x) / 2.5))
    v, u = np.mgrid[0:side, 0:side].astype(np.float32) / np.float32(side)
    found = np.zeros_like(u)
    petals, deep = int(rng.integers(3, 7)), rng.uniform(0.0, 0.45)
    for _ in range(int(rng.integers(6, 12))):
        dx = np.mod(u - np.float32(rng.random()) + 0.5, 1) - 0.5
        dy = np.mod(v - np.float32(rng.random()) + 0.5, 1) - 0.5
        radius = rng.uniform(0.06, 0.15) * scale
        edge = radius * (1 + deep * np.cos(petals * np.arctan2(dy, dx) + rng.uniform(0, 6)))
        distance = np.sqrt(dx * dx + dy * dy)
        flower = np.clip((edge - distance) * 40, 0, 1)
        heart = np.clip((0.3 * radius - distance) * 60, 0, 1)
        found = np.maximum(found, flower - np.float32(0.6) * heart)
    at = np.arange(len(x)) % side
    repeated: Pixels = found[at][:, at].astype(np.float32)
    return repeated


def _motif(x: Pixels, y: Pixels, appearance: str, rng: np.random.Generator) -> Pixels:
    """Return one print on the chest, or a smaller one at the side."""
    small = appearance in ("Placement print", "Embroidery")
    cx, cy = (rng.uniform(0.4, 0.62), rng.uniform(0.3, 0.45)) if small else (0.5, 0.42)
    radius = rng.uniform(0.05, 0.09) if small else rng.uniform(0.09, 0.14)
    dx, dy = x - np.float32(cx), y - np.float32(cy)
    distance = np.sqrt(dx * dx + dy * dy)
    kind = int(rng.integers(4))
    if kind == 0:  # a ring with a heart
        inside = (np.abs(distance - radius * 0.8) < radius * 0.2) | (distance < radius * 0.4)
    elif kind == 1:  # a star
        angle = np.arctan2(dy, dx)
        inside = distance < radius * (0.72 + 0.42 * np.cos(5 * angle + 1.57))
    elif kind == 2:  # three lines of writing
        row = np.mod(dy / radius * 1.6 + 2, 1)
        ends = radius * (1.1 - 0.3 * np.mod(np.floor(dy / radius * 1.6), 2))
        letters = np.mod(dx * 34, 1) < 0.72
        inside = (np.abs(dy) < radius * 0.9) & (row < 0.55) & (np.abs(dx) < ends) & letters
    else:  # hills before a sun
        hills = dy > radius * (0.25 + 0.3 * np.sin(dx / radius * 4))
        sun = (dx - radius * 0.3) ** 2 + (dy + radius * 0.35) ** 2 < (radius * 0.3) ** 2
        inside = (distance < radius) & (hills | sun)
    return _step(inside)


def _grain(appearance: str, size: int, rng: np.random.Generator) -> Pixels:
    """Return lighter and darker places of the cloth itself, float32 (size, size)."""
    noise = rng.standard_normal((size, size)).astype(np.float32)
    match appearance:
        case "Melange" | "Slub" | "Neps":
            # threads of different shade: noise drawn out sideways
            drawn = noise + np.roll(noise, 1, 1) + np.roll(noise, 2, 1) + np.roll(noise, 3, 1)
            return (drawn * 7.5).astype(np.float32)
        case "Denim" | "Treatment" | "Chambray":
            x = np.linspace(-1, 1, size, dtype=np.float32)
            faded = np.exp(-((np.abs(x) - 0.25) ** 2) / 0.02)[None, :] * np.float32(22)
            return noise * np.float32(7) + faded
        case "Glittering/Metallic" | "Sequin" | "Metallic" | "Hologram":
            sparks = (noise > 1.7).astype(np.float32) * np.float32(80)
            sheen = np.sin(np.linspace(0, 9, size, dtype=np.float32))[:, None] * np.float32(14)
            return sparks + sheen
        case "Other structure" | "Jacquard":
            wave = np.sin(np.linspace(0, size * 0.9, size, dtype=np.float32))
            return wave[None, :] * np.float32(10) + noise * np.float32(3)
        case _:
            return noise * np.float32(2.2)
