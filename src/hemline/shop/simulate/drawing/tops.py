"""Silhouettes of what is worn on the upper body."""

from __future__ import annotations

from typing import Final

import numpy as np

from hemline.shop.simulate.drawing.outline import Shape, Silhouette, circle, curve, mirrored, sharp


def torso(
    s: Silhouette, *, sleeve: float, length: float, wide: float, neck: float, deep: float,
    flare: float = 0.0, waist: float = 0.0, thick: float = 0.085, top: float = 0.14,
) -> None:  # fmt: skip
    """Add a body with sleeves: `sleeve` 0 (none) to 1 (to the wrist), y of the hem `length`."""
    shoulder = 0.5 + wide
    hem = 0.5 + wide * 0.93 + flare
    armpit = top + 0.19
    body = [
        (0.5 + neck, top),
        (shoulder, top + 0.05),
        (shoulder - 0.01, armpit),
        (0.5 + wide * 0.93 - waist, (armpit + length) / 2),
        (hem, length),
    ]
    s.filled.append(mirrored(body))
    if sleeve > 0:
        end = (shoulder + 0.06 + 0.10 * sleeve, top + 0.10 + 0.52 * sleeve)
        inner = (end[0] - 2 * thick * (1 - 0.25 * sleeve), end[1] + 0.025)
        arm = [(shoulder - 0.05, top + 0.032), (shoulder + 0.015, top + 0.062), end, inner,
               (shoulder - 0.02, armpit + 0.01)]  # fmt: skip
        s.filled += [sharp(arm), sharp([(1 - x, y) for x, y in arm])]
        cut = [(shoulder - 0.012, top + 0.07), (shoulder - 0.015, armpit)]
        s.lines += [sharp(cut), sharp([(1 - x, y) for x, y in cut])]
    hole = [(0.5 - neck, top - 0.02), (0.5, top + deep), (0.5 + neck, top - 0.02)]
    s.holes.append(np.vstack([curve(hole, closed=False), sharp([(0.5 + neck, top - 0.1)])]))
    edge = [(x, y + 0.022) for x, y in hole]
    s.lines.append(curve(edge, closed=False))


def _front(s: Silhouette, top: float, bottom: float, buttons: int) -> None:
    s.lines.append(sharp([(0.5, top), (0.5, bottom)]))
    for y in np.linspace(top + 0.03, bottom - 0.04, buttons) if buttons else ():
        s.parts.append((circle(0.515, float(y), 0.009), 0.45))


def _collar(s: Silhouette, top: float, neck: float, size: float) -> None:
    flap = [(0.5 + neck, top - 0.02), (0.5 + neck + 0.035, top + size * 0.6),
            (0.5 + 0.03, top + size), (0.5, top + size * 0.55)]  # fmt: skip
    s.parts += [(sharp(flap), 0.88), (sharp([(1 - x, y) for x, y in flap]), 0.88)]


