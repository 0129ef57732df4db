"""Silhouettes of trousers, skirts, dresses, underwear and socks."""

from __future__ import annotations

from typing import Final

import numpy as np

from hemline.shop.simulate.drawing.outline import Shape, Silhouette, circle, curve, mirrored, sharp
from hemline.shop.simulate.drawing.tops import torso


def _legs(
    s: Silhouette, *, top: float, waist: float, hip: float, crotch: float, hem: float, width: float,
    out: float,
) -> None:  # fmt: skip
    s.filled.append(
        mirrored([(0.5 + waist, top), (0.5 + hip, crotch - 0.06), (0.5 + out + width, hem),
                  (0.5 + out, hem), (0.5, crotch)])
    )  # fmt: skip
    low = waist + 0.004
    s.parts.append((sharp([(0.5 - waist, top), (0.5 + waist, top), (0.5 + low, top + 0.04),
                           (0.5 - low, top + 0.04)]), 0.86))  # fmt: skip
    s.lines.append(sharp([(0.5, top + 0.04), (0.5, crotch)]))


def _trousers(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    _legs(s, top=0.07, waist=0.115 + 0.02 * c, hip=0.165 + 0.025 * c, crotch=0.36,
          hem=0.84 + 0.1 * b, width=0.085 + 0.11 * a, out=0.045 + 0.02 * d)  # fmt: skip
    for x in (0.40, 0.60):
        s.lines.append(sharp([(x, 0.12), (x + (0.06 if x > 0.5 else -0.06), 0.2)]))


def _leggings(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    _legs(s, top=0.06, waist=0.09 + 0.015 * c, hip=0.125 + 0.015 * c, crotch=0.33,
          hem=0.86 + 0.09 * b, width=0.045 + 0.02 * a, out=0.035 + 0.015 * d)  # fmt: skip


def _shorts(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    _legs(s, top=0.22, waist=0.16 + 0.03 * c, hip=0.22 + 0.03 * c, crotch=0.54,
          hem=0.62 + 0.16 * b, width=0.19 + 0.08 * a, out=0.03 + 0.03 * d)  # fmt: skip
    for x in (0.36, 0.64):
        s.lines.append(sharp([(x, 0.27), (x + (0.07 if x > 0.5 else -0.07), 0.36)]))


def _skirt(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    bottom = 0.58 + 0.34 * b
    waist, hem = 0.12 + 0.03 * c, 0.18 + 0.18 * a
    s.filled.append(mirrored([(0.5 + waist, 0.14), (0.5 + waist + 0.05, 0.27), (0.5 + hem, bottom),
                              (0.5, bottom + 0.02)]))  # fmt: skip
    s.parts.append((sharp([(0.5 - waist, 0.14), (0.5 + waist, 0.14), (0.5 + waist + 0.01, 0.18),
                           (0.5 - waist - 0.01, 0.18)]), 0.85))  # fmt: skip
    for i in range(round(5 * d)):
        x = (i + 1) / (round(5 * d) + 1) * 2 - 1
        s.lines.append(sharp([(0.5 + x * waist, 0.19), (0.5 + x * hem, bottom)]))


def _dress(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    bottom = 0.72 + 0.22 * b
    sleeve = 0.0 if a < 0.4 else 0.75 * a
    torso(s, sleeve=sleeve, length=0.44, wide=0.125 + 0.02 * c, neck=0.07, deep=0.06 + 0.1 * d,
           waist=0.0, thick=0.055, top=0.07)  # fmt: skip
    waist, hem = (0.125 + 0.02 * c) * 0.93, 0.15 + 0.2 * c
    s.filled.append(mirrored([(0.5 + waist, 0.42), (0.5 + waist + 0.03, 0.52),
                              (0.5 + hem, bottom), (0.5, bottom + 0.015)]))  # fmt: skip
    s.lines.append(sharp([(0.5 - waist, 0.435), (0.5 + waist, 0.435)]))


def _jumpsuit(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    torso(s, sleeve=0.0 if a < 0.3 else 0.7 * a, length=0.42, wide=0.125 + 0.02 * c, neck=0.065,
           deep=0.06 + 0.1 * d, thick=0.055, top=0.06)  # fmt: skip
    _legs(s, top=0.4, waist=0.115 + 0.02 * c, hip=0.155, crotch=0.58, hem=0.86 + 0.09 * b,
          width=0.07 + 0.08 * a, out=0.04)  # fmt: skip


def _playsuit(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    torso(s, sleeve=0.0 if a < 0.3 else 0.6 * a, length=0.5, wide=0.15 + 0.02 * c, neck=0.075,
           deep=0.06 + 0.12 * d, thick=0.065, top=0.1)  # fmt: skip
    _legs(s, top=0.48, waist=0.14 + 0.02 * c, hip=0.19, crotch=0.72, hem=0.8 + 0.07 * b,
          width=0.16 + 0.05 * a, out=0.03)  # fmt: skip


def _dungarees(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    _legs(s, top=0.4, waist=0.14 + 0.02 * c, hip=0.17, crotch=0.58, hem=0.85 + 0.1 * b,
          width=0.09 + 0.08 * a, out=0.04)  # fmt: skip
    bib = 0.085 + 0.02 * d
    s.filled.append(mirrored([(0.5 + bib, 0.2), (0.5 + bib + 0.03, 0.42)]))
    strap = [(0.5 + bib - 0.035, 0.21), (0.5 + bib, 0.21), (0.5 + bib + 0.015, 0.05),
             (0.5 + bib - 0.02, 0.05)]  # fmt: skip
    s.filled += [sharp(strap), sharp([(1 - x, y) for x, y in strap])]
    s.lines.append(sharp([(0.45, 0.26), (0.55, 0.26), (0.55, 0.35), (0.45, 0.35), (0.45, 0.26)]))


def _set(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    upper, lower = Silhouette(), Silhouette()
    torso(upper, sleeve=0.25 + 0.65 * a, length=0.8, wide=0.2, neck=0.075, deep=0.06, thick=0.09)
    _legs(lower, top=0.1, waist=0.14, hip=0.18, crotch=0.38, hem=0.6 + 0.32 * b,
          width=0.11 + 0.05 * c, out=0.04)  # fmt: skip
    for part, x, y in ((upper, 0.02, 0.04), (lower, 0.42, 0.34)):
        place = np.array([x, y])
        s.filled += [one * 0.58 + place for one in part.filled]
        s.holes += [one * 0.58 + place for one in part.holes]
        s.parts += [(one * 0.58 + place, shade) for one, shade in part.parts]
        s.lines += [one * 0.58 + place for one in part.lines]


def _bra(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    cup = 0.15 + 0.03 * a
    for side in (-1, 1):
        x = 0.5 + side * (cup * 0.95)
        s.filled.append(curve([(x - side * cup, 0.58), (x - side * cup * 0.6, 0.44),
                               (x + side * cup * 0.3, 0.36 - 0.04 * b), (x + side * cup, 0.5),
                               (x + side * cup * 0.9, 0.63), (x, 0.69)]))  # fmt: skip
        strap = [(x + side * cup * 0.3, 0.37), (x + side * (cup * 0.3 + 0.03), 0.37),
                 (x + side * 0.06, 0.12), (x + side * 0.03, 0.12)]  # fmt: skip
        s.filled.append(sharp(strap))
        s.lines.append(curve([(x - side * cup * 0.8, 0.6), (x, 0.66), (x + side * cup * 0.85, 0.6)],
                             closed=False))  # fmt: skip
    band = 0.64 + 0.04 * c
    s.filled.append(sharp([(0.19, 0.56), (0.5, 0.6), (0.81, 0.56), (0.83, band), (0.5, band + 0.03),
                           (0.17, band)]))  # fmt: skip


def _briefs(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    top = 0.3 - 0.1 * a
    leg = 0.5 + 0.08 * b
    s.filled.append(mirrored([(0.8, top), (0.82, leg - 0.05 - 0.1 * c), (0.68, leg + 0.06),
                              (0.57, 0.74), (0.5, 0.75)]))  # fmt: skip
    s.parts.append((sharp([(0.2, top), (0.8, top), (0.804, top + 0.035 + 0.02 * d),
                           (0.196, top + 0.035 + 0.02 * d)]), 0.86))  # fmt: skip


def _boxers(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    _legs(s, top=0.24, waist=0.21 + 0.02 * c, hip=0.25, crotch=0.6, hem=0.64 + 0.1 * b,
          width=0.2 + 0.03 * a, out=0.05)  # fmt: skip
    if d > 0.3:
        s.lines.append(curve([(0.44, 0.29), (0.43, 0.45), (0.5, 0.6), (0.57, 0.45), (0.56, 0.29)],
                             closed=False))  # fmt: skip


def _socks(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    top = 0.5 - 0.36 * a
    for x in (0.0, 0.28):
        s.filled.append(curve([(0.2 + x, top), (0.29 + x, top - 0.005), (0.37 + x, top),
                               (0.375 + x, 0.6), (0.47 + x, 0.74), (0.5 + x, 0.83),
                               (0.42 + x, 0.88), (0.27 + x, 0.8), (0.2 + x, 0.68)]))  # fmt: skip
        s.parts.append((sharp([(0.2 + x, top), (0.37 + x, top), (0.37 + x, top + 0.05 + 0.03 * b),
                               (0.2 + x, top + 0.05 + 0.03 * b)]), 0.84))  # fmt: skip
        if c > 0.4:
            s.parts.append((circle(0.445 + x, 0.825, 0.045), 0.8))


SHAPES: Final[dict[str, Shape]] = {
    "trousers": _trousers,
    "leggings": _leggings,
    "shorts": _shorts,
    "skirt": _skirt,
    "dress": _dress,
    "jumpsuit": _jumpsuit,
    "playsuit": _playsuit,
    "dungarees": _dungarees,
    "set": _set,
    "bra": _bra,
    "briefs": _briefs,
    "boxers": _boxers,
    "socks": _socks,
}
