"""`onnx:FILE_OR_URL`: any image model in ONNX's format, on ONNX Runtime."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from hemline.errors import ConfigError
from hemline.photos.preprocess import EXAMPLE, Preprocessing, canonical, read_preprocessing
from hemline.photos.weights import digest, is_url, weights_file

_TYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
}


def resolve(place: str, settings: dict[str, Any]) -> tuple[Path, Preprocessing]:
    """Return where the weights lie and their preprocessing, without loading the model."""
    complete = {"channels", "mean"} <= settings.keys()
    path = weights_file(place, sidecar=is_url(place) and not complete)
    preprocessing = read_preprocessing(path, settings)
    if preprocessing.sha256:
        weights_file(str(path), preprocessing.sha256)
    return path, preprocessing


def name_of(path: Path, preprocessing: Preprocessing) -> str:
    """Return the name that identifies these weights with this preprocessing."""
    # tensors beyond 2 GB lie in a file of their own beside the model
    beside = [path.with_name(path.name + ending) for ending in (".data", "_data")]
    content = digest([path, *(one for one in beside if one.is_file())])
    settings = hashlib.sha256(canonical(preprocessing).encode()).hexdigest()
    return f"onnx:{path.name}:{content[:16]}:{settings[:8]}"


class OnnxEmbedder:
    """A model of one image input, one vector (or one feature map) a photo.

    Feature maps (rank 4, laid out as the input is) are averaged over their area; vectors
    (rank 2) are taken as they are. One call of `embed` uses one processor, and calls may run
    at the same time: so the figures do not depend on the number of threads.

    Raises
    ------
    ConfigError
        The weights or their preprocessing are missing, or do not fit each other.
    """

    def __init__(self, place: str, settings: dict[str, Any]) -> None:
        self.path, preprocessing = resolve(place, settings)
        self._name = name_of(self.path, preprocessing)
        self._session = _session(self.path)
        self._read_input(preprocessing)
        self._read_output(preprocessing)
        height, width = self._preprocessing.shape
        nchw = self._preprocessing.layout == "NCHW"
        blank = np.zeros((1, 3, height, width) if nchw else (1, height, width, 3), np.float32)
        try:
            self._dimension = int(self.embed(blank).shape[1])
        except ConfigError:
            raise
        except Exception as error:
            raise ConfigError(
                f"{self.path}: it does not take a photo of {height} x {width}: {error}",
                hint="see photos.preprocessing.size and layout",
            ) from None

    @property
    def name(self) -> str:
        """The weights' digest and the preprocessing."""
        return self._name

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._dimension

    def preprocess(self, photo: Image.Image) -> npt.NDArray[np.float32]:
        """Return one RGB photo as the model's input without its batch dimension."""
        return self._preprocessing.apply(photo)

    def embed(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return vectors float32 (n, dimension) of inputs float32 (n, ...).

        The model sees one photo at a time, unless it was exported for another number: on a
        processor that is faster (SqueezeNet on two cores: 247 photos/s, 168 by 32), because
        what lies between two layers stays in the cache, and a photo's vector is then the
        same in any batch, bit by bit.
        """
        parts = []
        for low in range(0, len(batch), self._pass):
            part = batch[low : low + self._pass]
            short = self._pass - len(part)
            if short:
                part = np.concatenate([part, np.zeros((short, *part.shape[1:]), part.dtype)])
            parts.append(self._run(part)[: self._pass - short])
        return np.concatenate(parts)

    def _run(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        feed = {self._input: batch.astype(self._type, copy=False)}
        (given,) = self._session.run([self._output], feed)
        found = np.asarray(given, dtype=np.float32)
        if found.ndim == 4:
            area = (2, 3) if self._preprocessing.layout == "NCHW" else (1, 2)
            found = found.mean(axis=area, dtype=np.float32)
        if found.ndim != 2 or len(found) != len(batch):
            raise ConfigError(
                f"{self.path}: output {self._output!r} has shape {found.shape} for "
                f"{len(batch)} photos",
                hint="it must be (n, dimension), or feature maps of rank 4; "
                f"photos.preprocessing.output chooses among {', '.join(self._outputs)}",
            )
        return found

    def _read_input(self, preprocessing: Preprocessing) -> None:
        inputs = self._session.get_inputs()
        shapes = ", ".join(f"{one.name} {one.shape} {one.type}" for one in inputs)
        wrong = ConfigError(
            f"{self.path}: its inputs are {shapes}",
            hint="a model with one input of images is needed: float, four dimensions, 3 channels",
        )
        if len(inputs) != 1 or inputs[0].type not in _TYPES or len(inputs[0].shape) != 4:
            raise wrong
        shape = [one if isinstance(one, int) and one > 0 else None for one in inputs[0].shape]
        layout = preprocessing.layout
        if layout is None:
            layout = "NCHW" if shape[1] == 3 else "NHWC" if shape[3] == 3 else None
        if layout is None:
            raise ConfigError(f"{self.path}: layout is missing", hint=f"for example {EXAMPLE}")
        colours, *area = (shape[1], *shape[2:]) if layout == "NCHW" else (shape[3], *shape[1:3])
        if colours not in (3, None):
            raise ConfigError(
                f"{self.path}: layout {layout} does not fit the input {shapes}",
                hint="see photos.preprocessing.layout",
            )
        self._preprocessing = preprocessing.model_copy(
            update={"layout": layout, "size": self._size(preprocessing, area)}
        )
        self._input, self._pass = inputs[0].name, shape[0] or 1
        self._type = _TYPES[inputs[0].type]

    def _size(self, preprocessing: Preprocessing, area: list[int | None]) -> tuple[int, int]:
        height, width = area
        if preprocessing.size is None and height and width:
            return height, width
        wanted = preprocessing.shape
        if any(has not in (want, None) for has, want in zip(area, wanted, strict=True)):
            raise ConfigError(
                f"{self.path}: size {wanted} does not fit the model's {area}",
                hint="leave photos.preprocessing.size out: the model says it itself",
            )
        return wanted

    def _read_output(self, preprocessing: Preprocessing) -> None:
        self._outputs = [one.name for one in self._session.get_outputs()]
        self._output = preprocessing.output or self._outputs[0]
        if self._output not in self._outputs:
            raise ConfigError(
                f"{self.path}: it has no output {self._output!r}",
                hint=f"it has {', '.join(self._outputs)}",
            )


def _session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # one processor a call, many calls at a time: faster here than many processors a call,
    # and the sums are taken in the same order on any machine
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ConfigError(
            f"{path} is no model that ONNX Runtime can load: {error}",
            hint="if it was fetched from a URL, remove it and run again",
        ) from None
