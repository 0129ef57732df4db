"""The Typer app, and the arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hemline import __version__
from hemline.cli.progress import Shown

app = typer.Typer(
    name="hemline",
    help="Twelve products for every customer of a fashion shop.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Data = Annotated[
    str,
    typer.Argument(
        help="Folder of the shop's files, or neo4j://… of a database that holds it.",
        metavar="DATA",
    ),
]
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
Engine = Annotated[
    str,
    typer.Option(
        help="Where the work over everyone is done: duckdb (this machine) or spark.",
        metavar="NAME",
    ),
]
Master = Annotated[
    str | None,
    typer.Option(help="Of Spark: spark://HOST:7077, k8s://…, yarn, local[4].", metavar="URL"),
]
K = Annotated[int | None, typer.Option("-k", help="How many articles.")]


@app.callback(invoke_without_command=True)
def _main(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        print(f"hemline {__version__}")
        raise typer.Exit


def run_stage(
    run: Path,
    stage: str,
    settings: list[str] | None,
    engine: str = "duckdb",
    master: str | None = None,
) -> Any:
    """Do one stage of a run, and open the run."""
    from hemline.config import parse_override
    from hemline.engines.chosen import engine as on_engine
    from hemline.pipeline import run_stages
    from hemline.runs import RunFolder
    from hemline.service import Recommender

    with Shown() as shown:
        config = RunFolder.open(run).config
        config = config.replaced(dict(parse_override(one) for one in settings or ()))
        with on_engine(engine, config, master):
            return Recommender(run_stages(run, config, stages=[stage], listener=shown))
