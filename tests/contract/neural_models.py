"""The models that need torch, small and trained in the process of the test."""

from __future__ import annotations

from typing import Any

import pytest

from hemline.models import DotBias, LightGCN, TwoTower
from hemline.models.neural import Neural


def here(model: Neural[Any]) -> Neural[Any]:
    """Train in this process: starting another each time would take most of the time."""
    model.own_process = False
    return model


_MAKERS = {
    "dot bias": lambda: here(DotBias(factors=6, epochs=3, batch=64, learning_rate=0.05)),
    "dot bias of weights": lambda: here(
        DotBias(factors=6, epochs=2, batch=64, target="weight", negatives=0, y_range=(0, 4))
    ),
    "light gcn": lambda: here(
        LightGCN(factors=8, epochs=3, batch=128, layers=2, learning_rate=0.05, dropout=0.1)
    ),
    "light gcn, linear": lambda: here(
        LightGCN(
            factors=8, epochs=2, batch=128, layers=2, form="linear", loss="softplus", beta=1.5,
            dropout=0.1, validation=0.1,
        )
    ),
    "two towers": lambda: here(TwoTower(factors=8, epochs=2, batch=128, negatives=4)),
}  # fmt: skip
NEURAL = {name: pytest.param(make, marks=pytest.mark.neural) for name, make in _MAKERS.items()}
