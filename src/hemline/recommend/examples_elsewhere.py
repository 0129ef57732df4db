"""A place to hand the learning another way to make examples: that of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemline.recommend.examples import Fitted, UInt64
from hemline.recommend.ranker import Examples

Gatherer: TypeAlias = Callable[[Fitted, npt.NDArray[np.int64], int, UInt64], Examples]
"""Returns what `Fitted.examples` does, of the same arguments, to the last bit."""

_gatherer: ContextVar[Gatherer | None] = ContextVar("gatherer", default=None)


@contextmanager
def gathered_by(gatherer: Gatherer | None) -> Iterator[None]:
    """Make the examples of every ranker by `gatherer` while this lasts."""
    token = _gatherer.set(gatherer)
    try:
        yield
    finally:
        _gatherer.reset(token)


def gather_examples(
    fitted: Fitted, rows: npt.NDArray[np.int64], negatives: int, digest: UInt64
) -> Examples:
    """Make examples by the gatherer that was handed over, or here."""
    gatherer = _gatherer.get()
    if gatherer is None:
        return fitted.examples(rows, negatives, digest)
    return gatherer(fitted, rows, negatives, digest)
