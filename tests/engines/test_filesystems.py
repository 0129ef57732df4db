"""A shop on filesystems that only Spark reaches: through a mount table, and over the network."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from tests import webhdfs_server
from typer.testing import CliRunner

import hemline
from hemline.cli import app
from hemline.config import Config
from hemline.engines.chosen import chosen_spark, place
from hemline.engines.chosen import engine as on_engine
from hemline.errors import DataError
from hemline.pipeline import Silent
from hemline.runs import RunFolder
from hemline.shop.addition import digest_of, find_addition, keep
from hemline.shop.ingest import ingest
from hemline.shop.simulate import simulate
from hemline.shop.source import Shop

pytestmark = pytest.mark.spark

QUICK = {
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}


@pytest.fixture(scope="module")
def shop(need_spark: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop with vectors, and the folder of a photo. Not to be written to."""
    folder = tmp_path_factory.mktemp("far") / "data"
    simulate(folder, customers=200, articles=100, days=60, seed=5, photos=False, vectors=8)
    (folder / "images").mkdir()
    return folder


@pytest.fixture
def configured(tmp_path: Path, shop: Path) -> Callable[..., Path]:
    """Writes a file of settings, with a mount table whose /data is the shop."""

    def written(**sections: str) -> Path:
        path = tmp_path / "hemline.toml"
        mount = "spark.hadoop.fs.viewfs.mounttable.far.link./data"
        more = [f"{name} = {value}" for name, value in sections.items()]
        lines = ['recipe = "popular"', "threads = 2", *more, "[evaluate]", "folds = 0", "[spark]"]
        lines += ['master = "local[2]"', "partitions = 2", "[spark.settings]"]
        settings = {**QUICK, mount: shop.as_uri()}
        lines += [f'"{name}" = "{value}"' for name, value in settings.items()]
        path.write_text("\n".join(lines) + "\n")
        return path

    return written


def test_a_whole_run_through_a_mount_table(
    configured: Callable[..., Path], shop: Path, tmp_path: Path
) -> None:
    out, runner = tmp_path / "run", CliRunner()
    words = ["run", "viewfs://far/data", "--out", str(out), "--config", str(configured())]
    found = runner.invoke(app, [*words, "--engine", "spark"], catch_exceptions=False)
    assert found.exit_code == 0
    assert "photos: those at viewfs://far/data/images are not read" in found.output
    here = hemline.run(
        shop, tmp_path / "here", settings={"recipe": "popular", "evaluate.folds": 0, "threads": 2}
    )
    run = RunFolder.open(out)
    for stage, names in {
        "ingest": ("purchases.parquet", "articles.parquet", "customers.parquet"),
        "embed": ("vectors.npy", "positions.npy"),
        "neighbours": ("similar.npy", "similarity.npy"),
        "recommend": ("recommendations.parquet",),
    }.items():
        for name in names:
            assert (run.folder(stage) / name).read_bytes() == (
                here.run.folder(stage) / name
            ).read_bytes()
    assert run.source["tables"]["purchases"].startswith("viewfs://far/data/transactions_train")
    assert run.source["vectors"]["path"] == "viewfs://far/data/vectors"
    assert run.source["images"] is None
    assert "mounttable" not in (out / "run.json").read_text()
    # nothing is done twice, here or there; and a laptop goes on with what is there
    state = json.loads((out / "run.json").read_text())["stages"]
    again = runner.invoke(app, [*words, "--engine", "spark"], catch_exceptions=False)
    assert again.exit_code == 0
    runner.invoke(app, ["recommend", str(out), "--all"], catch_exceptions=False)
    assert json.loads((out / "run.json").read_text())["stages"] == state


