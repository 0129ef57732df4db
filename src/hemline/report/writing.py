"""A report on a shop's files or on a run: one HTML file that opens anywhere."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hemline.api import configure
from hemline.config import Config
from hemline.pipeline import Listener, Silent, run_stages
from hemline.report.facts import shop_facts
from hemline.report.page import render
from hemline.report.run_facts import run_facts
from hemline.runs import RunFolder
from hemline.service import Recommender
from hemline.shop.source import Shop
from hemline.shop.tables import Tables


def write_report(
    data: Path | str,
    out: Path | str | None = None,
    *,
    config: Config | Path | str | None = None,
    settings: dict[str, Any] | None = None,
    listener: Listener | None = None,
) -> Path:
    """Write a report and return its path.

    Parameters
    ----------
    data : path
        The shop's files, which are read and checked for it, or a run folder.
    out : path, optional
        RUN/report.html for a run, report.html here otherwise.
    config, settings
        As those of `run`; for a shop's files alone.
    listener : Listener, optional

    Raises
    ------
    RunError
        The run has no tables yet.
    """
    listener = listener or Silent()
    given = Path(data)
    if (given / "run.json").exists():
        run = Recommender(RunFolder.open(given))
        return _write(run, given.resolve().name, Path(out or given / "report.html"), listener)
    chosen = configure(config, settings=settings)
    shop = Shop.from_folder(given, chosen.ingest)
    with tempfile.TemporaryDirectory(prefix="hemline-report-") as folder:
        made = run_stages(Path(folder) / "run", chosen, shop, stages=["ingest"], listener=listener)
        name = given.resolve().name
        return _write(Recommender(made), name, Path(out or "report.html"), listener)


def _write(run: Recommender, name: str, out: Path, listener: Listener) -> Path:
    listener.started("report")
    tables = Tables.open(run.run.folder("ingest"))
    memory = run.config.ingest.memory_gb
    facts = shop_facts(
        tables, threads=run.config.threads, memory_gb=memory, progress=listener.progress
    )
    temporary = out.with_name(f"{out.name}.part")
    temporary.write_text(render(f"Report on {name}", facts, run_facts(run)), encoding="utf-8")
    temporary.replace(out)
    return out
