from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hemline.api import configure
from hemline.config import Config
from hemline.errors import ConfigError, DataError
from hemline.evaluate.backtest import backtest
from hemline.pipeline import run_stages
from hemline.recommend.bundle import catalogue_of
from hemline.runs import RunFolder
from hemline.shop.histories import SECONDS_PER_DAY
from hemline.shop.source import Shop
from hemline.shop.tables import Tables
from hemline.tuning import Dial, read_space, space_of, tune

SPACE = (Dial("popular.days", 1, 60, log=True), Dial("popular.by", choices=("customers", "units")))


@pytest.fixture(scope="module")
def run(simulated_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    config = Config.of({"recipe": "popular", "popular": {"days": 60}})
    shop = Shop.from_folder(simulated_shop, config.ingest)
    out = tmp_path_factory.mktemp("tuned") / "run"
    return run_stages(out, config, shop, stages=["ingest", "neighbours"])


def test_the_winner_is_judged_by_folds_that_were_not_tuned_on(run: RunFolder) -> None:
    found = tune(run.path, trials=3, folds=2, space=SPACE)
    assert found.trials == 3
    assert found.score >= found.before
    tables = Tables.open(run.folder("ingest"))
    newest = found.reported.folds
    assert [one.end for one in newest] == [tables.cutoff]
    config = Config.load(found.recipe)
    assert {one: _value(config, one) for one in found.settings} == found.settings
    # what it says of the folds before is what the backtest says of them
    earlier = config.replaced({"evaluate.folds": 2})
    end = newest[0].cutoff
    report = backtest(earlier, catalogue_of(earlier, tables.articles), tables.histories, as_of=end)
    score = report.rows()[0]["map"]
    assert found.score == pytest.approx(score, rel=1e-12)
    assert all(fold.end <= end for fold in report.folds)
    assert newest[0].cutoff == end


def _value(config: Config, setting: str) -> object:
    section, key = setting.split(".")
    return getattr(getattr(config, section), key)


def test_it_goes_on_where_it_stopped(run: RunFolder) -> None:
    space = (Dial("popular.days", 2, 30),)
    one = tune(run.path, trials=1, space=space)
    assert one.trials == 1
    more = tune(run.path, trials=2, space=space)
    assert more.trials == 2
    assert more.before == one.before
    again = tune(run.path, trials=2, space=space)
    assert (again.trials, again.score, again.settings) == (2, more.score, more.settings)


def test_what_cannot_be_set_is_refused_before_anything_is_tried(run: RunFolder) -> None:
    with pytest.raises(ConfigError, match=r"popular\.dayz"):
        tune(run.path, trials=1, space=(Dial("popular.dayz", 1, 2),))
    with pytest.raises(ConfigError, match=r"popular\.days"):
        tune(run.path, trials=1, space=(Dial("popular.days", 0, 2),))
    with pytest.raises(DataError, match="folds"):
        tune(run.path, trials=1, folds=900, space=SPACE)


@pytest.mark.parametrize("recipe", ["popular", "repurchase", "cascade"])
def test_every_bound_of_the_selection_is_a_setting(recipe: str) -> None:
    base = Config.of({"recipe": recipe})
    dials = space_of(base)
    assert dials
    for dial in dials:
        for value in dial.choices or (dial.low, dial.high):
            configure(base, settings={dial.setting: value})


def test_a_space_is_read_from_toml(tmp_path: Path) -> None:
    file = tmp_path / "space.toml"
    file.write_text(
        '"als.factors" = [16, 128]\n"als.alpha" = { low = 0.1, high = 10.0, log = true }\n'
        '"als.weights.kind" = { choices = ["recent", "binary"] }\n'
    )
    assert read_space(file) == (
        Dial("als.factors", 16, 128),
        Dial("als.alpha", 0.1, 10.0, log=True),
        Dial("als.weights.kind", choices=("recent", "binary")),
    )
    for text in (
        "x = 3",
        '"als.factors" = [128, 16]',
        "[als]\nfactors = [1, 2]",
        "",
        "a = [0, {}]",
    ):
        file.write_text(text)
        with pytest.raises(ConfigError):
            read_space(file)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_space(tmp_path / "none.toml")


def test_the_command_writes_a_recipe_that_runs(run: RunFolder, tmp_path: Path) -> None:
    space = tmp_path / "space.toml"
    space.write_text('"popular.days" = [3, 40]\n')
    command = [
        *(sys.executable, "-c", "from hemline.cli import main; main()", "tune", str(run.path)),
        *("--recipe", "popular", "--trials", "2", "--folds", "1", "--space", str(space)),
        *("--write", str(tmp_path / "mine.toml"), "--json"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["trials"] == 2
    text = (tmp_path / "mine.toml").read_text()
    assert "[popular]" in text
    assert Config.load(tmp_path / "mine.toml").popular.days == found["settings"]["popular.days"]
    fold = found["reported"]["folds"]["tuned"][0]
    assert (fold["end"] - fold["cutoff"]) // SECONDS_PER_DAY == 7
