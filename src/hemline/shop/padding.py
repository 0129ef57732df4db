"""Leading zeros that a spreadsheet or a number column took from ids, and back with them.

An id is only ever padded where something proves that zeros are missing: numbers of
different lengths are the rule in shops that count their articles 1, 2, 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from hemline.engines.base import Engine
from hemline.engines.chosen import place

HM_LENGTH = 10
"""Digits of an H&M article id: a product code of seven, a colour of three."""

HM_CODE_LENGTH = 7
_SAMPLE = 1000


@dataclass(frozen=True)
class Padding:
    """How ids of digits are written: with `width` digits, or with any number when 0."""

    width: int = 0
    code_width: int = 0

    def __call__(self, text: ir.StringColumn) -> ir.StringColumn:
        """Return ids with their zeros, those that are no digits or long enough as they are."""
        if not self.width:
            return text
        return ibis.ifelse(self.short(text), text.lpad(self.width, "0"), text)

    def of_texts(self, texts: pa.Array) -> pa.Array:
        """Return the same of ids that are at hand."""
        if not self.width:
            return texts
        short = pc.less(pc.utf8_length(texts), self.width)
        short = pc.and_(short, pc.match_substring_regex(texts, "^[0-9]+$"))
        return pc.if_else(short, pc.utf8_lpad(texts, self.width, "0"), texts)

    def short(self, text: ir.StringColumn) -> ir.BooleanColumn:
        """Say which ids are digits and shorter than they should be."""
        return (text.length() < self.width) & text.re_search("^[0-9]+$")


NO_PADDING: Final = Padding()
"""Ids stay as they are."""


def find_padding(
    engine: Engine,
    table: ibis.Table,
    key: str,
    elsewhere: Callable[[], Iterable[str]] = tuple,
) -> Padding:
    """Find out how long a table's ids are meant to be.

    They are as long as ids that stand elsewhere (purchases, photos) with their zeros; or
    ten digits, when each is its H&M product code and three more; or as long as the longest,
    when some still have their zeros or all have one length.

    Parameters
    ----------
    elsewhere : function
        Called when the ids are digits, for ids from other files of the shop.
    """
    ids = table[key]
    zero_led = ids.startswith("0")
    coded: ir.BooleanScalar = ibis.literal(False)
    if "product_code" in table.columns:
        code, bare = _bare(table.product_code), _bare(ids)
        coded = (bare.length() > 3) & (bare.substr(0, bare.length() - 3) == code)
        coded = coded.fill_null(False).all()
    (shape,) = engine.rows(
        table.aggregate(
            digits=ids.re_search("^[0-9]+$").all(),
            shortest=ids.length().min(),
            longest=ids.length().max(),
            shortest_led=ids.length().min(where=zero_led),
            coded=coded,
        )
    )
    if not shape["digits"]:  # or None: no ids at all
        return NO_PADDING
    longest = int(shape["longest"])
    width = _length_elsewhere(engine, ids, longest, elsewhere())
    if shape["coded"] and width in (0, HM_LENGTH) and longest < HM_LENGTH:
        return Padding(HM_LENGTH, HM_CODE_LENGTH)
    if width:
        return Padding(width)
    if shape["shortest"] == longest or shape["shortest_led"] == longest:
        return Padding(longest)
    return NO_PADDING


def _length_elsewhere(
    engine: Engine, ids: ir.StringColumn, longest: int, elsewhere: Iterable[str]
) -> int:
    """Return the length of longer ids, with zeros, that are these ids; 0 where there are none."""
    found = {one for one in elsewhere if one.isascii() and one.isdigit()}
    longer = {one for one in found if one.startswith("0") and len(one) > longest}
    lengths = {len(one) for one in longer}
    if len(lengths) != 1:
        return 0
    same = _bare(ids).isin([one.lstrip("0") for one in sorted(longer)])
    (known,) = engine.rows(ids.as_table().aggregate(n=same.sum()))
    return lengths.pop() if known["n"] else 0


def _bare(text: ir.StringColumn) -> ir.StringColumn:
    return text.re_replace("^0+", "")


def names_of_files(images: Path | str | None, vectors: Path | str | None) -> list[str]:
    """Return article ids as some photos are named and as the list of vectors has them."""
    found: list[str] = []
    if images is not None:
        photos = Path(images).rglob("*.jpg")
        found += [photo.stem for photo in islice(photos, _SAMPLE)]
    listed = None if vectors is None else place(vectors) / "article_ids.txt"
    if listed is not None and listed.is_file():
        with listed.open("rb") as lines:
            found += [line.decode(errors="replace").strip() for line in islice(lines, _SAMPLE)]
    return found
