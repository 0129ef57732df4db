"""`hemline features`, and the page on them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hemline.cli import app
from hemline.errors import ConfigError
from hemline.recommend.features.declared import all_features

PAGE = Path(__file__).parent.parent / "docs" / "guide" / "features.md"


def listed(*arguments: str) -> list[dict[str, str | None]]:
    found = CliRunner().invoke(app, ["features", *arguments, "--json"], catch_exceptions=False)
    assert found.exit_code == 0
    rows: list[dict[str, str | None]] = json.loads(found.stdout)
    return rows


def test_all_features() -> None:
    rows = listed("--set", "features.leave_out=['visual']")
    names = [row["name"] for row in rows]
    assert {"own.days", "department.share", "pairs.basket", "flag.repurchase"} <= set(names)
    assert "visual.best" not in names
    assert all(row["left_out"] is None for row in rows)
    assert {row["family"] for row in listed("--family", "own")} == {"own"}


def test_of_a_run(simulated_shop: Path, tmp_path: Path) -> None:
    arguments = ["ingest", str(simulated_shop), "--out", str(tmp_path / "run")]
    CliRunner().invoke(app, arguments, catch_exceptions=False)
    rows = {row["name"]: row["left_out"] for row in listed(str(tmp_path / "run"))}
    assert rows["own.days"] is None
    assert rows["visual.best"] == "there are no similar articles"


def test_text() -> None:
    found = CliRunner().invoke(app, ["features", "--family", "visual"], catch_exceptions=False)
    assert "visual.basket" in found.stdout
    assert "2 features" in found.output


def test_unknown_family() -> None:
    with pytest.raises(ConfigError, match="no family 'colours'") as error:
        CliRunner().invoke(app, ["features", "--family", "colours"], catch_exceptions=False)
    assert "attributes" in str(error.value.hint)


def test_every_feature_stands_on_the_page() -> None:
    text = PAGE.read_text()
    for one in all_features(("CHANNEL",)):
        assert f"| `{one.name}` | {one.meaning} |" in text, "run `make generate`"
