"""Rows of a table with one row an id, new and changed ones put into it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Upserted:
    """A table after new rows were put into it: what became of each of them.

    Attributes
    ----------
    same, changed, new : int
    """

    table: pa.Table
    same: int
    changed: int
    new: int


def upsert(
    table: pa.Table,
    rows: pa.Table,
    places: Places,
    present: set[str],
    fresh: npt.NDArray[np.bool_],
) -> Upserted:
    """Put rows into a table: the later row of an id is the one that counts.

    Columns that the new file does not have stay as they were in rows that were there.

    Parameters
    ----------
    table : Table
    rows : Table
        The same columns.
    places : int64 (m,)
        Where each goes; beyond the end of `table` for new ones, which together leave no gap.
    present : set of str
        The columns that the file has.
    fresh : bool (m,)
        Rows to be taken whole: new ones, and those in place of what was only made up.
    """
    n = len(table)
    size = max(n, int(places.max(initial=-1)) + 1)
    incoming = n + np.arange(len(places))
    whole = np.arange(size)
    whole[places[fresh]] = incoming[fresh]
    partly = whole.copy()
    partly[places] = incoming
    joined = pa.concat_tables([table, rows]).combine_chunks()
    known = np.flatnonzero(~fresh)
    differs = np.zeros(len(known), bool)
    for name in present & set(table.column_names):
        differs |= _differ(
            table.column(name).take(pa.array(places[known])), rows.column(name).take(known)
        )
    columns = {
        name: joined.column(name).take(pa.array(partly if name in present else whole))
        for name in table.column_names
    }
    changed = int(differs.sum())
    return Upserted(
        pa.table(columns, schema=table.schema),
        same=len(known) - changed,
        changed=changed,
        new=int(fresh.sum()),
    )


def _differ(one: pa.ChunkedArray, other: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Tell which values are not the same, taking nothing for a value like others."""
    equal = pc.fill_null(pc.equal(one, other), False)
    nothing = pc.and_(pc.is_null(one), pc.is_null(other))
    found: npt.NDArray[np.bool_] = pc.invert(pc.or_(equal, nothing)).to_numpy()
    return found
