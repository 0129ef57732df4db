"""An explanation as queries: each number with the one that gives it, and the comparison."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Callable, Sequence
from typing import Any

from hemline.graph.queries import shipped
from hemline.recommend.explanation import Check, Explanation

Ask = Callable[[str, dict[str, Any]], Sequence[dict[str, Any]]]
"""Cypher and its parameters -> rows; `GraphStore.rows` is one."""


def cypher(explanation: Explanation) -> str:
    """Return a script for cypher-shell or Neo4j's Browser: what is said, and how to check it.

    A query stands once, above it everything that it is to give.
    """
    lines: list[str] = []
    for check, said in _grouped(explanation):
        given = check.parameters.items()
        lines.extend(f"// {one}" for one in said)
        lines.extend(f":param {name} => {_literal(value)};" for name, value in given)
        text = shipped()[check.query].text.strip()
        body = "\n".join(one for one in text.splitlines() if not one.startswith("//"))
        lines.append(f"{body};\n")
    return "\n".join(lines)


def _grouped(explanation: Explanation) -> list[tuple[Check, list[str]]]:
    found: dict[str, tuple[Check, list[str]]] = {}
    for one in explanation.reasons:
        if one.check is None:
            continue
        key = json.dumps([one.check.query, one.check.parameters], default=str)
        _, said = found.setdefault(key, (one.check, []))
        where = {**one.check.where, **one.check.expected}
        values = ", ".join(f"{name} {_shown(value)}" for name, value in where.items())
        said.append(f"{one.sentence} [{one.check.query}: {values or 'no row'}]")
    return list(found.values())


def differences(explanation: Explanation, ask: Ask) -> list[str]:
    """Ask the graph each query; return what it says otherwise, nothing when all agree."""
    found = []
    for one in explanation.reasons:
        check = one.check
        if check is None:
            continue
        rows = ask(shipped()[check.query].text, check.parameters)
        matching = [
            row for row in rows if all(row[name] == value for name, value in check.where.items())
        ]
        if not check.expected:
            if matching:
                found.append(f"{one.sentence} The graph has {matching[0]}")
            continue
        row = matching[0] if matching else {}
        for name, value in check.expected.items():
            if not _same(row.get(name), value):
                found.append(f"{one.sentence} The graph says {name} {row.get(name)!r}")
    return found


def _same(there: Any, here: Any) -> bool:
    if isinstance(here, float) and there is not None:
        return math.isclose(there, here, rel_tol=1e-6)
    return bool(there == here)


def _literal(value: Any) -> str:
    if isinstance(value, dt.date):
        return f"date('{value.isoformat()}')"
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return json.dumps(value)


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
