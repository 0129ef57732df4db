"""What the command line shows while the pipeline works: to stderr, with or without a terminal."""

from __future__ import annotations

import textwrap
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from hemline.runs import StageRecord


def seconds(value: float) -> str:
    """Say a duration: 0.4 s, 12 s, 3 min 5 s."""
    if value < 10:
        return f"{value:.1f} s"
    if value < 120:
        return f"{value:.0f} s"
    return f"{int(value // 60)} min {int(value % 60)} s"


def size(value: int) -> str:
    """Say a number of bytes: 412 MiB, 1.5 GiB."""
    return f"{value / 2**30:.1f} GiB" if value >= 2**30 else f"{value / 2**20:.0f} MiB"


def plain(text: str) -> None:
    """Print one line to stderr as it is: no colour, no wrapping, no markup."""
    Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print(text)


class Shown:
    """A listener that draws a progress bar for the stage at work and a line for each done."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False, markup=False)
        self.bar = Progress(
            TextColumn("{task.description:<11}"),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        self.task: TaskID | None = None

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bar.stop()

    def begin(self, name: str) -> None:
        """Show the bar of a piece of work, in place of an earlier one."""
        if self.task is not None:
            self.bar.remove_task(self.task)
        self.task = self.bar.add_task(name, total=None)

    def end(self, name: str, summary: dict[str, Any]) -> None:
        """Take the bar away and show what came of it."""
        if self.task is not None:
            self.bar.remove_task(self.task)
            self.task = None
        for line in describe(name, summary):
            self._print(f"{name:<11} {line}", indent=12)

    def started(self, stage: str) -> None:
        """Show the bar of a stage."""
        self.begin(stage)

    def progress(self, done: int, total: int) -> None:
        """Move the bar."""
        if self.task is not None:
            self.bar.update(self.task, completed=done, total=total)

    def finished(self, record: StageRecord, skipped: bool) -> None:
        """Show what a stage found, and what it took."""
        self.end(record.name, record.summary)
        took = "done before" if skipped else seconds(record.seconds)
        self.console.print(f"{'':<11} {took}, peak {size(record.peak_bytes)}", style="dim")

    def notice(self, text: str) -> None:
        """Show a line that a person should read."""
        self._print(text, style="yellow")

    def _print(self, text: str, *, indent: int = 0, style: str | None = None) -> None:
        """Print a line: whole into a file, folded between words on a terminal."""
        if self.console.is_terminal:
            text = textwrap.fill(
                text,
                self.console.width,
                subsequent_indent=" " * indent,
                break_long_words=False,
                break_on_hyphens=False,
            )
        self.console.print(text, style=style, soft_wrap=True)


def describe(name: str, summary: dict[str, Any]) -> list[str]:
    """Put a stage's summary into lines."""
    lines = summary.get("lines")
    if isinstance(lines, list):
        return [str(one) for one in lines]
    scalars = {key: value for key, value in summary.items() if isinstance(value, str | int | float)}
    return [", ".join(f"{key.replace('_', ' ')} {_said(value)}" for key, value in scalars.items())]


def _said(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
