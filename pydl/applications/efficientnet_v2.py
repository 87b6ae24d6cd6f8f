"""EfficientNetV2: found by search for training speed, with plain convolutions in front.

M. Tan and Q. Le (2021), "EfficientNetV2: Smaller Models and Faster Training".
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from pydl import layers
from pydl.applications.blocks import channel_axis, channels, nearest
from pydl.applications.imagenet_utils import DEVIATION, MEAN, decode_predictions
from pydl.applications.imagenet_utils import unchanged as preprocess_input
from pydl.applications.mobile_blocks import (
    Stack,
    activated,
    added,
    classified,
    fan_out,
    gated,
    normalized,
)
from pydl.applications.request import Request, published

_HASHES = {
    "b0": ("21ecbf6da12460d5c40bb2f29ceb2188", "893217f2bb855e2983157299931e43ff"),
    "b1": ("069f0534ff22adf035c89e2d9547a9dc", "0e80663031ca32d657f9caa404b6ec37"),
    "b2": ("424e49f28180edbde1e94797771950a7", "1dfe2e7a5d45b6632553a8961ea609eb"),
    "b3": ("1f1fc43bd98a6e4fd8fdfd551e02c7a0", "f6abf7b5849ac99a89b50dd3fd532856"),
    "s": ("e1d88a8495beba45748fedd0cecbe016", "af0682fb74e8c54910f2d4393339c070"),
    "m": ("a3bf6aa3276309f4fc6a34aa114c95cd", "1b8dc055df72dde80d614482840fe342"),
    "l": ("27e6d408b53c7ebc868fefa357689935", "b0b66b5c863aef5b46e8608fe1711615"),
}

#: Share of the old averages that batch normalization keeps.
_MOMENTUM = 0.9

_B = (
    Stack(1, 16, 1, 3, 1), Stack(4, 32, 2, 3, 2), Stack(4, 48, 2, 3, 2),
    Stack(4, 96, 3, 3, 2), Stack(6, 112, 5, 3, 1), Stack(6, 192, 8, 3, 2),
)  # fmt: skip
_S = (
    Stack(1, 24, 2, 3, 1), Stack(4, 48, 4, 3, 2), Stack(4, 64, 4, 3, 2),
    Stack(4, 128, 6, 3, 2), Stack(6, 160, 9, 3, 1), Stack(6, 256, 15, 3, 2),
)  # fmt: skip
_M = (
    Stack(1, 24, 3, 3, 1), Stack(4, 48, 5, 3, 2), Stack(4, 80, 5, 3, 2),
    Stack(4, 160, 7, 3, 2), Stack(6, 176, 14, 3, 1), Stack(6, 304, 18, 3, 2),
    Stack(6, 512, 5, 3, 1),
)  # fmt: skip
_L = (
    Stack(1, 32, 4, 3, 1), Stack(4, 64, 7, 3, 2), Stack(4, 96, 7, 3, 2),
    Stack(4, 192, 10, 3, 2), Stack(6, 224, 19, 3, 1), Stack(6, 384, 25, 3, 2),
    Stack(6, 640, 7, 3, 1),
)  # fmt: skip
#: The first stacks convolve once with a full window where the others have a depthwise
#: convolution and a gate.
_FUSED = 3


class _Variant(NamedTuple):
    kind: str
    stacks: tuple[Stack, ...]
    stem: int
    side: int
    width: float = 1.0
    depth: float = 1.0


def EfficientNetV2B0(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str | None = "efficientnetv2-b0",
) -> Any:
    """EfficientNetV2 B0, for images of 224 pixels or of 32 and more.

    M. Tan and Q. Le (2021), "EfficientNetV2: Smaller Models and Faster Training". For
    the other arguments and errors see `pydl.applications`.

    Args:
        include_preprocessing: whether the first layers scale pixels of 0 to 255.

    >>> model = pydl.applications.EfficientNetV2B0(
    ...     weights=None, input_shape=(32, 32, 3))
    >>> model.output_shape
    (None, 1000)
    """
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    variant = _Variant("b0", _B, 32, 224)
    return _efficientnet(request, variant, include_preprocessing)


def EfficientNetV2B1(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str | None = "efficientnetv2-b1",
) -> Any:
    """EfficientNetV2 B1, for images of 240 pixels; see `EfficientNetV2B0`."""
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    variant = _Variant("b1", _B, 32, 240, 1.0, 1.1)
    return _efficientnet(request, variant, include_preprocessing)


def EfficientNetV2B2(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str | None = "efficientnetv2-b2",
) -> Any:
    """EfficientNetV2 B2, for images of 260 pixels; see `EfficientNetV2B0`."""
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    variant = _Variant("b2", _B, 32, 260, 1.1, 1.2)
    return _efficientnet(request, variant, include_preprocessing)


def EfficientNetV2B3(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str | None = "efficientnetv2-b3",
) -> Any:
    """EfficientNetV2 B3, for images of 300 pixels; see `EfficientNetV2B0`."""
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    variant = _Variant("b3", _B, 32, 300, 1.2, 1.4)
    return _efficientnet(request, variant, include_preprocessing)


def EfficientNetV2S(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str | None = "efficientnetv2-s",
) -> Any:
    """EfficientNetV2 S, for images of 384 pixels; see `EfficientNetV2B0`."""
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    variant = _Variant("s", _S, 24, 384)
    return _efficientnet(request, variant, include_preprocessing)


def EfficientNetV2M(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str | None = "efficientnetv2-m",
) -> Any:
    """EfficientNetV2 M, for images of 480 pixels; see `EfficientNetV2B0`."""
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    variant = _Variant("m", _M, 24, 480)
    return _efficientnet(request, variant, include_preprocessing)


def EfficientNetV2L(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str | None = "efficientnetv2-l",
) -> Any:
    """EfficientNetV2 L, for images of 480 pixels; see `EfficientNetV2B0`."""
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    variant = _Variant("l", _L, 32, 480)
    return _efficientnet(request, variant, include_preprocessing)


def _efficientnet(request: Request, variant: _Variant, preprocess: bool) -> Any:
    image = x = request.image(default=variant.side, least=32)
    if preprocess:
        x = _prepared(x, variant.kind)
    x = _conv(x, nearest(variant.stem * variant.width), 3, "stem_conv", strides=2)
    x = activated(x, "stem_bn", "stem_activation", _MOMENTUM)
    total = sum(stack.depth for stack in variant.stacks)
    number = 0
    for i, stack in enumerate(variant.stacks):
        block = _fused_block if i < _FUSED else _block
        filters = nearest(stack.filters * variant.width)
        for j in range(math.ceil(stack.depth * variant.depth)):
            name = f"block{i + 1}{chr(ord('a') + j)}_"
            stride = 1 if j else stack.stride
            start, found = x, channels(x)
            x = block(x, stack, filters, stride, name)
            if stride == 1 and found == filters:
                x = added(start, x, 0.2 * number / total, name)
            number += 1
    x = _conv(x, nearest(1280 * variant.width), 1, "top_conv")
    x = activated(x, "top_bn", "top_activation", _MOMENTUM)
    x = classified(request, x, 0.2)
    address = f"efficientnet_v2/efficientnetv2-{variant.kind}"
    files = published(f"tensorflow/keras-applications/{address}", _HASHES[variant.kind])
    return request.model(image, x, files)


def _prepared(x: Any, kind: str) -> Any:
    """Pixels of 0 to 255, scaled as the variant was trained with."""
    if not kind.startswith("b"):
        return layers.Rescaling(scale=1.0 / 128.0, offset=-1)(x)
    x = layers.Rescaling(scale=1.0 / 255)(x)
    variances = [d**2 for d in DEVIATION]
    return layers.Normalization(
        mean=list(MEAN), variance=variances, axis=channel_axis()
    )(x)


def _conv(x: Any, filters: int, window: int, name: str, strides: int = 1) -> Any:
    return layers.Conv2D(
        filters, window, strides=strides, padding="same", use_bias=False,
        kernel_initializer=fan_out(), name=name,
    )(x)  # fmt: skip


def _block(x: Any, stack: Stack, filters: int, stride: int, name: str) -> Any:
    """1x1 to more channels, a depthwise convolution, a gate, 1x1 to fewer."""
    found = channels(x)
    if stack.expansion != 1:
        x = _conv(x, found * stack.expansion, 1, f"{name}expand_conv")
        x = activated(x, f"{name}expand_bn", f"{name}expand_activation", _MOMENTUM)
    x = layers.DepthwiseConv2D(
        stack.window, strides=stride, padding="same", use_bias=False,
        depthwise_initializer=fan_out(), name=f"{name}dwconv2",
    )(x)  # fmt: skip
    x = activated(x, f"{name}bn", f"{name}activation", _MOMENTUM)
    x = gated(x, max(1, found // 4), name)
    x = _conv(x, filters, 1, f"{name}project_conv")
    return normalized(x, f"{name}project_bn", _MOMENTUM)


def _fused_block(x: Any, stack: Stack, filters: int, stride: int, name: str) -> Any:
    """A convolution to more channels, 1x1 to fewer; one convolution where the channels
    stay as many."""
    if stack.expansion == 1:
        x = _conv(x, filters, stack.window, f"{name}project_conv", stride)
        return activated(x, f"{name}project_bn", f"{name}project_activation", _MOMENTUM)
    wide = channels(x) * stack.expansion
    x = _conv(x, wide, stack.window, f"{name}expand_conv", stride)
    x = activated(x, f"{name}expand_bn", f"{name}expand_activation", _MOMENTUM)
    x = _conv(x, filters, 1, f"{name}project_conv")
    return normalized(x, f"{name}project_bn", _MOMENTUM)


__all__ = [
    "EfficientNetV2B0", "EfficientNetV2B1", "EfficientNetV2B2", "EfficientNetV2B3",
    "EfficientNetV2L", "EfficientNetV2M", "EfficientNetV2S", "decode_predictions",
    "preprocess_input",
]  # fmt: skip
