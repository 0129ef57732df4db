from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from hemline.errors import ConfigError
from hemline.photos.spec import embedder_name, make_embedder


@pytest.mark.parametrize("spec", ["", "resnet", "onnx", "onnx:", "descriptor:2", "hf", "keras:"])
def test_an_unknown_spec_names_those_that_are_known(spec: str) -> None:
    for function in (make_embedder, embedder_name):
        with pytest.raises(ConfigError) as caught:
            function(spec, {})
        assert 'known: "onnx:FILE_OR_URL", "keras:ResNet50V2", "hf:NAME"' in caught.value.hint


@pytest.mark.parametrize(
    ("spec", "settings"),
    [
        ("descriptor", {"size": 5}),
        ("keras:ResNet50V2", {"size": 5}),
        ("keras:ResNet50V2", {"weights": 5}),
        ("keras:ResNet50V2", {"weights": "/no/such/file"}),
        ("keras:NoSuchNet", {}),
        ("hf:some/model", {"size": 5}),
        ("hf:some/model", {"revision": 5}),
        ("onnx:/no/such/file", {}),
    ],
)
def test_settings_are_checked_before_anything_is_loaded(
    spec: str, settings: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError) as caught:
        embedder_name(spec, settings)
    assert caught.value.hint


def test_names_need_no_torch() -> None:
    script = (
        "import sys; from hemline.photos.spec import embedder_name as name\n"
        "assert name('keras:ResNet50V2', {}) == 'keras:ResNet50V2:imagenet'\n"
        "assert name('hf:a/b', {'revision': 'c'}) == 'hf:a/b@c'\n"
        "import hemline.photos.embed, hemline.photos.process\n"
        "heavy = {'torch', 'keras', 'transformers', 'onnxruntime'} & sys.modules.keys()\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-P", "-c", script], check=True)
