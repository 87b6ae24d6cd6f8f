"""DenseNet: each layer sees the features of all layers before it.

G. Huang, Z. Liu, L. van der Maaten and K. Weinberger (2016), "Densely Connected
Convolutional Networks".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydl import layers
from pydl.applications.blocks import channel_axis, channels
from pydl.applications.imagenet_utils import decode_predictions
from pydl.applications.imagenet_utils import standardized as preprocess_input
from pydl.applications.request import Request, published
from pydl.applications.residual import EPSILON, normalized

#: Features that each layer adds.
_GROWTH = 32

_HASHES = {
    121: ("9d60b8095a5708f2dcce2bca79d332c7", "30ee3e1110167f948a6b9946edeeb738"),
    169: ("d699b8f76981ab1b30698df4c175e90b", "b8c4d4c20dd625c148057b9ff1c1176b"),
    201: ("1ceb130c1ea1b78c3bf6114dbdfd8807", "c13680b51ded0fb44dff2d8f86ac8bb1"),
}


def DenseNet121(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "densenet121",
) -> Any:
    """DenseNet with 121 layers, for images of 224 pixels or of 32 and more.

    G. Huang et al. (2016), "Densely Connected Convolutional Networks". For arguments
    and errors see `pydl.applications`.

    >>> model = pydl.applications.DenseNet121(weights=None, input_shape=(64, 64, 3))
    >>> model.output_shape
    (None, 1000)
    """
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    return _densenet(request, (6, 12, 24, 16))


def DenseNet169(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "densenet169",
) -> Any:
    """DenseNet with 169 layers; see `DenseNet121`."""
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    return _densenet(request, (6, 12, 32, 32))


def DenseNet201(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "densenet201",
) -> Any:
    """DenseNet with 201 layers; see `DenseNet121`."""
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    return _densenet(request, (6, 12, 48, 32))


def _densenet(request: Request, depths: Sequence[int]) -> Any:
    """The network with so many layers in each block."""
    image = request.image(default=224, least=32)
    x = layers.ZeroPadding2D(3)(image)
    x = layers.Conv2D(64, 7, strides=2, use_bias=False, name="conv1_conv")(x)
    x = normalized(x, "conv1")
    x = layers.ZeroPadding2D(1)(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool1")(x)
    for block, depth in enumerate(depths, 2):
        for i in range(1, depth + 1):
            x = _layer(x, f"conv{block}_block{i}")
        if block < len(depths) + 1:
            x = _transition(x, f"pool{block}")
    x = layers.BatchNormalization(axis=channel_axis(), epsilon=EPSILON, name="bn")(x)
    x = request.classified(layers.Activation("relu", name="relu")(x))
    kind = f"densenet{2 * sum(depths) + 5}"
    address = f"densenet/{kind}_weights_tf_dim_ordering_tf_kernels"
    hashes = _HASHES[2 * sum(depths) + 5]
    files = published(f"tensorflow/keras-applications/{address}", hashes)
    return request.model(image, x, files)


def _layer(x: Any, name: str) -> Any:
    """`x` and `_GROWTH` more channels."""
    new = normalized(x, f"{name}_0")
    new = layers.Conv2D(4 * _GROWTH, 1, use_bias=False, name=f"{name}_1_conv")(new)
    new = normalized(new, f"{name}_1")
    new = layers.Conv2D(
        _GROWTH, 3, padding="same", use_bias=False, name=f"{name}_2_conv"
    )(new)
    return layers.Concatenate(axis=channel_axis(), name=f"{name}_concat")([x, new])


def _transition(x: Any, name: str) -> Any:
    """Half the channels, half the rows and columns."""
    x = normalized(x, name)
    x = layers.Conv2D(channels(x) // 2, 1, use_bias=False, name=f"{name}_conv")(x)
    return layers.AveragePooling2D(2, strides=2, name=f"{name}_pool")(x)


__all__ = [
    "DenseNet121", "DenseNet169", "DenseNet201", "decode_predictions",
    "preprocess_input",
]  # fmt: skip
