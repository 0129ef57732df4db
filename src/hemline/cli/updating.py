"""The command that takes new purchases into a run."""

from __future__ import annotations

from typing import Annotated

import typer

from hemline.cli.app import Engine, Master, Run, app
from hemline.cli.progress import Shown, plain


@app.command()
def update(
    run: Run,
    data: Annotated[
        list[str] | None,
        typer.Argument(
            help="Files of purchases, or folders: of a shop's files under their names, or of "
            "Parquet files of purchases.",
            metavar="DATA",
            show_default=False,
        ),
    ] = None,
    log: Annotated[
        bool, typer.Option("--log", help="Take the purchases that the service wrote down, too.")
    ] = False,
    recommend: Annotated[
        bool,
        typer.Option(
            "--recommend/--no-recommend", help="Recommend, or take in and learn, no more."
        ),
    ] = True,
    customers: Annotated[
        str,
        typer.Option(
            help="concerned: recommend only to those who bought something new; all: to them "
            "first, then to everyone.",
            metavar="concerned|all",
        ),
    ] = "all",
    retrain: Annotated[
        bool, typer.Option("--retrain", help="Learn everything afresh, the ranker's trees too.")
    ] = False,
    overlap: Annotated[
        bool,
        typer.Option(
            "--overlap", help="Take purchases that look as if they were in the run already."
        ),
    ] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting of Spark, as spark.key=value.", metavar="KEY=VALUE"),
    ] = None,
    engine: Engine = "duckdb",
    master: Master = None,
) -> None:
    """Take a new day of purchases into a run: read, merged, learned from, recommended for.

    The tables, the counts and what is popular are those that reading all files together would
    have given. What came before with the same content is passed over; a call that was killed is
    resumed by the same call.
    """
    from hemline import api
    from hemline.config import parse_override
    from hemline.errors import ConfigError

    if customers not in ("all", "concerned"):
        raise ConfigError(f"--customers {customers}", hint="concerned or all")
    with Shown() as shown:
        found = api.update(
            run,
            data or [],
            log=log,
            customers="all" if customers == "all" else "concerned",
            recommend=recommend,
            retrain=retrain,
            overlap=overlap,
            settings=dict(parse_override(one) for one in settings or ()),
            listener=shown,
            engine=engine,
            master=master,
        )
    if not recommend:
        plain(f"recommend:       hemline update {run}")
        return
    if found.updated() is not None:
        plain(f"who is concerned: {run / 'recommendations-updated.parquet'}")
    if found.run.record("recommend") is None:
        plain(f"everyone else:   hemline update {run}")
    else:
        plain(f"recommendations: {run / 'recommendations.parquet'}")
