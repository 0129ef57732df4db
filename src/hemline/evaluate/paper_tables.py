"""What "H&M Recommendation System" (Mignone, Painter and King 2022) printed, ours beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

K = 12

PAPER_ROWS = 20_000
PAPER_EXPANDED = 327_712
PAPER_LOSS = (
    0.001873, 0.002515, 0.002932, 0.002236, 0.002231, 0.001521, 0.001803, 0.001766, 0.001651,
    0.002101,
)  # fmt: skip
PAPER_SECONDS = (53, 47, 47, 48, 48, 48, 48, 47, 48, 48)
PAPER_TABLE_3 = {
    "map": 0.0424, "precision": 1.0, "recall": 0.0424, "mae": 0.005146, "rmse": 0.069825,
}  # fmt: skip
PAPER_FIT_SECONDS, PAPER_PREDICT_SECONDS, PAPER_PREDICTED = 486.4585, 0.0179, 6148

COLLAPSED = math.log(2) / 1.5
"""The softplus with beta 1.5 where positive and negative scores are equal."""

NOTE_NEGATIVES = (
    f"The paper wrote its negatives into a table: {PAPER_ROWS:,} rows became "
    f"{PAPER_EXPANDED:,}. Ours are drawn anew for each batch, and no table of them exists."
)


def note_precision(n_test: int) -> str:
    """Say why a precision of 100 % with a recall equal to the MAP says nothing."""
    relevant = K / PAPER_TABLE_3["recall"]
    return (
        f"A precision of 100 % says nothing. It comes of ranking nothing but the rows of the "
        f"test part, all of which were bought: the paper made {PAPER_PREDICTED:,} predictions, "
        f"about 30 % of its {PAPER_ROWS:,} rows. Whatever stands on such a list is a hit, for "
        f"any model and for no model: below, drawing lots has 100 % too. MAP and recall are then "
        f"one number, {K} divided by the articles that count as bought; {K} / {relevant:.0f} = "
        f"{PAPER_TABLE_3['recall']:.2%}. With our {n_test:,} test rows in one list it is "
        f"{K / max(n_test, 1):.2%}, for every model. "
        "Its MAE and RMSE are of the same rows, whose targets are all 1."
    )


NOTE_CALIBRATION = (
    "MAE and RMSE tell how far the calibrated score lies from 0 or 1 (calibration), not how good "
    "lists are: saying the share of bought rows of every row comes close to the best."
)


@dataclass(frozen=True)
class ModelFigures:
    """What one model did.

    Attributes
    ----------
    map, map_relevant, precision, recall : float
        At 12, over every article of the training part but those the customer bought in it;
        MAP divided by min(bought, 12), and by all that was bought.
    mae, rmse : float
        Of the calibrated score against 0 and 1; None where there is nothing to calibrate.
    fit_seconds, list_seconds, score_seconds : float
        Training; 12 articles for each test customer; one score for each test row.
    epochs : list of (loss, seconds)
    """

    map: float
    map_relevant: float
    precision: float
    recall: float
    mae: float | None
    rmse: float | None
    fit_seconds: float
    list_seconds: float
    score_seconds: float
    epochs: list[tuple[float, float]] = field(default_factory=list)


@dataclass(frozen=True)
class PaperTable:
    """The experiment's figures.

    Attributes
    ----------
    rows, train_rows, test_rows : int
        Purchases read, in the training part, and in the test part before anything is left out.
    dropped_unknown, dropped_bought : int
        Test rows whose customer or article is not in the training part, and those that it has
        too.
    n_test : int
        Different test pairs.
    customers, articles, test_customers : int
        Of the training part, and those with a test pair.
    negatives_per_row : int
        Of the calibration's rows.
    constant_mae, constant_rmse : float
        Of the share of ones.
    models : dict of ModelFigures
    test_rows_alone : dict
        For each model, and for drawing lots: precision, MAP and recall of one list of the test
        rows alone.
    """

    rows: int
    train_rows: int
    test_rows: int
    dropped_unknown: int
    dropped_bought: int
    n_test: int
    customers: int
    articles: int
    test_customers: int
    negatives_per_row: int
    constant_mae: float
    constant_rmse: float
    models: dict[str, ModelFigures]
    test_rows_alone: dict[str, dict[str, float]]

    def tables(self) -> list[dict[str, Any]]:
        """Return title, rows (the first the header) and note of every table."""
        return [self._lists(), self._epochs(), self._table_3(), self._alone()]

    def to_json(self) -> dict[str, Any]:
        """Return figures and tables, None for NaN, which JSON does not have."""
        figures = {name: value for name, value in vars(self).items() if name != "models"}
        models = {name: _plain(vars(one)) for name, one in self.models.items()}
        return {**_plain(figures), "models": models, "k": K, "tables": self.tables()}

    def _lists(self) -> dict[str, Any]:
        rows: list[list[Any]] = [
            ["", f"MAP@{K}", "of all", f"prec.@{K}", f"recall@{K}", "fit s", "lists s"]
        ]
        for name, one in self.models.items():
            rows.append(
                [
                    name, *(f"{value:.2%}" for value in (one.map, one.map_relevant)),
                    f"{one.precision:.2%}", f"{one.recall:.2%}", _seconds(one.fit_seconds),
                    _seconds(one.list_seconds),
                ]
            )  # fmt: skip
        rows.append(["the paper's DotBias", "4.24%", "4.24%", "100.00%", "4.24%", "486", ""])
        return {
            "title": f"Lists of {K} out of {self.articles:,} articles, {self.test_customers:,} "
            f"customers with {self.n_test:,} held out rows",
            "rows": rows,
            "note": f"Every article of the training part is ranked, but those the customer "
            f"bought in it. {self.train_rows:,} of {self.rows:,} rows train; of the "
            f"{self.test_rows:,} others {self.dropped_unknown:,} have a customer or an article "
            f"that the training part lacks, {self.dropped_bought:,} are in it too or stand twice. "
            'MAP divides by what was bought or by 12, whichever is less, "of all" by all of it. '
            "The paper's figures are not of such lists: see the last table. " + self._collapsed(),
        }

    def _collapsed(self) -> str:
        """Name the networks whose last loss is that of scores that are all the same."""
        flat = [
            name
            for name, one in self.models.items()
            if one.epochs and abs(one.epochs[-1][0] - COLLAPSED) < 1e-3
        ]
        if not flat:
            return ""
        return (
            f"The loss of {' and of '.join(flat)} ended at {COLLAPSED:.4f}, log(2) / 1.5: that "
            "of a model whose scores are all the same. The likely cause is the weight decay of "
            "0.001 in Adam, large beside the gradient of so few purchases."
        )

    def _epochs(self) -> dict[str, Any]:
        ours = self.models["DotBias, paper"].epochs
        rows: list[list[Any]] = [["epoch", "loss, paper", "loss, ours", "s, paper", "s, ours"]]
        for at in range(max(len(ours), len(PAPER_LOSS))):
            paper = at < len(PAPER_LOSS)
            rows.append(
                [
                    str(at + 1),
                    f"{PAPER_LOSS[at]:.6f}" if paper else "",
                    f"{ours[at][0]:.6f}" if at < len(ours) else "",
                    str(PAPER_SECONDS[at]) if paper else "",
                    f"{ours[at][1]:.2f}" if at < len(ours) else "",
                ]
            )
        return {
            "title": "DotBias epoch by epoch: the paper's table 2",
            "rows": rows,
            "note": "Mean squared error of purchases and negatives while training. The paper's "
            "is that of a table whose rows repeat from epoch to epoch. " + NOTE_NEGATIVES,
        }

    def _table_3(self) -> dict[str, Any]:
        names = [name for name, one in self.models.items() if one.rmse is not None]
        paper = PAPER_TABLE_3
        rows: list[list[Any]] = [["", "calibration MAE", "calibration RMSE", "scores s"]]
        for name in names:
            one = self.models[name]
            assert one.mae is not None
            assert one.rmse is not None
            rows.append([name, f"{one.mae:.4f}", f"{one.rmse:.4f}", f"{one.score_seconds:.4f}"])
        rows.append(
            ["the share of ones", f"{self.constant_mae:.4f}", f"{self.constant_rmse:.4f}", "0"]
        )
        rows.append(
            ["the paper's DotBias", f"{paper['mae']:.4f}", f"{paper['rmse']:.4f}",
             f"{PAPER_PREDICT_SECONDS}"]
        )  # fmt: skip
        return {
            "title": f"Calibrated scores against 0 and 1: the paper's table 3 "
            f"({self.n_test:,} test rows, {self.negatives_per_row} negatives for each)",
            "rows": rows,
            "note": NOTE_CALIBRATION,
        }

    def _alone(self) -> dict[str, Any]:
        rows: list[list[Any]] = [["", f"precision@{K}", f"MAP@{K}", f"recall@{K}"]]
        for name, one in self.test_rows_alone.items():
            rows.append([name, *(f"{one[key]:.2%}" for key in ("precision", "map", "recall"))])
        rows.append(["the paper's DotBias", "100.00%", "4.24%", "4.24%"])
        return {
            "title": "The test rows alone, in one list",
            "rows": rows,
            "note": note_precision(self.n_test),
        }


def _seconds(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(one, float) and math.isnan(one) else one
        for name, one in values.items()
    }
