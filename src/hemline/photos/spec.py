"""Which embedder a setting means."""

from __future__ import annotations

from typing import Any

from hemline.errors import ConfigError
from hemline.photos.base import Embedder

KNOWN = '"onnx:FILE_OR_URL", "keras:ResNet50V2", "hf:NAME", "descriptor"'


def needs_own_process(spec: str) -> bool:
    """Tell whether an embedder brings torch, which shares no process with LightGBM."""
    return spec.startswith(("keras:", "hf:"))


def make_embedder(spec: str, preprocessing: dict[str, Any]) -> Embedder:
    """Return the embedder that `photos.embedder` and `photos.preprocessing` ask for.

    Raises
    ------
    ConfigError
        The spec is not known, or its weights or settings cannot be used.
    MissingExtraError
        It needs the extra `neural`.
    """
    kind, rest = _parts(spec)
    if kind == "onnx":
        from hemline.photos.onnx import OnnxEmbedder

        return OnnxEmbedder(rest, preprocessing)
    if kind == "keras":
        from hemline.photos.keras import KerasEmbedder

        return KerasEmbedder(rest, preprocessing)
    if kind == "hf":
        from hemline.photos.hf import HfEmbedder

        return HfEmbedder(rest, preprocessing)
    from hemline.photos.descriptor import DescriptorEmbedder

    return DescriptorEmbedder(preprocessing)


def embedder_name(spec: str, preprocessing: dict[str, Any]) -> str:
    """Return the name that `make_embedder` would give, without loading a model or torch.

    Two equal names mean equal weights and preprocessing, hence equal vectors. Weights at a
    URL are fetched for it; of a model on the Hugging Face Hub, its name and revision count.

    Raises
    ------
    ConfigError
        As `make_embedder`.
    """
    kind, rest = _parts(spec)
    if kind == "onnx":
        from hemline.photos import onnx

        return onnx.name_of(*onnx.resolve(rest, preprocessing))
    if kind == "keras":
        from hemline.photos import keras

        return keras.name_of(rest, keras.resolve(rest, preprocessing))
    if kind == "hf":
        from hemline.photos import hf

        return hf.name_of(rest, hf.resolve(rest, preprocessing))
    from hemline.photos import descriptor

    return descriptor.resolve(preprocessing)


def _parts(spec: str) -> tuple[str, str]:
    kind, colon, rest = spec.partition(":")
    if spec == "descriptor" or (kind in ("onnx", "keras", "hf") and colon and rest):
        return kind, rest
    raise ConfigError(f"photos.embedder = {spec!r}: no such embedder", hint=f"known: {KNOWN}")
