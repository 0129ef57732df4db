"""What an update brought to the tables; and what is refused, since it would be counted twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hemline.errors import DataError
from hemline.shop.addition import Addition
from hemline.shop.merged_rows import Rows, joined

Ints = npt.NDArray[np.int64]


def brought(
    additions: Sequence[Addition],
    rows: Sequence[Rows],
    place: Ints,
    there: Ints,
    folded: Sequence[tuple[int, int]],
) -> tuple[dict[str, Any], npt.NDArray[np.int32]]:
    """Sum up what the last update brought.

    Parameters
    ----------
    additions : sequence of n
    rows : sequence of 2 n Rows
        The purchases of each addition; then those that had waited for the articles of each.
    place : int64 (m,)
        Of each row, one after the other, among the rows that were merged.
    there : int64
        How many pieces of each of these the tables had before.
    folded : pairs of seconds
        First and end of each time whose purchases were taken from the service's log.

    Returns
    -------
    summary : dict
    customers : int32, ascending
        Those who bought something that was new with the last update.

    Raises
    ------
    DataError
        An addition that is not `accepted` brings nothing new, or purchases of a time whose
        purchases came from the log.
    """
    n, last = len(additions), max(one.update for one in additions)
    bounds = np.cumsum([0, *(len(one["customer"]) for one in rows)])
    waited = np.zeros(len(there), np.int64)
    np.add.at(waited, place[bounds[n] :], joined(list(rows[n:]))["quantity"])
    concerned: list[npt.NDArray[np.int32]] = []
    purchases = there_before = additions_ = readmitted = 0
    times: list[int] = []
    for at, addition in enumerate(additions):
        own, back = rows[at], rows[n + at]
        mine = place[bounds[at] : bounds[at + 1]]
        known = there[mine] + waited[mine]
        if not addition.accepted:
            _refuse(addition, own, known, waited[mine], folded)
        if addition.update == last:
            concerned += [own["customer"], back["customer"]]
            additions_ += 1
            purchases += len(known)
            there_before += int((known > 0).sum())
            readmitted += len(back["customer"])
            times += [int(own["time"].min()), int(own["time"].max())]
    customers = np.unique(np.concatenate(concerned)).astype(np.int32)
    summary = {
        "number": last,
        "additions": additions_,
        "purchases": purchases,
        "there_before": there_before,
        "readmitted": readmitted,
        "customers": len(customers),
        "first_day": day_of(min(times)),
        "last_day": day_of(max(times)),
    }
    return summary, customers


def day_of(seconds: int) -> str:
    """Return the day of a moment, as 2020-09-22."""
    return str(np.datetime64(seconds, "s").astype("datetime64[D]"))


def _refuse(
    addition: Addition,
    rows: Rows,
    known: Ints,
    waited: Ints,
    folded: Sequence[tuple[int, int]],
) -> None:
    """Raise DataError where purchases are likely to be counted twice."""
    time, n = rows["time"], len(known)
    if (known >= rows["quantity"]).all():
        late = int((waited > 0).sum())
        waits = f", {late:,} of them waiting for articles that come with it" if late else ""
        leave = "what waits is taken with any purchases that the articles come with; "
        raise DataError(
            f"{addition.label}: all {n:,} purchases, {day_of(int(time.min()))} to "
            f"{day_of(int(time.max()))}, are in the run already{waits}",
            hint=f"{leave * bool(late)}if they were made once more on the same days: --overlap",
        )
    for first, end in () if addition.span else folded:
        inside = int(((time >= first) & (time < end)).sum())
        if inside:
            raise DataError(
                f"{addition.label}: {inside:,} of {n:,} purchases lie from {day_of(first)} to "
                f"{day_of(end - 1)}, and the run has the purchases of the service's log of "
                "these days",
                hint="if these are others, made elsewhere: --overlap; if they are the shop's "
                "own record of the same: `hemline run DATA --out RUN --updates drop`",
            )
