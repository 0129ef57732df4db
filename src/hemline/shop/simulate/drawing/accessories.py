"""Silhouettes of bags, hats, jewellery and other things."""

from __future__ import annotations

from typing import Final

import numpy as np

from hemline.shop.simulate.drawing.outline import Shape, Silhouette, circle, curve, mirrored, sharp


def _bag(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    top, half, low = 0.4 + 0.1 * b, 0.24 + 0.1 * a, 0.84
    s.filled.append(sharp([(0.5 - half + 0.05 * c, top), (0.5 + half - 0.05 * c, top),
                           (0.5 + half, low), (0.5 - half, low)]))  # fmt: skip
    arc = curve([(0.5 - half * 0.5, top + 0.02), (0.5 - half * 0.45, top - 0.22), (0.5, top - 0.3),
                 (0.5 + half * 0.45, top - 0.22), (0.5 + half * 0.5, top + 0.02)],
                closed=False)  # fmt: skip
    inner = 0.5 + (arc - [0.5, top]) * [0.86, 0.9] + [0, top - 0.5]
    s.filled.append(np.vstack([arc, inner[::-1]]))
    if d > 0.4:
        s.parts.append((sharp([(0.5 - half + 0.04, top), (0.5 + half - 0.04, top),
                               (0.5 + half * 0.8, top + 0.2), (0.5 - half * 0.8, top + 0.2)]),
                        0.88))  # fmt: skip
        s.parts.append((circle(0.5, top + 0.19, 0.022), 1.5))


def _backpack(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    half = 0.22 + 0.05 * a
    s.filled.append(curve([(0.5 - half, 0.3), (0.5 - half * 0.6, 0.16), (0.5, 0.13),
                           (0.5 + half * 0.6, 0.16), (0.5 + half, 0.3), (0.5 + half * 1.04, 0.8),
                           (0.5, 0.88), (0.5 - half * 1.04, 0.8)]))  # fmt: skip
    s.parts.append((curve([(0.5 - half * 0.75, 0.56), (0.5, 0.54), (0.5 + half * 0.75, 0.56),
                           (0.5 + half * 0.72, 0.78), (0.5, 0.81), (0.5 - half * 0.72, 0.78)]),
                    0.84))  # fmt: skip
    s.lines.append(curve([(0.5 - half, 0.42), (0.5, 0.48), (0.5 + half, 0.42)], closed=False))
    s.lines.append(curve([(0.45, 0.14), (0.5, 0.06), (0.55, 0.14)], closed=False))


def _hat(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    brim = 0.3 + 0.12 * a
    s.parts.append((circle(0.5, 0.64, brim, 0.28 + 0.1 * d), 0.86))
    high = 0.4 - 0.12 * b
    s.filled.append(curve([(0.3, 0.64), (0.32, high), (0.42, high - 0.08), (0.58, high - 0.08),
                           (0.68, high), (0.7, 0.64), (0.5, 0.7)]))  # fmt: skip
    s.parts.append((sharp([(0.302, 0.56), (0.698, 0.56), (0.7, 0.62 + 0.03 * c),
                           (0.3, 0.62 + 0.03 * c)]), 0.55))  # fmt: skip


def _beanie(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    top = 0.26 - 0.08 * a
    s.filled.append(curve([(0.24, 0.72), (0.25, 0.46), (0.36, top + 0.04), (0.5, top),
                           (0.64, top + 0.04), (0.75, 0.46), (0.76, 0.72),
                           (0.5, 0.74)]))  # fmt: skip
    cuff = 0.6 - 0.06 * b
    s.parts.append((sharp([(0.23, cuff), (0.77, cuff), (0.77, 0.76), (0.23, 0.76)]), 0.87))
    if c > 0.6:
        s.filled.append(circle(0.5, top - 0.03, 0.075))
    for i in range(7):
        x = 0.27 + i * 0.077
        s.lines.append(sharp([(x, cuff), (x, 0.75)]))


def _cap(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    top = 0.3 - 0.06 * a
    s.filled.append(curve([(0.2, 0.6), (0.22, 0.42), (0.36, top), (0.52, top + 0.01), (0.64, 0.42),
                           (0.68, 0.6), (0.44, 0.64)]))  # fmt: skip
    s.parts.append((curve([(0.5, 0.6), (0.66, 0.57), (0.86, 0.62), (0.93, 0.69 + 0.03 * b),
                           (0.76, 0.69), (0.56, 0.66)]), 0.78))  # fmt: skip
    s.lines.append(curve([(0.44, top), (0.46, 0.44), (0.45, 0.63)], closed=False))
    s.parts.append((circle(0.44, top, 0.018), 0.7))


def _glasses(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    size, tall = 0.17 + 0.02 * a, 0.75 + 0.25 * b
    for x in (0.28, 0.72):
        s.filled.append(circle(x, 0.52, size, tall))
        s.parts.append((circle(x, 0.52, size * (0.82 - 0.05 * c), tall), 0.4 + 0.4 * d))
    s.filled.append(sharp([(0.43, 0.46), (0.57, 0.46), (0.57, 0.495), (0.43, 0.495)]))
    s.filled += [sharp([(0.09, 0.45), (0.14, 0.45), (0.08, 0.36), (0.05, 0.37)]),
                 sharp([(0.91, 0.45), (0.86, 0.45), (0.92, 0.36), (0.95, 0.37)])]  # fmt: skip


def _ring(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    radius, thick = 0.11 + 0.12 * a, 0.02 + 0.035 * b
    for x in (0.28, 0.72) if c > 0.35 else (0.5,):
        wide = radius if c > 0.35 else radius + 0.1
        s.filled.append(circle(x, 0.52, wide))
        s.holes.append(circle(x, 0.52, wide - thick))
        if d > 0.4:
            s.parts.append((circle(x, 0.52 + wide, 0.03 + 0.03 * d), 1.25))


def _necklace(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    low = 0.66 + 0.16 * a
    path = curve([(0.24, 0.12), (0.27, 0.4), (0.5, low), (0.73, 0.4), (0.76, 0.12)], closed=False)
    step = 2 if b > 0.5 else 1
    for x, y in path[::step]:
        s.filled.append(circle(float(x), float(y), 0.014 + 0.012 * c * step))
    s.parts.append((circle(0.5, low + 0.04, 0.03 + 0.04 * d, 1.2), 1.2))


def _clip(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    for y in (0.38, 0.62):
        s.filled.append(curve([(0.16, y), (0.3, y - 0.06 - 0.03 * a), (0.7, y - 0.05),
                               (0.84, y), (0.7, y + 0.05),
                               (0.3, y + 0.06 + 0.03 * b)]))  # fmt: skip
        if c > 0.5:
            s.parts += [(circle(0.3 + 0.13 * i, y, 0.022), 1.4) for i in range(4)]
        s.lines.append(sharp([(0.2, y), (0.8, y)]))


def _band(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    thick = 0.06 + 0.07 * a
    s.filled.append(circle(0.5, 0.52, 0.34, 0.7 + 0.2 * b))
    s.holes.append(circle(0.5, 0.52, 0.34 - thick, 0.7 + 0.2 * b))
    if c > 0.45:
        y = 0.52 - 0.34 * (0.7 + 0.2 * b) + thick / 2
        s.filled += [sharp([(0.5, y), (0.38, y - 0.09), (0.36, y + 0.07)]),
                     sharp([(0.5, y), (0.62, y - 0.09), (0.64, y + 0.07)])]  # fmt: skip
        s.parts.append((circle(0.5, y, 0.03 + 0.02 * d), 0.8))


def _belt(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    thick = 0.05 + 0.06 * a
    s.filled.append(circle(0.5, 0.5, 0.36, 0.8))
    s.holes.append(circle(0.5, 0.5, 0.36 - thick, 0.8))
    s.filled.append(sharp([(0.48, 0.74), (0.86, 0.7), (0.88, 0.7 + thick), (0.48, 0.76 + thick)]))
    size = 0.05 + 0.03 * b
    s.parts.append((sharp([(0.46 - size, 0.72), (0.46 + size, 0.72), (0.46 + size, 0.8 + thick),
                           (0.46 - size, 0.8 + thick)]), 1.6 if c > 0.3 else 0.5))  # fmt: skip


def _gloves(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    for side, x in ((1, 0.3), (-1, 0.7)):
        if d < 0.4:
            hand = [(-0.1, 0.6), (-0.11, 0.3), (-0.05, 0.17), (0.04, 0.15), (0.1, 0.25),
                    (0.1, 0.42), (0.18, 0.36), (0.2, 0.42), (0.1, 0.6)]  # fmt: skip
            points = curve([(x + side * u, v) for u, v in hand])
        else:
            hand = [(-0.1, 0.6), (-0.13, 0.24), (-0.1, 0.22), (-0.06, 0.36), (-0.05, 0.14),
                    (-0.01, 0.14), (0.0, 0.35), (0.03, 0.16), (0.07, 0.17), (0.07, 0.4),
                    (0.17, 0.34), (0.19, 0.4), (0.1, 0.6)]  # fmt: skip
            points = sharp([(x + side * u, v) for u, v in hand])
        s.filled.append(points)
        low = 0.76 + 0.1 * a
        s.filled.append(sharp([(x - 0.1, 0.58), (x + 0.1, 0.58), (x + 0.1 + 0.02 * b, low),
                               (x - 0.1 - 0.02 * b, low)]))  # fmt: skip
        s.parts.append((sharp([(x - 0.1, 0.66), (x + 0.1, 0.66), (x + 0.1, 0.7), (x - 0.1, 0.7)]),
                        0.8))  # fmt: skip


def _scarf(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    wide = 0.09 + 0.04 * a
    s.filled.append(circle(0.5, 0.27, 0.21, 0.62))
    s.holes.append(circle(0.5, 0.24, 0.12, 0.45))
    for x, low in ((0.4, 0.8 + 0.1 * b), (0.58, 0.72 + 0.12 * c)):
        s.filled.append(sharp([(x - wide, 0.36), (x + wide, 0.36), (x + wide, low),
                               (x - wide, low)]))  # fmt: skip
        if d > 0.35:
            for i in range(7):
                at = x - wide + 2 * wide * (i + 0.5) / 7
                s.filled.append(sharp([(at - 0.006, low), (at + 0.006, low), (at + 0.004, low
                                       + 0.06), (at - 0.004, low + 0.06)]))  # fmt: skip


def _tie(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    if d > 0.7:
        s.filled += [sharp([(0.5, 0.5), (0.16, 0.36), (0.16, 0.64)]),
                     sharp([(0.5, 0.5), (0.84, 0.36), (0.84, 0.64)])]  # fmt: skip
        s.parts.append((sharp([(0.45, 0.43), (0.55, 0.43), (0.55, 0.57), (0.45, 0.57)]), 0.8))
        return
    wide = 0.06 + 0.06 * a
    s.filled += [mirrored([(0.56, 0.08), (0.535, 0.19)]),
                 mirrored([(0.535, 0.19), (0.5 + wide, 0.78 + 0.04 * b), (0.5, 0.92)])]  # fmt: skip
    s.lines.append(sharp([(0.465, 0.19), (0.535, 0.19)]))


def _box(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    half, tall = 0.2 + 0.12 * a, 0.18 + 0.14 * b
    s.filled.append(sharp([(0.5 - half, 0.52 - tall), (0.5 + half, 0.52 - tall),
                           (0.5 + half, 0.52 + tall), (0.5 - half, 0.52 + tall)]))  # fmt: skip
    s.parts.append((sharp([(0.5 - half, 0.52 - tall), (0.5 + half, 0.52 - tall),
                           (0.5 + half, 0.52 - tall * 0.4 * c), (0.5 - half, 0.52 - tall * 0.4 *
                           c)]), 0.9))  # fmt: skip
    s.parts.append((circle(0.5, 0.52 - tall * 0.4 * c, 0.02 + 0.015 * d), 1.4))


def _toy(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    ear = 0.07 + 0.04 * a
    s.filled += [circle(0.36, 0.2, ear), circle(0.64, 0.2, ear), circle(0.5, 0.33, 0.19)]
    s.filled += [circle(0.5, 0.65, 0.2 + 0.04 * b, 1.1), circle(0.3, 0.6, 0.075, 1.6)]
    s.filled += [circle(0.7, 0.6, 0.075, 1.6), circle(0.38, 0.87, 0.09), circle(0.62, 0.87, 0.09)]
    s.parts += [(circle(0.43, 0.3, 0.018), 0.2), (circle(0.57, 0.3, 0.018), 0.2)]
    s.parts += [(circle(0.5, 0.39, 0.07, 0.75), 1.3), (circle(0.5, 0.37, 0.02), 0.3)]
    s.parts.append((circle(0.5, 0.67, 0.11 + 0.02 * c, 1.1), 1.2))


def _bottle(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    half = 0.11 + 0.07 * a
    top = 0.3 - 0.06 * b
    s.filled.append(curve([(0.5 - half, top + 0.08), (0.5 - half * 0.5, top), (0.5 + half * 0.5,
                           top), (0.5 + half, top + 0.08), (0.5 + half, 0.86), (0.5, 0.89),
                           (0.5 - half, 0.86)]))  # fmt: skip
    s.parts.append((sharp([(0.5 - half * 0.5, top - 0.1 - 0.06 * c), (0.5 + half * 0.5, top - 0.1
                           - 0.06 * c), (0.5 + half * 0.5, top + 0.02),
                           (0.5 - half * 0.5, top + 0.02)]), 0.55))  # fmt: skip
    s.parts.append((sharp([(0.5 - half, 0.52), (0.5 + half, 0.52), (0.5 + half, 0.72),
                           (0.5 - half, 0.72)]), 1.2 if d > 0.5 else 0.8))  # fmt: skip


SHAPES: Final[dict[str, Shape]] = {
    "bag": _bag,
    "backpack": _backpack,
    "hat": _hat,
    "beanie": _beanie,
    "cap": _cap,
    "glasses": _glasses,
    "ring": _ring,
    "necklace": _necklace,
    "clip": _clip,
    "band": _band,
    "belt": _belt,
    "gloves": _gloves,
    "scarf": _scarf,
    "tie": _tie,
    "box": _box,
    "toy": _toy,
    "bottle": _bottle,
}
