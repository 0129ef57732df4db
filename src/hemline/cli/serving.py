"""The command that serves a run."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hemline.cli.app import Run, Settings, app
from hemline.cli.progress import plain


@app.command()
def serve(
    run: Run,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="serve.port.")] = None,
    host: Annotated[str | None, typer.Option(help="serve.host; this machine alone.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="serve.workers.")] = None,
    settings: Settings = None,
) -> None:
    """Serve a run over HTTP: recommendations, similar articles, reasons, new purchases."""
    from hemline.config import parse_override
    from hemline.web import server

    changes: dict[str, Any] = dict(parse_override(one) for one in settings or ())
    given = {"serve.port": port, "serve.host": host, "serve.workers": workers}
    changes |= {name: value for name, value in given.items() if value is not None}
    server.serve(run, changes, told=lambda url: plain(f"serving {run} at {url} (API: {url}/docs)"))
