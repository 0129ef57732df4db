"""One photo file into one upright RGB image, whatever the shop's camera made of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from hemline.errors import DataError

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class UnusablePhotoError(DataError):
    """A file that gives no picture; it is listed and skipped, and stops nothing."""


def open_photo(path: Path, draft: int | None = None) -> Image.Image:
    """Return a photo as an upright RGB image; what is transparent becomes white.

    Parameters
    ----------
    path : Path
        Any format that Pillow reads, whatever the file is called.
    draft : int, optional
        A JPEG may be decoded at 1/2, 1/4 or 1/8 of its size, as long as both of its sides
        keep this many pixels: several times faster for large photos.

    Raises
    ------
    UnusablePhotoError
        The file is missing, empty, truncated or no image.
    """
    try:
        with Image.open(path) as photo:
            if draft is not None:
                photo.draft("RGB", (draft, draft))
            photo.load()
            return _rgb(_upright(photo))
    except MemoryError:
        raise
    except UnidentifiedImageError:
        # Pillow's own message names the path, which would make two equal runs differ
        raise UnusablePhotoError("not an image") from None
    except Exception as error:  # decoders raise anything: SyntaxError, struct.error, ValueError
        text = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise UnusablePhotoError(text or type(error).__name__) from None


def _upright(photo: Image.Image) -> Image.Image:
    try:
        turn = _TURNS.get(photo.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # a broken EXIF block does not make the pixels unusable
        turn = None
    return photo if turn is None else photo.transpose(turn)


def _rgb(photo: Image.Image) -> Image.Image:
    if photo.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in photo.info:
        layered = photo.convert("RGBA")
        white = Image.new("RGBA", layered.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, layered).convert("RGB")
    if photo.mode.startswith(("I", "F")):
        # 16 bits a pixel: Pillow's own conversion would clip it to white
        values = np.asarray(photo, dtype=np.float32)
        top = 255.0 if values.max() <= 255.0 else 65535.0
        grey = np.clip(values * (255.0 / top), 0.0, 255.0).round().astype(np.uint8)
        return Image.fromarray(grey).convert("RGB")
    # a copy in any case: the file behind the image is closed when this returns
    return photo.convert("RGB") if photo.mode != "RGB" else photo.copy()
