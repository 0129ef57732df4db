"""Training in a process of its own: what it says, and what becomes of errors in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hemline.errors import ConfigError, HemlineError
from hemline.models.neural_process import train_apart


@pytest.fixture(autouse=True)
def _trainers(monkeypatch):
    """The process finds the tests' trainers, wherever it is started."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


def test_arrays_come_back_and_epochs_are_heard():
    heard = []
    found = train_apart(
        "tests.models.trainers", {"epochs": 2}, {"rows": np.arange(3)}, 1, heard.append
    )
    assert found["rows"].tolist() == [0, 2, 4]
    assert heard == [{"number": 1}, {"number": 2}]


def test_an_error_is_raised_as_it_was():
    with pytest.raises(ConfigError, match="wrong") as caught:
        train_apart("tests.models.trainers", {"epochs": 0}, {}, 1, print)
    assert caught.value.hint == "more epochs"


def test_a_process_that_ends_is_told_with_what_it_said():
    with pytest.raises(HemlineError, match="status 7") as caught:
        train_apart("tests.models.trainers", {"epochs": -1}, {}, 1, print)
    assert "to standard error" in str(caught.value)
