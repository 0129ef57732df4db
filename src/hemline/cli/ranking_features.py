"""`hemline features`: what the ranker is told."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hemline.cli.app import AsJson, ConfigFile, Settings, app
from hemline.cli.printing import print_rows
from hemline.cli.progress import plain


@app.command()
def features(
    run: Annotated[
        Path | None,
        typer.Argument(help="Run folder: what its shop has the data for.", metavar="[RUN]"),
    ] = None,
    family: Annotated[
        str | None, typer.Option(help="Only the features of this family.", metavar="NAME")
    ] = None,
    config: ConfigFile = None,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """List the features that the ranker sees: name, family, meaning, and what is left out."""
    from hemline.config import Config, parse_override
    from hemline.errors import ConfigError
    from hemline.recommend.features import Features
    from hemline.service import Recommender

    if run is None:
        whole = Config.load(config, settings or ())
        found = Features(whole, tuple(whole.channel_settings()))
    else:
        if config is not None:
            raise ConfigError("a run has its own settings", hint="leave out --config, or RUN")
        recommender = Recommender.open(run)
        changes = dict(parse_override(one) for one in settings or ())
        found = recommender.features(recommender.config.replaced(changes))
    every = [(one, found.left_out.get(one.name)) for one in (*found.declared, *found.lacking)]
    if family is not None:
        families = dict.fromkeys(one.family for one, _ in every)
        every = [(one, why) for one, why in every if one.family == family]
        if not every:
            raise ConfigError(f"no family {family!r}", hint=f"families: {', '.join(families)}")
    rows = [
        {"name": one.name, "family": one.family, "meaning": one.meaning, "left_out": why}
        for one, why in every
    ]
    print_rows(rows, as_json)
    if not as_json:
        used = sum(row["left_out"] is None for row in rows)
        plain(f"{used} features" + (f", {len(rows) - used} left out" if used < len(rows) else ""))
