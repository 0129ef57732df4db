"""`hemline paper` from a shop's files to tables, JSON and pictures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hemline.cli import app
from hemline.models.neural import Neural

QUICK = [
    "--set", "dot_bias.epochs=1", "--set", "light_gcn.epochs=2", "--set", "light_gcn.factors=8",
]  # fmt: skip


@pytest.mark.neural
def test_paper(simulated_shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("torch", reason="needs the extra neural")
    monkeypatch.setattr(Neural, "own_process", False)
    runner = CliRunner()
    out = tmp_path / "kept"
    asked = ["paper", str(simulated_shop), "--rows", "900", *QUICK]
    found = runner.invoke(app, [*asked, "--out", str(out)], catch_exceptions=False)
    assert found.exit_code == 0
    assert "Lists of 12 out of" in found.stdout
    assert "the paper's table 2" in found.stdout
    assert "the paper's table 3" in found.stdout
    assert "SAR" in found.stdout
    assert "A precision of 100 % says nothing" in found.stderr
    assert "DotBias, paper: epoch 1 of 1, loss" in found.stderr
    assert "accuracy" in found.stderr
    kept = json.loads((out / "paper.json").read_text())
    assert kept["rows"] <= 900
    assert kept["train_rows"] == round(0.7 * kept["rows"])
    pictures = {path.name for path in out.glob("*.svg")}
    assert {"dotbias-paper-loss.svg", "lightgcn-paper-recall.svg"} <= pictures
    assert "gnn-of-linear-layers-loss.svg" in pictures
    again = runner.invoke(app, [*asked, "--json"], catch_exceptions=False)
    told = json.loads(again.stdout)
    for name, one in told["models"].items():
        assert one["map"] == kept["models"][name]["map"], name
