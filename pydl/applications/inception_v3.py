"""Inception, version 3: branches of several windows, large ones taken apart.

C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens and Z. Wojna (2015), "Rethinking the
Inception Architecture for Computer Vision".
"""

from __future__ import annotations

from typing import Any

from pydl import layers
from pydl.applications.blocks import channel_axis
from pydl.applications.imagenet_utils import decode_predictions
from pydl.applications.imagenet_utils import signed as preprocess_input
from pydl.applications.request import Request, published

_FILES = published(
    "tensorflow/keras-applications/inception_v3/"
    "inception_v3_weights_tf_dim_ordering_tf_kernels",
    ("9a0d58056eeedaa3f26cb7ebd46da564", "bcbd6486424b2319ff4ef7d526e38f63"),
)


def InceptionV3(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "inception_v3",
) -> Any:
    """Inception, version 3, for images of 299 pixels or of 75 and more.

    C. Szegedy et al. (2015), "Rethinking the Inception Architecture for Computer
    Vision". For arguments and errors see `pydl.applications`.

    >>> model = pydl.applications.InceptionV3(weights=None, input_shape=(75, 75, 3))
    >>> model.output_shape
    (None, 1000)
    """
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    image = request.image(default=299, least=75)
    x = _stem(image)
    for i, pooled in enumerate((32, 64, 64)):
        x = _block_35(x, pooled, f"mixed{i}")
    x = _reduced_to_17(x, "mixed3")
    for i, filters in enumerate((128, 160, 160, 192), 4):
        x = _block_17(x, filters, f"mixed{i}")
    x = _reduced_to_8(x, "mixed8")
    for i in range(2):
        x = _block_8(x, i)
    return request.model(image, request.classified(x, named=False), _FILES)


def _conv(
    x: Any, filters: int, window: Any, strides: int = 1, padding: str = "same"
) -> Any:
    """A convolution, normalized, without a negative part."""
    x = layers.Conv2D(
        filters, window, strides=strides, padding=padding, use_bias=False
    )(x)
    x = layers.BatchNormalization(axis=channel_axis(), scale=False)(x)
    return layers.Activation("relu")(x)


def _chain(x: Any, *steps: tuple[int, Any]) -> Any:
    """Convolutions one after the other: ``(filters, window)``."""
    for filters, window in steps:
        x = _conv(x, filters, window)
    return x


def _mean(x: Any, filters: int) -> Any:
    """The mean of the neighbourhood, then 1x1."""
    x = layers.AveragePooling2D(3, strides=1, padding="same")(x)
    return _conv(x, filters, 1)


def _joined(branches: list[Any], name: str | None = None) -> Any:
    return layers.Concatenate(axis=channel_axis(), name=name)(branches)


def _stem(x: Any) -> Any:
    """From 299 pixels to 35."""
    x = _conv(x, 32, 3, strides=2, padding="valid")
    x = _conv(x, 32, 3, padding="valid")
    x = _conv(x, 64, 3)
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = _conv(x, 80, 1, padding="valid")
    x = _conv(x, 192, 3, padding="valid")
    return layers.MaxPooling2D(3, strides=2)(x)


def _block_35(x: Any, pooled: int, name: str) -> Any:
    branches = [
        _conv(x, 64, 1),
        _chain(x, (48, 1), (64, 5)),
        _chain(x, (64, 1), (96, 3), (96, 3)),
        _mean(x, pooled),
    ]
    return _joined(branches, name)


def _reduced_to_17(x: Any, name: str) -> Any:
    branches = [
        _conv(x, 384, 3, strides=2, padding="valid"),
        _conv(_chain(x, (64, 1), (96, 3)), 96, 3, strides=2, padding="valid"),
        layers.MaxPooling2D(3, strides=2)(x),
    ]
    return _joined(branches, name)


def _block_17(x: Any, n: int, name: str) -> Any:
    """7x7 as 1x7 and 7x1."""
    row, column = (1, 7), (7, 1)
    branches = [
        _conv(x, 192, 1),
        _chain(x, (n, 1), (n, row), (192, column)),
        _chain(x, (n, 1), (n, column), (n, row), (n, column), (192, row)),
        _mean(x, 192),
    ]
    return _joined(branches, name)


def _reduced_to_8(x: Any, name: str) -> Any:
    first = _conv(_conv(x, 192, 1), 320, 3, strides=2, padding="valid")
    second = _chain(x, (192, 1), (192, (1, 7)), (192, (7, 1)))
    second = _conv(second, 192, 3, strides=2, padding="valid")
    return _joined([first, second, layers.MaxPooling2D(3, strides=2)(x)], name)


def _block_8(x: Any, i: int) -> Any:
    """Branches that end in 1x3 and 3x1 side by side."""
    first = _conv(x, 320, 1)
    second = _both_ways(_conv(x, 384, 1), f"mixed9_{i}")
    third = _both_ways(_chain(x, (448, 1), (384, 3)))
    return _joined([first, second, third, _mean(x, 192)], f"mixed{9 + i}")


def _both_ways(x: Any, name: str | None = None) -> Any:
    return _joined([_conv(x, 384, (1, 3)), _conv(x, 384, (3, 1))], name)


__all__ = ["InceptionV3", "decode_predictions", "preprocess_input"]
