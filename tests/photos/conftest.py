"""Photos drawn on the spot, and a tiny model in ONNX's format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

WEIGHTS = np.random.default_rng(5).normal(size=(4, 3, 3, 3)).astype(np.float32)


def draw(seed: int, size: tuple[int, int] = (40, 56)) -> Image.Image:
    """A garment of one colour on white; size is (width, height)."""
    rng = np.random.default_rng(seed)
    pixels = np.full((size[1], size[0], 3), 250, dtype=np.uint8)
    top, left = size[1] // 5 + rng.integers(4), size[0] // 5 + rng.integers(4)
    pixels[top:-top, left:-left] = rng.integers(20, 200, 3)
    return Image.fromarray(pixels)


@pytest.fixture
def shop_photos(tmp_path: Path) -> Callable[[int], tuple[Path, list[str]]]:
    """Writes photos of n articles in the Kaggle layout; returns the folder and the ids."""

    def make(n: int) -> tuple[Path, list[str]]:
        images, ids = tmp_path / "images", [f"{100000000 + 7919 * i:010d}" for i in range(n)]
        for seed, one in enumerate(ids):
            (images / one[:3]).mkdir(parents=True, exist_ok=True)
            draw(seed).save(images / one[:3] / f"{one}.jpg", quality=95)
        return images, ids

    return make


@pytest.fixture
def tiny_onnx(tmp_path: Path) -> Callable[..., Path]:
    """Writes a model of one convolution: feature maps of 4 channels, or their mean."""
    onnx = pytest.importorskip("onnx", reason="the package onnx makes the tiny model")

    def make(
        shape: tuple[int | str, ...] = ("n", 3, 8, 8), *, pooled: bool = False, name: str = "tiny"
    ) -> Path:
        helper, real = onnx.helper, onnx.TensorProto.FLOAT
        nodes, batch = [], shape[0]
        source = "x"
        if shape[-1] == 3:
            nodes.append(helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]))
            source = "t"
        nodes.append(helper.make_node("Conv", [source, "w"], ["planes"]))
        # maps leave the model laid out as photos enter it
        order = [0, 2, 3, 1] if shape[-1] == 3 else [0, 1, 2, 3]
        nodes.append(helper.make_node("Transpose", ["planes"], ["maps"], perm=order))
        outputs = [helper.make_tensor_value_info("maps", real, [batch, None, None, None])]
        if pooled:
            nodes.append(helper.make_node("GlobalAveragePool", ["planes"], ["mean"]))
            nodes.append(helper.make_node("Flatten", ["mean"], ["y"]))
            outputs.insert(0, helper.make_tensor_value_info("y", real, [batch, 4]))
        graph = helper.make_graph(
            nodes,
            "tiny",
            [helper.make_tensor_value_info("x", real, shape)],
            outputs,
            [onnx.numpy_helper.from_array(WEIGHTS, "w")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
        model.ir_version = 8
        path = tmp_path / f"{name}.onnx"
        onnx.save(model, path)
        return path

    return make
