"""The command line: parse, call, print. Data goes to stdout, everything else to stderr."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from hemline import __version__
from hemline.cli_progress import Shown, plain, seconds, size
from hemline.errors import HemlineError
from hemline.runs import STAGES

app = typer.Typer(
    name="hemline",
    help="Twelve products for every customer of a fashion shop.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Data = Annotated[Path, typer.Argument(help="Folder of the shop's files.", metavar="DATA")]
Run = Annotated[Path, typer.Argument(help="Run folder.", metavar="RUN")]
Out = Annotated[Path, typer.Option("--out", help="Run folder to make or to continue.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="TOML file of settings.", metavar="FILE")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="Any setting, as section.key=value.", metavar="KEY=VALUE"),
]
Until = Annotated[
    str | None, typer.Option(help="Do not read purchases after this day.", metavar="DATE")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
K = Annotated[int | None, typer.Option("-k", help="How many articles.")]


@app.callback(invoke_without_command=True)
def _main(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        print(f"hemline {__version__}")
        raise typer.Exit


@app.command()
def run(
    data: Data,
    out: Out,
    config: ConfigFile = None,
    recipe: Annotated[
        str | None, typer.Option(help="cascade, popular or repurchase.", metavar="NAME")
    ] = None,
    until: Until = None,
    settings: Settings = None,
    k: K = None,
) -> None:
    """Run a shop's data through all stages: files in, recommendations out.

    Stages that are done, and whose inputs and settings have not changed, are skipped; a run
    that was killed resumes.
    """
    from hemline import api
    from hemline.config import Config, parse_override

    with Shown() as shown:
        chosen = api.configure(
            Config.load(config),
            recipe=recipe,
            until=until,
            k=k,
            settings=dict(parse_override(one) for one in settings or ()),
        )
        found = api.run(data, out, config=chosen, listener=shown)
    backtest = found.backtest()
    if backtest:
        _print_backtest(backtest)
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
) -> None:
    """Read and check the shop's files; bad rows are kept apart with their reason."""
    from hemline import api
    from hemline.config import Config, parse_override
    from hemline.pipeline import run_stages
    from hemline.shop.source import Shop

    with Shown() as shown:
        chosen = api.configure(
            Config.load(config),
            until=until,
            settings=dict(parse_override(one) for one in settings or ()),
        )
        shop = Shop.from_folder(data, chosen.ingest)
        run_stages(out, chosen, shop, stages=["ingest"], listener=shown)


def _stage(run: Path, stage: str, settings: list[str] | None) -> Any:
    from hemline.config import parse_override
    from hemline.pipeline import run_stages
    from hemline.runs import RunFolder
    from hemline.service import Recommender

    with Shown() as shown:
        config = RunFolder.open(run).config
        config = config.replaced(dict(parse_override(one) for one in settings or ()))
        return Recommender(run_stages(run, config, stages=[stage], listener=shown))


@app.command()
def embed(run: Run, settings: Settings = None) -> None:
    """Turn the photos into vectors."""
    _stage(run, "embed", settings)


@app.command()
def neighbours(run: Run, settings: Settings = None) -> None:
    """Find the most similar articles of each, by the cosine of their photos."""
    _stage(run, "neighbours", settings)


@app.command()
def train(run: Run, settings: Settings = None) -> None:
    """Learn the bundle: everything the recommendations need besides a history."""
    _stage(run, "train", settings)


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
) -> None:
    """Backtest the run's recipe at earlier cutoffs, each fold trained anew."""
    found = _stage(run, "evaluate", settings)
    backtest = found.backtest()
    table = found.holdout() if holdout else None
    if as_json:
        _print_json({"backtest": backtest, **({"holdout": table} if table else {})})
        return
    if backtest:
        _print_backtest(backtest)
    if table:
        _print_holdout(table)


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
    _print_rows([one._asdict() for one in found], as_json)


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
    _print_rows([one._asdict() for one in found], as_json)


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
        _print_json(rows)
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


@app.command()
def simulate(
    out: Annotated[Path, typer.Argument(help="Folder to write the shop into.", metavar="OUT")],
    customers: Annotated[int, typer.Option(min=1, help="Customers.")] = 2000,
    articles: Annotated[int, typer.Option(min=1, help="Articles.")] = 1000,
    days: Annotated[int, typer.Option(min=1, help="Days of sales.")] = 365,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything random.")] = 1,
    purchases: Annotated[
        int | None, typer.Option(min=1, help="Rows of purchases, about; by default 23 a customer.")
    ] = None,
    format: Annotated[str, typer.Option(help="csv or parquet.")] = "csv",  # noqa: A002
    photos: Annotated[bool, typer.Option(help="Draw product photos.")] = True,
    vectors: Annotated[
        int, typer.Option(min=0, help="Photo vectors of this length in place of photos.")
    ] = 0,
) -> None:
    """Simulate a shop: products, customers, purchases and drawn photos, in the Kaggle layout."""
    from hemline.errors import ConfigError
    from hemline.shop.simulate import simulate as make

    if format not in ("csv", "parquet"):
        raise ConfigError(f"--format {format}", hint="csv or parquet")
    with Shown() as shown:
        shown.begin("simulate")
        summary = make(
            out,
            customers=customers,
            articles=articles,
            days=days,
            seed=seed,
            purchases=purchases,
            format="parquet" if format == "parquet" else "csv",
            photos=photos and not vectors,
            vectors=vectors,
            progress=shown.progress,
        )
        shown.end("simulate", summary)


@app.command()
def config(
    file: Annotated[
        Path | None,
        typer.Argument(help="TOML file to check; without one, every setting.", metavar="FILE"),
    ] = None,
) -> None:
    """List every setting with its default and meaning, or check a file of settings."""
    from hemline.config import Config, reference

    if file is not None:
        Config.load(file)
        plain(f"{file}: every setting is known and has a value that can be")
        return
    print(reference(), end="")


def _print_json(content: Any) -> None:
    print(json.dumps(content, indent=1, ensure_ascii=False))


def _print_rows(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        _print_json(rows)
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


def _print_backtest(backtest: dict[str, Any]) -> None:
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


def _print_holdout(holdout: dict[str, Any]) -> None:
    console = Console()
    for part in holdout["tables"]:
        table = Table(box=None, pad_edge=False)
        header, *rows = part["table"]
        for place, name in enumerate(header):
            table.add_column(name, justify="right" if place else "left")
        for row in rows:
            table.add_row(*(f"{one:.1%}" if isinstance(one, float) else str(one) for one in row))
        console.print(part["title"])
        console.print(table)
        console.print(part["note"], style="dim")
        console.print()


def main() -> None:
    """Run the command line; errors raised on purpose are printed without a traceback."""
    try:
        app()
    except HemlineError as error:
        print(f"error: {error}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        sys.exit(error.exit_status)
    except BrokenPipeError:
        # the reader of our output has gone, as in `hemline recommend … | head`
        sys.stderr.close()
        sys.exit(0)
    except KeyboardInterrupt:
        print("interrupted; the same command continues where it was", file=sys.stderr)
        sys.exit(130)


__all__ = ["STAGES", "app", "main"]
