"""Keras and transformers with random weights, against a plain forward of each."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hemline.errors import ConfigError
from hemline.photos.base import Embedder, photo_path
from hemline.photos.embed import embed_photos
from hemline.photos.spec import embedder_name, make_embedder

from .conftest import draw

pytestmark = [
    pytest.mark.neural,
    # what the libraries warn of among themselves is not ours to mend
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

PHOTOS = [draw(seed, (90 + seed, 120)) for seed in range(5)]
RED = Image.new("RGB", (60, 60), (220, 30, 30))


def check_batches(embedder: Embedder) -> np.ndarray:
    """Any batch and any thread give what the photo alone gives."""
    inputs = np.stack([embedder.preprocess(one) for one in PHOTOS])
    together = embedder.embed(inputs)
    assert together.dtype == np.float32
    assert together.shape == (len(PHOTOS), embedder.dimension)
    scale = np.abs(together).max()
    alone = np.concatenate([embedder.embed(one[np.newaxis]) for one in inputs])
    np.testing.assert_allclose(alone, together, atol=1e-5 * scale)
    with ThreadPoolExecutor(3) as pool:
        start = threading.Barrier(3)

        def embed(low: int) -> np.ndarray:
            start.wait()
            photos = np.stack([embedder.preprocess(one) for one in PHOTOS[low : low + 3]])
            return embedder.embed(photos)

        for low, found in enumerate(pool.map(embed, range(3))):
            np.testing.assert_allclose(found, together[low : low + 3], atol=1e-5 * scale)
    spread = np.abs(together - together[0]).max()
    assert spread > 1e-3 * scale  # the photos differ, and so do the vectors
    return together


@pytest.fixture(scope="module")
def keras(tmp_path_factory: pytest.TempPathFactory) -> Any:
    pytest.importorskip("torch", reason="needs the extra neural")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "torch")
        return pytest.importorskip("keras", reason="needs the extra neural")


@pytest.fixture(scope="module")
def resnet(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """The whole classifier with random weights, and their file."""
    keras.utils.set_random_seed(3)
    model = keras.applications.ResNet50V2(weights=None)
    path = tmp_path_factory.mktemp("keras") / "whole.weights.h5"
    model.save_weights(path)
    return model, path


def test_keras_resnet_equals_a_plain_forward(
    keras: Any, resnet: tuple[Any, Path], tmp_path: Path
) -> None:
    import torch

    model, path = resnet
    embedder = make_embedder("keras:ResNet50V2", {"weights": str(path)})
    assert embedder.dimension == 2048
    assert embedder.name == embedder_name("keras:ResNet50V2", {"weights": str(path)})
    found = check_batches(embedder)
    # the sources' way: load_img, preprocess_input, the output of the layer avg_pool
    plain = keras.Model(model.input, model.get_layer("avg_pool").output)
    loaded = []
    for row, photo in enumerate(PHOTOS):
        photo.save(tmp_path / f"{row}.png")
        image = keras.utils.load_img(tmp_path / f"{row}.png", target_size=(224, 224))
        loaded.append(keras.utils.img_to_array(image))
    inputs = keras.applications.resnet_v2.preprocess_input(np.stack(loaded))
    with torch.no_grad():
        want = plain(inputs, training=False).cpu().numpy()
    np.testing.assert_allclose(found, want, atol=1e-5 * np.abs(want).max())


def test_keras_takes_weights_with_and_without_the_classifier(
    keras: Any, resnet: tuple[Any, Path], tmp_path: Path
) -> None:
    model, path = resnet
    whole = make_embedder("keras:ResNet50V2", {"weights": str(path)})
    bare = keras.applications.ResNet50V2(
        include_top=False, pooling="avg", weights=None, input_shape=(224, 224, 3)
    )
    for mine, theirs in zip(bare.layers[1:], model.layers[1:], strict=False):
        mine.set_weights(theirs.get_weights())
    bare.save_weights(tmp_path / "bare.weights.h5")
    without = make_embedder("keras:ResNet50V2", {"weights": str(tmp_path / "bare.weights.h5")})
    batch = whole.preprocess(PHOTOS[0])[np.newaxis]
    np.testing.assert_array_equal(whole.embed(batch), without.embed(batch))
    assert whole.name != without.name
    (tmp_path / "bad.weights.h5").write_bytes(b"nothing")
    with pytest.raises(ConfigError, match="cannot be loaded") as caught:
        make_embedder("keras:ResNet50V2", {"weights": str(tmp_path / "bad.weights.h5")})
    assert "weights" in caught.value.hint


def test_another_keras_model(keras: Any, tmp_path: Path) -> None:
    keras.utils.set_random_seed(4)
    model = keras.applications.MobileNetV2(
        include_top=False, pooling="avg", weights=None, input_shape=(224, 224, 3)
    )
    model.save_weights(tmp_path / "mobile.weights.h5")
    settings = {"weights": str(tmp_path / "mobile.weights.h5")}
    embedder = make_embedder("keras:MobileNetV2", settings)
    assert embedder.dimension == 1280
    assert embedder.preprocess(RED)[0, 0] == pytest.approx([220 / 127.5 - 1, *[30 / 127.5 - 1] * 2])


def save_clip(folder: Path) -> Any:
    import torch
    from transformers import CLIPConfig, CLIPModel
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    torch.manual_seed(1)
    tower = {"hidden_size": 32, "intermediate_size": 37, "num_attention_heads": 4}
    tower |= {"num_hidden_layers": 2}
    text = tower | {"vocab_size": 99, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}
    config = CLIPConfig(
        text_config=text,
        vision_config=tower | {"image_size": 30, "patch_size": 6},
        projection_dim=16,
    )
    model = CLIPModel(config).eval()
    model.save_pretrained(folder)
    size = {"height": 30, "width": 30}
    CLIPImageProcessorPil(size={"shortest_edge": 30}, crop_size=size).save_pretrained(folder)
    return model


def save_vit(folder: Path) -> Any:
    import torch
    from transformers import ViTConfig, ViTModel
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    torch.manual_seed(2)
    config = ViTConfig(
        hidden_size=24,
        intermediate_size=37,
        num_attention_heads=4,
        num_hidden_layers=2,
        image_size=30,
        patch_size=6,
    )
    model = ViTModel(config).eval()
    model.save_pretrained(folder)
    ViTImageProcessorPil(size={"height": 30, "width": 30}).save_pretrained(folder)
    return model


def save_regnet(folder: Path) -> Any:
    import torch
    from transformers import RegNetConfig, RegNetModel
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    torch.manual_seed(3)
    config = RegNetConfig(
        embedding_size=8, hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], groups_width=8
    )
    model = RegNetModel(config).eval()
    model.save_pretrained(folder)
    ViTImageProcessorPil(size={"height": 64, "width": 64}).save_pretrained(folder)
    return model


def clip_features(model: Any, pixels: Any) -> Any:
    return model.visual_projection(model.vision_model(pixel_values=pixels).pooler_output)


def pooled(model: Any, pixels: Any) -> Any:
    return model(pixel_values=pixels).pooler_output


def pooled_map(model: Any, pixels: Any) -> Any:
    return model(pixel_values=pixels).last_hidden_state.mean(dim=(2, 3))


@pytest.mark.parametrize(
    ("save", "forward", "dimension"),
    [(save_clip, clip_features, 16), (save_vit, pooled, 24), (save_regnet, pooled_map, 16)],
)
def test_hf_equals_a_plain_forward(
    tmp_path: Path,
    save: Callable[[Path], Any],
    forward: Callable[[Any, Any], Any],
    dimension: int,
) -> None:
    torch = pytest.importorskip("torch", reason="needs the extra neural")
    pytest.importorskip("transformers", reason="needs the extra neural")
    model = save(tmp_path)
    embedder = make_embedder(f"hf:{tmp_path}", {})
    assert embedder.dimension == dimension
    assert embedder.name == embedder_name(f"hf:{tmp_path}", {})
    found = check_batches(embedder)
    inputs = torch.from_numpy(np.stack([embedder.preprocess(one) for one in PHOTOS]))
    with torch.no_grad():
        want = forward(model, inputs).numpy()
    np.testing.assert_allclose(found, want, rtol=1e-4, atol=1e-5 * np.abs(want).max())


def test_hf_preprocesses_as_its_files_say(tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="needs the extra neural")
    save_clip(tmp_path)
    embedder = make_embedder(f"hf:{tmp_path}", {})
    made = embedder.preprocess(RED)
    mean = np.array([0.48145466, 0.4578275, 0.40821073])
    sd = np.array([0.26862954, 0.26130258, 0.27577711])
    want = (np.array([220, 30, 30]) / 255 - mean) / sd
    assert made.shape == (3, 30, 30)
    np.testing.assert_allclose(made[:, 15, 15], want, rtol=1e-5)


def test_hf_refuses_what_is_no_vision_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transformers = pytest.importorskip("transformers", reason="needs the extra neural")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ConfigError, match="cannot be loaded") as caught:
        make_embedder(f"hf:{tmp_path / 'none'}", {})
    assert "preprocessor_config" in caught.value.hint
    save_vit(tmp_path)
    config = transformers.BertConfig(
        hidden_size=8, num_attention_heads=2, num_hidden_layers=1, intermediate_size=8
    )
    transformers.BertModel(config).save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="takes input_ids, not photos"):
        make_embedder(f"hf:{tmp_path}", {})


def test_the_whole_way_in_a_process_of_its_own(
    shop_photos: Callable[[int], tuple[Path, list[str]]], tmp_path: Path
) -> None:
    pytest.importorskip("transformers", reason="needs the extra neural")
    save_clip(tmp_path / "clip")
    images, ids = shop_photos(9)
    photo_path(images, ids[4]).write_bytes(b"torn")
    seen: list[tuple[int, int]] = []
    spec = f"hf:{tmp_path / 'clip'}"
    report = embed_photos(
        images,
        ids,
        spec,
        {},
        tmp_path / "out",
        work=tmp_path / "work",
        batch=4,
        threads=2,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(0, 9), (4, 9), (8, 9), (9, 9)]
    assert report.missing == {"unreadable": 1}
    assert report.embedder == embedder_name(spec, {})
    embedder = make_embedder(spec, {})
    vectors = np.load(tmp_path / "out" / "vectors.npy")
    assert np.load(tmp_path / "out" / "positions.npy").tolist() == [0, 1, 2, 3, 5, 6, 7, 8]
    want = embedder.embed(embedder.preprocess(Image.open(photo_path(images, ids[8])))[np.newaxis])
    np.testing.assert_allclose(vectors[-1], want[0], rtol=1e-3, atol=1e-5)
