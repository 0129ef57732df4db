"""What the README and the guides say exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from hemline.cli import app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands(page: Path) -> list[str]:
    """Lines of a page's code blocks that call hemline, continued lines joined."""
    blocks = re.findall(r"```(?:sh|bash|console)?\n(.*?)```", page.read_text(), re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip().startswith("hemline ")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_option_exists(page: Path) -> None:
    group: Any = typer.main.get_command(app)
    for line in commands(page):
        name, *words = shlex.split(line.split("#")[0])[1:]
        assert name in group.commands, line
        command = group.commands[name]
        while hasattr(command, "commands"):  # hemline graph build
            assert words, line
            assert words[0] in command.commands, line
            command = command.commands[words.pop(0)]
        known = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
        for word in words:
            if re.match(r"--?[a-z]", word):
                assert word.split("=")[0] in known | {"--help", "--no-photos"}, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        if not link.startswith(("http:", "https:")):
            assert (page.parent / link).exists(), link


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150
    assert commands(ROOT / "README.md")
