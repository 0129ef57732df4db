"""A shop's data, some recipes, one leaderboard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hemline.api import configure
from hemline.config import Config
from hemline.evaluate.contest import Entrant, Ground, hold_contest
from hemline.evaluate.leaderboard import Leaderboard
from hemline.pipeline import Listener, Silent, as_of, run_stages
from hemline.runs import RunFolder, StageRecord
from hemline.shop.source import Shop
from hemline.shop.splits import rolling_folds
from hemline.shop.tables import Tables

RECIPES = ("popular", "repurchase", "rules", "cascade", "two-stage")
"""Who takes part when nobody is named."""


def compare(
    data: Path | str,
    out: Path | str | None = None,
    *,
    recipes: Sequence[str] | None = None,
    config: Config | Path | str | None = None,
    settings: dict[str, Any] | None = None,
    listener: Listener | None = None,
) -> tuple[Leaderboard, Path]:
    """Judge recipes over the same folds of a shop's purchases, each trained anew for each fold.

    Parameters
    ----------
    data : path
        The shop's files, or a run folder.
    out : path, optional
        Run folder whose tables and neighbours are used, and made when they are not there;
        `data` when that is a run folder, `hemline-comparison` otherwise.
    recipes : names or TOML files, optional
        `RECIPES` when None.
    config : Config or path of a TOML file, optional
    settings : dict, optional
        Settings by their dotted names, for every recipe.
    listener : Listener, optional

    Returns
    -------
    Leaderboard
    Path
        The run folder.

    Raises
    ------
    DataError
        The purchases have no dates or span too few days for the folds.
    """
    listener = listener or Silent()
    names = list(dict.fromkeys(recipes or RECIPES))
    run, base = open_ground(data, out, config=config, settings=settings, listener=listener)
    if config is None and run.path == Path(data):
        config = run.config
    entrants = [
        Entrant(Path(one).stem, configure(config, recipe=one, settings=settings)) for one in names
    ]
    ground = ground_of(run, base, max(base.evaluate.folds, 1))
    listener.started("compare")
    found = hold_contest(ground, entrants, progress=listener.progress, notice=listener.notice)
    seconds = sum(one.seconds("train") + one.seconds("recommend") for one in found.standings)
    peak = max(one.peak_bytes for one in found.standings)
    summary = {"recipes": len(found.standings), "folds": len(ground.folds)}
    record = StageRecord("compare", "", seconds * len(ground.folds), peak, summary)
    listener.finished(record, skipped=False)
    return found, run.path


def open_ground(
    data: Path | str,
    out: Path | str | None,
    *,
    config: Config | Path | str | None,
    settings: dict[str, Any] | None,
    listener: Listener,
) -> tuple[RunFolder, Config]:
    """Return a run with tables and neighbours, and the settings that hold for all.

    A run folder given as `data`, without `out`, is used as it is, and nothing in it changes.
    """
    given = Path(data)
    if out is None and (given / "run.json").exists():
        run = RunFolder.open(given)
        return run, configure(config or run.config, settings=settings)
    base = configure(config, settings=settings)
    where = Path("hemline-comparison" if out is None else out)
    shop = Shop.from_folder(given, base.ingest)
    return run_stages(where, base, shop, stages=["ingest", "neighbours"], listener=listener), base


def ground_of(run: RunFolder, base: Config, folds: int, *, skip: int = 0) -> Ground:
    """Return the newest folds of a run's purchases, or those before the `skip` newest.

    Raises
    ------
    DataError
        The purchases have no dates or span too few days for the folds.
    """
    tables = Tables.open(run.folder("ingest"))
    end = as_of(base, tables)
    known = tables.histories.before(end)
    found = rolling_folds(known, base.evaluate.horizon_days, folds + skip, end=end)
    return Ground(run.folder("ingest"), run.folder("neighbours"), found[:folds], base.evaluate.k)
