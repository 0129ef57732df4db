from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw

from hemline.photos.descriptor import SIDE, DescriptorEmbedder, describe, oklab

EMBEDDER = DescriptorEmbedder({})
RED, PINK, BLUE, WHITE = (190, 30, 40), (200, 50, 60), (30, 50, 170), (250, 250, 250)


def garment(kind: str, colour: tuple[int, int, int], ground: tuple[int, int, int] = WHITE) -> Image:
    photo = Image.new("RGB", (128, 128), ground)
    pen = ImageDraw.Draw(photo)
    if kind == "trousers":
        pen.polygon(
            [(40, 14), (88, 14), (94, 118), (70, 118), (64, 50), (58, 118), (34, 118)], colour
        )
    else:
        pen.polygon([(34, 30), (94, 30), (114, 60), (98, 70), (90, 56), (90, 110), (38, 110),
                     (38, 56), (30, 70), (14, 60)], colour)  # fmt: skip
    if kind == "striped":
        for y in range(36, 110, 12):
            pen.rectangle([42, y, 86, y + 5], WHITE)
    return photo


def distance(one: Image.Image, other: Image.Image) -> float:
    return float(np.linalg.norm(EMBEDDER.preprocess(one) - EMBEDDER.preprocess(other)))


def test_similar_pictures_lie_nearer() -> None:
    shirt = garment("shirt", RED)
    assert distance(shirt, garment("shirt", PINK)) < 0.5 * distance(shirt, garment("shirt", BLUE))
    assert distance(shirt, garment("shirt", PINK)) < 0.5 * distance(shirt, garment("striped", RED))
    assert distance(shirt, garment("shirt", BLUE)) < distance(shirt, garment("trousers", BLUE))
    assert distance(shirt, garment("striped", RED)) < distance(shirt, garment("trousers", RED))


def test_a_slightly_other_background_or_compression_changes_little() -> None:
    shirt = garment("shirt", RED)
    other_ground = garment("shirt", RED, (242, 240, 238))
    assert distance(shirt, other_ground) < 0.3 * distance(shirt, garment("shirt", BLUE))
    assert distance(shirt, shirt.resize((256, 256))) < 0.3 * distance(shirt, garment("shirt", BLUE))


def test_a_white_shirt_before_a_white_wall_is_filled_in() -> None:
    outlined = Image.new("RGB", (72, 72), WHITE)
    ImageDraw.Draw(outlined).rectangle([18, 18, 53, 53], outline=(150, 150, 150), width=2)
    down = EMBEDDER.preprocess(outlined)[-24:-12]
    filled = down[4:8] / down.max()
    np.testing.assert_allclose(filled, 1, atol=0.01)
    np.testing.assert_allclose(down[[0, 1, 10, 11]], 0, atol=1e-6)


@given(arrays(np.uint8, (SIDE, SIDE, 3), elements=st.sampled_from([0, 3, 128, 254, 255])))
def test_any_picture_gives_a_usable_vector(pixels: np.ndarray) -> None:
    vector = describe(pixels)
    assert vector.shape == (EMBEDDER.dimension,)
    assert vector.dtype == np.float32
    assert np.isfinite(vector).all()
    assert bool(vector.any()) == bool(np.ptp(pixels, axis=(0, 1)).any())


def test_the_vector_is_the_same_in_any_batch() -> None:
    photos = [garment(kind, RED) for kind in ("shirt", "striped", "trousers")]
    inputs = np.stack([EMBEDDER.preprocess(one) for one in photos])
    together = EMBEDDER.embed(inputs)
    for row, photo in enumerate(photos):
        alone = EMBEDDER.embed(EMBEDDER.preprocess(photo)[np.newaxis])
        assert alone[0].tobytes() == together[row].tobytes()


@pytest.mark.parametrize(
    ("colour", "want"),  # Ottosson's table of the sRGB primaries
    [
        ((255, 255, 255), (1.0, 0.0, 0.0)),
        ((255, 0, 0), (0.62796, 0.22486, 0.12585)),
        ((0, 255, 0), (0.86644, -0.23389, 0.17950)),
        ((0, 0, 255), (0.45201, -0.03246, -0.31153)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
    ],
)
def test_oklab_of_known_colours(colour: tuple[int, ...], want: tuple[float, ...]) -> None:
    found = oklab(np.array(colour, dtype=np.uint8).reshape(1, 1, 3)).ravel()
    np.testing.assert_allclose(found, want, atol=2e-4)