def _tee(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    torso(s, sleeve=0.12 + 0.2 * a, length=0.78 + 0.12 * b, wide=0.19 + 0.05 * c,
           neck=0.07 + 0.03 * d, deep=0.05 + 0.05 * d, thick=0.095)  # fmt: skip


def _top(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    torso(s, sleeve=0.0 if a < 0.35 else 0.9 * a, length=0.66 + 0.16 * b, wide=0.165 + 0.04 * c,
           neck=0.08 + 0.05 * d, deep=0.05 + 0.1 * a, flare=0.06 * c, thick=0.07)  # fmt: skip


def _sweater(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    length = 0.8 + 0.09 * b
    torso(s, sleeve=0.9 + 0.08 * a, length=length, wide=0.2 + 0.045 * c, neck=0.07 + 0.02 * d,
           deep=0.035 + 0.03 * d, thick=0.09)  # fmt: skip
    hem = 0.5 + (0.2 + 0.045 * c) * 0.93
    band = [(1 - hem, length - 0.045), (hem, length - 0.045), (hem, length), (1 - hem, length)]
    s.parts.append((sharp(band), 0.9))
    if d > 0.6:  # a roll neck
        s.holes.pop()
        s.filled.append(sharp([(0.42, 0.16), (0.43, 0.07), (0.57, 0.07), (0.58, 0.16)]))


def _vest(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    wide = 0.13 + 0.03 * c
    body = [(0.5 + wide - 0.045, 0.12), (0.5 + wide - 0.005, 0.12), (0.5 + wide - 0.012, 0.24),
            (0.5 + wide + 0.045, 0.35), (0.5 + wide + 0.03 + 0.03 * d, 0.78 + 0.1 * b)]  # fmt: skip
    s.filled.append(mirrored(body))
    low = 0.2 + 0.12 * a
    neck = 0.5 + wide - 0.045
    s.holes.append(curve([(1 - neck, 0.05), (1 - neck + 0.01, low - 0.05), (0.5, low),
                          (neck - 0.01, low - 0.05), (neck, 0.05)]))  # fmt: skip


def _blouse(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    torso(s, sleeve=0.45 + 0.5 * a, length=0.76 + 0.1 * b, wide=0.18 + 0.03 * c, neck=0.065,
           deep=0.12 + 0.06 * d, flare=0.02 + 0.05 * b, waist=0.01, thick=0.11)  # fmt: skip
    s.lines.append(sharp([(0.5, 0.26 + 0.06 * d), (0.5, 0.42)]))


def _shirt(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    length = 0.82 + 0.07 * b
    torso(s, sleeve=0.25 if a < 0.2 else 0.95, length=length, wide=0.19 + 0.03 * c, neck=0.07,
           deep=0.05, thick=0.08)  # fmt: skip
    _collar(s, 0.14, 0.07, 0.09)
    _front(s, 0.2, length, 6)
    if d > 0.4:
        s.lines.append(sharp([(0.56, 0.33), (0.66, 0.33), (0.66, 0.42), (0.61, 0.44), (0.56, 0.42),
                              (0.56, 0.33)]))  # fmt: skip


def _jacket(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    length = 0.74 + 0.1 * b
    torso(s, sleeve=0.95, length=length, wide=0.21 + 0.04 * c, neck=0.075, deep=0.04, thick=0.1)
    _collar(s, 0.13, 0.075, 0.08 + 0.04 * a)
    _front(s, 0.17, length, 0 if d < 0.6 else 5)
    for x in (0.36, 0.64):
        s.lines.append(sharp([(x - 0.05, length - 0.14), (x + 0.05, length - 0.17)]))
    s.lines.append(sharp([(0.31, length - 0.04), (0.69, length - 0.04)]))


def _cardigan(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    length = 0.78 + 0.14 * b
    torso(s, sleeve=0.95, length=length, wide=0.19 + 0.04 * c, neck=0.06, deep=0.22 + 0.1 * a,
           thick=0.085)  # fmt: skip
    _front(s, 0.36 + 0.1 * a, length, 4 + round(2 * d))
    for x in (0.36, 0.64):
        s.lines.append(sharp([(x - 0.055, length - 0.16), (x + 0.055, length - 0.16)]))


def _hoodie(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    length = 0.82 + 0.06 * b
    torso(s, sleeve=0.95, length=length, wide=0.21 + 0.04 * c, neck=0.05, deep=0.0, top=0.19,
           thick=0.1)  # fmt: skip
    s.holes.clear()
    s.lines.pop()
    wide = 0.12 + 0.02 * d
    s.filled.append(curve([(0.5 - wide, 0.22), (0.5 - wide * 0.95, 0.11), (0.5, 0.05),
                           (0.5 + wide * 0.95, 0.11), (0.5 + wide, 0.22),
                           (0.5, 0.29)]))  # fmt: skip
    s.parts.append((circle(0.5, 0.165, 0.065, 1.1), 0.62))
    s.lines += [sharp([(0.47, 0.26), (0.465, 0.4)]), sharp([(0.53, 0.26), (0.535, 0.4)])]
    s.parts.append((sharp([(0.4, 0.6), (0.6, 0.6), (0.66, 0.74), (0.34, 0.74)]), 0.93))


def _blazer(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    length = 0.8 + 0.1 * b
    torso(s, sleeve=0.95, length=length, wide=0.195 + 0.03 * c, neck=0.065, deep=0.26 + 0.1 * a,
           waist=0.025, thick=0.082)  # fmt: skip
    low = 0.42 + 0.1 * a
    lapel = [(0.56, 0.12), (0.63, 0.24), (0.6, 0.26), (0.61, 0.29), (0.5, low)]
    s.parts += [(sharp(lapel), 0.85), (sharp([(1 - x, y) for x, y in lapel]), 0.85)]
    _front(s, low, length, 1 + round(d))
    for x in (0.37, 0.63):
        s.lines.append(sharp([(x - 0.055, length - 0.2), (x + 0.055, length - 0.2)]))


def _coat(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    length = 0.88 + 0.07 * b
    torso(s, sleeve=0.86, length=length, wide=0.17 + 0.03 * c, neck=0.06, deep=0.16, top=0.08,
           flare=0.02 + 0.05 * d, thick=0.075)  # fmt: skip
    lapel = [(0.55, 0.06), (0.62, 0.2), (0.5, 0.34)]
    s.parts += [(sharp(lapel), 0.85), (sharp([(1 - x, y) for x, y in lapel]), 0.85)]
    _front(s, 0.34, length, 4)
    if a > 0.5:
        s.parts.append((sharp([(0.34, 0.48), (0.66, 0.48), (0.66, 0.53), (0.34, 0.53)]), 0.78))


def _bodysuit(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    wide = 0.13 + 0.02 * c
    body = [(0.5 + wide - 0.04, 0.1), (0.5 + wide, 0.1), (0.5 + wide + 0.025, 0.32),
            (0.5 + wide - 0.015, 0.5), (0.5 + wide + 0.035, 0.66), (0.5 + 0.045, 0.9),
            (0.5, 0.91)]  # fmt: skip
    s.filled.append(mirrored(body))
    neck, low = 0.5 + wide - 0.04, 0.2 + 0.14 * a
    s.holes.append(curve([(1 - neck, 0.03), (1 - neck + 0.012, low - 0.04), (0.5, low),
                          (neck - 0.012, low - 0.04), (neck, 0.03)]))  # fmt: skip
    if b > 0.5:
        s.lines.append(curve([(0.36, 0.36), (0.43, 0.4), (0.5, 0.36), (0.57, 0.4), (0.64, 0.36)],
                             closed=False))  # fmt: skip


def _waistcoat(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    length = 0.72 + 0.12 * b
    torso(s, sleeve=0.0, length=length, wide=0.17 + 0.03 * c, neck=0.06, deep=0.2 + 0.12 * a)
    _front(s, 0.36 + 0.12 * a, length, 4 + round(d))


def _poncho(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    s.filled.append(mirrored([(0.55, 0.12), (0.64, 0.18), (0.9 + 0.05 * a, 0.66),
                              (0.7, 0.74 + 0.1 * b), (0.5, 0.8 + 0.12 * c)]))  # fmt: skip
    s.holes.append(circle(0.5, 0.12, 0.055 + 0.02 * d, 0.8))


SHAPES: Final[dict[str, Shape]] = {
    "tee": _tee,
    "top": _top,
    "sweater": _sweater,
    "vest": _vest,
    "blouse": _blouse,
    "shirt": _shirt,
    "jacket": _jacket,
    "cardigan": _cardigan,
    "hoodie": _hoodie,
    "blazer": _blazer,
    "coat": _coat,
    "bodysuit": _bodysuit,
    "waistcoat": _waistcoat,
    "poncho": _poncho,
}
