"""The nodes of each label, in batches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hemline.graph.sources import ROWS, Sources
from hemline.schema import AGE_GROUPS, Label

_VECTORS = 4096
"""Products of a batch where each has a vector."""


def nodes_of(label: Label, sources: Sources) -> Iterator[pa.RecordBatch]:
    """Yield the nodes of a label, ascending by key: columns are the property names, key first."""
    if label.table == "ages":
        yield _age_groups()
    elif label.table == "customers":
        yield from _renamed(label, sources.tables.customers).to_batches(ROWS)
    elif label.key.column == "article_id":
        yield from _products(label, sources)
    else:
        yield from distinct_nodes(label, sources.tables.articles).to_batches(ROWS)


def age_bounds() -> list[tuple[int, int]]:
    """Return first and last year of each age group; where two overlap the earlier one has it."""
    uppers = [0, *(high for _, high in AGE_GROUPS[:-1])]
    return [
        (max(low, before + 1), high) for (low, high), before in zip(AGE_GROUPS, uppers, strict=True)
    ]


def age_group_ids() -> list[str]:
    """Return the keys of the age groups, named as the talk names them: 16-25, …, 65-99."""
    return [f"{low}-{high}" for low, high in AGE_GROUPS]


def _age_groups() -> pa.RecordBatch:
    lower, upper = zip(*age_bounds(), strict=True)
    ids = pa.array(age_group_ids())
    return pa.RecordBatch.from_arrays(
        [ids, ids, pa.array(lower), pa.array(upper)], ["id", "name", "lower", "upper"]
    )


def _renamed(label: Label, table: pa.Table) -> pa.Table:
    properties = (label.key, *label.properties)
    return pa.table({one.name: table.column(one.column) for one in properties})


def _products(label: Label, sources: Sources) -> Iterator[pa.RecordBatch]:
    articles = sources.tables.articles
    plain = [one for one in label.properties if one.type != "vector"]
    table = _renamed(Label(label.name, label.key, tuple(plain), label.table), articles)
    if len(plain) == len(label.properties) or sources.vectors is None:
        yield from table.to_batches(ROWS)
        return
    vectors, positions = _open_vectors(sources.vectors)
    for low in range(0, table.num_rows, _VECTORS):
        part = table.slice(low, _VECTORS).combine_chunks()
        embedding = _vectors(vectors, positions, low, part.num_rows)
        yield from part.append_column("embedding", embedding).to_batches()


def _open_vectors(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    vectors = np.load(folder / "vectors.npy", mmap_mode="r", allow_pickle=False)
    return vectors, np.load(folder / "positions.npy", allow_pickle=False)


def _vectors(vectors: np.ndarray, positions: np.ndarray, low: int, rows: int) -> pa.Array:
    """Return the vectors of articles [low, low + rows) as lists, null where there is none."""
    first, last = np.searchsorted(positions, [low, low + rows])
    width = vectors.shape[1]
    has = np.zeros(rows, bool)
    has[positions[first:last] - low] = True
    offsets = np.concatenate([[0], np.cumsum(np.where(has, width, 0))]).astype(np.int32)
    values = np.ascontiguousarray(vectors[first:last], np.float32).ravel()
    return pa.ListArray.from_arrays(offsets, pa.array(values), mask=pa.array(~has))


def distinct_nodes(label: Label, articles: pa.Table) -> pa.Table:
    """Return one row for each key of a label; its name is the one that most articles give it.

    Ties go to the name that comes first; a key without any name keeps a null.
    """
    keys = (label.key, *label.properties)
    table = pa.table({one.name: articles.column(one.column) for one in keys})
    table = table.filter(pc.is_valid(table.column(label.key.name)))
    counted = table.group_by(table.column_names).aggregate([([], "count_all")])
    key = label.key.name
    named = [one.name for one in label.properties]
    order = [(key, "ascending"), *((one, "ascending") for one in named)]
    if named:
        rank = pc.if_else(pc.is_valid(counted.column(named[0])), counted.column("count_all"), 0)
        counted = counted.set_column(counted.num_columns - 1, "count_all", rank)
        order.insert(1, ("count_all", "descending"))
    counted = counted.sort_by(order).combine_chunks()
    ids = counted.column(key).combine_chunks() if counted.num_rows else counted.column(key)
    first = np.ones(counted.num_rows, bool)
    if counted.num_rows > 1:
        first[1:] = pc.not_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)
    return counted.filter(pa.array(first)).select(table.column_names)
