"""Commands that look at what a run holds, and hand it over."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from hemline.cli.app import AsJson, Engine, K, Master, Run, app, run_stage
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
    picture: Annotated[
        Path | None,
        typer.Option(help="Also draw the customer's page: .png or .jpg.", metavar="FILE"),
    ] = None,
    as_json: AsJson = False,
    everyone: Annotated[
        bool, typer.Option("--all", help="To every customer: the stage, done if it is not.")
    ] = False,
    engine: Engine = "duckdb",
    master: Master = None,
) -> None:
    """Recommend articles to one customer, for a basket, or to all customers."""
    from hemline.errors import ConfigError
    from hemline.service import Recommender

    if everyone:
        if customer is not None or basket:
            raise ConfigError("--all and one customer", hint="leave one of them away")
        settings = None if k is None else [f"k={k}"]
        run_stage(run, "recommend", settings, engine, master)
        plain(f"recommendations: {run / 'recommendations.parquet'}")
        return
    if engine != "duckdb" or master is not None:
        raise ConfigError("--engine is for all customers", hint="--all")
    opened = Recommender.open(run)
    found = opened.recommend(customer, basket=basket, age=age, k=k)
    if picture is not None:
        from hemline.report.pictures import customer_picture, write_picture

        if customer is None:
            raise ConfigError("--picture draws a customer's page", hint="give --customer ID")
        write_picture(customer_picture(opened, customer, k), picture)
    print_rows([one._asdict() for one in found], as_json)


@app.command()
def similar(
    run: Run,
    article: Annotated[str | None, typer.Option(help="Article id.", metavar="ID")] = None,
    k: K = None,
    picture: Annotated[
        Path | None, typer.Option(help="Also draw them: .png or .jpg.", metavar="FILE")
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="With --picture: so many random articles, a row each.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the random articles.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Show the visually most similar articles of one article, or draw those of many."""
    from hemline.errors import ConfigError
    from hemline.service import Recommender

    opened = Recommender.open(run)
    if (article is None) == (sample is None):
        raise ConfigError(
            "similar takes one article, or a sample", hint="--article ID or --sample N"
        )
    if picture is not None:
        from hemline.report.pictures import sample_picture, similar_picture, write_picture

        drawn = (
            similar_picture(opened, article, k)
            if article is not None
            else sample_picture(opened, sample or 1, seed, k)
        )
        write_picture(drawn, picture)
    if article is None:
        if picture is None:
            raise ConfigError("--sample draws a picture", hint="--picture out.png")
        plain(f"{picture}: {sample} articles with what is similar to them")
        return
    found = opened.similar(article, k)
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
