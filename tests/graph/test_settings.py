from __future__ import annotations

import json
from pathlib import Path

import pytest

from hemline.config import Config, reference
from hemline.errors import ConfigError
from hemline.runs import RunFolder

SETTINGS = {
    "graph": {
        "password": "hush",
        "stores": {
            "products": {"at": "bolt://there:7687", "password": "hush", "labels": ["Product"]}
        },
    }
}


def test_a_password_is_in_no_run_and_in_no_text(tmp_path: Path) -> None:
    config = Config.of(SETTINGS)
    RunFolder.create(tmp_path / "run", config, {})
    assert "hush" not in (tmp_path / "run" / "run.json").read_text()
    assert "hush" not in repr(config)
    assert "hush" not in json.dumps(config.model_dump(mode="json"))
    found = RunFolder.open(tmp_path / "run").config
    assert found.graph.password is None
    assert found.graph.stores["products"].labels == ("Product",)


def test_it_outlives_other_changes() -> None:
    config = Config.of(SETTINGS).replaced({"graph.user": "someone"})
    assert config.graph.password is not None
    assert config.graph.password.get_secret_value() == "hush"
    named = config.graph.stores["products"].password
    assert named is not None
    assert named.get_secret_value() == "hush"


def test_an_unknown_setting_of_a_named_store_is_named() -> None:
    with pytest.raises(ConfigError, match=r"graph\.stores\.products\.where") as caught:
        Config.of({"graph": {"stores": {"products": {"at": "x", "where": "y"}}}})
    assert "labels" in caught.value.hint


@pytest.mark.parametrize("store", [{"password": "hush"}, {"at": "x", "password": ["hush"]}])
def test_no_error_shows_a_password(store: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as caught:
        Config.of({"graph": {"stores": {"products": store}}})
    assert "graph.stores.products" in str(caught.value)
    assert "hush" not in str(caught.value)


def test_the_reference_lists_the_section() -> None:
    text = reference()
    assert "[graph]" in text
    assert "build_memory_mb = 0" in text
