"""Xception: residual blocks of separable convolutions.

F. Chollet (2016), "Xception: Deep Learning with Depthwise Separable Convolutions".
"""

from __future__ import annotations

from typing import Any

from pydl import layers
from pydl.applications.blocks import channel_axis
from pydl.applications.imagenet_utils import decode_predictions
from pydl.applications.imagenet_utils import signed as preprocess_input
from pydl.applications.request import Request, published

_FILES = published(
    "tensorflow/keras-applications/xception/"
    "xception_weights_tf_dim_ordering_tf_kernels",
    ("0a58e3b7378bc2990ea3b43d5981f1f6", "b0042744bf5b25fce3cb969f33bebb97"),
)


def Xception(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "xception",
) -> Any:
    """Xception, for images of 299 pixels or of 71 and more.

    F. Chollet (2016), "Xception: Deep Learning with Depthwise Separable Convolutions".
    For arguments and errors see `pydl.applications`.

    >>> model = pydl.applications.Xception(weights=None, input_shape=(71, 71, 3))
    >>> model.output_shape
    (None, 1000)
    """
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    image = request.image(default=299, least=71)
    x = _plain(image, 32, 2, "block1_conv1")
    x = _plain(x, 64, 1, "block1_conv2")
    x = _entry(x, 128, 128, "block2", activate=False)
    x = _entry(x, 256, 256, "block3")
    x = _entry(x, 728, 728, "block4")
    for i in range(5, 13):
        x = _middle(x, f"block{i}")
    x = _entry(x, 728, 1024, "block13")
    for i, filters in enumerate((1536, 2048), 1):
        x = _separable(x, filters, f"block14_sepconv{i}")
        x = layers.Activation("relu", name=f"block14_sepconv{i}_act")(x)
    return request.model(image, request.classified(x, named=False), _FILES)


def _plain(x: Any, filters: int, strides: int, name: str) -> Any:
    x = layers.Conv2D(filters, 3, strides=strides, use_bias=False, name=name)(x)
    x = layers.BatchNormalization(axis=channel_axis(), name=f"{name}_bn")(x)
    return layers.Activation("relu", name=f"{name}_act")(x)


def _separable(x: Any, filters: int, name: str, activate: bool = False) -> Any:
    """A separable convolution, normalized; `activate`: of the positive part."""
    if activate:
        x = layers.Activation("relu", name=f"{name}_act")(x)
    x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
    return layers.BatchNormalization(axis=channel_axis(), name=f"{name}_bn")(x)


def _entry(x: Any, first: int, second: int, name: str, activate: bool = True) -> Any:
    """Two convolutions and a pooling, beside a 1x1 convolution with stride 2."""
    shortcut = layers.Conv2D(second, 1, strides=2, padding="same", use_bias=False)(x)
    shortcut = layers.BatchNormalization(axis=channel_axis())(shortcut)
    x = _separable(x, first, f"{name}_sepconv1", activate)
    x = _separable(x, second, f"{name}_sepconv2", activate=True)
    x = layers.MaxPooling2D(3, strides=2, padding="same", name=f"{name}_pool")(x)
    return layers.add([x, shortcut])


def _middle(x: Any, name: str) -> Any:
    """Three convolutions, added to `x`."""
    shortcut = x
    for i in range(1, 4):
        x = _separable(x, 728, f"{name}_sepconv{i}", activate=True)
    return layers.add([x, shortcut])


__all__ = ["Xception", "decode_predictions", "preprocess_input"]
