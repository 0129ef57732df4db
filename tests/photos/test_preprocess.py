from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hemline.errors import ConfigError
from hemline.photos.preprocess import Preprocessing, canonical, read_preprocessing

PIXELS = np.random.default_rng(0).integers(0, 256, (10, 20, 3), dtype=np.uint8)
PHOTO = Image.fromarray(PIXELS)
BASE: dict[str, Any] = {"size": [10, 20], "channels": "RGB", "mean": 0.0, "layout": "NHWC"}


def applied(**settings: Any) -> np.ndarray:
    return Preprocessing.model_validate(BASE | settings).apply(PHOTO)


def test_channels_mean_scale_and_layout() -> None:
    np.testing.assert_array_equal(applied(), PIXELS.astype(np.float32))
    mean, scale = [1.0, 2.0, 3.0], [0.5, 0.25, 2.0]
    want = (PIXELS[:, :, ::-1].astype(np.float32) - np.float32(mean)) * np.float32(scale)
    found = applied(channels="BGR", mean=mean, scale=scale, layout="NCHW")
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, want.transpose(2, 0, 1))


def test_resize_takes_pillows_filter() -> None:
    for name in ("nearest", "bilinear", "bicubic"):
        want = PHOTO.resize((7, 5), Image.Resampling[name.upper()])
        found = applied(size=[5, 7], interpolation=name)
        np.testing.assert_array_equal(found, np.asarray(want, dtype=np.float32))


def test_letterbox_keeps_proportions_and_fills() -> None:
    found = applied(size=20, resize="letterbox", fill=[9, 8, 7], interpolation="nearest")
    assert found.shape == (20, 20, 3)
    np.testing.assert_array_equal(found[5:15], PIXELS)
    assert (found[:5] == [9, 8, 7]).all()
    assert (found[15:] == [9, 8, 7]).all()


def test_crop_keeps_proportions_and_cuts() -> None:
    found = applied(size=10, resize="crop", interpolation="nearest")
    np.testing.assert_array_equal(found, PIXELS[:, 5:15])


def test_sidecar_and_the_shops_settings_win(tmp_path: Path) -> None:
    weights = tmp_path / "model.onnx"
    (tmp_path / "model.toml").write_text('size = 99\nchannels = "BGR"\nmean = 1\n')
    assert read_preprocessing(weights, {}).size == 99
    (tmp_path / "model.onnx.toml").write_text('size = 64\nchannels = "BGR"\nmean = [1, 2, 3]\n')
    alone = read_preprocessing(weights, {})
    assert (alone.size, alone.channels, alone.mean, alone.scale) == (64, "BGR", (1, 2, 3), 1.0)
    ours = read_preprocessing(weights, {"size": 32, "resize": "letterbox"})
    assert (ours.size, ours.channels, ours.resize) == (32, "BGR", "letterbox")
    assert canonical(alone) != canonical(ours)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "preprocessing is not known"),
        ({"size": 8, "channels": "RGB"}, "mean is missing"),
        ({"size": 8, "mean": 0}, "channels is missing"),
        (BASE | {"sise": 8}, "no setting 'sise'"),
        (BASE | {"channels": "GBR"}, "channels = 'GBR'"),
        (BASE | {"layout": "HWC"}, "layout = 'HWC'"),
        (BASE | {"size": 0}, "size = 0"),
        (BASE | {"size": [8, 8, 3]}, "size"),
        (BASE | {"scale": 0}, "scale is not 0"),
        (BASE | {"mean": [1, float("nan"), 2]}, "finite"),
        (BASE | {"mean": [1, 2]}, "mean"),
        (BASE | {"resize": "squash"}, "resize = 'squash'"),
        (BASE | {"fill": [0, 0, 300]}, "fill"),
    ],
)
def test_odd_settings_are_refused(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match="(?s)" + message) as caught:
        read_preprocessing(tmp_path / "model.onnx", settings)
    assert caught.value.hint


def test_a_torn_sidecar_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.onnx.toml").write_text("size = ")
    with pytest.raises(ConfigError, match=r"model\.onnx\.toml cannot be read"):
        read_preprocessing(tmp_path / "model.onnx", {})
