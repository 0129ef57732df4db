"""An explanation as a drawing: the paths from the customer to the article, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from hemline.recommend.explanation import Explanation, Reason, Thing

WIDTH: Final = 1000
_ROW: Final = 74
_TOP: Final = 64
_BOX: Final = (250, 50)
_LEFT, _MIDDLE, _RIGHT = 90, 410, 850
_MOST: Final = 5
"""Purchases, and attributes, that are drawn; the sentences have all of them."""

_COLOURS: Final = {
    "customer": ("#24476b", "#ffffff"),
    "article": ("#8c2f39", "#ffffff"),
    "purchased": ("#e8eef4", "#1c2733"),
    "attribute": ("#f1ece1", "#3a3222"),
    "popular": ("#e9f1ea", "#20331f"),
}
_LINES: Final = {
    "bought": "#5b6b7a",
    "similar": "#8c2f39",
    "together": "#24476b",
    "attribute": "#94845c",
    "popular": "#4f7a4c",
}


@dataclass(frozen=True)
class _Box:
    """Something in the middle: what it says, and the lines to it and from it."""

    kind: str
    lines: tuple[str, str]
    before: str
    after: tuple[tuple[str, str], ...]
    """Kind of line and its label."""


def picture(explanation: Explanation) -> str:
    """Draw an explanation as a standalone SVG: no font, image or script from elsewhere.

    The customer stands on the left, the article on the right; in between what was bought and
    leads there, the attributes in common, and how it sells.
    """
    boxes = [*_purchases(explanation), *_attributes(explanation), *_popularity(explanation)]
    rows = max(1, len(boxes))
    height = _TOP + rows * _ROW + 56
    middle = _TOP + rows * _ROW / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" font-family="Helvetica, Arial, sans-serif" '
        'font-size="13">',
        f"<title>{escape(_title(explanation))}</title>",
        f"<desc>{escape(' '.join(explanation.sentences))}</desc>",
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
        'markerHeight="7" orient="auto-start-reverse"><path d="M0 0L10 5L0 10z" '
        'fill="context-stroke"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(WIDTH / 2, 30, _title(explanation), "#1c2733", size=16, weight="bold"),
    ]
    drawn = []
    for place, box in enumerate(boxes):
        y = _TOP + place * _ROW + _ROW / 2
        parts.extend(_lines_of(box, y, middle))
        drawn.append(_drawn(box, y))
    parts += drawn
    parts.append(_node("customer", _LEFT, middle, 130, _who(explanation.customer)))
    parts.append(_node("article", _RIGHT, middle, 220, _called(explanation.article)))
    parts.append(_text(WIDTH / 2, height - 20, _foot(explanation), "#5b6b7a", size=12))
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def _title(explanation: Explanation) -> str:
    return f"Why {explanation.article.name or explanation.article.id}?"


def _foot(explanation: Explanation) -> str:
    for one in explanation.of_kind("recommended"):
        if one.numbers["rank"] is not None:
            return f"number {one.numbers['rank']} by the channel {one.numbers['channel']}"
    return "not among those recommended"


def _who(customer: Thing | None) -> tuple[str, str]:
    return ("Customer", _short(customer.id, 16)) if customer else ("Basket", "")


def _called(one: Thing) -> tuple[str, str]:
    return (_short(one.name, 30), one.id) if one.name else (one.id, "")


def _purchases(explanation: Explanation) -> list[_Box]:
    """Return a box for each purchase that leads to the article, with all its lines."""
    found: dict[str, tuple[Thing, list[Reason]]] = {}
    for one in explanation.reasons:
        if one.purchased is not None:
            found.setdefault(one.purchased.id, (one.purchased, []))[1].append(one)
    # a purchase with both kinds of lines first, then in the order of the reasons
    listed = sorted(found.values(), key=lambda pair: -len({one.kind for one in pair[1]}))
    boxes = [_Box("purchased", _called(thing), _bought(why), _after(why)) for thing, why in listed]
    return _some(boxes, "purchases")


def _bought(why: Sequence[Reason]) -> str:
    times = next((one.numbers["times"] for one in why if one.kind == "together"), 1)
    return f"BOUGHT {times} ×" if times > 1 else "BOUGHT"


def _after(why: Sequence[Reason]) -> tuple[tuple[str, str], ...]:
    found = []
    for one in why:
        if one.kind == "similar":
            found.append(("similar", f"SIMILAR {one.numbers['score']:.2f}"))
        else:
            n = one.numbers.get("customers")
            pairs = f"bought together {one.numbers['paths']:,} ×"
            found.append(("together", pairs if n is None else f"bought by {n:,} with it"))
    return tuple(found)


def _attributes(explanation: Explanation) -> list[_Box]:
    found = []
    for one in explanation.of_kind("attribute"):
        what = one.sentence.removeprefix("Of the ").partition(f" {one.numbers['name']}")[0]
        name = str(one.numbers["name"] or one.numbers["code"])
        lines = (_short(name, 30), f"{what} {one.numbers['code']}" if one.numbers["name"] else "")
        before = f"bought {one.numbers['times']} ×"
        found.append(_Box("attribute", lines, before, (("attribute", "is of it"),)))
    return _some(found, "attributes")


def _popularity(explanation: Explanation) -> list[_Box]:
    found = []
    for one in (*explanation.of_kind("age"), *explanation.of_kind("popular")):
        group = one.numbers.get("age_group")
        n = one.numbers.get("customers", one.numbers.get("units"))
        what = "customers" if "customers" in one.numbers else "pieces"
        found.append(
            _Box(
                "popular",
                (f"Age group {group}" if group else "Everyone", f"last {one.numbers['days']} days"),
                "is in" if group else "",
                (("popular", f"{n:,} {what}, no. {one.numbers['rank']:,}"),),
            )
        )
    return found


def _some(boxes: list[_Box], what: str) -> list[_Box]:
    if len(boxes) <= _MOST:
        return boxes
    more = _Box(boxes[0].kind, (f"and {len(boxes) - _MOST + 1} more", what), "", ())
    return [*boxes[: _MOST - 1], more]


def _lines_of(box: _Box, y: float, middle: float) -> list[str]:
    left, right = _MIDDLE - _BOX[0] / 2, _MIDDLE + _BOX[0] / 2
    found = []
    if box.before:
        colour = _LINES["popular" if box.kind == "popular" else "bought"]
        ends = (_LEFT + 65, middle, left, y)
        found += [_curve(*ends, colour), _label(*_along(*ends, 0.66), box.before, colour)]
    n = len(box.after)
    for number, (kind, label) in enumerate(box.after):
        shift = (number - (n - 1) / 2) * 26
        out = (right, y + shift, _RIGHT - 110.0, middle + shift / 3)
        found += [_curve(*out, _LINES[kind]), _label(*_along(*out, 0.38), label, _LINES[kind])]
    return found


def _curve(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    bend = (x1 + x2) / 2
    return (
        f'<path d="M{x1:.0f} {y1:.0f}C{bend:.0f} {y1:.0f} {bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}" '
        f'fill="none" stroke="{colour}" stroke-width="1.6" marker-end="url(#tip)"/>'
    )


def _along(x1: float, y1: float, x2: float, y2: float, part: float) -> tuple[float, float]:
    """Return the point of a curve at some part of its way, a little above the line."""
    rest = 1 - part
    x = rest**3 * x1 + 1.5 * rest * part * (x1 + x2) + part**3 * x2
    y = y1 + (y2 - y1) * part**2 * (3 - 2 * part)
    return x, y + 4


def _drawn(box: _Box, y: float) -> str:
    return _node(box.kind, _MIDDLE, y, _BOX[0], box.lines)


def _node(kind: str, x: float, y: float, width: int, lines: tuple[str, str]) -> str:
    fill, ink = _COLOURS[kind]
    height = _BOX[1]
    shape = (
        f'<rect x="{x - width / 2:.0f}" y="{y - height / 2:.0f}" width="{width}" '
        f'height="{height}" rx="8" fill="{fill}"/>'
    )
    if not lines[1]:
        return shape + _text(x, y + 4, lines[0], ink, weight="bold")
    return (
        shape
        + _text(x, y - 5, lines[0], ink, weight="bold")
        + _text(x, y + 14, lines[1], ink, size=12)
    )


def _text(x: float, y: float, text: str, colour: str, size: int = 13, weight: str = "") -> str:
    bold = f' font-weight="{weight}"' if weight else ""
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="middle" font-size="{size}" '
        f'fill="{colour}"{bold}>{escape(text)}</text>'
    )


def _label(x: float, y: float, text: str, colour: str) -> str:
    """Return a text on a line: a white rim keeps it readable where lines cross."""
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="middle" font-size="11" fill="{colour}" '
        f'stroke="#ffffff" stroke-width="4" paint-order="stroke">{escape(text)}</text>'
    )


def _short(text: str | None, most: int) -> str:
    text = text or ""
    return text if len(text) <= most else f"{text[: most - 1]}…"
