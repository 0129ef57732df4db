"""The stages in order: each a pure function from frozen inputs to files in the run folder."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from hemline.blocks import Progress
from hemline.config import Config
from hemline.errors import DataError, RunError
from hemline.runs import STAGES, RunFolder, StageRecord, code_version, fingerprint
from hemline.shop.histories import end_of_day

if TYPE_CHECKING:
    from hemline.recommend.bundle import Bundle
    from hemline.shop.source import Shop
    from hemline.shop.tables import Catalogue, Tables


class Listener(Protocol):
    """Is told what the pipeline does; the command line shows it."""

    def started(self, stage: str) -> None: ...

    def progress(self, done: int, total: int) -> None: ...

    def finished(self, record: StageRecord, skipped: bool) -> None: ...

    def notice(self, text: str) -> None: ...


class Silent:
    """A listener that shows nothing."""

    def started(self, stage: str) -> None:
        """Ignore it."""

    def progress(self, done: int, total: int) -> None:
        """Ignore it."""

    def finished(self, record: StageRecord, skipped: bool) -> None:
        """Ignore it."""

    def notice(self, text: str) -> None:
        """Ignore it."""


@dataclass
class Context:
    """What a stage may look at: the stages before it, the settings, the shop."""

    run: RunFolder
    config: Config
    shop: Shop | None
    source: dict[str, Any]
    listener: Listener
    records: dict[str, StageRecord] = field(default_factory=dict)

    def folder(self, stage: str) -> Path:
        """Return the folder of a stage of this very chain."""
        return self.run.path / "stages" / self.records[stage].folder_name

    @property
    def progress(self) -> Progress:
        """The listener's progress."""
        return self.listener.progress

    def tables(self) -> Tables:
        """Open the checked tables."""
        from hemline.shop.tables import Tables

        return Tables.open(self.folder("ingest"))

    def catalogue(self) -> Catalogue:
        """Return the articles' attributes and neighbours."""
        from hemline.photos.neighbours import Neighbours
        from hemline.shop.tables import Catalogue

        neighbours = Neighbours.open(self.folder("neighbours"))
        return Catalogue.of(
            self.tables().articles,
            self.config.cascade.attributes,
            neighbours.articles,
            neighbours.scores,
        )


def as_of(config: Config, tables: Tables) -> int:
    """Return the moment that is recommended for: the first second after the days that are known."""
    until = config.ingest.until
    if until is not None and tables.summary.get("after_until"):
        return end_of_day(int(np.datetime64(until, "s").astype(np.int64)))
    return tables.cutoff


@dataclass(frozen=True)
class Stage:
    """A stage: what it needs, which settings and code its result depends on, and its work.

    `inputs` adds what the fingerprints of the stages before it do not tell.
    """

    name: str
    needs: tuple[str, ...]
    rooms: tuple[str, ...]
    settings: Callable[[Config], Any]
    work: Callable[[Context, Path], dict[str, Any]]
    inputs: Callable[[Context], Any] = lambda context: None

    def fingerprint(self, context: Context) -> str:
        """Return the digest that decides whether the stage is done already."""
        return fingerprint(
            self.name,
            [context.records[one].fingerprint for one in self.needs],
            self.settings(context.config),
            code_version(*self.rooms),
            self.inputs(context),
        )


def _ingest(context: Context, out: Path) -> dict[str, Any]:
    from hemline.shop.ingest import ingest

    if context.shop is None:
        raise RunError(
            f"{context.run.path}: the shop's data must be read again, and it was frames or is gone",
            hint=f"`hemline run DATA --out {context.run.path}`",
        )
    return ingest(context.shop, context.config, out, context.progress)


def _photo_inputs(context: Context) -> Any:
    from hemline.photos.spec import embedder_name

    # the ids, not the whole of ingest: a new day of purchases leaves the vectors as they are
    ids = (context.folder("ingest") / "article_ids.npy").read_bytes()
    source, photos = context.source, context.config.photos
    used = photos.embedder and source["images"]
    name = embedder_name(photos.embedder, photos.preprocessing) if used else ""
    return [hashlib.sha256(ids).hexdigest(), source["images"], source["vectors"], name]


