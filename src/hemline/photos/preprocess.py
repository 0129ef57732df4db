"""What a model wants done to a photo before it: size, channels, mean, scale, layout."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import Field, ValidationError, field_validator, model_validator

from hemline.config import Section
from hemline.errors import ConfigError

EXAMPLE = (
    'size = 224, channels = "RGB", mean = [123.7, 116.3, 103.5], scale = 0.0171, layout = "NCHW"'
)
_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


class Preprocessing(Section):
    """How a photo becomes a model's input: `(pixel - mean) * scale`, pixels being 0..255."""

    size: int | tuple[int, int] | None = Field(
        None, description="side in pixels, or [height, width]; unset: what the model says itself"
    )
    channels: Literal["RGB", "BGR"] = Field(description="order of the colours")
    mean: float | tuple[float, float, float] = Field(
        description="subtracted from 0..255, in the order of `channels`"
    )
    scale: float | tuple[float, float, float] = Field(
        1.0, description="multiplied after that, in the order of `channels`"
    )
    layout: Literal["NCHW", "NHWC"] | None = Field(
        None, description="order of the input's dimensions; unset: what the model says itself"
    )
    resize: Literal["resize", "letterbox", "crop"] = Field(
        "resize",
        description='"resize" stretches to `size`, "letterbox" keeps the proportions and fills '
        'up, "crop" keeps them and cuts off',
    )
    interpolation: Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"] = Field(
        "bilinear", description="Pillow's filter of that name"
    )
    fill: tuple[int, int, int] = Field((255, 255, 255), description="letterbox: RGB around it")
    output: str = Field("", description="name of the model's output; empty: its first")
    sha256: str = Field("", description="digest that the weights must have; empty: any")

    @field_validator("size")
    @classmethod
    def _positive(cls, value: Any) -> Any:
        if value is not None and min(value if isinstance(value, tuple) else (value,)) < 1:
            raise ValueError("a size is at least 1")
        return value

    @model_validator(mode="after")
    def _usable(self) -> Self:
        numbers = np.hstack([np.ravel(self.mean), np.ravel(self.scale)])
        if not np.isfinite(numbers).all() or not np.all(self.scale):
            raise ValueError("mean and scale are finite numbers, and scale is not 0")
        if not all(0 <= one <= 255 for one in self.fill):
            raise ValueError("fill is a colour of three numbers 0..255")
        return self

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the input; only when `size` is known."""
        if self.size is None:
            raise ConfigError("preprocessing: size is missing", hint=f"for example {EXAMPLE}")
        return (self.size, self.size) if isinstance(self.size, int) else self.size

    def apply(self, photo: Image.Image) -> npt.NDArray[np.float32]:
        """Return an RGB photo as float32 (3, height, width) or (height, width, 3)."""
        pixels = np.asarray(self._sized(photo), dtype=np.float32)
        if self.channels == "BGR":
            pixels = pixels[:, :, ::-1]
        mean, scale = np.asarray(self.mean, np.float32), np.asarray(self.scale, np.float32)
        values = (pixels - mean) * scale
        if self.layout == "NCHW":
            values = values.transpose(2, 0, 1)
        return np.ascontiguousarray(values, dtype=np.float32)

    def _sized(self, photo: Image.Image) -> Image.Image:
        height, width = self.shape
        resample = _FILTERS[self.interpolation]
        if self.resize == "resize":
            return photo.resize((width, height), resample)
        ratios = width / photo.width, height / photo.height
        ratio = min(ratios) if self.resize == "letterbox" else max(ratios)
        inner = (max(1, round(photo.width * ratio)), max(1, round(photo.height * ratio)))
        # paste at a negative corner cuts off, at a positive one leaves a border
        canvas = Image.new("RGB", (width, height), self.fill)
        corner = ((width - inner[0]) // 2, (height - inner[1]) // 2)
        canvas.paste(photo.resize(inner, resample), corner)
        return canvas


def read_preprocessing(weights: Path, settings: dict[str, Any]) -> Preprocessing:
    """Read FILE.toml (or FILE with .toml for its ending) and let the shop's settings win.

    Raises
    ------
    ConfigError
        Neither says what the model needs, or one says something that cannot be.
    """
    found: dict[str, Any] = {}
    where = "photos.preprocessing"
    for sidecar in (weights.with_name(f"{weights.name}.toml"), weights.with_suffix(".toml")):
        if sidecar.is_file():
            found, where = _read(sidecar), f"{sidecar} with photos.preprocessing"
            break
    merged = {**found, **settings}
    hint = f"write {weights.name}.toml beside the weights, or photos.preprocessing: {EXAMPLE}"
    if not merged:
        raise ConfigError(f"{weights}: its preprocessing is not known", hint=hint)
    try:
        return Preprocessing.model_validate(merged)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"][:1]) or "preprocessing"
        if first["type"] == "extra_forbidden":
            known = ", ".join(Preprocessing.model_fields)
            raise ConfigError(f"{where}: no setting {name!r}", hint=f"known: {known}") from None
        if first["type"] == "missing":
            raise ConfigError(f"{where}: {name} is missing", hint=hint) from None
        raise ConfigError(
            f"{where}: {name} = {merged.get(name)!r}: {first['msg']}", hint=f"for example {EXAMPLE}"
        ) from None


def _read(sidecar: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(sidecar.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{sidecar} cannot be read: {error}", hint="it is TOML") from None


def canonical(preprocessing: Preprocessing) -> str:
    """Return the settings in one spelling, for an embedder's name."""
    return json.dumps(preprocessing.model_dump(exclude={"sha256"}), sort_keys=True)
