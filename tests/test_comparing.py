from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hemline
from hemline import comparing
from hemline.config import Config
from hemline.errors import ConfigError, RunError
from hemline.evaluate.backtest import backtest
from hemline.evaluate.contest import Entrant, Ground, hold_contest
from hemline.pipeline import Silent, run_stages
from hemline.recommend.bundle import catalogue_of
from hemline.report.charts import leaderboard_chart, write_chart
from hemline.runs import RunFolder
from hemline.shop.source import Shop
from hemline.shop.tables import Catalogue, Tables

RECIPES = ["popular", "repurchase", "cascade"]


class Notices(Silent):
    def __init__(self) -> None:
        self.texts: list[str] = []

    def notice(self, text: str) -> None:
        self.texts.append(text)


@pytest.fixture(scope="module")
def run(simulated_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    config = Config.of({"photos": {"embedder": "descriptor"}, "evaluate": {"folds": 2}})
    shop = Shop.from_folder(simulated_shop, config.ingest)
    out = tmp_path_factory.mktemp("compared") / "run"
    return run_stages(out, config, shop, stages=["ingest", "neighbours"])


@pytest.fixture(scope="module")
def found(run: RunFolder) -> comparing.Leaderboard:
    before = (run.path / "run.json").read_bytes()
    board, where = comparing.compare(run.path, recipes=RECIPES)
    assert where == run.path
    assert (run.path / "run.json").read_bytes() == before
    return board


def test_every_recipe_scores_what_the_backtest_says(
    found: comparing.Leaderboard, run: RunFolder
) -> None:
    tables = Tables.open(run.folder("ingest"))
    for standing in found.standings:
        config = run.config.replaced({"recipe": standing.name})
        catalogue = _catalogue(run, config, tables)
        report = backtest(config, catalogue, tables.histories, as_of=tables.cutoff)
        scores = [one.metrics["all"]["map"] for one in report.of(standing.name)]
        assert standing.mean("map") == pytest.approx(np.mean(scores), rel=1e-12)
        assert standing.deviation("map") == pytest.approx(np.std(scores, ddof=1), rel=1e-12)


def _catalogue(run: RunFolder, config: Config, tables: Tables) -> Catalogue:
    from hemline.photos.neighbours import Neighbours

    neighbours = Neighbours.open(run.folder("neighbours"))
    return catalogue_of(config, tables.articles, neighbours)


def test_the_best_stands_first_and_the_scores_are_paired(found: comparing.Leaderboard) -> None:
    rows = found.rows()
    maps = [row["map"] for row in rows]
    assert maps == sorted(maps, reverse=True)
    assert {row["recipe"] for row in rows} == set(RECIPES)
    for row, after in itertools.pairwise(rows):
        ahead = row["ahead_of_next"]
        assert ahead["low"] <= ahead["mean"] <= ahead["high"]
        scores = {one.name: one.scores for one in found.standings}
        difference = scores[row["recipe"]].mean() - scores[after["recipe"]].mean()
        assert ahead["mean"] == pytest.approx(difference)
    assert rows[-1]["ahead_of_next"] is None


def test_figures_beyond_accuracy_are_within_their_bounds(found: comparing.Leaderboard) -> None:
    for row in found.rows():
        assert 0 <= row["diversity"] <= 1
        assert 0 < row["novelty"] < np.log2(401)  # of 400 customers
        assert row["recall"] <= row["recall@100"] <= 1
        assert row["peak_bytes"] > 50 * 2**20
        assert row["train_seconds"] >= 0
        assert row["recommend_seconds"] > 0


def test_tables_and_json_say_the_same(found: comparing.Leaderboard, tmp_path: Path) -> None:
    content = json.loads(json.dumps(found.to_json()))
    header, first, *rest = content["table"]
    assert first[0] == content["rows"][0]["recipe"]
    assert first[header.index("MAP@12")] == content["rows"][0]["map"]
    assert len(rest) == len(RECIPES) - 1
    for ending in ("svg", "png", "html"):
        write_chart(leaderboard_chart(content), tmp_path / f"chart.{ending}")
        assert (tmp_path / f"chart.{ending}").stat().st_size > 1000
    page = (tmp_path / "chart.html").read_text()
    assert '<script src="http' not in page
    with pytest.raises(ConfigError, match="no kind of picture"):
        write_chart(leaderboard_chart(content), tmp_path / "chart.bmp")


def test_who_fails_is_left_out_and_named(run: RunFolder) -> None:
    tables = Tables.open(run.folder("ingest"))
    from hemline.shop.splits import rolling_folds

    folds = rolling_folds(tables.histories, 7, 1, end=tables.cutoff)
    ground = Ground(run.folder("ingest"), run.folder("neighbours"), folds, 12)
    broken = run.config.replaced({"recipe": "cascade", "cascade.attributes": ["no_such_column"]})
    good = run.config.replaced({"recipe": "popular"})
    notices: list[str] = []
    board = hold_contest(
        ground, [Entrant("broken", broken), Entrant("popular", good)], notice=notices.append
    )
    assert [one.name for one in board.standings] == ["popular"]
    assert len(notices) == 1
    assert "broken" in notices[0]
    assert "no_such_column" in notices[0]
    with pytest.raises(RunError, match="no entrant"):
        hold_contest(ground, [Entrant("broken", broken)])
    with pytest.raises(ConfigError, match="comparison of a, a"):
        hold_contest(ground, [Entrant("a", good), Entrant("a", good)])


def test_the_command_takes_the_files_of_a_shop(simulated_shop: Path, tmp_path: Path) -> None:
    command = [
        *(sys.executable, "-c", "from hemline.cli import main; main()"),
        *("compare", str(simulated_shop), "--out", str(tmp_path / "run"), "--json"),
        *("--recipe", "popular", "--recipe", "repurchase", "--folds", "2"),
        *("--chart", str(tmp_path / "board.png")),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    assert {row["recipe"] for row in content["rows"]} == {"popular", "repurchase"}
    assert json.loads((tmp_path / "run" / "comparison.json").read_text()) == content
    assert (tmp_path / "run" / "comparison.svg").exists()
    assert (tmp_path / "board.png").read_bytes().startswith(b"\x89PNG")
    refused = subprocess.run(
        [*command[:7], "--recipe", "none-such"], capture_output=True, text=True, check=False
    )
    assert refused.returncode != 0
    assert "none-such" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_package_loads_no_charts() -> None:
    heavy = "('altair', 'optuna', 'lightgbm', 'torch')"
    code = f"import hemline.comparing, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert hemline.__version__
