"""Which column of the shop's files is which of Hemline's."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

from hemline import schema
from hemline.errors import ConfigError, DataError, MissingColumnError

COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "articles": tuple(schema.ARTICLES.names),
    "customers": tuple(schema.CUSTOMERS.names),
    "purchases": ("customer_id", "article_id", "time", "price", "channel", "quantity"),
}
"""What Hemline reads of each table, under its own names."""

REQUIRED: Final = {
    "articles": ("article_id",),
    "customers": ("customer_id",),
    "purchases": ("customer_id", "article_id", "time"),
}

_WORDS: Final = {
    "customer_id": ("customer", "user", "client", "buyer", "member"),
    "article_id": ("article", "product", "item", "sku"),
    "time": ("date", "time", "day", "moment"),
    "price": ("price", "amount", "value"),
    "channel": ("channel",),
    "quantity": ("quantity", "pieces", "count", "qty"),
}
"""What shops like to call a column, for guessing which one is meant."""

PRESET: Final[dict[str, dict[str, str]]] = {
    "articles": {},
    "customers": {"fn": "FN", "active": "Active"},
    "purchases": {"time": "t_dat", "channel": "sales_channel_id"},
}
"""Where the H&M files have another name than Hemline."""


def find_columns(
    table: str, found: Sequence[str], mapping: dict[str, str], where: str
) -> dict[str, str]:
    """Return Hemline's name -> the file's name for every column of a table that is there.

    A mapped column must be there. Others are looked for under Hemline's name and H&M's,
    then without regard to case.

    Raises
    ------
    ConfigError
        The mapping names a column that Hemline does not read.
    MissingColumnError
        A mapped column, or one that Hemline cannot do without, is not in the file.
    DataError
        A column that is needed stands in the file twice.
    """
    for name in mapping:
        if name not in COLUMNS[table]:
            close = get_close_matches(name, COLUMNS[table], 1)
            meant = f"did you mean {close[0]!r}? " if close else ""
            raise ConfigError(
                f"columns.{table}: Hemline reads no column {name!r}",
                hint=f"{meant}known are {', '.join(COLUMNS[table])}",
            )
    chosen: dict[str, str] = {}
    for name in COLUMNS[table]:
        column = _look_up(name, table, found, mapping)
        if column is not None:
            chosen[name] = column
        elif name in mapping or name in REQUIRED[table]:
            raise _missing(name, table, found, mapping, where)
    for column in chosen.values():
        if list(found).count(column) > 1:
            raise DataError(
                f"{where}: column {column!r} stands there more than once",
                hint="rename one of them in the file",
            )
    return chosen


def _look_up(name: str, table: str, found: Sequence[str], mapping: dict[str, str]) -> str | None:
    if name in mapping:
        return mapping[name] if mapping[name] in found else None
    names = [name, *([PRESET[table][name]] if name in PRESET[table] else [])]
    for wanted in names:
        if wanted in found:
            return wanted
    folded = {one.casefold(): one for one in reversed(found)}
    for wanted in names:
        if wanted.casefold() in folded:
            return folded[wanted.casefold()]
    return None


def _missing(
    name: str, table: str, found: Sequence[str], mapping: dict[str, str], where: str
) -> MissingColumnError:
    wanted = mapping.get(name) or PRESET[table].get(name, name)
    guess = _guess(name, wanted, found)
    listed = ", ".join(found) if found else "none"
    return MissingColumnError(
        f"{where} has no column {wanted!r} (for {name}); it has: {listed}",
        hint=f'if it is called otherwise, write under [columns.{table}]: {name} = "{guess}"',
    )


def _guess(name: str, wanted: str, found: Sequence[str]) -> str:
    """Return the column that is most likely meant, or a placeholder."""
    lowered = {one.casefold(): one for one in reversed(found)}
    for one in (wanted, name):
        close = get_close_matches(one.casefold(), list(lowered), 1, cutoff=0.7)
        if close:
            return lowered[close[0]]
    for word in _WORDS.get(name, ()):
        for low, column in reversed(lowered.items()):
            if word in low:
                return column
    return "YOUR COLUMN"
