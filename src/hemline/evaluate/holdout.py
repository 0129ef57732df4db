"""The talk's table: precision@5 by confidence weights, without its leak, with it, and in time.

The talk behind Hemline reports, for ALS on the H&M data with 20 % of the interactions held
out, precision@5 of 49.6 % on the rows trained on and 3.3 % on the rows held out with binary
confidence, and 48.7 % and 10.5 % as soon as confidence depends on the date of purchase.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import numpy.typing as npt

from hemline.blocks import Progress, block_bounds, silent
from hemline.config import Config, Weights
from hemline.errors import DataError
from hemline.evaluate.metrics import precision_at_k
from hemline.evaluate.talk import (
    KINDS,
    NOTE_CUTOFF,
    PLACES,
    Part,
    Precision,
    TalkTable,
    note_leak,
    note_random,
)
from hemline.models.als import ALS
from hemline.models.base import Repeat
from hemline.shop.histories import Histories, end_of_day
from hemline.shop.kcore import k_core
from hemline.shop.random_split import keep_purchases, random_holdout, sample_customers
from hemline.shop.splits import Fold, Split, check_disjoint, rolling_folds, split
from hemline.shop.truth import Truth

TALK_WEIGHTS: dict[str, Weights] = {
    "binary": Weights(kind="binary"),
    "recent": Weights(kind="recent", dates=(dt.date(2020, 3, 20), dt.date(2019, 9, 20))),
    "seasonal": Weights(kind="seasonal", dates=(dt.date(2020, 6, 20),), months=(7, 8, 9)),
}
"""The talk's own fixed dates, which only fit the H&M data."""

_BLOCK = 1024


def talk_table(
    histories: Histories,
    config: Config,
    *,
    weights: dict[str, Weights] | None = None,
    share: float = 0.2,
    judged: int = 20_000,
    as_of: int | None = None,
    progress: Progress = silent,
) -> TalkTable:
    """Fit ALS by each kind of weights and measure precision@5, three times.

    1. By the talk's random hold-out, fitted on the training part alone.
    2. The same lists and rows, but fitted on everything: the leak, shown on purpose.
    3. By a cutoff: fitted on what came before it, judged by what was bought after.

    As in the talk the k-core comes first, over everything, and only what it leaves is divided
    by chance; behind a cutoff the k-core sees the training part alone.

    Parameters
    ----------
    histories : Histories of all customers
    config : Config
        `als`, `seed`, `evaluate.horizon_days`, `threads`.
    weights : dict of str to Weights, optional
        The columns; binary, recent and seasonal as in the config when None. `TALK_WEIGHTS`
        has the talk's fixed dates.
    share : float
        Of each customer's articles that are held out by chance.
    judged : int
        At most so many customers' lists are looked at, drawn by hash; models learn from all.
    as_of : int, optional
        Seconds: nothing at or after it is used. The end of the last day when None.
    progress : callable, optional

    Raises
    ------
    DataError
        There are no purchases, or the k-core leaves nobody, or nobody of whom an article can
        be held out.
    """
    last = histories.before(as_of).last_time()
    if last is None:
        raise DataError("there are no purchases to judge by", hint="check the purchases")
    as_of = end_of_day(last) if as_of is None else as_of
    known = histories.before(as_of)
    columns = weights or {kind: _weights(config, kind) for kind in KINDS}
    core = k_core(known, config.als.min_customer, config.als.min_article)
    dense = _inside(known, core.customers, core.articles)
    if not dense.n_purchases:
        raise DataError(
            f"no customer has {config.als.min_customer} articles that {config.als.min_article} "
            "customers each have bought",
            hint="lower als.min_customer and als.min_article",
        )
    by_chance = random_holdout(dense, share=share, seed=config.seed)
    check_disjoint(by_chance)
    if not len(by_chance.truth.buyers):
        raise DataError(
            f"nobody has so many articles that {share:.0%} of them are one to hold out",
            hint="a larger als.min_customer, or a larger share",
        )
    rows = sample_customers(dense, judged, seed=config.seed)
    fold, why_not = _fold(known, config, as_of)
    found: dict[str, dict[str, Precision]] = {"random": {}, "leak": {}, "cutoff": {}}
    steps = [(name, way) for name in columns for way in found if way != "cutoff" or fold]
    for done, (name, way) in enumerate(steps):
        if way == "cutoff" and fold:
            found[way][name] = _dated(known, fold, judged, config, columns[name])
        else:
            # in the leak the lists are made from what was learnt from: everything
            learnt = by_chance.train if way == "random" else dense
            model = _als(config, columns[name], core=0).fit(learnt, as_of=as_of)
            found[way][name] = _precision(model, learnt, by_chance, rows, as_of)
        progress(done + 1, len(steps))
    titles = {
        "random": f"Random hold-out of {share:.0%} of each customer's articles (not in time)",
        "leak": "The same hold-out, but fitted on all rows: a leak, shown on purpose",
    }
    notes = {"random": note_random(found["random"]), "leak": note_leak(found["leak"], share)}
    if fold:
        days = f"{fold.first_day} to {fold.last_day}"
        titles["cutoff"] = f"In time: fitted before {fold.first_day}, judged by {days}"
        notes["cutoff"] = NOTE_CUTOFF
    else:
        notes["random"] += f" Not judged in time: {why_not}."
    parts = [
        Part(way, title, notes[way], found[way], with_talk=way != "cutoff")
        for way, title in titles.items()
    ]
    repeats = ", ".join(dict.fromkeys(one.repeats for one in columns.values()))
    return TalkTable(parts, repeats, core.after.customers, core.after.articles, len(rows))