def _embed(context: Context, out: Path) -> dict[str, Any]:
    from hemline.photos.embed import embed_photos, take_vectors

    source = context.source
    photos, ids = context.config.photos, context.tables().article_ids
    if photos.embedder and source.get("images"):
        if photos.embedder == "descriptor":
            context.listener.notice(
                "photos: using the built-in descriptor, which sees colour, texture and shape "
                "only; a trained model finds better neighbours (photos.embedder)"
            )
        report = embed_photos(
            Path(source["images"]["path"]),
            ids.strings(),
            photos.embedder,
            photos.preprocessing,
            out,
            work=context.run.path / "work" / "photos",
            batch=photos.batch,
            threads=context.config.threads,
            progress=context.progress,
        )
        return report.summary()
    if source.get("vectors"):
        return take_vectors(Path(source["vectors"]["path"]), ids, out).summary()
    if source.get("images"):
        context.listener.notice(
            "photos: not used, because no embedder is chosen; set photos.embedder to "
            '"onnx:FILE", "keras:ResNet50V2", "hf:NAME", or "descriptor" (no weights needed)'
        )
    elif photos.embedder:
        context.listener.notice("photos: an embedder is chosen, but the shop has no photos")
    np.save(out / "vectors.npy", np.zeros((0, 1), np.float32))
    np.save(out / "positions.npy", np.zeros(0, np.int32))
    return {"embedder": None, "photos": 0}


def _neighbours(context: Context, out: Path) -> dict[str, Any]:
    from hemline.photos.neighbours import similar_articles

    found = similar_articles(
        context.folder("embed"),
        len(context.tables().article_ids),
        context.config.similar.neighbours,
        threads=context.config.threads,
        progress=context.progress,
    )
    found.save(out)
    with_any = int((found.articles[:, 0] >= 0).sum()) if found.articles.shape[1] else 0
    return {"articles_with_neighbours": with_any, "neighbours": found.articles.shape[1]}


def _train(context: Context, out: Path) -> dict[str, Any]:
    from hemline.recommend.bundle import train_bundle

    tables = context.tables()
    bundle = train_bundle(
        context.config,
        context.catalogue(),
        tables.histories,
        as_of=as_of(context.config, tables),
        progress=context.progress,
    )
    bundle.save(out)
    return bundle.summary


def _recommend(context: Context, out: Path) -> dict[str, Any]:
    from hemline.recommend.bundle import Bundle
    from hemline.recommend.output import recommend_all, write_recommendations

    bundle, tables, config = Bundle.open(context.folder("train")), context.tables(), context.config
    blocks = recommend_all(
        bundle,
        tables.histories,
        config.k,
        as_of=as_of(context.config, tables),
        threads=config.threads,
        progress=context.progress,
    )
    return write_recommendations(
        out / "recommendations.parquet",
        blocks,
        tables.customer_ids,
        tables.article_ids,
        bundle.recipe.channel_names,
    )


def _evaluate(context: Context, out: Path) -> dict[str, Any]:
    from hemline.evaluate.backtest import backtest

    settings, tables = context.config.evaluate, context.tables()
    if not settings.folds:
        context.listener.notice("backtest: none asked for (evaluate.folds = 0)")
        (out / "backtest.json").write_text("{}")
        return {"folds": 0}
    try:
        report = backtest(
            context.config,
            context.catalogue(),
            tables.histories,
            as_of=as_of(context.config, tables),
            progress=context.progress,
        )
    except DataError as error:
        # too few days, or none: the recommendations are there all the same
        context.listener.notice(f"backtest: none, {error} ({error.hint})")
        (out / "backtest.json").write_text("{}")
        return {"folds": 0, "reason": str(error)}
    (out / "backtest.json").write_text(json.dumps(report.to_json(), indent=1))
    return report.summary()


def _learning(config: Config) -> Any:
    chosen = {"cascade": ("als", "also_bought", "popular", "cascade"), "popular": ("popular",)}
    sections = chosen.get(config.recipe, ("repurchase", "popular"))
    settings = {one: getattr(config, one).model_dump(mode="json") for one in sections}
    return [config.recipe, config.seed, settings]


_MODEL_ROOMS = ("shop/histories.py", "shop/kcore.py", "shop/tables.py", "models", "recommend")

