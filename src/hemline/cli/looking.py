"""Commands that look at what a run holds, and hand it over."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from hemline.cli.app import AsJson, K, Run, app
from hemline.cli.printing import print_json, print_rows
from hemline.cli.progress import plain, seconds, size


@app.command()
def recommend(
    run: Run,
    customer: Annotated[str | None, typer.Option(help="Customer id.", metavar="ID")] = None,
    basket: Annotated[
        list[str] | None,
        typer.Option(help="Article id of an anonymous basket; may be repeated.", metavar="ID"),
    ] = None,
    age: Annotated[float | None, typer.Option(help="Age of the basket's owner.")] = None,
    k: K = None,
    as_json: AsJson = False,
) -> None:
    """Recommend articles to one customer, or for a basket."""
    from hemline.service import Recommender

    found = Recommender.open(run).recommend(customer, basket=basket, age=age, k=k)
    print_rows([one._asdict() for one in found], as_json)


@app.command()
def similar(
    run: Run,
    article: Annotated[str, typer.Option(help="Article id.", metavar="ID")],
    k: K = None,
    as_json: AsJson = False,
) -> None:
    """Show the visually most similar articles of one article."""
    from hemline.service import Recommender

    found = Recommender.open(run).similar(article, k)
    if not found and not as_json:
        plain(f"{article} has no photo vector, and so no similar articles")
    print_rows([one._asdict() for one in found], as_json)


@app.command()
def submit(
    run: Run,
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write; RUN/submission.csv by default.")
    ] = None,
) -> None:
    """Write a Kaggle submission, one row for every customer of the customer table, and check it."""
    from hemline.service import Recommender

    path = out or run / "submission.csv"
    customers = Recommender.open(run).write_submission(path)
    plain(f"{path}: {customers:,} customers, checked")


@app.command()
def status(run: Run, as_json: AsJson = False) -> None:
    """Show which stages of a run are done, and what they took."""
    from hemline.service import Recommender

    found = Recommender.open(run).status()
    rows = [
        {
            "stage": name,
            "done": record is not None,
            "seconds": None if record is None else round(record.seconds, 2),
            "peak": None if record is None else record.peak_bytes,
        }
        for name, record in found
    ]
    if as_json:
        print_json(rows)
        return
    table = Table(box=None, pad_edge=False)
    for column in ("stage", "state", "time", "peak memory"):
        table.add_column(column, justify="left" if column in ("stage", "state") else "right")
    for name, record in found:
        if record is None:
            table.add_row(name, "to do", "", "")
        else:
            table.add_row(name, "done", seconds(record.seconds), size(record.peak_bytes))
    Console().print(table)
