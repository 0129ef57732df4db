"""What would have been recommended at earlier cutoffs, held against what was bought then."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from hemline.blocks import Part, Progress, map_blocks, silent
from hemline.config import Config
from hemline.errors import ConfigError
from hemline.evaluate.metrics import catalogue_coverage, per_customer
from hemline.evaluate.report import ALL, BASELINE, JUDGED, SEGMENTS, BacktestReport, FoldResult
from hemline.recommend.bundle import Bundle, train_bundle
from hemline.shop.histories import SECONDS_PER_DAY, Histories
from hemline.shop.splits import Fold, Split, rolling_folds, split
from hemline.shop.tables import Catalogue

_BLOCK = 4096


class ListMaker(Protocol):
    """Answers customers with a trained bundle, as `bundle_lists` does."""

    def __call__(
        self,
        bundle: Bundle,
        judged: Histories,
        k: int,
        *,
        as_of: int | None,
        threads: int,
        progress: Progress = silent,
    ) -> npt.NDArray[np.int32]: ...


def backtest(
    config: Config,
    catalogue: Catalogue,
    histories: Histories,
    *,
    recipes: Sequence[str] | str | None = None,
    folds: Sequence[Fold] | None = None,
    k: int | None = None,
    as_of: int | None = None,
    progress: Progress = silent,
    lists: ListMaker | None = None,
) -> BacktestReport:
    """Judge recipes at earlier cutoffs by the function that serves customers.

    For each fold the models are trained afresh on what lies before its cutoff, and recommend
    for the customers who bought something in the fold's days, as of the cutoff. Apart from
    the seconds, the report depends on nothing but the arguments.

    Parameters
    ----------
    config : Config
        Its settings of the models, and of `evaluate` where the arguments below are None.
    catalogue : Catalogue
    histories : Histories of all customers
    recipes : str or sequence of str, optional
        `config.recipe` when None. The baseline "popular" is always added.
    folds : sequence of Fold, optional
    k : int, optional
        Length of the lists.
    as_of : int, optional
        Seconds: nothing at or after it is used. The end of the last day when None.
    progress : callable, optional
    lists : callable, optional
        What recommends in place of `bundle_lists`, and as it does: a cluster.

    Raises
    ------
    DataError
        The purchases have no dates or span too few days for the folds.
    """
    asked = [recipes] if isinstance(recipes, str) else list(recipes or [config.recipe])
    names = list(dict.fromkeys([*asked, BASELINE]))
    k = config.evaluate.k if k is None else k
    if folds is None:
        settings = config.evaluate
        known = histories.before(as_of)
        folds = rolling_folds(known, settings.horizon_days, settings.folds, end=as_of)
    elif not folds:
        raise ConfigError("a backtest over no folds", hint="at least one fold")
    results = []
    for i, fold in enumerate(folds):
        parted = split(histories.before(as_of), fold)
        for j, name in enumerate(names):
            step = i * len(names) + j
            part = Part(progress, step, len(folds) * len(names))
            started = time.perf_counter()
            chosen = config.replaced({"recipe": name})
            found = fold_lists(chosen, catalogue, parted, fold, k, part, lists)
            seconds = time.perf_counter() - started
            metrics = judge(found, parted, fold, k, histories.n_articles, config.threads)
            results.append(FoldResult(name, fold, metrics, seconds))
    results.sort(key=lambda one: (names.index(one.recipe), one.fold.cutoff))
    return BacktestReport(asked[0], k, results)


def fold_lists(
    config: Config,
    catalogue: Catalogue,
    parted: Split,
    fold: Fold,
    k: int,
    progress: Progress = silent,
    lists: ListMaker | None = None,
) -> npt.NDArray[np.int32]:
    """Train on one side of a fold and recommend for the buyers of the other.

    `lists` recommends in place of `bundle_lists`.

    Returns
    -------
    int32 (b, k)
        For `parted.truth.buyers`, in their order.
    """
    half = 500
    bundle = train_bundle(
        config,
        catalogue,
        parted.train,
        as_of=fold.cutoff,
        progress=lambda done, total: progress(done * half, max(total, 1) * 2 * half),
    )
    return (lists or bundle_lists)(
        bundle,
        parted.train.take(parted.truth.buyers),
        k,
        as_of=fold.cutoff,
        threads=config.threads,
        progress=lambda done, total: progress(total + done, 2 * total),
    )


def bundle_lists(
    bundle: Bundle,
    judged: Histories,
    k: int,
    *,
    as_of: int | None,
    threads: int,
    progress: Progress = silent,
) -> npt.NDArray[np.int32]:
    """Return the lists of a trained bundle, int32 (n, k), for n customers, as of a moment."""

    def block(low: int, high: int) -> npt.NDArray[np.int32]:
        return bundle.recommend(judged.block(low, high), k, as_of=as_of).articles

    found = np.full((len(judged), k), -1, dtype=np.int32)
    at = 0
    for one in map_blocks(block, len(judged), _BLOCK, threads):
        found[at : at + len(one)] = one
        at += len(one)
        progress(at, len(judged))
    return found


def days_since_last(histories: Histories, cutoff: int) -> npt.NDArray[np.int64]:
    """Return the days from each customer's last purchase to a cutoff, int64 (n,); 0: never.

    Parameters
    ----------
    histories : Histories of n customers
        Nothing at or after `cutoff`.
    cutoff : int
        Seconds. Days are those of the calendar (UTC): yesterday is 1 at any hour.
    """
    found = np.zeros(len(histories), dtype=np.int64)
    bought = histories.stop > histories.start
    last = histories.time[histories.stop[bought] - 1] // SECONDS_PER_DAY
    found[bought] = np.maximum(cutoff // SECONDS_PER_DAY - last, 1)
    return found


def judge(
    lists: npt.NDArray[np.int32], parted: Split, fold: Fold, k: int, n_articles: int, threads: int
) -> dict[str, dict[str, float]]:
    """Return the mean of each metric over all buyers of a fold, and over each segment of them."""
    buyers = parted.truth.buyers
    each = per_customer(lists, parted.truth.take(buyers), k, threads=threads)
    days = days_since_last(parted.train.take(buyers), fold.cutoff)
    found = {ALL: _means(each, np.ones(len(buyers), dtype=bool))}
    found[ALL]["catalogue_coverage"] = catalogue_coverage(lists, k, n_articles=n_articles)
    for name, low, high in SEGMENTS:
        inside = (days >= low) & (days <= high)
        if inside.any():
            found[name] = _means(each, inside)
    return found


def _means(each: dict[str, Any], inside: npt.NDArray[np.bool_]) -> dict[str, float]:
    means = {name: float(each[name][inside].mean()) for name in JUDGED}
    return {"customers": int(inside.sum()), **means}
