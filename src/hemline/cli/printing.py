"""Tables and JSON on the terminal."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.table import Table


def print_json(content: Any) -> None:
    """Print a value as JSON."""
    print(json.dumps(content, indent=1, ensure_ascii=False))


def print_rows(rows: list[dict[str, Any]], as_json: bool) -> None:
    """Print rows of the same keys as a table, without the columns that are all empty."""
    if as_json:
        print_json(rows)
        return
    if not rows:
        return
    shown = [name for name in rows[0] if any(row[name] is not None for row in rows)]
    table = Table(box=None, pad_edge=False)
    for name in shown:
        number = isinstance(rows[0][name], int | float)
        table.add_column(
            name.removesuffix("_id"), justify="right" if number else "left", overflow="fold"
        )
    for row in rows:
        values = (row[name] for name in shown)
        table.add_row(
            *(f"{one:.4g}" if isinstance(one, float) else str(one or "") for one in values)
        )
    Console().print(table)


def print_backtest(backtest: dict[str, Any]) -> None:
    """Print the figures that fit 80 columns; `hemline evaluate --json` has all of them."""
    table = Table(box=None, pad_edge=False)
    header, *rows = backtest["table"]
    left_out = {"precision", "MRR", "full lists", *(["sd"] if backtest["n_folds"] == 1 else [])}
    shown = [place for place, name in enumerate(header) if name not in left_out]
    for place in shown:
        name = str(header[place]).removesuffix(" of catalogue")
        table.add_column(name, justify="right" if place else "left", no_wrap=True)
    for row in rows:
        values = (row[place] for place in shown)
        table.add_row(*(f"{one:.4f}" if isinstance(one, float) else str(one) for one in values))
    console = Console(stderr=True)
    console.print()
    console.print(backtest["title"])
    console.print(table)
    console.print()


def print_holdout(holdout: dict[str, Any]) -> None:
    """Print the talk's table beside ours."""
    for part in holdout["tables"]:
        print_table(part["title"], part["table"], "{:.1%}")
        Console().print(part["note"], style="dim")
        Console().print()


def print_table(title: str, rows: list[list[Any]], fraction: str = "{:.4g}") -> None:
    """Print a header and rows of text and numbers under a title."""
    console = Console()
    table = Table(box=None, pad_edge=False)
    header, *body = rows
    for place, name in enumerate(header):
        table.add_column(str(name), justify="right" if place else "left", no_wrap=place == 0)
    for row in body:
        table.add_row(
            *(fraction.format(one) if isinstance(one, float) else str(one) for one in row)
        )
    console.print(title)
    console.print(table)
    console.print()
