"""The edges of each relationship, in batches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hemline.graph.nodes import age_bounds, age_group_ids
from hemline.graph.sources import DAY, ROWS, Sources
from hemline.graph.tables import END, START
from hemline.photos.neighbours import Neighbours
from hemline.schema import GRAPH, Label, Relationship

_LABELS: dict[str, Label] = {one.name: one for one in GRAPH.labels}


class Ids(Protocol):
    """What stands for the customers or articles at positions [low, high): their ids, as a rule."""

    def to_arrow(self, low: int = 0, high: int | None = None) -> pa.Array: ...


def edges_of(relationship: Relationship, sources: Sources) -> Iterator[pa.RecordBatch]:
    """Yield the edges of a relationship: `start` and `end` (keys), then the properties.

    Keys may come as dictionaries: the text of an id is then there once a batch.
    """
    tables = sources.tables
    if relationship.source == "articles":
        yield from _attribute_edges(relationship, tables.articles).to_batches(ROWS)
    elif relationship.source == "customers":
        yield from _age_edges(tables.customers)
    elif relationship.source == "purchases":
        yield from purchase_edges(
            tables.purchases_path, tables.customer_ids, tables.article_ids, relationship
        )
    elif relationship.source == "neighbours" and sources.neighbours is not None:
        yield from similar_edges(sources.neighbours, tables.article_ids)
    elif sources.recommendations is not None:
        yield from recommended_edges(sources.recommendations)


def _attribute_edges(relationship: Relationship, articles: pa.Table) -> pa.Table:
    """Return the pairs of keys that stand in one row of the product table, each once."""
    start, end = _LABELS[relationship.start].key.column, _LABELS[relationship.end].key.column
    pairs = pa.table({START: articles.column(start), END: articles.column(end)})
    pairs = pairs.filter(pc.and_(pc.is_valid(pairs.column(START)), pc.is_valid(pairs.column(END))))
    if start == "article_id":
        return pairs
    return (
        pairs.group_by([START, END])
        .aggregate([])
        .sort_by([(START, "ascending"), (END, "ascending")])
    )


def age_bands(ages: np.ndarray) -> np.ndarray:
    """Return the place of the group of each age in AGE_GROUPS, int32 (n,), -1 for none.

    Ages are in years and may have a fraction; NaN is no age.
    """
    bounds = np.array(age_bounds())
    years = np.floor(np.where(np.isnan(ages), -1, ages))
    band = np.searchsorted(bounds[:, 1], years, side="left")
    inside = band < len(bounds)
    band = np.minimum(band, len(bounds) - 1)
    found: np.ndarray = np.where(inside & (years >= bounds[band, 0]), band, -1).astype(np.int32)
    return found


def _age_edges(customers: pa.Table) -> Iterator[pa.RecordBatch]:
    groups = pa.array(age_group_ids())
    for batch in customers.select(["customer_id", "age"]).to_batches(ROWS):
        ages = pc.fill_null(batch.column("age"), np.float32("nan"))
        bands = age_bands(ages.to_numpy(zero_copy_only=False))
        kept = bands >= 0
        yield pa.RecordBatch.from_arrays(
            [
                batch.column("customer_id").filter(pa.array(kept)),
                pa.DictionaryArray.from_arrays(pa.array(bands[kept]), groups),
            ],
            [START, END],
        )


def purchase_edges(
    path: Path, customers: Ids, articles: Ids, relationship: Relationship
) -> Iterator[pa.RecordBatch]:
    """Yield the purchases of a file (schema.PURCHASES), one edge a row, ids for positions."""
    codes = articles.to_arrow()
    names = [one.name for one in relationship.properties]
    columns = ["customer", "article", "time", "quantity"]
    columns += [one for one in ("price", "channel") if one in names]
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(ROWS, columns=columns):
            customer = batch.column("customer").to_numpy()
            low, high = int(customer.min()), int(customer.max()) + 1
            found = {
                START: pa.DictionaryArray.from_arrays(
                    pa.array(customer - low), customers.to_arrow(low, high)
                ),
                END: pa.DictionaryArray.from_arrays(batch.column("article"), codes),
                **_moments(batch.column("time").to_numpy()),
                "price": batch.column("price") if "price" in names else None,
                "channel": batch.column("channel") if "channel" in names else None,
                "quantity": batch.column("quantity"),
            }
            yield pa.record_batch({name: found[name] for name in (START, END, *names)})


def _moments(seconds: np.ndarray) -> dict[str, pa.Array]:
    days = seconds // DAY
    first = int(days.min())
    # there are few days, and many purchases on each
    known = np.arange(first, int(days.max()) + 1).astype("datetime64[D]")
    months = known.astype("datetime64[M]").astype(np.int64)
    place = days - first
    return {
        "date": pa.array(days.astype(np.int32), pa.int32()).cast(pa.date32()),
        "year": pa.array((1970 + months // 12)[place]),
        "month": pa.array((months % 12 + 1)[place]),
        "time": pa.array(seconds).cast(pa.timestamp("s")).cast(pa.timestamp("us")),
    }


def similar_edges(neighbours: Neighbours, articles: Ids) -> Iterator[pa.RecordBatch]:
    """Yield the exact neighbours as edges, nearest first for each article."""
    codes = articles.to_arrow()
    width = max(1, neighbours.articles.shape[1])
    step = max(1, ROWS // width)
    for low in range(0, len(neighbours.articles), step):
        found = np.asarray(neighbours.articles[low : low + step])
        row, place = np.nonzero(found >= 0)
        scores = np.asarray(neighbours.scores[low : low + step])[row, place]
        yield pa.record_batch(
            {
                START: pa.DictionaryArray.from_arrays(
                    pa.array((low + row).astype(np.int32)), codes
                ),
                END: pa.DictionaryArray.from_arrays(pa.array(found[row, place]), codes),
                "score": scores.astype(np.float64),
            }
        )


def recommended_edges(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the recommendations of a file (schema.RECOMMENDATIONS) as edges."""
    names = {"customer_id": START, "article_id": END}
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(ROWS):
            yield batch.rename_columns([names.get(one, one) for one in batch.schema.names])
