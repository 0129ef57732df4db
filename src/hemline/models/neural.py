"""What the models trained with torch share: a process of its own, and what training said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt
from scipy import sparse

from hemline.config import Section
from hemline.models.base import Float32, Mask, Model
from hemline.models.neural_process import train_apart, train_here
from hemline.shop.histories import Histories
from hemline.shop.pairs import Repeats, merge

S = TypeVar("S", bound=Section)


@dataclass(frozen=True)
class Epoch:
    """What is said after each pass: mean loss, seconds, and the figures that are recorded.

    Recall and accuracy are None for models that do not record them.
    """

    number: int
    epochs: int
    loss: float
    seconds: float
    recall: float | None = None
    accuracy: float | None = None


def ignore(epoch: Epoch) -> None:
    """Say nothing."""


class Neural(Model[S]):
    """A model that is trained with torch, and serves from stored vectors without it.

    `fit` starts a process of its own for the training, since torch and LightGBM each bring an
    OpenMP; torch is never loaded where the model answers.

    Attributes
    ----------
    batch_loss_ : float32 (n_steps,)
        Mean loss of every step, in order.
    epoch_loss_ : float32 (n_epochs,)
    epoch_seconds_ : list of float
        After `fit` only: seconds are not part of what was learnt.
    """

    trainer: ClassVar[str]
    """Module with the function `train`, which may import torch."""

    own_process: bool = True
    """False trains in this process: for tests, and for scripts that use torch anyway."""
    on_epoch: Callable[[Epoch], None] = staticmethod(ignore)
    """Called after each epoch while `fit` works."""

    batch_loss_: Float32
    epoch_loss_: Float32
    epoch_seconds_: list[float]

    def _train(self, arrays: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """Train on arrays, and return those that were learnt."""
        self.epoch_seconds_ = []
        settings = self.settings.model_dump(mode="json")
        epochs = int(settings["epochs"])

        def heard(told: dict[str, Any]) -> None:
            epoch = Epoch(epochs=epochs, **told)
            self.epoch_seconds_.append(epoch.seconds)
            self.progress(epoch.number, epochs)
            self.on_epoch(epoch)

        self.progress(0, epochs)
        how = train_apart if self.own_process else train_here
        return how(self.trainer, settings, arrays, self.threads, heard)


@dataclass(frozen=True)
class Trained:
    """The part of the purchases that can be trained on, numbered without gaps.

    Attributes
    ----------
    matrix : float32 CSR (customers with a purchase, articles sold)
    known : bool (n_articles,)
        True for the articles sold.
    """

    matrix: sparse.csr_matrix
    known: Mask

    @classmethod
    def of(cls, train: Histories, repeats: Repeats, threads: int, *, weighted: bool) -> Trained:
        """Merge purchases of one article by one customer, and leave out who and what has none."""
        values = train.weight if weighted else None
        matrix = merge(train, values, repeats, threads)
        known = np.zeros(train.n_articles, bool)
        known[matrix.indices] = True
        renumber = np.cumsum(known) - 1
        held = np.flatnonzero(np.diff(matrix.indptr))
        indptr = np.append(matrix.indptr[held], matrix.indptr[-1:])
        shape = (len(held), int(known.sum()))
        found = sparse.csr_matrix(
            (matrix.data, renumber[matrix.indices].astype(np.int32), indptr), shape=shape
        )
        return cls(found, known)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the matrix as the trainers take it."""
        return {
            "indptr": self.matrix.indptr.astype(np.int64),
            "article": self.matrix.indices.astype(np.int32),
            "value": self.matrix.data.astype(np.float32),
            "n_articles": np.array(self.matrix.shape[1]),
        }

    def spread(self, rows: Float32) -> Float32:
        """Return one row for each article of the catalogue, zeros where it was not sold."""
        found = np.zeros((len(self.known), rows.shape[1]), np.float32)
        found[self.known] = rows
        return found


def bags(histories: Histories) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Return the different articles of each customer as bounds (n + 1,) and articles (m,)."""
    matrix = merge(histories, None, "max", 1)
    return matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32)
