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
    given = Path(data)
    if out is None and (given / "run.json").exists():
        run = RunFolder.open(given)  # used as it is: a comparison changes nothing in a run
        config = config or run.config
        base = configure(config, settings=settings)
    else:
        base = configure(config, settings=settings)
        where = Path("hemline-comparison" if out is None else out)
        shop = Shop.from_folder(given, base.ingest)
        run = run_stages(where, base, shop, stages=["ingest", "neighbours"], listener=listener)
    entrants = [
        Entrant(Path(one).stem, configure(config, recipe=one, settings=settings)) for one in names
    ]
    tables = Tables.open(run.folder("ingest"))
    end = as_of(base, tables)
    days, n = base.evaluate.horizon_days, max(base.evaluate.folds, 1)
    folds = rolling_folds(tables.histories.before(end), days, n, end=end)
    ground = Ground(run.folder("ingest"), run.folder("neighbours"), folds, base.evaluate.k)
    listener.started("compare")
    found = hold_contest(ground, entrants, progress=listener.progress, notice=listener.notice)
    seconds = sum(one.seconds("train") + one.seconds("recommend") for one in found.standings) * len(
        folds
    )
    peak = max(one.peak_bytes for one in found.standings)
    summary = {"recipes": len(found.standings), "folds": len(folds)}
    listener.finished(StageRecord("compare", "", seconds, peak, summary), skipped=False)
    return found, run.path
