"""Equal purchases that stand beside each other, joined into one with their pieces added up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_MOST = np.iinfo(np.int32).max


def joined(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield sorted purchases with each kind once; their columns but the last are what is equal.

    Parameters
    ----------
    batches : batches of sorted rows
        The last column is the quantity. Missing values are equal to each other.

    Raises
    ------
    ArrowInvalid
        The quantities of equal purchases add up to more than an int32 holds.
    """
    held: pa.RecordBatch | None = None
    for batch in batches:
        if not batch.num_rows:
            continue
        if held is not None:
            (batch,) = pa.Table.from_batches([held, batch]).combine_chunks().to_batches()
        first = np.flatnonzero(_new(batch))
        quantity = batch.column(batch.num_columns - 1).to_numpy().astype(np.int64)
        total = np.add.reduceat(quantity, first)
        if total.max() > _MOST:
            raise pa.ArrowInvalid(f"{total.max()} pieces of one purchase are more than {_MOST}")
        columns = [one.take(pa.array(first)) for one in batch.columns[:-1]]
        whole = pa.RecordBatch.from_arrays(
            [*columns, pa.array(total.astype(np.int32))], names=batch.schema.names
        )
        # the last may go on in the next batch
        held = whole.slice(whole.num_rows - 1)
        yield whole.slice(0, whole.num_rows - 1)
    if held is not None:
        yield held


def _new(batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
    """Tell which rows differ from the one before."""
    found = np.zeros(batch.num_rows, bool)
    found[0] = True
    for column in batch.columns[:-1]:
        before, after = column.slice(0, len(column) - 1), column.slice(1)
        differs = pc.fill_null(pc.not_equal(before, after), False)
        if column.null_count:
            one_missing = pc.xor(pc.is_null(before), pc.is_null(after))
            differs = pc.or_(differs, one_missing)
        found[1:] |= differs.to_numpy(zero_copy_only=False)
    return found
