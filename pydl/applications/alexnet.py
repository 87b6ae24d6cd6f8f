"""AlexNet, which won ImageNet's competition of 2012.

A. Krizhevsky, I. Sutskever and G. Hinton (2012), "ImageNet Classification with Deep
Convolutional Neural Networks".
"""

from __future__ import annotations

from typing import Any

from pydl import layers
from pydl.applications.imagenet_utils import bgr_centred as preprocess_input
from pydl.applications.imagenet_utils import decode_predictions
from pydl.applications.local_response import LocalResponseNormalization
from pydl.applications.request import Request


def AlexNet(
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "alexnet",
) -> Any:
    """AlexNet, for images of 227 pixels or of 67 and more.

    A. Krizhevsky et al. (2012), "ImageNet Classification with Deep Convolutional Neural
    Networks". The paper's two halves, made for two GPUs, are two groups of channels in
    the second, fourth and fifth convolution. For arguments and errors see
    `pydl.applications`.

    >>> model = pydl.applications.AlexNet(input_shape=(67, 67, 3), classes=10)
    >>> model.output_shape
    (None, 10)
    """
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name, published=False,
    )  # fmt: skip
    image = request.image(default=227, least=67)
    x = _conv(image, 96, 11, "conv1", strides=4, padding="valid")
    x = LocalResponseNormalization(name="norm1")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool1")(x)
    x = _conv(x, 256, 5, "conv2", groups=2)
    x = LocalResponseNormalization(name="norm2")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool2")(x)
    x = _conv(x, 384, 3, "conv3")
    x = _conv(x, 384, 3, "conv4", groups=2)
    x = _conv(x, 256, 3, "conv5", groups=2)
    x = layers.MaxPooling2D(3, strides=2, name="pool5")(x)
    if request.include_top:
        x = layers.Flatten(name="flatten")(x)
        for i in (6, 7):
            x = layers.Dense(4096, activation="relu", name=f"fc{i}")(x)
            x = layers.Dropout(0.5, name=f"drop{i}")(x)
        x = request.scores(x)
    else:
        x = request.pooled(x, "avg_pool", "max_pool")
    return request.model(image, x)


def _conv(
    x: Any,
    filters: int,
    window: int,
    name: str,
    strides: int = 1,
    padding: str = "same",
    groups: int = 1,
) -> Any:
    return layers.Conv2D(
        filters, window, strides=strides, padding=padding, groups=groups,
        activation="relu", name=name,
    )(x)  # fmt: skip


__all__ = ["AlexNet", "decode_predictions", "preprocess_input"]
