"""How places, columns and types are named for Spark, and for Ibis on it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ibis.expr.datatypes as dt


def uri_of(path: Any) -> str:
    """Return a place as Spark names it: whatever its default filesystem, a path is this one's.

    Signs that Spark would take for a pattern are marked as none.
    """
    uri = f"file://{path.resolve()}" if isinstance(path, Path) else str(path)
    return re.sub(r"([\[\]{}*?\\])", r"\\\1", uri)


def quoted(name: str) -> str:
    """Return the name of a column as SQL has it."""
    return "`" + name.replace("`", "``") + "`"


def picked(picks: Mapping[str, str]) -> list[str]:
    """Return the SQL of columns under other names."""
    return [f"{quoted(column)} AS {quoted(one)}" for one, column in picks.items()]


def kind_of(kind: Any) -> Any:
    """Return a type of Spark as one of Ibis."""
    from ibis.backends.pyspark.datatypes import PySparkType

    try:
        return PySparkType.to_ibis(kind)
    except Exception:  # Ibis' own, which are many, and what is unknown here cannot be used
        return dt.unknown
