"""Silhouettes of shoes."""

from __future__ import annotations

from typing import Final

from hemline.shop.simulate.drawing.outline import Pair, Shape, Silhouette, circle, curve, sharp


def _add_shoe(s: Silhouette, outline: list[Pair], sole: list[Pair], shade: float) -> None:
    # one of a pair, from the side
    s.filled.append(curve(outline))
    s.parts.append((sharp(sole), shade))


def _sneaker(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    high = 0.4 - 0.12 * a
    _add_shoe(
        s,
        [(0.15, high), (0.3, high), (0.42, 0.5), (0.66, 0.56), (0.83, 0.63), (0.83, 0.7),
         (0.5, 0.71), (0.15, 0.7), (0.13, 0.55)],
        [(0.12, 0.68), (0.84, 0.68), (0.85, 0.73 + 0.03 * b), (0.13, 0.73 + 0.03 * b)],
        1.6 if c > 0.3 else 0.5,
    )  # fmt: skip
    for i in range(4):
        x, y = 0.31 + 0.06 * i, 0.5 + 0.018 * i
        s.lines.append(sharp([(x, y + 0.03), (x + 0.05, y + 0.0)]))


def _boot(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    top = 0.34 - 0.2 * a
    wide = 0.27 + 0.06 * d
    heel = 0.78 + 0.05 * b
    _add_shoe(
        s,
        [(0.2, top), (0.2 + wide, top), (0.2 + wide, 0.5), (0.58, 0.6), (0.76, 0.68), (0.76, 0.75),
         (0.46, 0.76), (0.2, 0.75), (0.19, 0.6)],
        [(0.19, 0.74), (0.77, 0.74), (0.77, 0.77), (0.4, 0.77), (0.36, heel), (0.19, heel)],
        0.55,
    )  # fmt: skip


def _sandal(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    for x in (0.31, 0.69):
        wide = 0.12 + 0.02 * c
        s.parts.append((curve([(x - wide, 0.3), (x - wide * 0.6, 0.12), (x + wide * 0.6, 0.12),
                               (x + wide, 0.3), (x + wide * 0.75, 0.6), (x + wide * 0.8, 0.84),
                               (x, 0.92), (x - wide * 0.8, 0.84), (x - wide * 0.75, 0.6)]),
                        0.72))  # fmt: skip
        low = 0.38 + 0.08 * a
        s.filled.append(sharp([(x - wide, low), (x - wide * 0.9, low + 0.05 + 0.06 * b), (x, 0.3),
                               (x + wide * 0.9, low + 0.05 + 0.06 * b), (x + wide, low),
                               (x, 0.2)]))  # fmt: skip
        if d > 0.5:
            s.filled.append(sharp([(x - wide * 0.85, 0.66), (x + wide * 0.85, 0.66),
                                   (x + wide * 0.85, 0.71), (x - wide * 0.85, 0.71)]))  # fmt: skip


def _heel(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    back = 0.42 - 0.08 * a
    thick = 0.03 + 0.09 * b
    _add_shoe(
        s,
        [(0.17, back), (0.24, back + 0.06), (0.42, 0.56), (0.62, 0.62), (0.83, 0.7), (0.84, 0.75),
         (0.62, 0.75), (0.42, 0.66), (0.25, 0.58), (0.17, 0.55)],
        [(0.17, 0.5), (0.2 + thick, 0.56), (0.19 + thick * 0.8, 0.77), (0.175, 0.77)],
        0.6,
    )  # fmt: skip


def _flat(s: Silhouette, a: float, b: float, c: float, d: float) -> None:
    for x in (0.31, 0.69):
        wide = 0.125 + 0.02 * c
        s.filled.append(curve([(x, 0.1), (x + wide, 0.26), (x + wide * 0.85, 0.6), (x + wide * 0.8,
                               0.82), (x, 0.91), (x - wide * 0.8, 0.82), (x - wide * 0.85, 0.6),
                               (x - wide, 0.26)]))  # fmt: skip
        open_at = 0.3 + 0.16 * a
        s.parts.append((curve([(x, open_at), (x + wide * 0.62, open_at + 0.1), (x + wide * 0.55,
                               0.78), (x, 0.85), (x - wide * 0.55, 0.78),
                               (x - wide * 0.62, open_at + 0.1)]), 1.35))  # fmt: skip
        if b > 0.5:
            s.parts.append((circle(x, open_at - 0.05, 0.03, 0.6), 0.6))


SHAPES: Final[dict[str, Shape]] = {
    "sneaker": _sneaker,
    "boot": _boot,
    "sandal": _sandal,
    "heel": _heel,
    "flat": _flat,
}
