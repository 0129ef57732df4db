from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hemline.errors import ConfigError
from hemline.photos.base import existing_photos
from hemline.photos.decode import open_photo
from hemline.photos.onnx import OnnxEmbedder
from hemline.photos.spec import embedder_name, make_embedder

from .conftest import WEIGHTS, draw

Make = Callable[..., Path]
PLAIN: dict[str, Any] = {"size": 8, "channels": "RGB", "mean": 100.0, "scale": 0.01}


def by_hand(photo: Image.Image) -> np.ndarray:
    """The tiny model in NumPy: a 3 x 3 convolution, then the mean over its 6 x 6 places."""
    pixels = np.asarray(photo.resize((8, 8), Image.Resampling.BILINEAR), dtype=np.float64)
    planes = ((pixels - 100) * 0.01).transpose(2, 0, 1)
    windows = np.lib.stride_tricks.sliding_window_view(planes, (3, 3), axis=(1, 2))
    return np.einsum("cyxij,ocij->oyx", windows, WEIGHTS).mean(axis=(1, 2))


@pytest.mark.parametrize("batch", ["n", 1, 4])
@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("area", [(3, 8, 8), (8, 8, 3), (3, "h", "w")])
def test_maps_are_averaged_and_any_batch_and_layout_is_served(
    tiny_onnx: Make, batch: int | str, pooled: bool, area: tuple[int | str, ...]
) -> None:
    embedder = OnnxEmbedder(str(tiny_onnx((batch, *area), pooled=pooled)), PLAIN)
    photos = [draw(seed) for seed in range(6)]
    inputs = np.stack([embedder.preprocess(one) for one in photos])
    vectors = embedder.embed(inputs)
    assert embedder.dimension == 4
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, [by_hand(one) for one in photos], rtol=1e-4, atol=1e-5)
    for row in range(6):
        assert embedder.embed(inputs[row : row + 1]).tobytes() == vectors[row].tobytes()


def test_an_output_is_chosen_by_name(tiny_onnx: Make) -> None:
    path = str(tiny_onnx(("n", 3, "h", "w"), pooled=True))
    assert OnnxEmbedder(path, PLAIN | {"output": "maps"}).dimension == 4
    with pytest.raises(ConfigError, match="no output 'z'") as caught:
        OnnxEmbedder(path, PLAIN | {"output": "z"})
    assert "y, maps" in caught.value.hint


def test_the_name_follows_weights_and_preprocessing(tiny_onnx: Make) -> None:
    path = tiny_onnx(pooled=True)
    name = embedder_name(f"onnx:{path}", PLAIN)
    assert name == make_embedder(f"onnx:{path}", PLAIN).name
    assert name != embedder_name(f"onnx:{path}", PLAIN | {"mean": 101.0})
    copy = path.with_name("copy") / path.name
    copy.parent.mkdir()
    copy.write_bytes(path.read_bytes())
    assert name == embedder_name(f"onnx:{copy}", PLAIN)
    tiny_onnx(pooled=False)
    assert name != embedder_name(f"onnx:{path}", PLAIN)


def test_the_sidecar_is_read(tiny_onnx: Make) -> None:
    path = tiny_onnx()
    path.with_name("tiny.onnx.toml").write_text('channels = "RGB"\nmean = 100\nscale = 0.01\n')
    with_sidecar = OnnxEmbedder(str(path), {})  # the size stands in the model
    photo = draw(1)
    found = with_sidecar.embed(with_sidecar.preprocess(photo)[np.newaxis])[0]
    np.testing.assert_allclose(found, by_hand(photo), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "settings", "message"),
    [
        (("n", 3, 8, 8), {"size": 9}, r"size \(9, 9\) does not fit"),
        (("n", 3, 8, 8), {"layout": "NHWC"}, "layout NHWC does not fit"),
        (("n", 3, "h", "w"), {"size": None}, "size is missing"),
        (("n", "c", "h", "w"), {}, "layout is missing"),
        (("n", 3, "h", "w"), {"size": 2}, "does not take a photo of 2 x 2"),
        (("n", 3, 8, 8), {"sha256": "00"}, "SHA-256"),
    ],
)
def test_what_does_not_fit_the_model_is_refused(
    tiny_onnx: Make, shape: tuple[Any, ...], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        OnnxEmbedder(str(tiny_onnx(shape)), PLAIN | settings)
    assert caught.value.hint


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"<html>")
    with pytest.raises(ConfigError, match="no model that ONNX Runtime can load"):
        OnnxEmbedder(str(path), PLAIN)


@pytest.mark.real_data
def test_squeezenet_equals_a_plain_forward(real_data: Path) -> None:
    import onnxruntime

    weights = real_data / "weights" / "squeezenet11_gap512.onnx"
    settings = {
        "size": 224,
        "channels": "BGR",
        "mean": [103.939, 116.779, 123.68],
        "layout": "NCHW",
    }
    embedder = make_embedder(f"onnx:{weights}", settings)
    images = real_data / "hm-sample" / "images"
    ids = sorted(one.stem for one in (images / "065").glob("*.jpg"))[:8]
    photos = [open_photo(one) for one in existing_photos(images, ids).values()]
    assert len(photos) == 8
    plain = np.stack(
        [np.asarray(one.resize((224, 224), Image.Resampling.BILINEAR)) for one in photos]
    ).astype(np.float32)[:, :, :, ::-1]
    plain = (plain - np.float32([103.939, 116.779, 123.68])).transpose(0, 3, 1, 2)
    session = onnxruntime.InferenceSession(str(weights), providers=["CPUExecutionProvider"])
    (want,) = session.run(None, {"x": np.ascontiguousarray(plain)})
    found = embedder.embed(np.stack([embedder.preprocess(one) for one in photos]))
    assert embedder.dimension == 512
    np.testing.assert_allclose(found, want, rtol=1e-4, atol=1e-4)