def _fold(known: Histories, config: Config, as_of: int) -> tuple[Fold | None, str]:
    """Return the last fold, or why there is none: a chance division needs no dates, this does."""
    try:
        return rolling_folds(known, config.evaluate.horizon_days, 1, end=as_of)[0], ""
    except DataError as error:
        return None, str(error)


def _weights(config: Config, kind: str) -> Weights:
    chosen = config.als.weights
    if chosen.kind == kind:
        return chosen
    # steps of another kind need not fit this one; what does not depend on the kind is kept
    return Weights.model_validate(
        {
            "kind": kind,
            "horizon_days": chosen.horizon_days,
            "repeats": chosen.repeats,
            "quantity": chosen.quantity,
        }
    )


def _als(config: Config, weights: Weights, core: int | None = None) -> ALS:
    settings = {**config.als.model_dump(), "weights": weights, "seed": config.seed}
    if core is not None:
        settings |= {"min_customer": core, "min_article": core}
    model = ALS(**settings)
    model.threads = config.threads
    return model


def _inside(
    histories: Histories, customers: npt.NDArray[np.bool_], articles: npt.NDArray[np.bool_]
) -> Histories:
    chosen = histories.take(np.flatnonzero(customers)).compact()
    return keep_purchases(chosen, articles[chosen.article])


def _precision(
    model: ALS, known: Histories, parted: Split, rows: npt.NDArray[np.int64], as_of: int
) -> Precision:
    """Judge lists made from `known`, which is the training part, or all of it in the leak."""
    trained, held = Truth.of(parted.train.take(rows)), parted.truth.take(rows)
    known, bought = known.take(rows), parted.train.take(rows)
    free = model.recommend(known, PLACES, as_of=as_of).articles
    # by a mask, and not by the model's repeat policy: in the leak the model is given the
    # held-out articles as history, and only those trained on are to be left out
    others = np.full_like(free, -1)
    for low, high in block_bounds(len(rows), _BLOCK):
        among = ~_bought(bought.block(low, high))
        part = model.recommend(known.block(low, high), PLACES, as_of=as_of, among=among)
        others[low:high] = part.articles
    return Precision(
        train=precision_at_k(free, trained, PLACES),
        test=precision_at_k(others, held, PLACES),
        test_allowing_train=precision_at_k(free, held, PLACES),
    )


def _dated(
    known: Histories, fold: Fold, judged: int, config: Config, weights: Weights
) -> Precision:
    parted = split(known, fold)
    model = _als(config, weights).fit(parted.train, as_of=fold.cutoff)
    rows = parted.truth.buyers
    rows = rows[sample_customers(parted.train.take(rows), judged, seed=config.seed)]
    past, truth = parted.train.take(rows), parted.truth.take(rows)
    free = model.recommend(past, PLACES, as_of=fold.cutoff)
    others = model.recommend(past, PLACES, as_of=fold.cutoff, repeat=Repeat.exclude())
    return Precision(
        train=precision_at_k(free.articles, Truth.of(past), PLACES),
        test=precision_at_k(others.articles, truth, PLACES),
        test_allowing_train=precision_at_k(free.articles, truth, PLACES),
    )


def _bought(histories: Histories) -> npt.NDArray[np.bool_]:
    found = np.zeros((len(histories), histories.n_articles), dtype=bool)
    found[histories.customers(), histories.article[histories.rows()]] = True
    return found
