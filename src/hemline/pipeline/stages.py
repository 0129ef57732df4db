"""The stages in order: each a pure function from frozen inputs to files in the run folder."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from hemline.config import Config
from hemline.engines.chosen import place
from hemline.engines.hadoop import is_uri
from hemline.errors import DataError, RunError
from hemline.pipeline.added import (
    added_vectors,
    earlier_recipe,
    entries,
    ingest_additions,
    start_told,
    told,
)
from hemline.pipeline.stage import Context, Stage, as_of


def _ingest(context: Context, out: Path) -> dict[str, Any]:
    from hemline.shop.ingest import ingest

    if entries(context.source):
        return ingest_additions(context, out)
    if context.shop is None:
        raise RunError(
            f"{context.run.path}: the shop's data must be read again, and it was frames or is gone",
            hint=f"`hemline run DATA --out {context.run.path}`",
        )
    return ingest(context.shop, context.config, out, context.progress, context.spark())


def _photo_inputs(context: Context) -> Any:
    from hemline.photos.spec import embedder_name

    # the ids, not the whole of ingest: a new day of purchases leaves the vectors as they are
    ids = (context.folder("ingest") / "article_ids.npy").read_bytes()
    source, photos = context.source, context.config.photos
    used = photos.embedder and source["images"]
    name = embedder_name(photos.embedder, photos.preprocessing) if used else ""
    found = [hashlib.sha256(ids).hexdigest(), source["images"], source["vectors"], name]
    added = [one["digest"] for one in entries(source) if "vectors" in one["tables"]]
    return [*found, added] if added else found


def _vectors_before(context: Context) -> tuple[Path, Any] | None:
    """Return a folder of vectors that an update need not compute again, and whose they are."""
    from hemline.shop.tables import Tables

    run = context.run
    ingest, embed = run.record("ingest"), run.record("embed")
    if not entries(context.source) or ingest is None or embed is None:
        return None
    photos, before = context.config.photos, run.config.photos
    exclude = {"batch"}
    if photos.model_dump(exclude=exclude) != before.model_dump(exclude=exclude):
        return None
    if (run.source.get("images") or {}).get("path") != context.source["images"]["path"]:
        return None
    return run.folder("embed"), Tables.open(run.folder("ingest")).article_ids


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
        images, given = Path(source["images"]["path"]), (photos.embedder, photos.preprocessing)
        how: dict[str, Any] = {
            "work": context.run.path / "work" / "photos",
            "batch": photos.batch,
            "threads": context.config.threads,
            "progress": context.progress,
        }
        before = _vectors_before(context)
        if before is not None:
            from hemline.photos.extending import extend_photos

            return extend_photos(*before, images, ids, *given, out, **how).summary()
        report = embed_photos(images, ids.strings(), *given, out, **how)
        return report.summary()
    folders = [Path(one.shop.vectors) for one in added_vectors(context) if one.shop.vectors]
    if source.get("vectors"):
        folders.insert(0, _at_hand(context, source["vectors"]["path"]))
    if folders:
        return take_vectors(folders, ids, out).summary()
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


def _at_hand(context: Context, folder: str) -> Path:
    """Return a folder of this machine; of one that only Spark reaches, a copy in the run."""
    if not is_uri(folder):
        return Path(folder)
    copy = context.run.path / "work" / "vectors"
    shutil.rmtree(copy, ignore_errors=True)
    copy.parent.mkdir(exist_ok=True)
    place(folder).copy_to(copy)
    return copy


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
    from hemline.pipeline.cluster import working
    from hemline.recommend.bundle import train_bundle

    tables = context.tables()
    with working(context, context.spark()):
        bundle = train_bundle(
            context.config,
            context.catalogue(),
            tables.histories,
            as_of=as_of(context.config, tables),
            progress=context.progress,
            earlier=earlier_recipe(context),
        )
    bundle.save(out)
    return bundle.summary


def _recommend(context: Context, out: Path) -> dict[str, Any]:
    from hemline.recommend.bundle import Bundle
    from hemline.recommend.output import recommend_all, write_recommendations

    bundle, tables, config = Bundle.open(context.folder("train")), context.tables(), context.config
    moment, spark = as_of(config, tables), context.spark()
    if spark is None:
        blocks = recommend_all(
            bundle,
            tables.histories,
            config.k,
            as_of=moment,
            threads=config.threads,
            progress=context.progress,
        )
    else:
        from hemline.pipeline.cluster import recommended

        blocks = recommended(context, spark, tables.histories, moment, out.name)
    return write_recommendations(
        out / "recommendations.parquet",
        blocks,
        tables.customer_ids,
        tables.article_ids,
        bundle.recipe.channel_names,
    )


def _evaluate(context: Context, out: Path) -> dict[str, Any]:
    from hemline.evaluate.backtest import backtest
    from hemline.pipeline.cluster import working

    settings, tables = context.config.evaluate, context.tables()
    if not settings.folds:
        context.listener.notice("backtest: none asked for (evaluate.folds = 0)")
        (out / "backtest.json").write_text("{}")
        return {"folds": 0}
    try:
        with working(context, context.spark()) as lists:
            report = backtest(
                context.config,
                context.catalogue(),
                tables.histories,
                as_of=as_of(context.config, tables),
                progress=context.progress,
                lists=lists,
            )
    except DataError as error:
        # too few days, or none: the recommendations are there all the same
        context.listener.notice(f"backtest: none, {error} ({error.hint})")
        (out / "backtest.json").write_text("{}")
        return {"folds": 0, "reason": str(error)}
    (out / "backtest.json").write_text(json.dumps(report.to_json(), indent=1))
    return report.summary()


_LEARNED_FROM = {
    "popular": ("popular",),
    "repurchase": ("repurchase", "popular"),
    "cascade": ("als", "also_bought", "popular", "cascade"),
    "rules": ("popular", "rules"),
}
"""Sections that a recipe's training depends on; one that is not named here depends on all of
these, on the channels, and on the features and the ranker."""


def _learning(config: Config) -> Any:
    name = config.recipe
    every = dict.fromkeys(one for sections in _LEARNED_FROM.values() for one in sections)
    sections = _LEARNED_FROM.get(name, (*every, "features", "ranker"))
    settings = {one: getattr(config, one).model_dump(mode="json") for one in sections}
    found = [name, config.seed, settings]
    if name == "rules" or name not in _LEARNED_FROM:
        chosen = config.rules.channels if name == "rules" else None
        found.append(
            {
                one.name: [one.common.model_dump(), one.model.model_dump(mode="json")]
                for one in config.channel_settings().values()
                if chosen is None or one.name in chosen
            }
        )
    if name not in _LEARNED_FROM:
        found.append(config.evaluate.k)  # what stands in for a ranker is judged by lists so long
    return found


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
            lambda context: told(context.source),
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
        Stage("train", ("ingest", "neighbours"), _MODEL_ROOMS, _learning, _train, start_told),
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
