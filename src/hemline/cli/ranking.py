"""Commands that show what the two stages are made of."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.table import Table

from hemline.cli.app import AsJson, Run, Settings, app
from hemline.cli.printing import print_json
from hemline.cli.progress import Shown


@app.command()
def channels(run: Run, settings: Settings = None, as_json: AsJson = False) -> None:
    """Show what each channel reaches, alone and with the others, over the newest fold.

    Recall: what was bought that the channel proposed. Unique: what it alone proposed. Kept as
    channels.json in the run folder, for the report.
    """
    from hemline.config import parse_override
    from hemline.service import Recommender

    with Shown() as shown:
        shown.begin("channels")
        found = Recommender.open(run).channels(
            dict(parse_override(one) for one in settings or ()), progress=shown.progress
        )
    (run / "channels.json").write_text(json.dumps(found, indent=1))
    if as_json:
        print_json(found)
        return
    _print(found)


def _print(found: dict[str, Any]) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("channel", "rows", "recall", "unique", "precision", "fit", "propose"):
        table.add_column(name, justify="left" if name == "channel" else "right", no_wrap=True)
    for one in (*found["channels"], found["all"]):
        table.add_row(
            one["channel"],
            f"{one['rows']:.1f}",
            f"{one['recall']:.2%}",
            "" if one["unique"] is None else f"{one['unique']:.2%}",
            f"{one['precision']:.3%}",
            f"{one['fit_seconds']:.2f} s",
            f"{one['seconds']:.2f} s",
        )
    console = Console()
    console.print(
        f"{found['first_day']} to {found['last_day']}: {found['customers']:,} customers bought "
        f"{found['bought']:,} articles"
    )
    console.print(table)
    for name, why in found["left_out"].items():
        console.print(f"left out: {name} ({why})", style="dim")
