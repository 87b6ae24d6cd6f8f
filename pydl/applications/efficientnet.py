"""EfficientNet: one network, made wider, deeper and larger by one rule.

M. Tan and Q. Le (2019), "EfficientNet: Rethinking Model Scaling for Convolutional
Neural Networks".
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from pydl import layers
from pydl.applications.blocks import channel_axis, channels, halving_margins, rounded
from pydl.applications.imagenet_utils import DEVIATION, decode_predictions
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
    "b0": ("902e53a9f72be733fc0bcb005b3ebbac", "50bc09e76180e00e4465e1a485ddc09d"),
    "b1": ("1d254153d4ab51201f1646940f018540", "74c4e6b3e1f6a1eea24c589628592432"),
    "b2": ("b15cce36ff4dcbd00b6dd88e7857a6ad", "111f8e2ac8aa800a7a99e3239f7bfb39"),
    "b3": ("ffd1fdc53d0ce67064dc6a9c7960ede0", "af6d107764bb5b1abb91932881670226"),
    "b4": ("18c95ad55216b8f92d7e70b3a046e2fc", "ebc24e6d6c33eaebbd558eafbeedf1ba"),
    "b5": ("ace28f2a6363774853a83a0b21b9421a", "38879255a25d3c92d5e44e04ae6cec6f"),
    "b6": ("165f6e37dce68623721b423839de8be5", "9ecce42647a20130c1f39a5d4cb75743"),
    "b7": ("8c03f828fec3ef71311cd463b6759d99", "cbcfe4450ddf6f3ad90b1b398090fe4a"),
}

_STACKS = (
    Stack(1, 16, 1, 3, 1), Stack(6, 24, 2, 3, 2), Stack(6, 40, 2, 5, 2),
    Stack(6, 80, 3, 3, 2), Stack(6, 112, 3, 5, 1), Stack(6, 192, 4, 5, 2),
    Stack(6, 320, 1, 3, 1),
)  # fmt: skip


class _Scale(NamedTuple):
    kind: str
    width: float
    depth: float
    side: int
    dropout: float


def EfficientNetB0(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "efficientnetb0",
) -> Any:
    """EfficientNet B0, for images of 224 pixels or of 32 and more.

    M. Tan and Q. Le (2019), "EfficientNet". The first layers scale pixels of 0 to 255.
    For arguments and errors see `pydl.applications`.

    >>> model = pydl.applications.EfficientNetB0(weights=None, input_shape=(32, 32, 3))
    >>> model.output_shape
    (None, 1000)
    """
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    return _efficientnet(request, _Scale("b0", 1.0, 1.0, 224, 0.2))


def EfficientNetB1(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "efficientnetb1",
) -> Any:
    """EfficientNet B1, for images of 240 pixels; see `EfficientNetB0`."""
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    return _efficientnet(request, _Scale("b1", 1.0, 1.1, 240, 0.2))


def EfficientNetB2(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "efficientnetb2",
) -> Any:
    """EfficientNet B2, for images of 260 pixels; see `EfficientNetB0`."""
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    return _efficientnet(request, _Scale("b2", 1.1, 1.2, 260, 0.3))


def EfficientNetB3(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "efficientnetb3",
) -> Any:
    """EfficientNet B3, for images of 300 pixels; see `EfficientNetB0`."""
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    return _efficientnet(request, _Scale("b3", 1.2, 1.4, 300, 0.3))


def EfficientNetB4(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "efficientnetb4",
) -> Any:
    """EfficientNet B4, for images of 380 pixels; see `EfficientNetB0`."""
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    return _efficientnet(request, _Scale("b4", 1.4, 1.8, 380, 0.4))


def EfficientNetB5(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "efficientnetb5",
) -> Any:
    """EfficientNet B5, for images of 456 pixels; see `EfficientNetB0`."""
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    return _efficientnet(request, _Scale("b5", 1.6, 2.2, 456, 0.4))


def EfficientNetB6(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "efficientnetb6",
) -> Any:
    """EfficientNet B6, for images of 528 pixels; see `EfficientNetB0`."""
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    return _efficientnet(request, _Scale("b6", 1.8, 2.6, 528, 0.5))


def EfficientNetB7(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "efficientnetb7",
) -> Any:
    """EfficientNet B7, for images of 600 pixels; see `EfficientNetB0`."""
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    return _efficientnet(request, _Scale("b7", 2.0, 3.1, 600, 0.5))


def _efficientnet(request: Request, scale: _Scale) -> Any:
    image = request.image(default=scale.side, least=32)
    x = _prepared(image, request.pretrained)
    x = layers.ZeroPadding2D(halving_margins(x, 3), name="stem_conv_pad")(x)
    x = _conv(x, rounded(32 * scale.width), 3, "stem_conv", strides=2, padding="valid")
    x = activated(x, "stem_bn", "stem_activation")
    depths = [math.ceil(stack.depth * scale.depth) for stack in _STACKS]
    number = 0
    for letter, (stack, depth) in enumerate(zip(_STACKS, depths, strict=True), 1):
        filters = rounded(stack.filters * scale.width)
        for i in range(depth):
            name = f"block{letter}{chr(ord('a') + i)}_"
            stride = 1 if i else stack.stride
            x = _block(x, stack, filters, stride, 0.2 * number / sum(depths), name)
            number += 1
    x = _conv(x, rounded(1280 * scale.width), 1, "top_conv")
    x = activated(x, "top_bn", "top_activation")
    x = classified(request, x, scale.dropout)
    files = published(
        f"keras-applications/efficientnet{scale.kind}", _HASHES[scale.kind]
    )
    return request.model(image, x, files)


def _prepared(x: Any, pretrained: bool) -> Any:
    """Pixels of 0 to 255, normalized."""
    x = layers.Rescaling(1.0 / 255.0)(x)
    x = layers.Normalization(axis=channel_axis())(x)
    if pretrained:  # the stored variances are standard deviations
        x = layers.Rescaling([1.0 / math.sqrt(d) for d in DEVIATION])(x)
    return x


def _conv(
    x: Any,
    filters: int,
    window: int,
    name: str,
    strides: int = 1,
    padding: str = "same",
) -> Any:
    return layers.Conv2D(
        filters, window, strides=strides, padding=padding, use_bias=False,
        kernel_initializer=fan_out(), name=name,
    )(x)  # fmt: skip


def _block(
    x: Any, stack: Stack, filters: int, stride: int, drop: float, name: str
) -> Any:
    """1x1 to more channels, a depthwise convolution, a gate, 1x1 to fewer."""
    start, found = x, channels(x)
    wide = found * stack.expansion
    if stack.expansion != 1:
        x = _conv(x, wide, 1, f"{name}expand_conv")
        x = activated(x, f"{name}expand_bn", f"{name}expand_activation")
    if stride == 2:
        margins = halving_margins(x, stack.window)
        x = layers.ZeroPadding2D(margins, name=f"{name}dwconv_pad")(x)
    x = layers.DepthwiseConv2D(
        stack.window, strides=stride, padding="valid" if stride == 2 else "same",
        use_bias=False, depthwise_initializer=fan_out(), name=f"{name}dwconv",
    )(x)  # fmt: skip
    x = activated(x, f"{name}bn", f"{name}activation")
    x = gated(x, max(1, found // 4), name)
    x = _conv(x, filters, 1, f"{name}project_conv")
    x = normalized(x, f"{name}project_bn")
    return added(start, x, drop, name) if stride == 1 and found == filters else x


__all__ = [
    "EfficientNetB0", "EfficientNetB1", "EfficientNetB2", "EfficientNetB3",
    "EfficientNetB4", "EfficientNetB5", "EfficientNetB6", "EfficientNetB7",
    "decode_predictions", "preprocess_input",
]  # fmt: skip
