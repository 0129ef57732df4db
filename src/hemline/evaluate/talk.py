"""The talk's figures and what stands beside them: a table and a note for each division."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

KINDS = ("binary", "recent", "seasonal")
TALK_TRAIN = (0.496, 0.487, 0.487)
TALK_TEST = (0.033, 0.105, 0.104)
"""What the talk's slides show for `KINDS`."""

PLACES = 5


@dataclass(frozen=True)
class Precision:
    """Precision@5 of one fitted model; NaN where there is nobody to take a mean over.

    Attributes
    ----------
    train : float
        Of lists from which nothing is excluded, by the articles trained on.
    test : float
        Of lists from which the customer's training articles are excluded, by the articles
        held out.
    test_allowing_train : float
        Of the lists of `train`, by the articles held out.
    """

    train: float
    test: float
    test_allowing_train: float

    def plain(self) -> dict[str, float | None]:
        """Return the three by name, None for NaN, which JSON does not have."""
        return {name: None if math.isnan(one) else one for name, one in vars(self).items()}


@dataclass(frozen=True)
class Part:
    """One way to divide the purchases, and what came of it for each kind of weights."""

    name: str
    title: str
    note: str
    precision: dict[str, Precision]
    with_talk: bool

    def table(self) -> list[list[Any]]:
        """Return a header and rows of text and shares."""
        each = [one.plain() for one in self.precision.values()]
        labels = {
            "train": "train",
            "test": "test, training articles left out of the lists",
            "test_allowing_train": "test, nothing left out",
        }
        rows: list[list[Any]] = [[f"precision@{PLACES}", *self.precision]]
        for name, label in labels.items():
            rows.append([label, *("–" if one[name] is None else one[name] for one in each)])
        if self.with_talk and tuple(self.precision) == KINDS:
            rows.append(["train, the talk", *TALK_TRAIN])
            rows.append(["test, the talk", *TALK_TEST])
        return rows


@dataclass(frozen=True)
class TalkTable:
    """The talk's table by a random hold-out, by the same with the leak, and by a cutoff.

    Attributes
    ----------
    repeats : str
        How several purchases of one article by one customer add up, `als.weights.repeats`: with
        "sum", binary counts them.
    customers, articles : int
        What the k-core left.
    judged : int
        Customers whose lists were looked at.
    """

    parts: list[Part]
    repeats: str
    customers: int
    articles: int
    judged: int

    def part(self, name: str) -> Part:
        """Return "random", "leak" or "cutoff"."""
        return next(one for one in self.parts if one.name == name)

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values, a title, a table and a note for each part."""
        return {
            "k": PLACES,
            "repeats": self.repeats,
            "customers": self.customers,
            "articles": self.articles,
            "judged": self.judged,
            "talk": {"train": TALK_TRAIN, "test": TALK_TEST},
            "tables": [
                {
                    "name": one.name,
                    "title": one.title,
                    "table": one.table(),
                    "note": one.note,
                    "precision": {name: value.plain() for name, value in one.precision.items()},
                }
                for one in self.parts
            ],
        }


NOTE_CUTOFF = (
    "What serving customers is like. Judged are the buyers of these days; one of whom the model "
    "knows nothing has no list and scores 0. Not to be compared with the talk's figures."
)


def note_random(found: dict[str, Precision]) -> str:
    """Say what the honest random hold-out measures."""
    spread = max(one.test for one in found.values()) - min(one.test for one in found.values())
    return (
        "Random, not in time: it measures how well a history is completed. No held-out row was "
        f"seen in training. The kinds of weights differ by {spread:.1%} on the rows held out."
    )


def note_leak(found: dict[str, Precision], share: float) -> str:
    """Say what the leak does, and what speaks for the talk's having had it."""
    ratios = [one.test_allowing_train / one.train for one in found.values() if one.train > 0]
    expected = share / (1 - share)
    ours = f"{min(ratios):.2f} to {max(ratios):.2f}" if ratios else "none"
    talk = f"{TALK_TEST[1] / TALK_TRAIN[1]:.2f}"
    return (
        "A model that was fitted on the tested rows puts them on its lists as readily as the "
        f"others, so test / train comes near held-out / kept = {expected:.2f} (here {ours}, with "
        f"nothing left out). The talk's ratio is {TALK_TEST[0] / TALK_TRAIN[0]:.2f} with binary "
        f"and {talk} with dated weights. Its rise from 3.3 % to 10.5 % therefore looks like rows "
        "tested on being trained on, not like better weights; its code is not published, so more "
        "than that cannot be shown."
    )
