"""The recommendations of everyone, computed block after block and written as Parquet."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from hemline.blocks import Progress, map_blocks, silent
from hemline.errors import DataError
from hemline.memory import release
from hemline.recommend.base import Recommendations
from hemline.recommend.bundle import Bundle
from hemline.schema import RECOMMENDATIONS
from hemline.shop.histories import Histories
from hemline.shop.ids import IdMap

BLOCK: Final = 4096
"""Customers of one call of the block function."""

GROUP: Final = 1 << 17
"""Customers of one row group of the Parquet file: 1.6 million rows with twelve each."""


def recommend_all(
    bundle: Bundle,
    histories: Histories,
    k: int,
    *,
    as_of: int | None,
    threads: int = 0,
    block: int = BLOCK,
    progress: Progress = silent,
) -> Iterator[Recommendations]:
    """Yield the recommendations of every customer, block after block, in order.

    Parameters are those of `Bundle.recommend`; blocks are computed on `threads` threads
    while those before them are being used.
    """
    n = len(histories)

    def answer(low: int, high: int) -> Recommendations:
        asked = histories.block(low, high)
        found = bundle.recommend(asked, k, as_of=as_of)
        asked.release()  # or memory would grow with every customer that was answered
        return found

    done = swept = 0
    progress(done, n)
    for found in map_blocks(answer, n, block, threads):
        yield found
        done += len(found)
        if done - swept >= GROUP:  # what a thread has read around a block behind its neighbour
            histories.block(swept, done).release()
            swept = done
        progress(done, n)


def write_recommendations(
    path: Path,
    blocks: Iterable[Recommendations],
    customer_ids: IdMap,
    article_ids: IdMap,
    channel_names: Sequence[str],
) -> dict[str, Any]:
    """Write blocks of recommendations as one Parquet file, schema.RECOMMENDATIONS.

    The file appears under its name when it is whole. Its bytes depend on the
    recommendations alone, not on how they were cut into blocks.

    Returns
    -------
    dict
        ``customers``, ``rows``, ``rows_by_channel``, and ``customers_short``: how many
        have fewer than k, because no more may be recommended.

    Raises
    ------
    DataError
        There are more or fewer rows than customers.
    """
    counts = np.zeros(len(channel_names), np.int64)
    customers = short = 0
    with replacing(path) as temporary, _writer(temporary) as writer:
        for group in _regroup(blocks, GROUP):
            high = customers + len(group)
            if high > len(customer_ids):
                break
            ids = customer_ids.to_arrow(customers, high)
            release(customer_ids.ids[customers:high])
            writer.write_table(_table(group, ids, article_ids, channel_names))
            taken = group.channels[group.articles >= 0]
            counts += np.bincount(taken, minlength=len(counts))
            short += int((group.articles < 0).any(axis=1).sum())
            customers = high
        else:
            high = customers
        if high != len(customer_ids):
            raise DataError(
                f"recommendations of {high} customers or more, and {len(customer_ids)} ids",
                hint="give the ids of the customers whose histories were asked for",
            )
    return {
        "customers": customers,
        "rows": int(counts.sum()),
        "rows_by_channel": dict(zip(channel_names, counts.tolist(), strict=True)),
        "customers_short": short,
    }


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path to write to, and move it over `path` when all went well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)  # noqa: PTH105 - the atomic one
    finally:
        temporary.unlink(missing_ok=True)


def _writer(path: Path) -> pq.ParquetWriter:
    return pq.ParquetWriter(
        path,
        RECOMMENDATIONS,
        compression="zstd",
        compression_level=1,
        use_dictionary=["customer_id", "rank", "article_id", "channel"],
        # the ids of a row group are one dictionary, however long they are
        dictionary_pagesize_limit=1 << 28,
        write_statistics=["customer_id"],
    )


def _regroup(blocks: Iterable[Recommendations], size: int) -> Iterator[Recommendations]:
    """Join and cut blocks to `size` customers each, the last one excepted."""
    held: list[Recommendations] = []
    n = 0
    for block in blocks:
        at = 0
        while at < len(block):
            take = min(size - n, len(block) - at)
            held.append(_slice(block, at, at + take))
            n += take
            at += take
            if n == size:
                yield _join(held)
                held, n = [], 0
    if held:
        yield _join(held)


def _slice(block: Recommendations, low: int, high: int) -> Recommendations:
    return Recommendations(
        block.articles[low:high], block.scores[low:high], block.channels[low:high]
    )


def _join(blocks: list[Recommendations]) -> Recommendations:
    return Recommendations(
        np.concatenate([one.articles for one in blocks]),
        np.concatenate([one.scores for one in blocks]),
        np.concatenate([one.channels for one in blocks]),
    )


def _table(
    group: Recommendations, customers: pa.Array, article_ids: IdMap, channel_names: Sequence[str]
) -> pa.Table:
    n, k = group.articles.shape
    present = group.articles.ravel() >= 0
    chosen = slice(None) if present.all() else present
    articles = group.articles.ravel()[chosen]
    used = np.zeros(len(article_ids), bool)
    used[articles] = True
    places = np.cumsum(used, dtype=np.int32) - np.int32(1)
    listed = pa.array(article_ids.strings(np.flatnonzero(used)), pa.string())
    columns = [
        _dictionary(np.repeat(np.arange(n, dtype=np.int32), k)[chosen], customers),
        pa.array(np.tile(np.arange(1, k + 1, dtype=np.int16), n)[chosen]),
        _dictionary(places[articles], listed),
        pa.array(group.scores.ravel()[chosen]),
        _dictionary(
            group.channels.ravel()[chosen].astype(np.int32), pa.array(channel_names, pa.string())
        ),
    ]
    return pa.Table.from_arrays(columns, schema=RECOMMENDATIONS)


def _dictionary(indices: npt.NDArray[np.int32], values: pa.Array) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(indices), values)