def test_what_is_not_there_is_told(configured: Callable[..., Path], tmp_path: Path) -> None:
    config = Config.load(configured())
    with on_engine("spark", config):
        for uri, said in (
            ("viewfs://far/none", "does not exist"),
            ("viewfs://other/data", "viewfs://other/data cannot be reached"),
            ("viewfs://far/data/articles.csv", "is a file, not a folder"),
        ):
            with pytest.raises(DataError, match=said):
                hemline.run(uri, tmp_path / "run", config=config, engine="spark")
        chosen = config.replaced({"photos.embedder": "descriptor"})
        with pytest.raises(DataError, match="photos are read by this machine alone") as raised:
            hemline.run("viewfs://far/data", tmp_path / "run", config=chosen, engine="spark")
        assert "ingest.images" in str(raised.value.hint)


class _Notes(Silent):
    def __init__(self) -> None:
        self.notices: list[str] = []

    def notice(self, text: str) -> None:
        self.notices.append(text)


def test_purchases_and_vectors_over_the_network(
    configured: Callable[..., Path], shop: Path, tmp_path: Path
) -> None:
    served = tmp_path / "served"
    parts = served / "shop" / "transactions_train"
    parts.mkdir(parents=True)
    kinds = pa_csv.ConvertOptions(column_types={"article_id": "string"})
    table = pa_csv.read_csv(shop / "transactions_train.csv", convert_options=kinds)
    half = len(table) // 2
    pq.write_table(table.slice(0, half), parts / "a.parquet", row_group_size=300)
    pq.write_table(table.slice(half), parts / "b.parquet", row_group_size=300)
    for name in ("articles.csv", "customers.csv"):
        (served / "shop" / name).write_bytes((shop / name).read_bytes())
    vectors = served / "shop" / "vectors"
    vectors.mkdir()
    for file in (shop / "vectors").iterdir():
        (vectors / file.name).write_bytes(file.read_bytes())
    config = Config.load(configured())
    here, there = tmp_path / "here", tmp_path / "there"
    ingest(Shop.from_folder(served / "shop"), config, here)
    with webhdfs_server.running(served) as server, on_engine("spark", config):
        found = Shop.from_folder(f"{server.uri}/shop")
        assert found.vectors == f"{server.uri}/shop/vectors"
        ingest(found, config, there, spark=chosen_spark())
        place(found.vectors).copy_to(tmp_path / "vectors")
        assert server.read > sum(file.stat().st_size for file in parts.iterdir()) / 2
        assert {"OPEN", "LISTSTATUS", "GETFILESTATUS"} <= {what for what, _ in server.asked}
        with pytest.raises(DataError, match="does not exist"):
            Shop.from_folder(f"{server.uri}/none")
        # an update keeps a copy of what it takes
        assert find_addition(f"{server.uri}/shop", config.ingest) == found
        days = f"{server.uri}/shop/transactions_train"
        assert find_addition(days, config.ingest) == Shop(days)
        kept = keep(found, tmp_path / "kept", digest_of(found))
        server.cut = True
        for file, said in (
            ("articles.csv", "articles.csv cannot be "),
            ("transactions_train", "a.parquet is not a readable Parquet file"),
        ):
            with pytest.raises(DataError, match=said):
                Shop(f"{server.uri}/shop/{file}").source("purchases")
    names = sorted(str(one.relative_to(here)) for one in here.rglob("*.*"))
    assert names == sorted(str(one.relative_to(there)) for one in there.rglob("*.*"))
    for name in set(names) - {"ingest.json"}:
        assert (here / name).read_bytes() == (there / name).read_bytes(), name
    summaries: list[Any] = [json.loads((one / "ingest.json").read_text()) for one in (here, there)]
    assert summaries[0]["lines"] == summaries[1]["lines"]
    home = next((tmp_path / "kept").iterdir())
    assert kept["purchases"] == "purchases/transactions_train"
    assert (home / kept["purchases"] / "b.parquet").read_bytes() == (
        parts / "b.parquet"
    ).read_bytes()
    for file in vectors.iterdir():
        for copy in (tmp_path / "vectors", home / kept["vectors"]):
            assert (copy / file.name).read_bytes() == file.read_bytes()
