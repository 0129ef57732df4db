"""What was added to a run after the shop's own data, and where a run's models began."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from hemline.errors import RunError
from hemline.runs import ADDED, RunFolder

if TYPE_CHECKING:
    from hemline.pipeline.stage import Context
    from hemline.recommend.earlier import Earlier
    from hemline.shop.addition import Addition

Updates = Literal["keep", "drop"]

_DAY: Final = 86_400


def carried(
    before: dict[str, Any], now: dict[str, Any], updates: Updates | None, where: Path
) -> dict[str, Any]:
    """Return what a run's source takes over when its shop is described anew.

    Parameters
    ----------
    before, now : dict
        The sources: what was added to the one is added to the other.
    updates : "keep" or "drop", optional
        What becomes of it when the shop's own data has changed.

    Raises
    ------
    RunError
        The shop's data has changed, and nothing says what becomes of the updates.
    """
    kept = {name: before[name] for name in ("added", "start") if before.get(name)}
    if "added" not in kept or updates == "keep":
        return kept
    if updates == "drop":
        return {}
    if before["fingerprint"] == now["fingerprint"]:
        return kept
    n = len(kept["added"])
    raise RunError(
        f"{where} has {n} update{'s' * (n > 1)} on top of data that has changed since "
        f"(the last one: {kept['added'][-1]['label']})",
        hint=f"`hemline run DATA --out {where} --updates drop` if the new data has these purchases "
        "in it, `--updates keep` if not",
    )


def entries(source: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what was added to a source, in order."""
    found: list[dict[str, Any]] = source.get("added") or []
    return found


def told(source: dict[str, Any]) -> Any:
    """Return what a fingerprint says of the data: the shop's, and what was added."""
    added = [[one["update"], one["digest"]] for one in entries(source)]
    return [source["fingerprint"], added] if added else source["fingerprint"]


def ingest_additions(context: Context, out: Path) -> dict[str, Any]:
    """Write the tables of a shop with what was added to it, going on from the nearest whole one.

    Where none is left the shop's data is read again, and all additions after it.
    """
    from hemline.shop.addition import Addition
    from hemline.shop.ingest import ingest
    from hemline.shop.merging import merge

    added = entries(context.source)
    folder = context.run.path / ADDED
    start, before = _nearest(context)
    base = out.with_name(f"{out.name}-shop")
    progress = context.progress
    if before is None:
        if context.shop is None:
            raise RunError(
                f"{context.run.path}: the shop's data must be read again, and it was frames or "
                "is gone",
                hint=f"`hemline run DATA --out {context.run.path} --updates keep`",
            )
        ingest(context.shop, context.config, base, progress, context.spark())
        before = base
    # what the run has recorded was looked at when it came
    recorded = {one["digest"] for one in entries(context.run.source)}
    additions = [
        replace(
            Addition.of_json(one, folder),
            accepted=one["digest"] in recorded or bool(one.get("overlap")),
        )
        for one in added[start:]
    ]
    folded = [_days(one["span"]) for one in added if one.get("span")]
    found = merge(before, additions, context.config, out, progress, folded=folded)
    if before == base:
        shutil.rmtree(base)
    return found


def _nearest(context: Context) -> tuple[int, Path | None]:
    """Return how many additions the fullest tables on disk have of this source's, and where."""
    from hemline.pipeline.stages import PIPELINE

    added = entries(context.source)
    for n in range(len(added) - 1, -1, -1):
        part = replace(context, source={**context.source, "added": added[:n]})
        record = context.run.found_on_disk("ingest", PIPELINE["ingest"].fingerprint(part))
        if record is not None:
            return n, context.run.path / "stages" / record.folder_name
    return 0, None


def _days(span: list[int]) -> tuple[int, int]:
    """Return the whole days that a time touches."""
    first, end = span
    return first // _DAY * _DAY, ((end - 1) // _DAY + 1) * _DAY


def added_vectors(context: Context) -> list[Addition]:
    """Return the additions that brought photo vectors."""
    from hemline.shop.addition import Addition

    folder = context.run.path / ADDED
    return [
        Addition.of_json(one, folder)
        for one in entries(context.source)
        if "vectors" in one["tables"]
    ]


def start_of(run: RunFolder, *, keep: bool, elsewhere: bool = False) -> dict[str, Any] | None:
    """Describe a run's bundle as a start for another; None where there is none.

    Parameters
    ----------
    keep : bool
        Whether what is dear to learn stays as it is.
    elsewhere : bool
        Whether it is for another run.
    """
    train, ingest = run.record("train"), run.record("ingest")
    if train is None or ingest is None:
        return None
    found = {"train": train.fingerprint, "ingest": ingest.fingerprint, "keep": keep}
    return {**found, "run": str(run.path.resolve())} if elsewhere else found


def start_told(context: Context) -> Any:
    """Return what a fingerprint says of where the models began."""
    start = context.source.get("start")
    if not start:
        return None
    learning = context.config.update.model_dump(mode="json")
    return [start["train"], start["ingest"], start["keep"], learning]


def start_is_there(context: Context) -> bool:
    """Tell whether the bundle to start from is still on disk."""
    return all(one.is_dir() for one in _start_folders(context))


def _start_folders(context: Context) -> tuple[Path, Path]:
    start = context.source["start"]
    home = Path(start["run"]) if "run" in start else context.run.path
    train, ingest = (home / "stages" / f"{name}-{start[name][:12]}" for name in ("train", "ingest"))
    return train, ingest


def earlier_recipe(context: Context) -> Earlier | None:
    """Open the recipe to start from, its articles told by their ids; None where there is none."""
    if not context.source.get("start"):
        return None
    from hemline.recommend.bundle import Bundle
    from hemline.recommend.earlier import Earlier
    from hemline.shop.ids import IdMap

    train, ingest = _start_folders(context)
    before = IdMap.open(ingest / "article_ids.npy", "article").ids
    now = context.tables().article_ids.ids
    places = np.minimum(np.searchsorted(now, before), len(now) - 1)
    places = np.where(now[places] == before, places, -1).astype(np.int32)
    keep = bool(context.source["start"]["keep"])
    return Earlier(Bundle.open(train).recipe, places, len(now), keep)
