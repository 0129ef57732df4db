from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hemline.photos.decode import UnusablePhotoError, open_photo

CORNER = np.zeros((8, 12, 3), dtype=np.uint8)
CORNER[:4, :4] = (255, 0, 0)  # red, upper left; the rest black


def opened(path: Path) -> np.ndarray:
    photo = open_photo(path)
    assert photo.mode == "RGB"
    return np.asarray(photo)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_comes_out_upright(tmp_path: Path, orientation: int) -> None:
    # what a camera stores so that the orientation turns it back into CORNER
    stored = {
        1: CORNER,
        2: CORNER[:, ::-1],
        3: CORNER[::-1, ::-1],
        4: CORNER[::-1],
        5: CORNER.transpose(1, 0, 2),
        6: CORNER.transpose(1, 0, 2)[::-1],
        7: CORNER.transpose(1, 0, 2)[::-1, ::-1],
        8: CORNER.transpose(1, 0, 2)[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "photo.jpg"
    Image.fromarray(np.ascontiguousarray(stored)).save(path, format="PNG", exif=exif)
    np.testing.assert_array_equal(opened(path), CORNER)


def test_broken_exif_keeps_the_pixels(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    Image.fromarray(CORNER).save(path, format="PNG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    np.testing.assert_array_equal(opened(path), CORNER)


def test_grey_and_one_bit_photos(tmp_path: Path) -> None:
    grey = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
    path = tmp_path / "photo.jpg"
    Image.fromarray(grey).save(path, format="PNG")
    np.testing.assert_array_equal(opened(path), np.repeat(grey[..., None], 3, axis=2))
    Image.fromarray(grey > 100).save(path, format="PNG")
    np.testing.assert_array_equal(opened(path)[..., 1], np.where(grey > 100, 255, 0))


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path: Path) -> None:
    deep = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    path = tmp_path / "photo.jpg"
    Image.fromarray(deep).save(path, format="PNG")
    np.testing.assert_allclose(opened(path)[..., 0], deep / 257, atol=1)


def test_cmyk_jpeg(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    Image.new("CMYK", (16, 16), (255, 0, 0, 0)).save(path, quality=100)
    np.testing.assert_allclose(opened(path)[8, 8], (0, 255, 255), atol=6)


def test_what_is_transparent_becomes_white(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    layered = np.dstack([CORNER, np.full(CORNER.shape[:2], 255, np.uint8)])
    layered[4:, :, 3] = 0
    Image.fromarray(layered).save(path, format="PNG")
    found = opened(path)
    assert (found[4:] == 255).all()
    np.testing.assert_array_equal(found[:4], CORNER[:4])


def test_palette_with_a_transparent_colour(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    palette = Image.fromarray(CORNER).convert("P", palette=Image.Palette.ADAPTIVE)
    clear = palette.getpixel((10, 6))
    palette.save(path, format="PNG", transparency=clear)
    found = opened(path)
    assert tuple(found[7, 11]) == (255, 255, 255)
    assert tuple(found[0, 0]) == (255, 0, 0)


def test_unusable_files_say_why(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    with pytest.raises(UnusablePhotoError, match="No such file"):
        open_photo(path)
    path.write_bytes(b"")
    with pytest.raises(UnusablePhotoError, match=r"^not an image$"):
        open_photo(path)
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(UnusablePhotoError, match=r"^not an image$"):
        open_photo(path)
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnusablePhotoError, match="truncated"):
        open_photo(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(UnusablePhotoError):
        open_photo(path)


def test_a_draft_decodes_large_jpegs_smaller_and_never_too_small(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    Image.new("RGB", (800, 1200), (90, 20, 160)).save(path)
    assert open_photo(path).size == (800, 1200)
    assert open_photo(path, draft=90).size == (100, 150)
    assert open_photo(path, draft=450).size == (800, 1200)
