"""Inception blocks whose result is added, scaled down, to what they were given.

C. Szegedy, S. Ioffe, V. Vanhoucke and A. Alemi (2016), "Inception-v4, Inception-ResNet
and the Impact of Residual Connections on Learning".
"""

from __future__ import annotations

from typing import Any

from pydl import layers
from pydl.applications.blocks import channel_axis, channels
from pydl.applications.imagenet_utils import decode_predictions
from pydl.applications.imagenet_utils import signed as preprocess_input
from pydl.applications.request import Request, published
from pydl.layers.core.merging import Merge

_FILES = published(
    "tensorflow/keras-applications/inception_resnet_v2/"
    "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels",
    ("e693bd0210a403b3192acc6073ad2e96", "d19885ff4a710c122648d3b5c3b684e4"),
)

#: Branches of a block: convolutions as ``(filters, window)``.
_Branches = tuple[tuple[tuple[int, Any], ...], ...]
_BLOCK_35: _Branches = (
    ((32, 1),),
    ((32, 1), (32, 3)),
    ((32, 1), (48, 3), (64, 3)),
)
_BLOCK_17: _Branches = (((192, 1),), ((128, 1), (160, (1, 7)), (192, (7, 1))))
_BLOCK_8: _Branches = (((192, 1),), ((192, 1), (224, (1, 3)), (256, (3, 1))))


def InceptionResNetV2(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "inception_resnet_v2",
) -> Any:
    """Inception-ResNet, version 2, for images of 299 pixels or of 75 and more.

    C. Szegedy et al. (2016), "Inception-v4, Inception-ResNet and the Impact of Residual
    Connections on Learning". For arguments and errors see `pydl.applications`.

    >>> model = pydl.applications.InceptionResNetV2(
    ...     weights=None, input_shape=(75, 75, 3))
    >>> model.output_shape
    (None, 1000)
    """
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    image = request.image(default=299, least=75)
    x = _stem(image)
    for i in range(1, 11):
        x = _block(x, _BLOCK_35, 0.17, f"block35_{i}")
    x = _reduced_to_17(x)
    for i in range(1, 21):
        x = _block(x, _BLOCK_17, 0.1, f"block17_{i}")
    x = _reduced_to_8(x)
    for i in range(1, 10):
        x = _block(x, _BLOCK_8, 0.2, f"block8_{i}")
    x = _block(x, _BLOCK_8, 1.0, "block8_10", activate=False)
    x = _conv(x, 1536, 1, name="conv_7b")
    return request.model(image, request.classified(x, named=False), _FILES)


class CustomScaleLayer(Merge):
    """The first of two inputs plus `scale` times the second.

    Args:
        scale: the factor.
    """

    _keras_module = "keras.src.applications.inception_resnet_v2"

    def __init__(self, scale: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs: Any) -> Any:
        x, change = inputs
        return x + change * self.scale

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale}


def _conv(
    x: Any,
    filters: int,
    window: Any,
    strides: int = 1,
    padding: str = "same",
    name: str | None = None,
) -> Any:
    """A convolution, normalized, without a negative part."""
    x = layers.Conv2D(
        filters, window, strides=strides, padding=padding, use_bias=False, name=name
    )(x)
    x = layers.BatchNormalization(
        axis=channel_axis(), scale=False, name=name and f"{name}_bn"
    )(x)
    return layers.Activation("relu", name=name and f"{name}_ac")(x)


def _chain(x: Any, *steps: tuple[int, Any]) -> Any:
    """Convolutions one after the other: ``(filters, window)``."""
    for filters, window in steps:
        x = _conv(x, filters, window)
    return x


def _block(
    x: Any, branches: _Branches, scale: float, name: str, activate: bool = True
) -> Any:
    """`x` plus `scale` times what the branches, brought to as many channels, add."""
    mixed = layers.Concatenate(axis=channel_axis(), name=f"{name}_mixed")(
        [_chain(x, *steps) for steps in branches]
    )
    change = layers.Conv2D(channels(x), 1, padding="same", name=f"{name}_conv")(mixed)
    x = CustomScaleLayer(scale)([x, change])
    return layers.Activation("relu", name=f"{name}_ac")(x) if activate else x


def _stem(x: Any) -> Any:
    """From 299 pixels to 35."""
    x = _conv(x, 32, 3, strides=2, padding="valid")
    x = _conv(x, 32, 3, padding="valid")
    x = _conv(x, 64, 3)
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = _conv(x, 80, 1, padding="valid")
    x = _conv(x, 192, 3, padding="valid")
    x = layers.MaxPooling2D(3, strides=2)(x)
    branches = [
        _conv(x, 96, 1),
        _chain(x, (48, 1), (64, 5)),
        _chain(x, (64, 1), (96, 3), (96, 3)),
    ]
    mean = layers.AveragePooling2D(3, strides=1, padding="same")(x)
    branches.append(_conv(mean, 64, 1))
    return layers.Concatenate(axis=channel_axis(), name="mixed_5b")(branches)


def _halved(x: Any, filters: int) -> Any:
    return _conv(x, filters, 3, strides=2, padding="valid")


def _reduced_to_17(x: Any) -> Any:
    branches = [
        _halved(x, 384),
        _halved(_chain(x, (256, 1), (256, 3)), 384),
        layers.MaxPooling2D(3, strides=2, padding="valid")(x),
    ]
    return layers.Concatenate(axis=channel_axis(), name="mixed_6a")(branches)


def _reduced_to_8(x: Any) -> Any:
    branches = [
        _halved(_conv(x, 256, 1), 384),
        _halved(_conv(x, 256, 1), 288),
        _halved(_chain(x, (256, 1), (288, 3)), 320),
        layers.MaxPooling2D(3, strides=2, padding="valid")(x),
    ]
    return layers.Concatenate(axis=channel_axis(), name="mixed_7a")(branches)


__all__ = ["InceptionResNetV2", "decode_predictions", "preprocess_input"]
