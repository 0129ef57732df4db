"""The paper's experiment, repeated on a shop's first purchases."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hemline.cli.app import AsJson, ConfigFile, Settings, app
from hemline.cli.printing import print_json, print_table
from hemline.cli.progress import Shown, plain

if TYPE_CHECKING:
    from hemline.models.neural import Epoch


@app.command()
def paper(
    data: Annotated[Path, typer.Argument(help="Folder of the shop's files.", metavar="DATA")],
    rows: Annotated[
        int, typer.Option(min=10, help="Purchases, from the top of the file.")
    ] = 20_000,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for paper.json and the pictures.", metavar="FOLDER"),
    ] = None,
    config: ConfigFile = None,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Repeat the experiment of the H&M paper: DotBias, two graph networks, SAR and GraphFilter.

    A random 70 to 30 division of the first purchases, test ids within the training part,
    negatives sampled; the paper's settings are presets. Its tables are printed beside ours.
    """
    from hemline.config import Config
    from hemline.evaluate.paper import paper_experiment
    from hemline.shop.first_rows import first_rows
    from hemline.shop.ingest import ingest
    from hemline.shop.source import Shop
    from hemline.shop.tables import Tables

    chosen = Config.load(config, settings or ())
    shop = first_rows(Shop.from_folder(data, chosen.ingest), rows)
    with tempfile.TemporaryDirectory(prefix="hemline-paper-") as work, Shown() as shown:
        shown.begin("paper")
        ingest(shop, chosen, Path(work) / "ingest")
        table, models = paper_experiment(
            Tables.open(Path(work) / "ingest").histories, chosen,
            told=_say, progress=shown.progress,
        )  # fmt: skip
        shown.end("paper", {})
    content = table.to_json()
    if out is not None:
        _keep(out, content, models)
    if as_json:
        print_json(content)
        return
    for one in content["tables"]:
        print_table(one["title"], one["rows"])
        plain(one["note"] + "\n")


def _say(name: str, epoch: Epoch) -> None:
    more = "" if epoch.recall is None else f", recall {epoch.recall:.4f}"
    if epoch.accuracy is not None:
        more += f", accuracy {epoch.accuracy:.4f}"
    plain(
        f"{name}: epoch {epoch.number} of {epoch.epochs}, loss {epoch.loss:.6f}{more}, "
        f"{epoch.seconds:.2f} s"
    )


def _keep(out: Path, content: dict[str, Any], models: dict[str, Any]) -> None:
    from hemline.models.neural import Neural
    from hemline.report.training import draw_training

    out.mkdir(parents=True, exist_ok=True)
    (out / "paper.json").write_text(json.dumps(content, indent=1))
    for name, model in models.items():
        if isinstance(model, Neural):
            file = "".join(one if one.isalnum() or one == "." else "-" for one in name.lower())
            draw_training(model, out, name=file.replace("--", "-"), title=name)
    plain(f"kept in {out}: paper.json, and for each trained model its loss, recall and accuracy")
