"""A place to hand ALS a trainer that this room must not know: that of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

from hemline.config import Als
from hemline.errors import ConfigError
from hemline.models.base import Float32
from hemline.shop.histories import Histories
from hemline.shop.kcore import Core

Trainer: TypeAlias = Callable[[Histories, int | None, Als], tuple[Core, Float32]]
"""Takes purchases, the moment and the settings; returns the k-core that it trained on, and the
vectors of its articles, float32 (articles of the core, factors), in the order of positions."""

_trainer: ContextVar[Trainer | None] = ContextVar("trainer", default=None)


@contextmanager
def trained_by(trainer: Trainer | None) -> Iterator[None]:
    """Train every ALS with `als.trainer = "mllib"` by `trainer` while this lasts."""
    token = _trainer.set(trainer)
    try:
        yield
    finally:
        _trainer.reset(token)


def train_elsewhere(train: Histories, as_of: int | None, settings: Als) -> tuple[Core, Float32]:
    """Train by the trainer that was handed over.

    Raises
    ------
    ConfigError
        None was: no Spark is at hand.
    """
    trainer = _trainer.get()
    if trainer is None:
        raise ConfigError(
            'als.trainer = "mllib" trains on Spark, and there is none here',
            hint="--engine spark --master URL, or another als.trainer",
        )
    return trainer(train, as_of, settings)
