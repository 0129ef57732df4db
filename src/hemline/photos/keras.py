"""`keras:ResNet50V2`: the sources' model, and its relatives in keras.applications."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from hemline.errors import ConfigError, MissingExtraError
from hemline.photos.torch_threads import inference, torch_module
from hemline.photos.weights import digest, weights_file

MODELS = {
    "ResNet50V2": "resnet_v2",
    "ResNet101V2": "resnet_v2",
    "ResNet152V2": "resnet_v2",
    "ResNet50": "resnet",
    "MobileNetV2": "mobilenet_v2",
    "DenseNet121": "densenet",
}
"""Each with the module of keras.applications that holds its `preprocess_input`."""

SIDE = 224


def resolve(model: str, settings: dict[str, Any]) -> Path | None:
    """Return the file of the weights, None for Keras's own "imagenet".

    Raises
    ------
    ConfigError
        The model, a setting or the file is not known.
    """
    if model not in MODELS:
        raise ConfigError(
            f"keras:{model}: this model is not supported", hint=f"known: {', '.join(MODELS)}"
        )
    unknown = settings.keys() - {"weights"}
    if unknown:
        raise ConfigError(
            f"photos.preprocessing: no setting {min(unknown)!r} for keras:{model}",
            hint='its preprocessing is built in; known: weights = "imagenet" or a file',
        )
    weights = settings.get("weights", "imagenet")
    if not isinstance(weights, str) or not weights:
        raise ConfigError(
            f"photos.preprocessing: weights = {weights!r}", hint='"imagenet", a file or a URL'
        )
    return None if weights == "imagenet" else weights_file(weights, sidecar=False)


def name_of(model: str, weights: Path | None) -> str:
    """Return the name that identifies the model with these weights."""
    return f"keras:{model}:{digest([weights])[:16] if weights else 'imagenet'}"


class KerasEmbedder:
    """A model of keras.applications up to its `avg_pool`, on the torch backend.

    Photos are read as `keras.utils.load_img(target_size=(224, 224))` does, by the nearest
    neighbour, and go through the model's own `preprocess_input`.

    Raises
    ------
    ConfigError
        The model is not known, or the weights do not fit it or cannot be fetched.
    MissingExtraError
        Keras or torch is not installed.
    """

    def __init__(self, model: str, settings: dict[str, Any]) -> None:
        weights = resolve(model, settings)
        self._name = name_of(model, weights)
        keras = _keras()
        self._apply = getattr(keras.applications, MODELS[model]).preprocess_input
        self._model = _build(keras, model, weights)

    @property
    def name(self) -> str:
        """The model and its weights' digest."""
        return self._name

    @property
    def dimension(self) -> int:
        """Length of a vector: 2048 for ResNet50V2."""
        return int(self._model.output_shape[-1])

    def preprocess(self, photo: Image.Image) -> npt.NDArray[np.float32]:
        """Return one RGB photo as float32 (224, 224, 3), as the model takes it."""
        small = photo.resize((SIDE, SIDE), Image.Resampling.NEAREST)
        pixels = np.array(small, dtype=np.float32)  # a copy: it is changed in place
        values = self._apply(pixels, data_format="channels_last")
        return np.ascontiguousarray(values, dtype=np.float32)

    def embed(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return vectors float32 (n, dimension) of inputs float32 (n, 224, 224, 3)."""
        with inference():
            found: npt.NDArray[np.float32] = self._model(batch, training=False).cpu().numpy()
        return found


def _keras() -> Any:
    torch_module()
    if "keras" not in sys.modules:
        before = os.environ.get("KERAS_BACKEND")
        os.environ["KERAS_BACKEND"] = "torch"
        try:
            import keras
        except ImportError:
            raise MissingExtraError("keras", "neural") from None
        finally:
            if before is None:
                del os.environ["KERAS_BACKEND"]
            else:
                os.environ["KERAS_BACKEND"] = before
    import keras

    if keras.config.backend() != "torch":
        raise ConfigError(
            f"keras was imported with the backend {keras.config.backend()!r} before",
            hint="Hemline uses torch: set KERAS_BACKEND=torch before keras is imported",
        )
    return keras


def _build(keras: Any, model: str, weights: Path | None) -> Any:
    make = getattr(keras.applications, model)
    shape = (SIDE, SIDE, 3)
    # the arrays are laid out this way whatever the user's keras.json says
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_last")
    try:
        if weights is None:
            return make(include_top=False, pooling="avg", weights="imagenet", input_shape=shape)
        bare = make(include_top=False, pooling="avg", weights=None, input_shape=shape)
        try:
            bare.load_weights(weights)
            return bare
        except ValueError:
            # perhaps they are the whole classifier's; its last layer is not needed then
            whole = make(include_top=True, weights=None, input_shape=shape)
            whole.load_weights(weights)
            return keras.Model(whole.input, whole.layers[-2].output)
    except Exception as error:
        place = f"{weights}" if weights else 'weights = "imagenet"'
        raise ConfigError(
            f"keras:{model}: {place} cannot be loaded: {error}",
            hint='name a file of weights for this model: photos.preprocessing = {weights = "FILE"}',
        ) from None
    finally:
        keras.config.set_image_data_format(before)
