"""From files to twelve articles for everyone, as a person would do it."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.e2e.conftest import SETTINGS

import hemline
from hemline.errors import ConfigError, RunError, UnknownIdError
from hemline.pipeline import Silent
from hemline.runs import STAGES, StageRecord
from hemline.schema import RECOMMENDATIONS

EXAMPLES = Path(__file__).parents[2] / "examples"


class Recorder(Silent):
    def __init__(self) -> None:
        self.done: list[tuple[str, bool]] = []
        self.notices: list[str] = []

    def finished(self, record: StageRecord, skipped: bool) -> None:
        self.done.append((record.name, skipped))

    def notice(self, text: str) -> None:
        self.notices.append(text)


def cli(*arguments: object, status: int = 0) -> subprocess.CompletedProcess[str]:
    found = subprocess.run(
        [sys.executable, "-c", "from hemline.cli import main; main()", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == status, found.stderr
    assert "Traceback" not in found.stderr
    return found


def column(path: Path, name: str) -> list[str]:
    with path.open(newline="") as file:
        return [row[name] for row in csv.DictReader(file)]


def test_everyone_gets_twelve_different_articles(finished: hemline.Recommender) -> None:
    table = finished.recommendations()
    assert table.schema.equals(RECOMMENDATIONS)
    customers = finished.tables.customer_ids
    assert table.num_rows == 12 * len(customers)
    frame = table.to_pandas()
    groups = frame.groupby("customer_id", observed=True)
    assert (groups.article_id.nunique() == 12).all()
    assert groups["rank"].apply(list).map(lambda ranks: ranks == list(range(1, 13))).all()
    assert len(groups) == len(customers)


def test_the_batch_the_customer_and_the_basket_agree(finished: hemline.Recommender) -> None:
    frame = finished.recommendations().to_pandas()
    histories = finished.tables.histories
    for place in np.linspace(0, len(histories) - 1, 9).astype(int):
        customer = finished.tables.customer_ids.id(int(place))
        alone = finished.recommend(customer=customer)
        batch = frame[frame.customer_id == customer]
        assert [one.article_id for one in alone] == batch.article_id.tolist()
        assert [one.channel for one in alone] == batch.channel.tolist()
        assert [one.score for one in alone] == pytest.approx(batch.score.tolist())
    assert len(finished.recommend(basket=[], k=5)) == 5
    assert finished.recommend(basket=[], k=10**9)[-1].rank == len(finished.tables.article_ids)


def test_done_stages_are_skipped_and_changed_ones_are_not(
    simulated_shop: Path, tmp_path: Path
) -> None:
    first, again, other = Recorder(), Recorder(), Recorder()
    out = tmp_path / "run"
    hemline.run(simulated_shop, out, settings=SETTINGS, listener=first)
    assert first.done == [(name, False) for name in STAGES]
    assert any("descriptor" in one for one in first.notices)
    hemline.run(simulated_shop, out, settings=SETTINGS, listener=again)
    assert again.done == [(name, True) for name in STAGES]
    hemline.run(simulated_shop, out, settings={**SETTINGS, "als.factors": 4}, listener=other)
    assert dict(other.done) == {
        "ingest": True,
        "embed": True,
        "neighbours": True,
        "train": False,
        "recommend": False,
        "evaluate": False,
    }
    popular = hemline.run(simulated_shop, out, recipe="popular", k=3, settings=SETTINGS)
    assert popular.recommendations().num_rows == 3 * len(popular.tables.customer_ids)


def test_until_sees_nothing_later(simulated_shop: Path, tmp_path: Path) -> None:
    days = sorted(set(column(simulated_shop / "transactions_train.csv", "t_dat")))
    until = days[-30]
    found = hemline.run(simulated_shop, tmp_path / "run", until=until, settings=SETTINGS)
    last = found.tables.histories.last_time()
    assert last is not None
    assert np.datetime64(last, "s").astype("datetime64[D]") <= np.datetime64(until)
    assert np.datetime64(found.as_of, "s") == np.datetime64(until) + np.timedelta64(1, "D")
    customers = set(column(simulated_shop / "customers.csv", "customer_id"))
    assert set(found.tables.customer_ids.strings()) >= customers


def test_frames_and_files_give_the_same(
    finished: hemline.Recommender, simulated_shop: Path, tmp_path: Path
) -> None:
    import pandas as pd
    import polars as pl
    import pyarrow.csv as pc

    text = {"dtype": {"article_id": str, "customer_id": str, "product_code": str}}
    shop = hemline.Shop(
        purchases=pd.read_csv(simulated_shop / "transactions_train.csv", **text),
        articles=pl.read_csv(simulated_shop / "articles.csv", infer_schema_length=0),
        customers=pc.read_csv(simulated_shop / "customers.csv"),
        images=simulated_shop / "images",
    )
    found = hemline.run(shop, tmp_path / "run", settings=SETTINGS)
    assert found.recommendations().equals(finished.recommendations())


def test_the_command_line(finished: hemline.Recommender, tmp_path: Path) -> None:
    run = finished.run.path
    customer, article = finished.tables.customer_ids.id(3), finished.tables.article_ids.id(5)
    found = json.loads(cli("recommend", run, "--customer", customer, "-k", 5, "--json").stdout)
    assert [one["article_id"] for one in found] == [
        one.article_id for one in finished.recommend(customer=customer, k=5)
    ]
    alike = json.loads(cli("similar", run, "--article", article, "--json").stdout)
    assert [one["article_id"] for one in alike] == [
        one.article_id for one in finished.similar(article)
    ]
    assert "to do" not in cli("status", run).stdout
    assert [one["done"] for one in json.loads(cli("status", run, "--json").stdout)] == [True] * 6
    cli("submit", run, "--out", tmp_path / "submission.csv")
    with (tmp_path / "submission.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["customer_id", "prediction"]
    assert {len(row[1].split()) for row in rows[1:]} == {12}
    assert sorted(row[0] for row in rows[1:]) == finished.tables.customer_ids.strings()
    assert "backtest" in json.loads(cli("evaluate", run, "--json").stdout)
    assert "als" in cli("config").stdout


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["recommend", "RUN", "--customer", "nobody"], 4, "nobody"),
        (["recommend", "RUN"], 2, "either a customer or a basket"),
        (["recommend", "RUN", "--basket", "7"], 4, "'7'"),
        (["recommend", "RUN", "--basket", "", "-k", "0"], 2, "k = 0"),
        (["similar", "RUN", "--article", "x"], 4, "'x'"),
        (["status", "nowhere"], 5, "not a run folder"),
        (["run", "nowhere", "--out", "OUT"], 3, "nowhere"),
        (["run", "SHOP", "--out", "OUT", "--set", "als.factor=3"], 2, "als.factor"),
        (["run", "SHOP", "--out", "OUT", "--recipe", "magic"], 2, "magic"),
        (["run", "SHOP", "--out", "OUT", "--until", "yesterday"], 2, "yesterday"),
        (["run", "SHOP", "--out", "OUT", "--set", "photos.embedder=eyes"], 2, "eyes"),
        (["train", "RUN", "--set", "seed=-1"], 2, "seed"),
        (["simulate", "OUT", "--format", "xml"], 2, "xml"),
        (["fly"], 2, "fly"),
    ],
)
def test_wrong_input_is_answered_clearly(
    arguments: list[str],
    status: int,
    said: str,
    finished: hemline.Recommender,
    simulated_shop: Path,
    tmp_path: Path,
) -> None:
    places = {"RUN": finished.run.path, "SHOP": simulated_shop, "OUT": tmp_path / "out"}
    found = cli(*(places.get(one, one) for one in arguments), status=status)
    assert said in found.stderr
    assert not found.stdout


def test_stages_by_themselves(simulated_shop: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    sets = [part for name, value in SETTINGS.items() for part in ("--set", f"{name}={value}")]
    cli("ingest", simulated_shop, "--out", run, *sets)
    assert "to do" in cli("status", run).stdout
    cli("recommend", run, "--basket", "", status=4)
    for stage in ("embed", "neighbours", "train", "evaluate"):
        cli(stage, run)
    done = {one["stage"]: one["done"] for one in json.loads(cli("status", run, "--json").stdout)}
    assert done == {name: name != "recommend" for name in STAGES}
    cli("train", run, "--set", "als.factors=4")
    assert json.loads((run / "run.json").read_text())["config"]["als"]["factors"] == 4
    done = {one["stage"]: one["done"] for one in json.loads(cli("status", run, "--json").stdout)}
    assert not done["evaluate"]  # it judged other settings


def test_errors_from_python(finished: hemline.Recommender, tmp_path: Path) -> None:
    with pytest.raises(UnknownIdError):
        finished.recommend(customer="nobody")
    with pytest.raises(ConfigError):
        finished.recommend()
    with pytest.raises(RunError):
        hemline.open(tmp_path)
    with pytest.raises(AttributeError):
        hemline.nothing  # noqa: B018
    assert issubclass(UnknownIdError, hemline.HemlineError)


def test_import_loads_nothing_heavy() -> None:
    heavy = "{'numpy', 'pyarrow', 'duckdb', 'ibis', 'numba', 'scipy', 'implicit', 'torch'}"
    code = f"import sys, hemline; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_examples_run(simulated_shop: Path, tmp_path: Path) -> None:
    for name, *arguments in (
        ("run_a_folder.py", simulated_shop, tmp_path / "run"),
        ("one_model.py", tmp_path / "run"),
        ("run_frames.py", tmp_path / "frames"),
    ):
        command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        assert found.returncode == 0, found.stderr
        assert found.stdout.strip()


@pytest.mark.real_data
def test_the_real_sample_with_real_photos(real_data: Path, tmp_path: Path) -> None:
    weights = real_data / "weights" / "squeezenet11_gap512.onnx"
    found = hemline.run(
        real_data / "hm-sample",
        tmp_path / "run",
        recipe="cascade",
        settings={
            "photos.embedder": f"onnx:{weights}",
            "photos.preprocessing": {
                "size": 224,
                "channels": "BGR",
                "mean": [103.939, 116.779, 123.68],
                "scale": 1.0,
                "layout": "NCHW",
            },
        },
    )
    assert len(found.tables.customer_ids) == 1364
    table = found.recommendations()
    assert table.num_rows == 12 * 1364
    assert found.write_submission(tmp_path / "submission.csv") == 1364
    similar = table.filter(pa.compute.equal(table["channel"].cast(pa.string()), "similar"))
    assert similar.num_rows > 1364  # the photos are at work
    assert pq.read_metadata(tmp_path / "run" / "recommendations.parquet").num_rows == 12 * 1364


def test_a_shop_of_one_day_is_recommended_for_without_a_backtest(tmp_path: Path) -> None:
    rows = {"t_dat": ["2020-01-01"] * 4, "customer_id": list("abca"), "article_id": list("xyzx")}
    heard = Recorder()
    found = hemline.run(
        hemline.Shop(purchases=pa.table(rows)), tmp_path / "run", settings=SETTINGS, listener=heard
    )
    assert any("backtest: none" in one for one in heard.notices)
    assert found.backtest() == {}
    # three articles in all: everyone gets every one of them, once
    assert found.recommendations().num_rows == 9
    assert found.write_submission(tmp_path / "out.csv") == 3
