"""The residual networks for CIFAR's images of 32 pixels.

K. He, X. Zhang, S. Ren and J. Sun (2015), "Deep Residual Learning for Image
Recognition", section 4.2.
"""

from __future__ import annotations

from typing import Any

from pydl import layers, ops
from pydl.applications.blocks import channel_axis, channels
from pydl.applications.request import Request


def ResNet20(
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Any = "softmax",
    name: str | None = "resnet20",
) -> Any:
    """ResNet with 20 layers for CIFAR-10, or other images of 16 pixels and more.

    K. He et al. (2015), "Deep Residual Learning for Image Recognition", section 4.2:
    three stages of 16, 32 and 64 filters. Where the channels double, the shortcut takes
    every second pixel and gets channels of zeros (option A), so it has no weights. For
    arguments and errors see `pydl.applications`.

    >>> pydl.applications.ResNet20().count_params()
    271098
    """
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name, published=False,
    )  # fmt: skip
    return _resnet(request, 20)


def ResNet32(
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Any = "softmax",
    name: str | None = "resnet32",
) -> Any:
    """ResNet with 32 layers for CIFAR-10; see `ResNet20`."""
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name, published=False,
    )  # fmt: skip
    return _resnet(request, 32)


def ResNet56(
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Any = "softmax",
    name: str | None = "resnet56",
) -> Any:
    """ResNet with 56 layers for CIFAR-10; see `ResNet20`."""
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name, published=False,
    )  # fmt: skip
    return _resnet(request, 56)


def ResNet110(
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Any = "softmax",
    name: str | None = "resnet110",
) -> Any:
    """ResNet with 110 layers for CIFAR-10; see `ResNet20`."""
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name, published=False,
    )  # fmt: skip
    return _resnet(request, 110)


def _resnet(request: Request, layered: int) -> Any:
    """The network with so many layers of weights: 2 in each block, and 2 more."""
    image = request.image(default=32, least=16)
    x = _active(_conv(image, 16, 1, "conv1"), "conv1")
    for stage, filters in enumerate((16, 32, 64), 1):
        for i in range(1, (layered - 2) // 6 + 1):
            stride = 2 if i == 1 and stage > 1 else 1
            x = _block(x, filters, stride, f"stage{stage}_block{i}")
    return request.model(image, request.classified(x))


def _block(x: Any, filters: int, stride: int, name: str) -> Any:
    """Two convolutions, added to `x`."""
    shortcut = x if stride == 1 else _narrowed(x, filters, stride)
    x = _active(_conv(x, filters, stride, f"{name}_conv1"), f"{name}_conv1")
    x = _conv(x, filters, 1, f"{name}_conv2")
    x = layers.BatchNormalization(axis=channel_axis(), name=f"{name}_conv2_bn")(x)
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.Activation("relu", name=f"{name}_out")(x)


def _narrowed(x: Any, filters: int, stride: int) -> Any:
    """Every second pixel, with channels of zeros behind the others."""
    new = filters - channels(x)
    x = layers.AveragePooling2D(1, strides=stride)(x)
    margins = [(0, new) if axis == channel_axis() else (0, 0) for axis in range(4)]
    return ops.pad(x, margins)


def _conv(x: Any, filters: int, stride: int, name: str) -> Any:
    return layers.Conv2D(
        filters, 3, strides=stride, padding="same", use_bias=False,
        kernel_initializer="he_normal", name=name,
    )(x)  # fmt: skip


def _active(x: Any, name: str) -> Any:
    x = layers.BatchNormalization(axis=channel_axis(), name=f"{name}_bn")(x)
    return layers.Activation("relu", name=f"{name}_relu")(x)


__all__ = ["ResNet20", "ResNet32", "ResNet56", "ResNet110"]
