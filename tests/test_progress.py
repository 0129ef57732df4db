"""What the command line shows of the stages: on a terminal, and in a file."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from hemline.cli.progress import Shown

LINE = "1,655 customers with a hit in 16 windows, 2019-05-31 to 2019-09-19: 71,082 candidates"
NOTICE = (
    "photos: using the built-in descriptor, which sees colour, texture and shape (photos.embedder)"
)


@pytest.mark.parametrize("terminal", [True, False])
def test_lines_are_folded_between_words_on_a_terminal_alone(terminal: bool) -> None:
    shown, file = Shown(), io.StringIO()
    shown.console = Console(
        file=file, width=80, force_terminal=terminal, color_system=None, markup=False
    )
    shown.end("train", {"lines": [LINE]})
    shown.notice(NOTICE)
    told = file.getvalue().splitlines()
    if not terminal:
        assert told == [f"train       {LINE}", NOTICE]
        return
    assert max(map(len, told)) <= 80
    assert [one[:12] for one in told[:2]] == ["train       ", " " * 12]
    assert " ".join(one[12:] for one in told[:2]) == LINE
    assert " ".join(told[2:]) == NOTICE
