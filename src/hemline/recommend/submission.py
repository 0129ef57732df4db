"""The Kaggle submission: a line for every customer, written and checked."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hemline.errors import DataError
from hemline.memory import release
from hemline.recommend.output import replacing
from hemline.shop.ids import IdMap

SUBMISSION_HEADER: Final = ["customer_id", "prediction"]
CHECKED_AT_ONCE: Final = 1 << 17
"""Customers that are looked up together."""


def write_submission(recommendations: Path, customers: IdMap, out: Path) -> int:
    """Write the Kaggle CSV `customer_id,prediction`: one row for every customer, in order.

    Parameters
    ----------
    recommendations : Path
        A file written by `write_recommendations`.
    customers : IdMap
        Those of the customer table; others in the file are left out.
    out : Path
        Appears under its name when it is whole.

    Returns
    -------
    int
        The number of rows.

    Raises
    ------
    DataError
        A customer has no recommendation.
    """
    missing = np.ones(len(customers), bool)
    with (
        replacing(out) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(SUBMISSION_HEADER)
        for ids, predictions in _predictions(recommendations):
            places = customers.positions(ids)
            release(customers.ids)  # or all ids that were looked up would stay in memory
            missing[places[places >= 0]] = False
            writer.writerows(
                (one, prediction)
                for one, prediction, place in zip(ids, predictions, places.tolist(), strict=True)
                if place >= 0
            )
        if missing.any():
            raise DataError(
                f"{recommendations}: nothing for {int(missing.sum())} customers, the first of "
                f"them {customers.id(int(missing.argmax()))!r}",
                hint="the customer table is not that of this run",
            )
    return len(missing)


def _predictions(path: Path) -> Iterator[tuple[list[str], list[str]]]:
    """Yield customers and their articles, joined by spaces, as they stand in the file."""
    held: pa.Table | None = None
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=["customer_id", "article_id"])
            table = pa.table([_plain(table.column(0)), _plain(table.column(1))], ["c", "a"])
            if held is not None:
                table = pa.concat_tables([held, table])
            # a row group may end within a customer: the last one waits for the next
            bounds = _bounds(table.column("c"))
            low = int(bounds[-2]) if group + 1 < file.num_row_groups else table.num_rows
            held = table.slice(low)
            bounds = bounds[bounds <= low]
            articles = table.column("a").combine_chunks()
            lists = pa.ListArray.from_arrays(pa.array(bounds, pa.int32()), articles)
            ids = table.column("c").take(pa.array(bounds[:-1]))
            yield ids.to_pylist(), pc.binary_join(lists, " ").to_pylist()


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def _bounds(customers: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Return where each customer begins, and the end, int64 (customers + 1,)."""
    n = len(customers)
    if not n:
        return np.zeros(2, np.int64)[:1]
    differs = pc.not_equal(customers.slice(1), customers.slice(0, n - 1))
    starts = np.flatnonzero(differs.to_numpy(zero_copy_only=False)) + 1
    return np.concatenate([[0], starts, [n]]).astype(np.int64)


def validate_submission(path: Path, customers: IdMap, articles: IdMap, k: int = 12) -> int:
    """Check a Kaggle submission: every customer once, each with k different known articles.

    Returns
    -------
    int
        The number of customers.

    Raises
    ------
    DataError
        Naming the line and what is wrong with it.
    """
    known = set(articles.strings())
    seen = np.zeros(len(customers), bool)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            header = next(rows, None)
            if header != SUBMISSION_HEADER:
                raise DataError(
                    f"{path}, line 1: the header is {header}",
                    hint=f"it has to be {','.join(SUBMISSION_HEADER)}",
                )
            held: list[tuple[int, str]] = []
            for row in rows:
                problem = _problem(row, known, k)
                if problem:
                    raise DataError(f"{path}, line {rows.line_num}: {problem[0]}", hint=problem[1])
                held.append((rows.line_num, row[0]))
                if len(held) == CHECKED_AT_ONCE:
                    _tick(path, held, customers, seen)
                    held = []
            _tick(path, held, customers, seen)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read: {error}", hint="write it again") from None
    if not seen.all():
        raise DataError(
            f"{path}: {int((~seen).sum())} customers are missing, the first of them "
            f"{customers.id(int((~seen).argmax()))!r}",
            hint="there is one row for every customer of the customer table",
        )
    return len(seen)


def _problem(row: list[str], known: set[str], k: int) -> tuple[str, str] | None:
    """Return what is wrong with a row, and what to do, or None."""
    if len(row) != len(SUBMISSION_HEADER):
        return f"{len(row)} columns", "there are two: the customer, and the articles"
    listed = row[1].split(" ")
    distinct = set(listed)
    if len(listed) == k == len(distinct) and distinct <= known:
        return None
    for one in listed:
        if one not in known:
            padded = one.zfill(max(map(len, known), default=0))
            hint = f"did you mean {padded!r}? " if one and padded in known else ""
            return f"article {one!r} is not known", f"{hint}ids are text, with leading zeros"
    if len(listed) != k:
        return f"{len(listed)} articles", f"each customer has {k}, with one space between"
    return f"only {len(distinct)} different articles", "none may be named twice"


def _tick(
    path: Path, held: list[tuple[int, str]], customers: IdMap, seen: npt.NDArray[np.bool_]
) -> None:
    places = customers.positions(one for _, one in held)
    release(customers.ids)
    for (line, one), place in zip(held, places.tolist(), strict=True):
        if place < 0:
            raise DataError(
                f"{path}, line {line}: customer {one!r} is not known",
                hint="only customers of the customer table belong here",
            )
        if seen[place]:
            raise DataError(
                f"{path}, line {line}: customer {one!r} for the second time",
                hint="there is one row for every customer",
            )
        seen[place] = True
