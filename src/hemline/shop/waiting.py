"""Purchases whose article no table listed: kept with the rejects, taken when the article comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hemline.shop.known import Known, Places
from hemline.shop.merged_rows import Rows, rows_of
from hemline.shop.padding import Padding
from hemline.shop.rejects import UNKNOWN_ARTICLE

_BATCH = 1 << 16


class Readmitted(NamedTuple):
    """Purchases that wait no longer.

    Attributes
    ----------
    rows : Rows
        By places of `Known`, in any order; equal ones are not added up.
    padded : int
        How many of them got the zeros of their article's id back.
    """

    rows: Rows
    padded: int


@dataclass
class Waiting:
    """The list of rejects while files are added: which of its purchases are taken after all.

    What waits is read a piece at a time; only what is taken is held.

    Parameters
    ----------
    path : path
        rejects.parquet as it was before.
    articles, customers : Known
        The ids, as the tables and all files so far have them.
    padding : dict of Padding
        How the ids of each are written.
    """

    path: Path
    articles: Known
    customers: Known
    padding: dict[str, Padding]
    _came: list[pa.Array] = field(default_factory=list)

    def readmit(self, came: pa.Array, since: Iterable[pa.Table]) -> Readmitted | None:
        """Take the purchases that wait for some articles; None where there are none.

        Parameters
        ----------
        came : ids
            Articles that were not listed before.
        since : tables of rejects
            Of the files that were added before.
        """
        self._came.append(came)
        found = []
        for batch in self._all(since):
            mine = self._of(batch, came)
            if pc.any(mine).as_py():
                found.append(batch.filter(mine))
        if not found:
            return None
        table = pa.Table.from_batches(found).combine_chunks()
        article = table.column("article_id").combine_chunks()
        full = self.padding["article"].of_texts(article)
        columns = {
            "customer": pa.array(_places(table.column("customer_id"), self._customers)),
            "article": pa.array(_places(full, self.articles.places)),
        }
        columns |= {one: table.column(one) for one in ("time", "price", "channel", "quantity")}
        padded = int(pc.sum(pc.not_equal(full, article)).as_py())
        return Readmitted(rows_of(pa.table(columns)), padded)

    def rest(self, rejects: pa.RecordBatch) -> pa.RecordBatch:
        """Return rejects without those that were taken."""
        if not self._came:
            return rejects
        return rejects.filter(pc.invert(self._of(rejects, pa.concat_arrays(self._came))))

    def _all(self, since: Iterable[pa.Table]) -> Iterator[pa.RecordBatch]:
        with pq.ParquetFile(self.path) as file:
            yield from file.iter_batches(_BATCH)
        for one in since:
            yield from one.to_batches()

    def _of(self, rejects: pa.RecordBatch, came: pa.Array) -> pa.Array:
        """Tell which rejects wait for one of these articles."""
        waits = pc.equal(rejects.column("reason"), UNKNOWN_ARTICLE)
        if not pc.any(waits).as_py():
            return waits
        article = self.padding["article"].of_texts(rejects.column("article_id"))
        return pc.and_(waits, pc.is_in(article, came))

    def _customers(self, texts: list[str]) -> Places:
        """Return the places of customers, as reading their purchases now would name them."""
        full = self.padding["customer"].of_texts(pa.array(texts, pa.string())).to_pylist()
        found = self.customers.find(full)
        listed = self.customers.listed[found] & (found >= 0)
        return self.customers.places(
            [one if known else text for one, known, text in zip(full, listed, texts, strict=True)]
        )


def _places(texts: pa.ChunkedArray | pa.Array, find: Callable[[list[str]], Places]) -> Places:
    """Return the place of each id, asked once for those that are the same."""
    coded = pc.dictionary_encode(texts)
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    places = find(coded.dictionary.to_pylist())
    found: Places = places[coded.indices.to_numpy()]
    return found


def joined_rejects(
    path: Path, sizes: Sequence[int], after: Sequence[Sequence[pa.Table]]
) -> Iterator[pa.RecordBatch]:
    """Yield the rejects of a file, and behind those of each table the ones that came to it.

    Parameters
    ----------
    path : path
        rejects.parquet, in the order of the tables.
    sizes : sequence of int
        How many it has of each table.
    after : sequence of tables of rejects
        For each table.
    """
    with pq.ParquetFile(path) as file:
        batches, held = file.iter_batches(_BATCH), None
        for size, further in zip(sizes, after, strict=True):
            while size:
                batch = held if held is not None else next(batches)
                part, held = batch.slice(0, size), batch.slice(size)
                held = held if held.num_rows else None
                size -= part.num_rows
                yield part
            for one in further:
                yield from one.to_batches()
