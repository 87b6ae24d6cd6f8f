"""MobileNet: depthwise convolutions, each followed by a 1x1.

A. Howard et al. (2017), "MobileNets: Efficient Convolutional Neural Networks for Mobile
Vision Applications".
"""

from __future__ import annotations

import warnings
from typing import Any

from pydl import layers
from pydl.applications.blocks import channel_axis, size
from pydl.applications.imagenet_utils import decode_predictions
from pydl.applications.imagenet_utils import signed as preprocess_input
from pydl.applications.request import Request, published

#: Filters and stride of each block.
_BLOCKS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1), (512, 1),
    (512, 1), (512, 1), (512, 1), (1024, 2), (1024, 1),
)  # fmt: skip

#: What the published files call the widths.
_WIDTHS = {1.0: "1_0", 0.75: "7_5", 0.5: "5_0", 0.25: "2_5"}
_SIDES = (128, 160, 192, 224)


def MobileNet(
    input_shape: Any = None,
    alpha: float = 1.0,
    depth_multiplier: int = 1,
    dropout: float = 1e-3,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
) -> Any:
    """MobileNet, for images of 224 pixels or of 32 and more.

    A. Howard et al. (2017), "MobileNets". For the other arguments and errors see
    `pydl.applications`.

    Args:
        alpha: factor of the number of filters.
        depth_multiplier: results of the depthwise convolutions per channel.
        dropout: share of the features dropped in training.

    >>> model = pydl.applications.MobileNet((32, 32, 3), alpha=0.25, weights=None)
    >>> model.output_shape
    (None, 1000)
    """
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    side = usual_side(input_shape, _SIDES)
    image = request.image(default=side, least=32)
    if request.pretrained:
        _check_published(alpha, depth_multiplier)
    x = layers.Conv2D(
        int(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="conv1"
    )(image)
    x = _active(x, "conv1")
    for i, (filters, stride) in enumerate(_BLOCKS, 1):
        x = _block(x, int(filters * alpha), depth_multiplier, stride, i)
    x = _classified(request, x, dropout)
    rows = size(image)[0]
    files = None
    if request.pretrained:
        kind = f"mobilenet_{_WIDTHS[alpha]}_{published_side(rows, _SIDES)}_tf"
        address = f"tensorflow/keras-applications/mobilenet/{kind}"
        files = published(address, None, bare="_no_top")
    return request.model(image, x, files, f"mobilenet_{alpha:0.2f}_{rows}")


def usual_side(input_shape: Any, sides: tuple[int, ...]) -> int:
    """The side of the square images that are asked for, if it is one of `sides`, which
    weights are published for; else 224."""
    found = [
        n for n in sides if input_shape is not None and tuple(input_shape).count(n) == 2
    ]
    return found[0] if found else 224


def published_side(rows: int | None, sides: tuple[int, ...]) -> int:
    """The side whose published weights to take; warns unless they are for `rows`."""
    if rows in sides:
        return rows
    warnings.warn(
        f"`input_shape` is undefined or non-square, or `rows` is not in {list(sides)}. "
        "Weights for input shape (224, 224) will be loaded as the default.",
        stacklevel=3,
    )
    return 224


def _check_published(alpha: float, depth_multiplier: int) -> None:
    if depth_multiplier != 1:
        raise ValueError(
            "If imagenet weights are being loaded, depth multiplier must be 1. "
            f"Received: depth_multiplier={depth_multiplier}"
        )
    if alpha not in _WIDTHS:
        raise ValueError(
            "If imagenet weights are being loaded, alpha can be one of "
            f"{sorted(_WIDTHS)}. Received: alpha={alpha}"
        )


def _active(x: Any, name: str) -> Any:
    """Normalized, between 0 and 6."""
    x = layers.BatchNormalization(axis=channel_axis(), name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x)


def _block(x: Any, filters: int, multiplier: int, stride: int, i: int) -> Any:
    if stride > 1:
        x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{i}")(x)
    x = layers.DepthwiseConv2D(
        3,
        padding="same" if stride == 1 else "valid",
        depth_multiplier=multiplier,
        strides=stride,
        use_bias=False,
        name=f"conv_dw_{i}",
    )(x)
    x = _active(x, f"conv_dw_{i}")
    x = layers.Conv2D(filters, 1, padding="same", use_bias=False, name=f"conv_pw_{i}")(
        x
    )
    return _active(x, f"conv_pw_{i}")


def _classified(request: Request, x: Any, dropout: float) -> Any:
    """The classifier is a 1x1 convolution."""
    if not request.include_top:
        return request.pooled(x)
    request.check_activation()
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.Conv2D(request.classes, 1, padding="same", name="conv_preds")(x)
    x = layers.Reshape((request.classes,), name="reshape_2")(x)
    return layers.Activation(request.classifier_activation, name="predictions")(x)


__all__ = ["MobileNet", "decode_predictions", "preprocess_input"]
