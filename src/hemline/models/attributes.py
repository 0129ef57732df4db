"""Attributes of articles, as the models that need them ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hemline.models.base import Int32

if TYPE_CHECKING:
    from hemline.shop.tables import Catalogue


def lacks_attribute(catalogue: Catalogue | None, attribute: str) -> str:
    """Say that no article of a catalogue has an attribute; empty: some have it."""
    codes = None if catalogue is None else catalogue.codes.get(attribute)
    return f"no {attribute}" if codes is None or codes.max(initial=-1) < 0 else ""


def shared_codes(catalogue: Catalogue, attributes: tuple[str, ...]) -> Int32:
    """Return the codes of attributes as one array, int32 (n_articles, attributes that there are).

    No number stands in two columns; -1 where an article has none.
    """
    columns: list[Int32] = []
    upto = 0
    for name in attributes:
        codes = catalogue.codes.get(name)
        if codes is None or codes.max(initial=-1) < 0:
            continue
        columns.append(np.where(codes >= 0, codes + upto, -1).astype(np.int32))
        upto += int(codes.max()) + 1
    if not columns:
        return np.zeros((catalogue.n_articles, 0), np.int32)
    return np.ascontiguousarray(np.stack(columns, axis=1))
