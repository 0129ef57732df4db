"""The file of one part of the customers: it has its name only when it is whole."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from hemline.recommend.base import Recommendations

if TYPE_CHECKING:
    from hemline.recommend.ranker import Examples


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
    customers = 0

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal customers
        for one in blocks:
            arrays = [one.articles.ravel(), one.scores.ravel(), one.channels.ravel()]
            yield pa.record_batch([pa.array(values) for values in arrays], schema=_schema(k))
            customers += len(one)

    _write(path, attempt, batches(), _schema(k))
    return customers


def _write(path: Path, attempt: str, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{attempt}.tmp")
    try:
        with pa.OSFile(str(temporary), "wb") as file, pa.ipc.new_file(file, schema) as writer:
            for one in batches:
                writer.write_batch(one)
        os.replace(temporary, path)  # noqa: PTH105 - the atomic one
    finally:
        temporary.unlink(missing_ok=True)


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


def examples_said(low: int, high: int, negatives: int) -> dict[str, str]:
    """Return what is written into a part of examples, of what it is."""
    return {"low": str(low), "high": str(high), "negatives": str(negatives)}


def write_examples(path: Path, attempt: str, examples: Examples, said: dict[str, str]) -> None:
    """Write examples to a part as `write_part` does; `said` is kept with them."""
    width = examples.features.shape[1]
    places = np.repeat(np.arange(len(examples), dtype=np.int64), examples.counts)
    features = pa.FixedSizeListArray.from_arrays(pa.array(examples.features.ravel()), width)
    schema = pa.schema(
        [("customer", pa.int64()), ("bought", pa.bool_()), ("features", features.type)], said
    )
    batch = pa.record_batch([pa.array(places), pa.array(examples.bought), features], schema=schema)
    _write(path, attempt, (batch,), schema)


def read_examples(path: Path) -> Examples:
    """Return the examples of a part as they were written."""
    from hemline.recommend.ranker import Examples

    with pa.OSFile(str(path)) as file:
        reader = pa.ipc.open_file(file)
        customer, bought, features = reader.get_batch(0).columns
        width = features.type.list_size
        return Examples(
            features.flatten().to_numpy().reshape(-1, width),
            bought.to_numpy(zero_copy_only=False),
            np.bincount(customer.to_numpy()).astype(np.int64),
        )


def is_readable(path: Path, said: dict[str, str]) -> bool:
    """Tell whether a part of examples is there, to its end, and is what it should be."""
    try:
        with pa.OSFile(str(path)) as file:
            reader = pa.ipc.open_file(file)
            held = {key.decode(): value.decode() for key, value in reader.schema.metadata.items()}
            return held == said and bool(reader.num_record_batches == 1)
    except (OSError, AttributeError, pa.ArrowInvalid):
        return False


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
