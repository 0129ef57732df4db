"""The experiment of "H&M Recommendation System" (Mignone, Painter and King 2022) once more."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hemline.blocks import Progress, silent
from hemline.config import Config, Section
from hemline.errors import DataError
from hemline.evaluate.calibration import calibration_errors
from hemline.evaluate.metrics import mean_average_precision, per_customer
from hemline.evaluate.paper_tables import K, ModelFigures, PaperTable
from hemline.models import SAR, DotBias, GraphFilter, LightGCN, Popular
from hemline.models.base import Model, Repeat
from hemline.models.neural import Epoch, Neural
from hemline.shop.histories import Histories
from hemline.shop.truth import Truth, pair_keys, stand_in

TRAIN_SHARE = 0.7
NEGATIVES = 15
"""For each test row of the calibration, as many as the paper had."""

Told = Callable[[str, Epoch], None]


@dataclass(frozen=True)
class Parted:
    """The experiment's two parts.

    Attributes
    ----------
    train : Histories
    customer, article : int64 (n_test,)
        Different test pairs, of customers and articles of the training part.
    truth : Truth
        The same pairs.
    dropped_unknown, dropped_bought, test_rows : int
        See `PaperTable`.
    """

    train: Histories
    customer: npt.NDArray[np.int64]
    article: npt.NDArray[np.int64]
    truth: Truth
    dropped_unknown: int
    dropped_bought: int
    test_rows: int


def part(histories: Histories, seed: int) -> Parted:
    """Part the rows by chance, 70 to 30, and keep test rows whose ids the training part has.

    Random, not in time, as the paper did. A test pair that is in the training part too is left
    out, since what was bought is not recommended.

    Raises
    ------
    DataError
        No test row is left.
    """
    held = histories.compact()
    m = held.n_purchases
    order = np.random.default_rng(seed).permutation(m)
    trains = np.zeros(m, bool)
    trains[order[: round(TRAIN_SHARE * m)]] = True
    customer, article = held.customers(), held.article.astype(np.int64)
    train = Histories.from_purchases(
        customer[trains], article[trains], n_customers=len(held), n_articles=held.n_articles,
        time=held.time[trains], price=held.price[trains], age=held.age,
    )  # fmt: skip
    test = np.flatnonzero(~trains)
    known = np.isin(customer[test], customer[trains]) & np.isin(article[test], article[trains])
    keys = pair_keys(customer[test[known]], article[test[known]])
    different = np.unique(keys)
    left = different[~stand_in(Truth.of(train).keys(), different)]
    if not len(left):
        raise DataError(
            f"{m} rows leave no test row whose customer and article the training part has",
            hint="read more rows",
        )
    found = left >> 32, left & 0xFFFFFFFF
    truth = Truth.from_pairs(*found, n_customers=len(held))
    unknown, bought = int((~known).sum()), int(known.sum()) - len(left)
    return Parted(train, *found, truth, unknown, bought, len(test))


def paper_models(config: Config) -> dict[str, Model[Any]]:
    """Return the models of the experiment: the paper's presets, and ours with the config's own.

    What [dot_bias] and [light_gcn] set goes over the presets.
    """

    def own(section: Section) -> dict[str, Any]:
        return {"seed": config.seed, **section.model_dump(exclude_unset=True)}

    dot_bias, light_gcn = own(config.dot_bias), own(config.light_gcn)
    return {
        "DotBias, paper": DotBias(**{**dot_bias, "preset": "paper"}),
        "DotBias": DotBias(**dot_bias),
        "LightGCN, paper": LightGCN(**{**light_gcn, "preset": "paper"}),
        "LightGCN, dropout 0.1": LightGCN(**{**light_gcn, "preset": "paper-text"}),
        "GNN of linear layers": LightGCN(**{**light_gcn, "preset": "paper-linear"}),
        "the same, dropout 0.1": LightGCN(**{**light_gcn, "preset": "paper-linear-text"}),
        "LightGCN": LightGCN(**light_gcn),
        "SAR": SAR(**config.sar.model_dump()),
        "GraphFilter": GraphFilter(**{**config.graph_filter.model_dump(), "seed": config.seed}),
        "Popular": Popular(**config.popular.model_dump()),
    }


def paper_experiment(
    histories: Histories,
    config: Config,
    *,
    told: Told | None = None,
    progress: Progress = silent,
) -> tuple[PaperTable, dict[str, Model[Any]]]:
    """Repeat the experiment on these purchases, and return its tables and the fitted models.

    Parameters
    ----------
    histories : Histories
        The first rows of the purchases.
    config : Config
        `seed`, `threads`, and the sections of the models.
    told : callable, optional
        Called with a model's name and every epoch of it.
    progress : callable
    """
    parted = part(histories, config.seed)
    rows = _Rows(parted, config.seed)
    models, figures = paper_models(config), {}
    alone = {"drawing lots": rows.alone(np.random.default_rng(config.seed).random(rows.n_test))}
    for at, (name, model) in enumerate(models.items()):
        progress(at, len(models))
        model.threads = config.threads
        epochs: list[tuple[float, float]] = []
        if isinstance(model, Neural):
            model.on_epoch = _listener(name, epochs, told)
        started = time.perf_counter()
        model.fit(parted.train)
        fitted = time.perf_counter() - started
        figures[name], scores = rows.figures(model, fitted, epochs)
        alone[name] = rows.alone(scores)
    progress(len(models), len(models))
    table = PaperTable(
        rows=histories.n_purchases,
        train_rows=parted.train.n_purchases,
        test_rows=parted.test_rows,
        dropped_unknown=parted.dropped_unknown,
        dropped_bought=parted.dropped_bought,
        n_test=rows.n_test,
        customers=int((parted.train.lengths > 0).sum()),
        articles=int(rows.sold.sum()),
        test_customers=len(parted.truth.buyers),
        negatives_per_row=NEGATIVES,
        constant_mae=rows.constant["mae"],
        constant_rmse=rows.constant["rmse"],
        models=figures,
        test_rows_alone=alone,
    )
    return table, models


def _listener(
    name: str, epochs: list[tuple[float, float]], told: Told | None
) -> Callable[[Epoch], None]:
    def heard(epoch: Epoch) -> None:
        epochs.append((epoch.loss, epoch.seconds))
        if told is not None:
            told(name, epoch)

    return heard


class _Rows:
    """The test rows, the negatives of the calibration, and how a model is judged by them."""

    def __init__(self, parted: Parted, seed: int) -> None:
        self.parted = parted
        self.n_test = len(parted.customer)
        self.seed = seed
        train = parted.train
        self.sold = np.zeros(train.n_articles, bool)
        self.sold[train.article] = True
        self.rows = parted.train.take(parted.customer)
        bought = np.concatenate([Truth.of(train).keys(), parted.truth.keys()])
        bought.sort()
        self.negatives = _negatives(parted.customer, np.flatnonzero(self.sold), bought, seed)
        share = 1 / (1 + NEGATIVES)
        self.constant = {
            "mae": 2 * share * (1 - share), "rmse": float(np.sqrt(share * (1 - share))),
        }  # fmt: skip

    def figures(
        self, model: Model[Any], fitted: float, epochs: list[tuple[float, float]]
    ) -> tuple[ModelFigures, npt.NDArray[np.float32]]:
        """Judge a fitted model, and return the scores of the test rows too."""
        buyers = self.parted.truth.buyers
        started = time.perf_counter()
        lists = model.recommend(
            self.parted.train.take(buyers), K, as_of=model.cutoff_, among=self.sold,
            repeat=Repeat.exclude(),
        ).articles  # fmt: skip
        listed = time.perf_counter()
        positive = self.parted.article[:, None].astype(np.int32)
        scores = model.score(self.rows, positive, as_of=model.cutoff_)[:, 0]
        scored = time.perf_counter()
        others = model.score(self.rows, self.negatives, as_of=model.cutoff_).ravel()
        target = np.arange(len(scores) + len(others)) < len(scores)
        errors = calibration_errors(np.concatenate([scores, others]), target, seed=self.seed)
        truth = self.parted.truth.take(buyers)
        each = per_customer(lists, truth, K)
        found = ModelFigures(
            map=float(each["map"].mean()),
            map_relevant=mean_average_precision(lists, truth, K, denominator="relevant"),
            precision=float(each["precision"].mean()),
            recall=float(each["recall"].mean()),
            mae=errors["mae"],
            rmse=errors["rmse"],
            fit_seconds=fitted,
            list_seconds=listed - started,
            score_seconds=scored - listed,
            epochs=epochs,
        )
        return found, scores

    def alone(self, scores: npt.NDArray[Any]) -> dict[str, float]:
        """Rank the test rows alone in one list, as the paper's precision must have come about."""
        order = np.argsort(-np.asarray(scores, np.float64), kind="stable")[:K]
        one = Truth.from_lists([range(self.n_test)])
        lists = order[None].astype(np.int32)
        each = per_customer(lists, one, K, denominator="relevant")
        return {name: float(each[name][0]) for name in ("precision", "map", "recall")}


def _negatives(
    customer: npt.NDArray[np.int64],
    sold: npt.NDArray[np.int64],
    bought: npt.NDArray[np.int64],
    seed: int,
) -> npt.NDArray[np.int32]:
    """Draw articles that each row's customer bought in neither part, int32 (n, NEGATIVES)."""
    random = np.random.default_rng(seed)
    drawn = random.choice(sold, (len(customer), NEGATIVES))
    for _ in range(100):
        keys = pair_keys(np.repeat(customer, NEGATIVES), drawn.ravel())
        again = np.flatnonzero(stand_in(bought, keys))
        if not len(again):
            break
        drawn.ravel()[again] = random.choice(sold, len(again))
    return drawn.astype(np.int32)
