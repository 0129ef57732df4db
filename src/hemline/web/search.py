"""Finding products and customers by what a person types."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hemline.service import Recommender

_SEARCHED = ("prod_name", "product_type_name", "colour_group_name", "department_name")


class Finder:
    """An index over a run's product table and customer ids, made once at start."""

    def __init__(self, run: Recommender) -> None:
        tables = run.tables
        self.article_ids = tables.article_ids
        self.customer_ids = tables.customer_ids
        columns = [pc.fill_null(tables.articles.column(one), "") for one in _SEARCHED]
        ids = pa.chunked_array([tables.article_ids.to_arrow()])
        self._text = pc.utf8_lower(pc.binary_join_element_wise(*columns, ids, " "))
        sold = np.bincount(tables.histories.article, minlength=len(tables.article_ids))
        self._order = np.argsort(-sold, kind="stable")
        lengths = tables.histories.lengths
        # a few with something to look at: neither the largest nor nobody
        busy = np.flatnonzero((lengths >= 8) & (lengths <= 60))[:6]
        self.some_customers = [tables.customer_ids.id(int(one)) for one in busy]

    def articles(self, q: str, n: int = 60) -> list[int]:
        """Return articles in which every word of `q` stands, the best-selling first.

        Words are looked for in name, type, colour, department and id.
        """
        found = None
        for word in q.lower().split()[:8]:
            here = pc.match_substring(self._text, word)
            found = here if found is None else pc.and_(found, here)
        if found is None:
            return []
        mask = found.to_numpy()
        return [int(one) for one in self._order[mask[self._order]][:n]]

    def customers(self, start: str, n: int = 20) -> list[str]:
        """Return customers whose id begins with `start`, ascending."""
        ids = self.customer_ids.ids
        encoded = start.encode(errors="replace")
        if not len(ids) or not encoded or len(encoded) > ids.dtype.itemsize:
            return []
        low = int(np.searchsorted(ids, np.bytes_(encoded)))
        found = [self.customer_ids.id(i) for i in range(low, min(low + n, len(ids)))]
        return [one for one in found if one.startswith(start)]
