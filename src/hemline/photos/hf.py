"""`hf:NAME`: a vision backbone through transformers, from the Hub or a local folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from hemline.errors import ConfigError, MissingExtraError
from hemline.photos.torch_threads import inference, torch_module
from hemline.photos.weights import digest

_FILES = ("*.json", "*.safetensors", "*.bin")


def resolve(name: str, settings: dict[str, Any]) -> str | None:
    """Return the revision asked for, None for the newest.

    Raises
    ------
    ConfigError
        There is no name, or a setting is not known.
    """
    unknown = settings.keys() - {"revision"}
    if unknown:
        raise ConfigError(
            f"photos.preprocessing: no setting {min(unknown)!r} for hf:{name}",
            hint="the model brings its own preprocessing; known: revision",
        )
    revision = settings.get("revision")
    if not name or not (revision is None or isinstance(revision, str)):
        raise ConfigError(
            f"hf:{name}, revision {revision!r}",
            hint='"hf:NAME", for example hf:patrickjohncyh/fashion-clip, or a local folder',
        )
    return revision


def name_of(name: str, revision: str | None) -> str:
    """Return the name that identifies the model: its files' digest, or name and revision."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        files = sorted(one for pattern in _FILES for one in folder.glob(pattern))
        return f"hf:{folder.name}:{digest(files)[:16]}"
    return f"hf:{name}@{revision or 'main'}"


class HfEmbedder:
    """A vision model's image features: of CLIP and its kin those that text is compared with.

    Otherwise the model's pooled output, or, where it has none, the mean over its tokens or
    its feature map. It runs on the GPU when torch sees one.

    Raises
    ------
    ConfigError
        The model cannot be loaded, takes no photos, or has no image processor on Pillow.
    MissingExtraError
        transformers or torch is not installed.
    """

    def __init__(self, name: str, settings: dict[str, Any]) -> None:
        revision = resolve(name, settings)
        self._name = name_of(name, revision)
        self._torch = torch_module()
        self._processor, model = _load(name, revision)
        self._device = "cuda" if self._torch.cuda.is_available() else "cpu"
        self._model = model.to(self._device).eval()
        blank = self.preprocess(Image.new("RGB", (64, 64), (127, 127, 127)))
        self._dimension = int(self.embed(blank[np.newaxis]).shape[1])

    @property
    def name(self) -> str:
        """The model's name, and its revision or its files' digest."""
        return self._name

    @property
    def dimension(self) -> int:
        """Length of a vector: 512 for Fashion-CLIP."""
        return self._dimension

    def preprocess(self, photo: Image.Image) -> npt.NDArray[np.float32]:
        """Return one RGB photo as the model's own image processor makes it."""
        made = self._processor(images=photo, return_tensors="np")["pixel_values"][0]
        return np.ascontiguousarray(made, dtype=np.float32)

    def embed(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return vectors float32 (n, dimension) of inputs float32 (n, 3, height, width)."""
        with inference():
            pixels = self._torch.from_numpy(np.ascontiguousarray(batch)).to(self._device)
            found = _features(self._model, pixels)
            vectors: npt.NDArray[np.float32] = found.float().cpu().numpy()
        return vectors


def _features(model: Any, pixels: Any) -> Any:
    if hasattr(model, "get_image_features"):
        found = model.get_image_features(pixel_values=pixels)
        found = getattr(found, "pooler_output", found)
    else:
        given = model(pixel_values=pixels)
        found = getattr(given, "pooler_output", None)
        if found is None:
            found = given.last_hidden_state
    if found.ndim == 4:
        found = found.mean(dim=(2, 3))
    return found.mean(dim=1) if found.ndim == 3 else found


def _load(name: str, revision: str | None) -> tuple[Any, Any]:
    try:
        import transformers
    except ImportError:
        raise MissingExtraError("transformers", "neural") from None
    folder = Path(name).expanduser()
    place = str(folder) if folder.is_dir() else name
    asked = {} if revision is None else {"revision": revision}
    try:
        # the processors on Pillow: those on torchvision want a package that is not needed else
        processor = transformers.AutoImageProcessor.from_pretrained(place, backend="pil", **asked)
        model = transformers.AutoModel.from_pretrained(place, **asked)
    except Exception as error:  # the Hub's, the file system's, a class that is missing
        raise ConfigError(
            f"hf:{name} cannot be loaded: {str(error).strip()[:500]}",
            hint="NAME is a vision model of transformers on the Hugging Face Hub, or a folder "
            "with config.json, preprocessor_config.json and weights",
        ) from None
    if not hasattr(model, "get_image_features") and model.main_input_name != "pixel_values":
        raise ConfigError(
            f"hf:{name} takes {model.main_input_name}, not photos", hint="choose a vision model"
        )
    return processor, model
