"""Commands that compare recipes with one another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from hemline.cli.app import AsJson, ConfigFile, Settings, app
from hemline.cli.printing import print_json, print_table
from hemline.cli.progress import Shown, plain


@app.command()
def compare(
    data: Annotated[
        Path, typer.Argument(help="Folder of the shop's files, or a run folder.", metavar="DATA")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Run folder to make or to continue; DATA when that is one."),
    ] = None,
    recipe: Annotated[
        list[str] | None,
        typer.Option(
            "--recipe", help="A recipe's name or TOML file; may be repeated.", metavar="NAME"
        ),
    ] = None,
    folds: Annotated[
        int | None, typer.Option(min=1, help="Cutoffs, one horizon apart; evaluate.folds.")
    ] = None,
    chart: Annotated[
        Path | None,
        typer.Option(help="Also draw the leaderboard: .svg, .png or .html.", metavar="FILE"),
    ] = None,
    config: ConfigFile = None,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Judge recipes side by side: the same folds, each trained anew in a process of its own.

    The result is kept as comparison.json and comparison.svg in the run folder.
    """
    from hemline import comparing
    from hemline.config import parse_override
    from hemline.report.charts import leaderboard_chart, write_chart

    changes: dict[str, Any] = dict(parse_override(one) for one in settings or ())
    if folds is not None:
        changes["evaluate.folds"] = folds
    with Shown() as shown:
        found, where = comparing.compare(
            data, out, recipes=recipe, config=config, settings=changes, listener=shown
        )
    content = found.to_json()
    (where / "comparison.json").write_text(json.dumps(content, indent=1))
    drawn = leaderboard_chart(content)
    write_chart(drawn, where / "comparison.svg")
    if chart is not None:
        write_chart(drawn, chart)
    if as_json:
        print_json(content)
        return
    print_table(content["title"], content["table"])
    print_table("MAP by days since the customer's last purchase", content["segment_table"])
    plain(f"kept as {where / 'comparison.json'} and {where / 'comparison.svg'}")


@app.command()
def tune(
    data: Annotated[
        Path, typer.Argument(help="Folder of the shop's files, or a run folder.", metavar="DATA")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Run folder to make or to continue; DATA when that is one."),
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="A recipe's name or TOML file.", metavar="NAME")
    ] = None,
    trials: Annotated[int, typer.Option(min=1, help="Trials in all, earlier ones included.")] = 30,
    folds: Annotated[
        int, typer.Option(min=1, help="Folds to tune on; they precede the reported ones.")
    ] = 2,
    space: Annotated[
        Path | None,
        typer.Option(help='TOML file of what to try: "als.factors" = [16, 128]', metavar="FILE"),
    ] = None,
    write: Annotated[
        Path | None, typer.Option(help="Recipe file of the winner; RUN/tuned.toml.", metavar="FILE")
    ] = None,
    config: ConfigFile = None,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Find settings that suit the shop, on folds before the reported ones (needs hemline[tune]).

    Stopped at any time, the same command goes on. The winner is a recipe file:
    `hemline run DATA --out RUN --recipe tuned.toml`.
    """
    from hemline import tuning
    from hemline.config import parse_override

    with Shown() as shown:
        found = tuning.tune(
            data,
            out,
            recipe=recipe,
            trials=trials,
            folds=folds,
            space=tuning.read_space(space) if space else None,
            write=write,
            config=config,
            settings=dict(parse_override(one) for one in settings or ()),
            listener=shown,
        )
    if as_json:
        print_json(
            {
                "settings": found.settings,
                "map": found.score,
                "map_before": found.before,
                "trials": found.trials,
                "reported": found.reported.to_json(),
                "recipe": str(found.recipe),
            }
        )
        return
    print_table("On the newest folds, which were not tuned on", found.reported.table())
    plain(f"on the folds of the tuning: {found.score:.6f}, before {found.before:.6f}")
    plain(f"the winner: {found.recipe}")
