"""MobileNet, version 2: residual blocks that are wide inside.

M. Sandler, A. Howard, M. Zhu, A. Zhmoginov and L.-C. Chen (2018), "MobileNetV2:
Inverted Residuals and Linear Bottlenecks".
"""

from __future__ import annotations

from typing import Any

from pydl import layers
from pydl.applications.blocks import (
    channel_axis,
    channels,
    halving_margins,
    rounded,
    size,
)
from pydl.applications.imagenet_utils import decode_predictions
from pydl.applications.imagenet_utils import signed as preprocess_input
from pydl.applications.mobilenet import published_side, usual_side
from pydl.applications.request import Request, published

#: Expansion, filters, how many blocks, stride of the first.
_STACKS = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
    (6, 160, 3, 2), (6, 320, 1, 1),
)  # fmt: skip

_WIDTHS = (0.35, 0.50, 0.75, 1.0, 1.3, 1.4)
_SIDES = (96, 128, 160, 192, 224)


def MobileNetV2(
    input_shape: Any = None,
    alpha: float = 1.0,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
) -> Any:
    """MobileNet, version 2, for images of 224 pixels or of 32 and more.

    M. Sandler et al. (2018), "MobileNetV2". For the other arguments and errors see
    `pydl.applications`.

    Args:
        alpha: factor of the number of filters.

    >>> model = pydl.applications.MobileNetV2((32, 32, 3), alpha=0.35, weights=None)
    >>> model.output_shape
    (None, 1000)
    """
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    side = usual_side(input_shape, _SIDES)
    image = request.image(default=side, least=32)
    if request.pretrained and alpha not in _WIDTHS:
        raise ValueError(
            "If imagenet weights are being loaded, alpha must be one of "
            f"{list(_WIDTHS)}. Received: alpha={alpha}"
        )
    x = _blocks(image, alpha)
    last = rounded(1280 * alpha) if alpha > 1.0 else 1280
    x = _conv(x, last, "Conv_1", padding="valid")
    x = layers.ReLU(6.0, name="out_relu")(_normalized(x, "Conv_1_bn"))
    if request.include_top:
        x = request.scores(layers.GlobalAveragePooling2D()(x))
    else:
        x = request.pooled(x)
    rows = size(image)[0]
    files = None
    if request.pretrained:
        kind = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels"
        kind = f"{kind}_{float(alpha)}_{published_side(rows, _SIDES)}"
        address = f"tensorflow/keras-applications/mobilenet_v2/{kind}"
        files = published(address, None, bare="_no_top")
    return request.model(image, x, files, f"mobilenetv2_{alpha:0.2f}_{rows}")


def _blocks(image: Any, alpha: float) -> Any:
    """The first convolution and all blocks."""
    x = layers.Conv2D(
        rounded(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="Conv1"
    )(image)
    x = layers.ReLU(6.0, name="Conv1_relu")(_normalized(x, "bn_Conv1"))
    number = 0
    for expansion, filters, depth, first in _STACKS:
        for i in range(depth):
            name = f"block_{number}" if number else "expanded_conv"
            x = _block(x, expansion, rounded(filters * alpha), 1 if i else first, name)
            number += 1
    return x


def _block(x: Any, expansion: int, filters: int, stride: int, name: str) -> Any:
    """1x1 to more channels, a depthwise convolution, 1x1 to `filters`."""
    start, found = x, channels(x)
    if expansion > 1:
        x = _conv(x, expansion * found, f"{name}_expand")
        x = _normalized(x, f"{name}_expand_BN")
        x = layers.ReLU(6.0, name=f"{name}_expand_relu")(x)
    if stride > 1:
        x = layers.ZeroPadding2D(halving_margins(x, 3), name=f"{name}_pad")(x)
    x = layers.DepthwiseConv2D(
        3,
        strides=stride,
        use_bias=False,
        padding="same" if stride == 1 else "valid",
        name=f"{name}_depthwise",
    )(x)
    x = _normalized(x, f"{name}_depthwise_BN")
    x = layers.ReLU(6.0, name=f"{name}_depthwise_relu")(x)
    x = _normalized(_conv(x, filters, f"{name}_project"), f"{name}_project_BN")
    if found == filters and stride == 1:
        return layers.Add(name=f"{name}_add")([start, x])
    return x


def _conv(x: Any, filters: int, name: str, padding: str = "same") -> Any:
    return layers.Conv2D(filters, 1, padding=padding, use_bias=False, name=name)(x)


def _normalized(x: Any, name: str) -> Any:
    return layers.BatchNormalization(
        axis=channel_axis(), epsilon=1e-3, momentum=0.999, name=name
    )(x)


__all__ = ["MobileNetV2", "decode_predictions", "preprocess_input"]