PIPELINE: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage(
            "ingest",
            (),
            ("shop", "engines", "schema.py"),
            lambda config: [
                config.columns.model_dump(),
                config.ingest.model_dump(exclude={"memory_gb"}, mode="json"),
            ],
            _ingest,
            lambda context: context.source["fingerprint"],
        ),
        Stage(
            "embed",
            (),
            ("photos",),
            lambda config: config.photos.model_dump(exclude={"batch"}),
            _embed,
            _photo_inputs,
        ),
        Stage(
            "neighbours",
            ("embed",),
            ("photos",),
            lambda config: config.similar.model_dump(),
            _neighbours,
        ),
        Stage("train", ("ingest", "neighbours"), _MODEL_ROOMS, _learning, _train),
        Stage(
            "recommend",
            ("ingest", "train"),
            _MODEL_ROOMS,
            lambda config: [config.k, config.seed],
            _recommend,
        ),
        Stage(
            "evaluate",
            ("ingest", "neighbours"),
            (*_MODEL_ROOMS, "evaluate", "shop/splits.py", "shop/truth.py"),
            lambda config: [_learning(config), config.evaluate.model_dump()],
            _evaluate,
        ),
    )
}


_TABLES = ("purchases", "articles", "customers")
_FOLDERS = ("images", "vectors")


def describe(shop: Shop) -> dict[str, Any]:
    """Describe where a shop's data comes from, for run.json and for skipping stages."""
    from hemline.shop.source import fingerprint as shop_fingerprint

    given = {one: getattr(shop, one) for one in _TABLES}
    paths = {one: str(Path(value).resolve()) for one, value in given.items() if _is_path(value)}
    frames = [one for one, value in given.items() if value is not None and one not in paths]
    return {
        "fingerprint": shop_fingerprint(shop),
        "tables": None if frames else paths,
        **{one: _folder_state(getattr(shop, one)) for one in _FOLDERS},
    }


def _is_path(value: Any) -> bool:
    return isinstance(value, str | Path)


def _find_again(source: dict[str, Any]) -> Shop | None:
    """Return the shop of an earlier call, unless it was frames or its files are gone."""
    from hemline.shop.source import Shop

    tables = source.get("tables")
    if not tables or not all(Path(path).exists() for path in tables.values()):
        return None
    folders = {one: (source.get(one) or {}).get("path") for one in _FOLDERS}
    kept = {one: path for one, path in folders.items() if path and Path(path).is_dir()}
    return Shop(**tables, **kept)


def _folder_state(path: Any) -> dict[str, Any] | None:
    """Return a folder's path and a digest of its files' names, sizes and times."""
    if path is None or not Path(path).is_dir():
        return None
    digest = hashlib.sha256()
    for folder, folders, files in os.walk(path):
        folders.sort()
        for name in sorted(files):
            state = (Path(folder) / name).stat()
            digest.update(f"{folder}/{name} {state.st_size} {state.st_mtime_ns}\n".encode())
    return {"path": str(Path(path).resolve()), "files": digest.hexdigest()[:16]}


def run_stages(
    out: Path | str,
    config: Config,
    shop: Shop | None = None,
    *,
    stages: Sequence[str] = STAGES,
    listener: Listener | None = None,
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

    Returns
    -------
    RunFolder
        Its current stages belong together: all are from this call's inputs and settings.
    """
    listener = listener or Silent()
    if shop is None:
        run = RunFolder.open(out)
        shop = _find_again(run.source)
        source = run.source if shop is None else describe(shop)
    else:
        source = describe(shop)
        run = RunFolder.create(out, config, source)
    with run.locked():
        context = Context(run, config, shop, source, listener)
        wanted = _with_needs(stages)
        for name in STAGES:
            stage = PIPELINE[name]
            if name not in wanted and not _still_follows(run, stage, context):
                continue
            context.records[name] = _do(stage, context, quiet=name not in wanted)
            if set(context.records) >= {one for one in STAGES if run.record(one)}:
                # nothing current would be lost, so what is done may be seen at once
                run.promote(context.records, config, source)
                _offer(run)
        run.promote(context.records, config, source)
        _offer(run)
        run.clean()
    return run


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
    record = StageRecord(stage.name, digest, time.perf_counter() - started, _peak_bytes(), summary)
    context.run.publish(record, work)
    context.listener.finished(record, skipped=False)
    return record


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


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
