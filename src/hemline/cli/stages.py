"""Commands that do the stages: from a shop's files to recommendations and their score."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hemline.cli.app import (
    AsJson,
    ConfigFile,
    Data,
    Engine,
    K,
    Master,
    Out,
    Run,
    Settings,
    Until,
    app,
    run_stage,
)
from hemline.cli.printing import print_backtest, print_holdout, print_json
from hemline.cli.progress import Shown, plain


@app.command()
def run(
    data: Data,
    out: Out,
    config: ConfigFile = None,
    recipe: Annotated[
        str | None,
        typer.Option(help="A recipe of `hemline recipes`, or a TOML file.", metavar="NAME"),
    ] = None,
    until: Until = None,
    settings: Settings = None,
    k: K = None,
    updates: Annotated[
        str | None,
        typer.Option(
            help="Of a run with updates, when DATA has changed since: keep them on top, or drop "
            "them because DATA has them.",
            metavar="keep|drop",
        ),
    ] = None,
    engine: Engine = "duckdb",
    master: Master = None,
) -> None:
    """Run a shop's data through all stages: files in, recommendations out.

    Stages that are done, and whose inputs and settings have not changed, are skipped; a run
    that was killed resumes.
    """
    from hemline import api
    from hemline.config import Config, parse_override
    from hemline.errors import ConfigError

    if updates not in (None, "keep", "drop"):
        raise ConfigError(f"--updates {updates}", hint="keep or drop")
    with Shown() as shown:
        chosen = api.configure(
            Config.load(config),
            recipe=recipe,
            until=until,
            k=k,
            settings=dict(parse_override(one) for one in settings or ()),
        )
        kept: Any = updates  # one of the two, or None
        found = api.run(
            data, out, config=chosen, listener=shown, updates=kept, engine=engine, master=master
        )
    backtest = found.backtest()
    if backtest:
        print_backtest(backtest)
    plain(f"recommendations: {out / 'recommendations.parquet'}")
    plain(f"look at them:    hemline recommend {out} --customer ID")
    plain(f"Kaggle file:     hemline submit {out}")


@app.command()
def ingest(
    data: Data,
    out: Out,
    config: ConfigFile = None,
    until: Until = None,
    settings: Settings = None,
    engine: Engine = "duckdb",
    master: Master = None,
) -> None:
    """Read and check the shop's files; bad rows are kept apart with their reason."""
    from hemline import api
    from hemline.config import Config, parse_override
    from hemline.engines.chosen import engine as on_engine
    from hemline.pipeline import run_stages

    with Shown() as shown:
        chosen = api.configure(
            Config.load(config),
            until=until,
            settings=dict(parse_override(one) for one in settings or ()),
        )
        with on_engine(engine, chosen, master):
            shop = api.find_shop(data, out, chosen, shown)
            run_stages(out, chosen, shop, stages=["ingest"], listener=shown)


@app.command()
def embed(run: Run, settings: Settings = None) -> None:
    """Turn the photos into vectors."""
    run_stage(run, "embed", settings)


@app.command()
def neighbours(run: Run, settings: Settings = None) -> None:
    """Find the most similar articles of each, by the cosine of their photos."""
    run_stage(run, "neighbours", settings)


@app.command()
def train(
    run: Annotated[
        Path,
        typer.Argument(help="Run folder; or the shop's data, with --out.", metavar="RUN|DATA"),
    ],
    settings: Settings = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Run folder to make, where data is given.")
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="Run whose vectors the models begin at, told by article id.",
            metavar="RUN",
        ),
    ] = None,
    retrain: Annotated[
        bool,
        typer.Option("--retrain", help="Learn everything afresh, though an update kept some."),
    ] = False,
    engine: Engine = "duckdb",
    master: Master = None,
) -> None:
    """Learn the bundle: everything the recommendations need besides a history."""
    from hemline import api
    from hemline.config import parse_override
    from hemline.engines.chosen import engine as on_engine
    from hemline.runs import RunFolder

    changes = dict(parse_override(one) for one in settings or ())
    begun = (run / "run.json").exists()
    config = RunFolder.open(run).config if begun and out is None else api.configure()
    with Shown() as shown, on_engine(engine, config.replaced(changes), master):
        api.train(run, out, start=start, retrain=retrain, settings=changes, listener=shown)


@app.command()
def evaluate(
    run: Run,
    settings: Settings = None,
    holdout: Annotated[
        bool,
        typer.Option(
            "--holdout", help="Also the talk's random hold-out: precision@5 by confidence weights."
        ),
    ] = False,
    as_json: AsJson = False,
    engine: Engine = "duckdb",
    master: Master = None,
) -> None:
    """Backtest the run's recipe at earlier cutoffs, each fold trained anew."""
    found = run_stage(run, "evaluate", settings, engine, master)
    backtest = found.backtest()
    table = found.holdout() if holdout else None
    if as_json:
        print_json({"backtest": backtest, **({"holdout": table} if table else {})})
        return
    if backtest:
        print_backtest(backtest)
    if table:
        print_holdout(table)
