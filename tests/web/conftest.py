from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from hemline.config import Config
from hemline.pipeline import run_stages
from hemline.runs import RunFolder
from hemline.service import Recommender
from hemline.shop.source import Shop
from hemline.web.app import create_app

KEY = "a key for the tests"


@pytest.fixture(scope="session")
def served_run(simulated_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run of the cascade on the small shop. Not to be written to."""
    config = Config.of(
        {"recipe": "cascade", "photos": {"embedder": "descriptor"}, "evaluate": {"folds": 0}}
    )
    shop = Shop.from_folder(simulated_shop, config.ingest)
    return run_stages(tmp_path_factory.mktemp("served") / "run", config, shop)


@pytest.fixture
def own_run(served_run: RunFolder, tmp_path: Path) -> RunFolder:
    """A copy of the run that a test may write to."""
    shutil.copytree(served_run.path, tmp_path / "run")
    return RunFolder.open(tmp_path / "run")


@pytest.fixture
def client(own_run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setenv("HEMLINE_API_KEY", KEY)
    with TestClient(create_app(own_run.path), raise_server_exceptions=False) as one:
        yield one


@pytest.fixture
def run(own_run: RunFolder) -> Recommender:
    return Recommender(own_run)
