"""Doing the stages that are asked for, and skipping what is done already."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemline.config import Config
from hemline.errors import RunError
from hemline.memory import peak_bytes
from hemline.pipeline.added import Updates, carried, start_is_there
from hemline.pipeline.source import describe, find_again, without_far_photos
from hemline.pipeline.stage import Context, Listener, Silent, Stage
from hemline.pipeline.stages import PIPELINE
from hemline.runs import STAGES, RunFolder, StageRecord

if TYPE_CHECKING:
    from hemline.recommend.bundle import Bundle
    from hemline.shop.source import Shop


def run_stages(
    out: Path | str,
    config: Config,
    shop: Shop | None = None,
    *,
    stages: Sequence[str] = STAGES,
    listener: Listener | None = None,
    updates: Updates | None = None,
    start: dict[str, Any] | None = None,
    retrain: bool = False,
) -> RunFolder:
    """Do the stages that are asked for and whatever they need; skip what is done already.

    Parameters
    ----------
    out : path
        The run folder. Killed at any instant, the same call resumes.
    config : Config
    shop : Shop, optional
        None: that of the earlier call, where it was files and they are still there.
    stages : names of stages
    listener : Listener, optional
    updates : "keep" or "drop", optional
        What becomes of the run's updates when the shop's own data has changed.
    start : dict, optional
        A bundle that the models begin at: see `hemline.pipeline.added.start_of`.
    retrain : bool
        Learn everything afresh, though an update kept some of it.

    Returns
    -------
    RunFolder
        Its current stages belong together: all are from this call's inputs and settings.

    Raises
    ------
    RunError
        The run has updates, its shop's data has changed, and `updates` is None.
    """
    listener = listener or Silent()
    if shop is None:
        run = RunFolder.open(out)
        source, shop = source_again(run, updates)
    else:
        shop = without_far_photos(shop, config, listener)
        source = describe(shop)
        run = RunFolder.create(out, config, source)
        source |= carried(run.source, source, updates, run.path)
    if start is not None or retrain:
        source["start"] = start
    with run.locked():
        do_stages(Context(run, config, shop, source, listener), stages)
    return run


def source_again(
    run: RunFolder, updates: Updates | None = None
) -> tuple[dict[str, Any], Shop | None]:
    """Describe a run's own source as it is now, and find its shop, where that can be found."""
    shop = find_again(run.source)
    source = run.source if shop is None else describe(shop)
    source = {name: one for name, one in source.items() if name not in ("added", "start")}
    return source | carried(run.source, source, updates, run.path), shop


def do_stages(
    context: Context,
    stages: Sequence[str],
    after: Callable[[str, Context], None] = lambda stage, context: None,
) -> None:
    """Do stages of a run that this process has locked; call `after` when one of them is done."""
    run, config = context.run, context.config
    wanted = _with_needs(stages)
    for name in STAGES:
        stage = PIPELINE[name]
        if name == "train" and context.records.keys() >= set(stage.needs):
            _settle_start(context)
        if name not in wanted and not _still_follows(run, stage, context):
            continue
        context.records[name] = _do(stage, context, quiet=name not in wanted)
        after(name, context)
        if set(context.records) >= {one for one in STAGES if run.record(one)}:
            # nothing current would be lost, so what is done may be seen at once
            run.promote(context.records, config, context.source)
            _offer(run)
    run.promote(context.records, config, context.source)
    _offer(run)
    run.clean()


def _settle_start(context: Context) -> None:
    """Forget a start that is gone, unless the bundle that began there is whole already."""
    if not context.source.get("start"):
        return
    digest = PIPELINE["train"].fingerprint(context)
    if context.run.found_on_disk("train", digest) is None and not start_is_there(context):
        context.source = {**context.source, "start": None}
        context.listener.notice("the models are learned afresh: what they went on from is gone")


def _with_needs(stages: Sequence[str]) -> set[str]:
    wanted: set[str] = set()
    pending = list(stages)
    while pending:
        name = pending.pop()
        if name not in PIPELINE:
            raise RunError(f"no stage {name!r}", hint=f"stages: {', '.join(STAGES)}")
        if name not in wanted:
            wanted.add(name)
            pending.extend(PIPELINE[name].needs)
            if name == "embed":
                pending.append("ingest")
    return wanted


def _still_follows(run: RunFolder, stage: Stage, context: Context) -> bool:
    """Tell whether a stage that is not asked for is done, and still follows from the others."""
    record = run.record(stage.name)
    needs = {*stage.needs, *(["ingest"] if stage.name == "embed" else [])}
    if record is None or not needs <= set(context.records):
        return False
    return record.fingerprint == stage.fingerprint(context)


def _do(stage: Stage, context: Context, quiet: bool) -> StageRecord:
    digest = stage.fingerprint(context)
    done = context.run.found_on_disk(stage.name, digest)
    if done is not None:
        if not quiet:
            context.listener.finished(done, skipped=True)
        return done
    context.listener.started(stage.name)
    started = time.perf_counter()
    work = context.run.work_folder(stage.name, digest)
    summary = stage.work(context, work)
    record = StageRecord(stage.name, digest, time.perf_counter() - started, peak_bytes(), summary)
    context.run.publish(record, work)
    context.listener.finished(record, skipped=False)
    return record


def _offer(run: RunFolder) -> None:
    """Keep RUN/recommendations.parquet the same file as that of the current stage."""
    if run.record("recommend") is None:
        return
    target = run.path / "recommendations.parquet"
    found = run.folder("recommend") / "recommendations.parquet"
    if target.exists() and target.samefile(found):
        return
    temporary = run.path / f"recommendations.{os.getpid()}.tmp"
    temporary.unlink(missing_ok=True)
    os.link(found, temporary)
    temporary.replace(target)


def open_bundle(run: RunFolder) -> Bundle:
    """Open the current bundle of a run."""
    from hemline.recommend.bundle import Bundle

    return Bundle.open(run.folder("train"))
