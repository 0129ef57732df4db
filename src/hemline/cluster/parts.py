"""The file of one part of the customers: it has its name only when it is whole."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from hemline.recommend.base import Recommendations


def part_name(low: int, high: int) -> str:
    """Return the name of the part of the customers [low, high).

    By customers and not by number, so that a part that is there is the right one, into however
    many parts the customers were cut.
    """
    return f"part-{low:010d}-{high:010d}.arrow"


def write_part(path: Path, attempt: str, blocks: Iterable[Recommendations], k: int) -> int:
    """Write blocks of recommendations and rename them to `path`; return the customers.

    Whoever writes the same part at the same time (a retry, a speculative attempt) writes under
    another name and the same content: whichever is renamed last changes nothing.

    Parameters
    ----------
    attempt : str
        No other attempt has it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{attempt}.tmp")
    customers = 0
    try:
        with pa.OSFile(str(temporary), "wb") as file, pa.ipc.new_file(file, _schema(k)) as writer:
            for one in blocks:
                arrays = [one.articles.ravel(), one.scores.ravel(), one.channels.ravel()]
                writer.write_batch(
                    pa.record_batch([pa.array(values) for values in arrays], schema=_schema(k))
                )
                customers += len(one)
        os.replace(temporary, path)  # noqa: PTH105 - the atomic one
    finally:
        temporary.unlink(missing_ok=True)
    return customers


def read_part(path: Path) -> Iterator[Recommendations]:
    """Yield the blocks of a part as they were written."""
    with pa.OSFile(str(path)) as file:
        reader = pa.ipc.open_file(file)
        k = int(reader.schema.metadata[b"k"])
        for i in range(reader.num_record_batches):
            batch = reader.get_batch(i)
            articles, scores, channels = (one.to_numpy().reshape(-1, k) for one in batch.columns)
            yield Recommendations(articles, scores, channels)


def is_whole(path: Path, customers: int, k: int) -> bool:
    """Tell whether a part is there and holds so many customers with k places each."""
    try:
        with pa.OSFile(str(path)) as file:
            reader = pa.ipc.open_file(file)
            if reader.schema != _schema(k) or reader.schema.metadata != _schema(k).metadata:
                return False
            # a batch is read by its header: its rows are counted without its content
            rows = sum(reader.get_batch(i).num_rows for i in range(reader.num_record_batches))
    except (OSError, pa.ArrowInvalid):
        return False
    return bool(rows == customers * k)


def _schema(k: int) -> pa.Schema:
    fields = [("article", pa.int32()), ("score", pa.float32()), ("channel", pa.int8())]
    return pa.schema([pa.field(name, kind, False) for name, kind in fields], {"k": str(k)})


def sizes(low: int, high: int, parts: int, block: int) -> list[tuple[int, int]]:
    """Cut the customers [low, high) into about `parts` parts, at multiples of `block`.

    >>> sizes(0, 10_000, 2, 4096)
    [(0, 4096), (4096, 10000)]
    """
    blocks = max(1, -(-(high - low) // block))
    parts = min(max(parts, 1), blocks)
    bounds = low + np.arange(parts + 1, dtype=np.int64) * blocks // parts * block
    bounds[-1] = high
    pairs = zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
    return [(one, other) for one, other in pairs if one < other]
