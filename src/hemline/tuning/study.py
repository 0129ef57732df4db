"""Trying settings one after another, keeping what was learned, writing down the winner."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemline.api import configure
from hemline.comparing import ground_of, open_ground
from hemline.config import Config
from hemline.errors import ConfigError, HemlineError, RunError
from hemline.evaluate.contest import Entrant, Ground, hold_contest
from hemline.evaluate.leaderboard import Leaderboard
from hemline.pipeline import Listener, Silent
from hemline.tuning.space import Dial, Value, space_of

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True)
class Tuned:
    """What tuning found.

    Attributes
    ----------
    settings : dict
        The winner's values of the settings that were tried.
    score, before : float
        Its mean MAP on the folds of the tuning, and that of the settings as they were.
    trials : int
        Trials that came to an end, of this call and earlier ones.
    reported : Leaderboard
        Both, on the newest folds, which the tuning has not seen.
    recipe : Path
        TOML file of the winner.
    """

    settings: dict[str, Value]
    score: float
    before: float
    trials: int
    reported: Leaderboard
    recipe: Path


def tune(
    data: Path | str,
    out: Path | str | None = None,
    *,
    recipe: str | None = None,
    trials: int = 30,
    folds: int = 2,
    space: Sequence[Dial] | None = None,
    write: Path | str | None = None,
    config: Config | Path | str | None = None,
    settings: dict[str, Any] | None = None,
    listener: Listener | None = None,
) -> Tuned:
    """Find settings of a recipe that do better on earlier folds, and judge them on the newest.

    The newest `evaluate.folds` folds are reported and never tuned on; the `folds` before them
    are tuned on. Trials are kept in RUN/tuning: the same call goes on where an earlier one
    stopped, until there are `trials`. The first trial has the settings as they are, so that
    the winner is never worse on the folds of the tuning.

    Parameters
    ----------
    data, out : path
        As those of `compare`.
    recipe : str, optional
        A recipe's name or TOML file.
    trials : int
        How many there shall be in all.
    folds : int
    space : sequence of Dial, optional
        What to try; a selection for the recipe when None.
    write : path, optional
        The winner's TOML file; RUN/tuned.toml when None.
    config, settings, listener
        As those of `compare`.

    Raises
    ------
    ConfigError
        A setting to try is none of Hemline's, or cannot have the values.
    DataError
        The purchases have no dates, or span too few days.
    """
    optuna = _optuna()
    if trials < 1 or folds < 1:
        raise ConfigError(f"{trials} trials on {folds} folds", hint="at least 1 of each")
    listener = listener or Silent()
    run, base = open_ground(data, out, config=config, settings=settings, listener=listener)
    base = configure(base, recipe=recipe)
    dials = tuple(space or space_of(base))
    _check(base, dials)
    reported = max(base.evaluate.folds, 1)
    ground = ground_of(run, base, folds, skip=reported)
    study = _study(optuna, run.path / "tuning", ground, base, dials)
    done = len(study.get_trials(states=(optuna.trial.TrialState.COMPLETE,)))
    listener.started("tune")
    for i in range(done, trials):
        study.sampler = optuna.samplers.TPESampler(seed=base.seed + i, multivariate=True)
        study.optimize(lambda trial: _score(ground, base, dials, trial), n_trials=1)
        listener.progress(i + 1, trials)
        last = study.trials[-1]
        if last.value is not None and last.number == study.best_trial.number and last.number:
            listener.notice(f"trial {last.number}: MAP {last.value:.6f}, the best so far")
    finished = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    best = study.best_trial
    won = configure(base, settings=best.params)
    listener.notice("judging the winner on the newest folds, which were not tuned on")
    entrants = [Entrant("as it was", base), Entrant("tuned", won)]
    board = hold_contest(ground_of(run, base, reported), entrants, progress=listener.progress)
    where = Path(write) if write is not None else run.path / "tuned.toml"
    before = float(finished[0].value or 0.0)
    score = float(best.value or 0.0)
    where.write_text(_toml(base, best.params, score, before, len(finished), ground, board))
    return Tuned(dict(best.params), score, before, len(finished), board, where)


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise RunError(
            "tuning needs Optuna, which is not installed", hint="pip install 'hemline[tune]'"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _check(base: Config, dials: Sequence[Dial]) -> None:
    """Both ends of every dial must be settings that Hemline takes."""
    for dial in dials:
        for value in dial.choices or (dial.low, dial.high):
            configure(base, settings={dial.setting: value})


def _study(optuna: Any, folder: Path, ground: Ground, base: Config, dials: Sequence[Dial]) -> Any:
    import warnings

    folder.mkdir(parents=True, exist_ok=True)
    what = [
        base.model_dump(mode="json"),
        [asdict(one) for one in dials],
        [asdict(one) for one in ground.folds],
        [ground.k, ground.ingest.name, ground.neighbours.name],
    ]
    name = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        storage = optuna.storages.JournalStorage(
            optuna.storages.journal.JournalFileBackend(str(folder / f"{name}.log"))
        )
    study: optuna.Study = optuna.create_study(
        study_name=name, storage=storage, direction="maximize", load_if_exists=True
    )
    if not study.trials:
        # what is set now, where it lies within the bounds, is the first trial
        now = {one.setting: _value(base, one.setting) for one in dials}
        study.enqueue_trial(
            {one.setting: now[one.setting] for one in dials if one.holds(now[one.setting])}
        )
    return study


def _value(config: Config, setting: str) -> Any:
    section, *rest = setting.split(".")
    if section == "channels":
        name, key = rest
        channel = config.channel_settings()[name]
        return getattr(channel.common, key, getattr(channel.model, key, None))
    found: Any = getattr(config, section)
    for part in rest:
        found = getattr(found, part)
    return found


def _score(ground: Ground, base: Config, dials: Sequence[Dial], trial: optuna.Trial) -> float:
    import optuna

    chosen = {one.setting: one.suggest(trial) for one in dials}
    try:
        found = hold_contest(ground, [Entrant("trial", configure(base, settings=chosen))])
    except HemlineError as error:
        trial.set_user_attr("error", str(error))
        raise optuna.TrialPruned(str(error)) from None
    return found.standings[0].mean("map") or 0.0


def _toml(
    base: Config,
    params: dict[str, Any],
    score: float,
    before: float,
    trials: int,
    ground: Ground,
    board: Leaderboard,
) -> str:
    reported = {one.name: one.mean("map") for one in board.standings}
    first, last = ground.folds[0].first_day, ground.folds[-1].last_day
    lines = [
        f"# Tuned in {trials} trials on {first} to {last}: MAP@{ground.k} {score:.6f}, "
        f"before {before:.6f}.",
        f"# On {board.folds[0].first_day} to {board.folds[-1].last_day}, which were not tuned on: "
        f"{reported.get('tuned', 0):.6f}, before {reported.get('as it was', 0):.6f}.",
        f"recipe = {json.dumps(base.recipe)}",
    ]
    sections: dict[str, dict[str, Any]] = {}
    for setting, value in params.items():
        *section, key = setting.split(".")
        sections.setdefault(".".join(section), {})[key] = value
    for name, values in sections.items():
        lines.extend(
            ["", f"[{name}]", *(f"{key} = {json.dumps(one)}" for key, one in values.items())]
        )
    return "\n".join(lines) + "\n"
