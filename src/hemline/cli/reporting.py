"""The command that writes a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hemline.cli.app import ConfigFile, Settings, app
from hemline.cli.progress import Shown, plain


@app.command()
def report(
    data: Annotated[
        Path, typer.Argument(help="Folder of the shop's files, or a run folder.", metavar="DATA")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="File to write; RUN/report.html, or report.html.", metavar="FILE"
        ),
    ] = None,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Write one HTML file on what a shop sells, to whom and when; of a run, also how it did."""
    from hemline.config import parse_override
    from hemline.report.writing import write_report

    with Shown() as shown:
        found = write_report(
            data,
            out,
            config=config,
            settings=dict(parse_override(one) for one in settings or ()),
            listener=shown,
        )
    plain(f"report: {found}")
