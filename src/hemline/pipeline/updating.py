"""New purchases into a run that is there: taken in, learned from, recommended for."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hemline.errors import HemlineError, RunError
from hemline.pipeline.added import entries, start_of
from hemline.pipeline.running import do_stages
from hemline.pipeline.source import find_again, folders_again
from hemline.pipeline.stage import Context, Listener, Silent, as_of
from hemline.runs import ADDED, UPDATED, RunFolder

if TYPE_CHECKING:
    from pathlib import Path

    from hemline.shop.source import Shop

Customers = Literal["all", "concerned"]


@dataclass(frozen=True)
class New:
    """Data to add.

    Attributes
    ----------
    shop : Shop
    span : (int, int) or None
        Of purchases from the service's log: the first second, and the first after the last.
    upto : int
        The number of the last of them in the log.
    after : int
        The moment (seconds) after which the log's purchases were not in the tables.
    """

    shop: Shop
    span: tuple[int, int] | None = None
    upto: int = 0
    after: int = 0


def update_run(
    path: Path | str,
    news: Sequence[New],
    *,
    customers: Customers = "all",
    recommend: bool = True,
    retrain: bool = False,
    overlap: bool = False,
    listener: Listener | None = None,
) -> RunFolder:
    """Take new data into a run, and do its stages with it; first for the customers concerned.

    What the run holds stays as it is until all is done. Data that is in the run already, told
    by its content, is passed over; so the same call twice changes nothing, and one that was
    killed is resumed by the same call.

    Parameters
    ----------
    path : path
        The run folder.
    news : sequence of New
    customers : "all" or "concerned"
        Whom to recommend to: everyone, those who bought something new first; or these alone.
    recommend : bool
        False: take in and learn, no more.
    retrain : bool
        Learn everything afresh.
    overlap : bool
        Take purchases that look as if they were in the run already.
    listener : Listener, optional

    Raises
    ------
    RunError
        There is no run, or its shop's data has never been read.
    DataError
        New data is not what it should be, or all of it is in the run already.
    """
    listener = listener or Silent()
    run = RunFolder.open(path)
    if run.record("ingest") is None:
        raise RunError(
            f"{run.path} has no data yet to be added to", hint=f"`hemline run DATA --out {path}`"
        )
    with run.locked():
        shop = find_again(run.source)
        source = {**run.source, **folders_again(run.source)}
        fresh = _taken(run, news, source, listener)
        for one in fresh if overlap else ():
            one["overlap"] = True
        if fresh or retrain:
            source["start"] = None if retrain else start_of(run, keep=True)
        if fresh:
            source["added"] = [*entries(run.source), *fresh]
        context = Context(run, run.config, shop, source, listener)

        def after(stage: str, context: Context) -> None:
            if stage == "ingest" and fresh:
                _say(context)
            if stage == "train" and recommend and _wants_concerned(context):
                recommend_concerned(context)

        judged = run.record("evaluate")
        if fresh and judged and judged.summary.get("folds"):
            listener.notice(
                f"the backtest was of the data before: `hemline evaluate {run.path}` makes it anew"
            )
        try:
            everyone = recommend and customers == "all"
            do_stages(context, ["recommend"] if everyone else ["train"], after)
        except HemlineError:
            for one in fresh:  # a refusal leaves nothing behind
                shutil.rmtree(run.path / ADDED / one["digest"][:16], ignore_errors=True)
            raise
    return run


def _taken(
    run: RunFolder, news: Sequence[New], source: dict[str, Any], listener: Listener
) -> list[dict[str, Any]]:
    """Keep the files of what is new, and return an entry for each."""
    from hemline.shop.addition import Addition, digest_of, keep, label_of

    known = {one["digest"]: one for one in entries(source)}
    number = max((one["update"] for one in known.values()), default=0) + 1
    found: list[dict[str, Any]] = []
    for new in news:
        label, digest = label_of(new.shop), digest_of(new.shop)
        if digest in known:
            same = known[digest]
            listener.notice(
                f"{label}: nothing to do, the same content came as {same['label']} with "
                f"update {same['update']}"
            )
            continue
        if new.shop.images is not None and source.get("images"):
            listener.notice(
                f"{label}: photos are taken from {source['images']['path']} alone; put new ones "
                "there"
            )
        tables = keep(new.shop, run.path / ADDED, digest)
        addition = Addition(digest, number, label, new.shop, new.span, tables=tables)
        entry = addition.to_json()
        if new.span is not None:
            entry["log"] = {"upto": new.upto, "after": new.after}
        known[digest] = entry
        found.append(entry)
    return found


def _wants_concerned(context: Context) -> bool:
    """Tell whether the recommendations of the customers concerned are not those of this bundle."""
    run, now = context.run, context.records["train"]
    before = run.record("train")
    there = (run.path / UPDATED).exists() and before is not None
    return bool(entries(context.source)) and not (there and before == now)


def _say(context: Context) -> None:
    """Tell what an update brought."""
    found = context.tables().summary["update"]
    n, days = found["purchases"], found["first_day"]
    if found["last_day"] != found["first_day"]:
        days += f" to {found['last_day']}"
    text = (
        f"update {found['number']}: {n:,} purchases of {days} by {found['customers']:,} customers; "
        f"{found['new_customers']:,} customers and {found['new_articles']:,} articles are new"
    )
    context.listener.notice(text)
    if found["readmitted"]:
        context.listener.notice(
            f"{found['readmitted']:,} purchases that were rejected before are taken now that "
            "their articles are listed"
        )
    if found["there_before"]:
        context.listener.notice(
            f"{found['there_before']:,} of these purchases equal earlier ones, and were added to "
            "them: a customer bought an article again, or they came twice"
        )


def recommend_concerned(context: Context) -> dict[str, Any]:
    """Write what is recommended to the customers of the last update into the run folder."""
    from hemline.recommend.bundle import Bundle
    from hemline.recommend.output import recommend_all, write_recommendations
    from hemline.shop.ids import IdMap
    from hemline.shop.merging import CONCERNED

    tables, config = context.tables(), context.config
    rows = np.load(context.folder("ingest") / CONCERNED)
    bundle = Bundle.open(context.folder("train"))
    context.listener.started("concerned")
    blocks = recommend_all(
        bundle,
        tables.histories.take(rows),
        config.k,
        as_of=as_of(config, tables),
        threads=config.threads,
        progress=context.progress,
    )
    ids = IdMap(tables.customer_ids.ids[rows], "customer")
    target = context.run.path / UPDATED
    found = write_recommendations(
        target, blocks, ids, tables.article_ids, bundle.recipe.channel_names
    )
    context.listener.notice(f"recommendations of the {len(rows):,} customers concerned: {target}")
    return found
