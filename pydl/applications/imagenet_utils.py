"""Images as ImageNet's networks expect them, and the names of ImageNet's classes."""

from __future__ import annotations

import functools
import json
from typing import Any

import numpy as np

from pydl import config, ops
from pydl.datasets.files import RemoteFile
from pydl.layers.base.context import is_any_tensor

_INDEX = RemoteFile(
    name="imagenet_class_index.json",
    url="https://storage.googleapis.com/download.tensorflow.org/data/"
    "imagenet_class_index.json",
    md5="c2c37ea517e94d9795004a39431a14cb",
    folder="models",
)

#: Mean and standard deviation of red, green and blue in [0, 1].
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)

#: Mean of blue, green and red in [0, 255].
_MEAN_BGR = (103.939, 116.779, 123.68)


def preprocess_input(
    x: Any, data_format: str | None = None, mode: str = "caffe"
) -> Any:
    """Pixels as a family of networks was trained on them.

    Args:
        x: array or tensor of one image or a batch, with values 0 to 255 of red, green
            and blue. It stays as it is.
        data_format: where the channels are; None: `pydl.config.image_data_format`.
        mode: ``"caffe"``: blue, green, red, less their means; ``"tf"``: in [-1, 1];
            ``"torch"``: in [0, 1], less the means, over the standard deviations.

    Returns:
        An array or a tensor as `x` is, of floats.

    >>> preprocess_input(np.array([[[255, 0, 51]]]), mode="tf").tolist()
    [[[1.0, -1.0, -0.6000000238418579]]]
    """
    if mode not in ("caffe", "tf", "torch"):
        raise ValueError(
            "Expected mode to be one of `caffe`, `tf` or `torch`. Received: "
            f"mode={mode}"
        )
    data_format = config.standardize_data_format(data_format)
    x = _floats(x)
    if mode == "tf":
        return x / 127.5 - 1.0
    axis = len(x.shape) - (1 if data_format == "channels_last" else 3)
    if mode == "torch":
        scaled = x / 255.0 - _along(MEAN, x, axis)
        return scaled / _along(DEVIATION, x, axis)
    flipped = np.flip if isinstance(x, np.ndarray) else ops.flip
    return flipped(x, axis=axis) - _along(_MEAN_BGR, x, axis)


def bgr_centred(x: Any, data_format: str | None = None) -> Any:
    """Blue, green and red, less their means; `x` holds red, green and blue, 0 to 255.
    See `imagenet_utils.preprocess_input`."""
    return preprocess_input(x, data_format, "caffe")


def signed(x: Any, data_format: str | None = None) -> Any:
    """Pixels of 0 to 255 in [-1, 1]. See `imagenet_utils.preprocess_input`."""
    return preprocess_input(x, data_format, "tf")


def standardized(x: Any, data_format: str | None = None) -> Any:
    """Pixels of 0 to 255, less ImageNet's means, over its standard deviations. See
    `imagenet_utils.preprocess_input`."""
    return preprocess_input(x, data_format, "torch")


def unchanged(x: Any, data_format: str | None = None) -> Any:
    """`x` itself: pixels of 0 to 255, which the network's first layers prepare."""
    return x


def _floats(x: Any) -> Any:
    """`x` in a dtype of floats."""
    x = x if is_any_tensor(x) else np.asarray(x)
    if "float" in str(x.dtype):
        return x
    floats = config.floatx()
    return x.astype(floats) if isinstance(x, np.ndarray) else ops.cast(x, floats)


def _along(numbers: tuple[float, ...], x: Any, axis: int) -> Any:
    """One number per channel, in a shape that broadcasts to `x`."""
    shape = [1] * len(x.shape)
    shape[axis] = len(numbers)
    return np.asarray(numbers, str(x.dtype)).reshape(shape)


def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, float]]]:
    """The most likely classes of ImageNet.

    The names are downloaded once, to ``~/.pydl/models``.

    Args:
        preds: probabilities, ``(batch, 1000)``.
        top: how many classes to name.

    Returns:
        For each row the classes from the most likely on, each
        ``(WordNet's number, name, probability)``.

    Raises:
        ValueError: another shape.
        OSError: no connection; the message says where to put the file.
    """
    scores = np.asarray(preds)
    if scores.ndim != 2 or scores.shape[1] != 1000:
        raise ValueError(
            "`decode_predictions` expects a batch of predictions (i.e. a 2D array of "
            f"shape (samples, 1000)). Received array with shape: {scores.shape}"
        )
    names = _names(str(_INDEX.locate(_INDEX.name)))
    best = np.argsort(scores, axis=1)[:, ::-1][:, :top]
    return [
        [(*names[i], row[i]) for i in chosen]
        for row, chosen in zip(scores, best, strict=True)
    ]


@functools.cache
def _names(path: str) -> list[tuple[str, str]]:
    """WordNet's number and the name of each class."""
    with open(path, encoding="utf-8") as file:
        stored = json.load(file)
    return [(stored[str(i)][0], stored[str(i)][1]) for i in range(len(stored))]
