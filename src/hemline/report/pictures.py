"""Articles as pictures: the ten most similar of one, many at a glance, a customer's page."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from hemline.errors import ConfigError
from hemline.photos.base import photo_path
from hemline.photos.decode import UnusablePhotoError, open_photo
from hemline.service import Recommender
from hemline.shop.histories import SECONDS_PER_DAY

INK, SOFT, PAPER, RULE = "#1d1d1f", "#5c5c60", "#ffffff", "#d9d9d4"

COLOURS = {
    "black": "#2b2b2b",
    "white": "#f4f4f0",
    "blue": "#4a6fa5",
    "grey": "#9a9a9a",
    "pink": "#e3a1b3",
    "red": "#b5433f",
    "green": "#6f8f5f",
    "beige": "#d8c7a6",
    "brown": "#7a5a43",
    "yellow": "#e2c35a",
    "orange": "#d98a48",
    "lilac purple": "#9d86b8",
    "khaki green": "#7f7f55",
    "turquoise": "#5fb0ac",
    "mole": "#8f7f70",
    "metal": "#a8a9ad",
    "yellowish green": "#a9b665",
    "bluish green": "#5f9a94",
}
"""By the perceived master colour; an article without a photo is drawn in it."""

_UNKNOWN = "#c9c9c4"


@dataclass(frozen=True)
class Card:
    """One article to be shown: its id, and the lines under its photo."""

    article_id: str
    lines: tuple[str, ...]


class Album:
    """The photos of a run's shop, scaled, with a placeholder for those that are missing."""

    def __init__(self, run: Recommender) -> None:
        self.run = run
        source = run.run.source.get("images") or {}
        self.folder = Path(source["path"]) if source.get("path") else None

    @cached_property
    def _colours(self) -> Any:
        return self.run.tables.articles.column("perceived_colour_master_name")

    def photo(self, article_id: str, width: int, height: int) -> Image.Image:
        """Return an article's photo inside a box of that size, or what stands for it."""
        if self.folder is not None:
            try:
                photo = open_photo(photo_path(self.folder, article_id), draft=max(width, height))
                return _boxed(photo, width, height)
            except UnusablePhotoError:
                pass  # one that is corrupt is shown as one that is missing
        return self._placeholder(article_id, width, height)

    def _placeholder(self, article_id: str, width: int, height: int) -> Image.Image:
        place = self.run.tables.article_ids.position(article_id)
        name = self._colours[place].as_py()
        drawn = Image.new("RGB", (width, height), COLOURS.get((name or "").lower(), _UNKNOWN))
        draw = ImageDraw.Draw(drawn)
        light = sum(drawn.getpixel((0, 0))) > 3 * 128  # type: ignore[arg-type]
        draw.rectangle((0, 0, width - 1, height - 1), outline=RULE)
        font = _font(max(11, width // 12))
        draw.text(
            (width / 2, height / 2),
            "no image",
            fill=INK if light else PAPER,
            font=font,
            anchor="mm",
        )
        return drawn


def _boxed(photo: Image.Image, width: int, height: int) -> Image.Image:
    photo = ImageOps.contain(photo, (width, height), Image.Resampling.LANCZOS)
    box = Image.new("RGB", (width, height), PAPER)
    box.paste(photo, ((width - photo.width) // 2, (height - photo.height) // 2))
    return box


@cache
def _font(size: int) -> Any:
    try:
        return ImageFont.truetype("DejaVuSans.ttf", size)
    except OSError:
        return ImageFont.load_default(size)  # Pillow's own: Latin letters alone


def grid(album: Album, rows: Sequence[tuple[str, Sequence[Card]]], *, cell: int) -> Image.Image:
    """Draw rows of cards under their headings.

    Parameters
    ----------
    album : Album
    rows : pairs of a heading (may be empty) and the cards of a row
    cell : int
        Width of a photo in pixels; it is a third higher than wide.
    """
    height, gap, margin = cell * 4 // 3, 10, 20
    font, bold = _font(max(9, cell // 11)), _font(15)
    step = font.size + 3
    heights = []
    for heading, cards in rows:
        lines = max((len(_wrapped(card, font, cell)) for card in cards), default=0)
        heights.append((26 if heading else 0) + height + lines * step + gap + 6)
    width = max((len(cards) for _, cards in rows), default=1)
    page = Image.new(
        "RGB", (2 * margin + width * (cell + gap) - gap, 2 * margin + sum(heights)), PAPER
    )
    draw = ImageDraw.Draw(page)
    top = margin
    for (heading, cards), tall in zip(rows, heights, strict=True):
        if heading:
            draw.text((margin, top), heading, fill=INK, font=bold)
        below = top + (26 if heading else 0)
        for i, card in enumerate(cards):
            left = margin + i * (cell + gap)
            page.paste(album.photo(card.article_id, cell, height), (left, below))
            for j, text in enumerate(_wrapped(card, font, cell)):
                place = (left, below + height + 4 + j * step)
                draw.text(place, text, fill=SOFT if j else INK, font=font)
        top += tall
    return page


def _wrapped(card: Card, font: Any, width: int) -> list[str]:
    """Break the lines of a card at words, at most two for each, so that they fit its width."""
    found: list[str] = []
    for line in card.lines:
        parts = [""]
        for word in line.split():
            longer = f"{parts[-1]} {word}".strip()
            if parts[-1] and font.getlength(longer) > width:
                parts.append(word)
            else:
                parts[-1] = longer
        found.extend(_cut(part, font, width) for part in parts[:2])
    return found


def _cut(text: str, font: Any, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"


def similar_picture(run: Recommender, article: str, k: int | None = None) -> Image.Image:
    """Draw an article and, in rows of five, the articles most similar to it.

    Raises
    ------
    UnknownIdError
        The article is not known to the run.
    """
    found = run.similar(article, k)
    cards = [
        Card(one.article_id, (*_known(one.name or one.article_id, one.type, one.department), score))
        for one, score in zip(found, (f"{one.score:.3f}" for one in found), strict=True)
    ]
    first = _titles(run, [article])[0]
    rows: list[tuple[str, Sequence[Card]]] = [(f"Most similar to {article}", [first])]
    rows += [("", part) for part in _parts(cards, 5)]
    return grid(Album(run), rows, cell=180)


def sample_picture(run: Recommender, n: int, seed: int, k: int | None = None) -> Image.Image:
    """Draw n random articles that have similar ones, one a row, each with those behind it.

    Raises
    ------
    ConfigError
        No article of the run has similar ones.
    """
    with_any = np.flatnonzero((run.neighbours.articles[:, :1] >= 0).any(axis=1)).tolist()
    if not with_any:
        raise ConfigError(
            "no article of this run has similar ones", hint="photos.embedder: see the guide"
        )
    ids = run.tables.article_ids
    drawn = sorted(random.Random(seed).sample(with_any, min(n, len(with_any))))
    rows: list[tuple[str, Sequence[Card]]] = []
    for place in drawn:
        article = ids.id(place)
        cards = [Card(one.article_id, (f"{one.score:.3f}",)) for one in run.similar(article, k)]
        rows.append(("", [Card(article, (article,)), *cards]))
    return grid(Album(run), rows, cell=96)


def customer_picture(run: Recommender, customer: str, k: int | None = None) -> Image.Image:
    """Draw what a customer bought last, by date, and what is recommended, with its channel.

    Raises
    ------
    UnknownIdError
        The customer is not known to the run.
    """
    place = run.tables.customer_ids.position(customer)
    history = run.tables.histories.block(place, place + 1).before(run.as_of)
    rows_of = history.rows()[::-1]
    bought: dict[int, int] = {}
    for row in rows_of.tolist():
        bought.setdefault(int(history.article[row]), int(history.time[row]))
    ids = run.tables.article_ids
    latest = list(bought.items())[:12]
    cards = [
        Card(card.article_id, (*card.lines, _date(time)))
        for card, (_, time) in zip(
            _titles(run, [ids.id(article) for article, _ in latest]), latest, strict=True
        )
    ]
    heading = f"{customer}: bought last ({len(bought)} articles in all)"
    rows: list[tuple[str, Sequence[Card]]] = []
    for i, part in enumerate(_parts(cards, 6)):
        rows.append((heading if i == 0 else "", part))
    if not cards:
        rows.append((f"{customer}: nothing bought yet", []))
    recommended = [
        Card(one.article_id, (f"{one.rank}. {one.name or one.article_id}", one.channel))
        for one in run.recommend(customer, k=k)
    ]
    for i, part in enumerate(_parts(recommended, 6)):
        rows.append(("recommended" if i == 0 else "", part))
    return grid(Album(run), rows, cell=150)


def _titles(run: Recommender, articles: Iterable[str]) -> list[Card]:
    names = run.tables.articles.column("prod_name")
    ids = run.tables.article_ids
    return [Card(one, _known(names[ids.position(one)].as_py(), one)) for one in articles]


def _known(*lines: str | None) -> tuple[str, ...]:
    return tuple(one for one in lines if one)


def _parts(cards: Sequence[Card], width: int) -> list[Sequence[Card]]:
    return [cards[i : i + width] for i in range(0, len(cards), width)]


def _date(time: int) -> str:
    import datetime as dt

    return str(dt.date(1970, 1, 1) + dt.timedelta(days=time // SECONDS_PER_DAY))


def write_picture(picture: Image.Image, path: Path) -> None:
    """Write a picture; the file's name says which kind.

    Raises
    ------
    ConfigError
        Pillow knows no such kind of picture.
    """
    try:
        picture.save(path)
    except ValueError:
        raise ConfigError(
            f"{path}: no kind of picture", hint="such as out.png or out.jpg"
        ) from None
