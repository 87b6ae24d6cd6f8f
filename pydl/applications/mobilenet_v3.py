"""MobileNet, version 3: found by search, with gates over channels.

A. Howard et al. (2019), "Searching for MobileNetV3".
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pydl import layers
from pydl.applications.blocks import channel_axis, channels, halving_margins, rounded
from pydl.applications.imagenet_utils import decode_predictions
from pydl.applications.imagenet_utils import unchanged as preprocess_input
from pydl.applications.request import Request, published

_HASHES = {
    "large_224_0.75_float": (
        "765b44a33ad4005b3ac83185abf1d0eb", "40af19a13ebea4e2ee0c676887f69a2e"),
    "large_224_1.0_float": (
        "59e551e166be033d707958cf9e29a6a7", "07fb09a5933dd0c8eaafa16978110389"),
    "large_minimalistic_224_1.0_float": (
        "675e7b876c45c57e9e63e6d90a36599c", "ec5221f64a2f6d1ef965a614bdae7973"),
    "small_224_0.75_float": (
        "cb65d4e5be93758266aa0a7f2c6708b7", "ebdb5cc8e0b497cd13a7c275d475c819"),
    "small_224_1.0_float": (
        "8768d4c2e7dee89b9d02b2d03d65d862", "d3e8ec802a04aa4fc771ee12a9a9b836"),
    "small_minimalistic_224_1.0_float": (
        "99cd97fb2fcdad2bf028eb838de69e37", "cde8136e733e811080d9fcd8a252f7e4"),
}  # fmt: skip


class _Block(NamedTuple):
    expansion: float
    filters: int
    window: int
    stride: int
    gated: bool
    #: Whether the activation is hard swish, not ReLU.
    swish: bool


_SMALL = (
    _Block(1, 16, 3, 2, True, False), _Block(72 / 16, 24, 3, 2, False, False),
    _Block(88 / 24, 24, 3, 1, False, False), _Block(4, 40, 5, 2, True, True),
    _Block(6, 40, 5, 1, True, True), _Block(6, 40, 5, 1, True, True),
    _Block(3, 48, 5, 1, True, True), _Block(3, 48, 5, 1, True, True),
    _Block(6, 96, 5, 2, True, True), _Block(6, 96, 5, 1, True, True),
    _Block(6, 96, 5, 1, True, True),
)  # fmt: skip
_LARGE = (
    _Block(1, 16, 3, 1, False, False), _Block(4, 24, 3, 2, False, False),
    _Block(3, 24, 3, 1, False, False), _Block(3, 40, 5, 2, True, False),
    _Block(3, 40, 5, 1, True, False), _Block(3, 40, 5, 1, True, False),
    _Block(6, 80, 3, 2, False, True), _Block(2.5, 80, 3, 1, False, True),
    _Block(2.3, 80, 3, 1, False, True), _Block(2.3, 80, 3, 1, False, True),
    _Block(6, 112, 3, 1, True, True), _Block(6, 112, 3, 1, True, True),
    _Block(6, 160, 5, 2, True, True), _Block(6, 160, 5, 1, True, True),
    _Block(6, 160, 5, 1, True, True),
)  # fmt: skip


class _Variant(NamedTuple):
    kind: str
    blocks: tuple[_Block, ...]
    last: int
    alpha: float
    #: Without gates, hard swish and windows of 5.
    minimalistic: bool


def MobileNetV3Small(
    input_shape: Any = None,
    alpha: float = 1.0,
    minimalistic: bool = False,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    classes: int = 1000,
    pooling: str | None = None,
    dropout_rate: float = 0.2,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str | None = "MobileNetV3Small",
) -> Any:
    """The small MobileNet, version 3, for images of 224 pixels or of 32 and more.

    A. Howard et al. (2019), "Searching for MobileNetV3". For the other arguments and
    errors see `pydl.applications`. The number of pixels need not be known.

    Args:
        alpha: factor of the number of filters.
        minimalistic: without gates, hard swish and windows of 5.
        dropout_rate: share of the features dropped in training.
        include_preprocessing: whether the first layer scales pixels of 0 to 255.

    >>> model = pydl.applications.MobileNetV3Small((32, 32, 3), weights=None)
    >>> model.output_shape
    (None, 1000)
    """
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    variant = _Variant("small", _SMALL, 1024, alpha, minimalistic)
    return _mobilenet(request, variant, dropout_rate, include_preprocessing)


def MobileNetV3Large(
    input_shape: Any = None,
    alpha: float = 1.0,
    minimalistic: bool = False,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    classes: int = 1000,
    pooling: str | None = None,
    dropout_rate: float = 0.2,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str | None = "MobileNetV3Large",
) -> Any:
    """The large MobileNet, version 3; see `MobileNetV3Small`."""
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    variant = _Variant("large", _LARGE, 1280, alpha, minimalistic)
    return _mobilenet(request, variant, dropout_rate, include_preprocessing)


def _mobilenet(
    request: Request, variant: _Variant, dropout: float, preprocess: bool
) -> Any:
    image = x = request.image(default=224, least=32, fixed=False)
    files = _files(variant) if request.pretrained else None
    if preprocess:
        x = layers.Rescaling(scale=1.0 / 127.5, offset=-1.0)(x)
    x = layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False, name="conv")(x)
    x = _active(_normalized(x, "conv_bn"), not variant.minimalistic)
    for i, block in enumerate(variant.blocks):
        name = f"expanded_conv_{i}" if i else "expanded_conv"
        x = _block(x, block, variant, name)
    last = rounded(6 * channels(x))
    x = layers.Conv2D(last, 1, padding="same", use_bias=False, name="conv_1")(x)
    x = _active(_normalized(x, "conv_1_bn"), not variant.minimalistic)
    x = _classified(request, x, variant, dropout)
    return request.model(image, x, files)


def _files(variant: _Variant) -> Any:
    """The published weights; ValueError where there are none."""
    simple = "_minimalistic" if variant.minimalistic else ""
    kind = f"{variant.kind}{simple}_224_{float(variant.alpha)}_float"
    if kind not in _HASHES:
        raise ValueError(
            "If imagenet weights are being loaded, `alpha` can be one of 0.75 and 1.0, "
            f"and 1.0 alone with minimalistic=True. Received: alpha={variant.alpha}, "
            f"minimalistic={variant.minimalistic}"
        )
    address = f"mobilenet_v3/weights_mobilenet_v3_{kind}"
    return published(
        f"tensorflow/keras-applications/{address}", _HASHES[kind], bare="_no_top_v2"
    )


def _classified(request: Request, x: Any, variant: _Variant, dropout: float) -> Any:
    """The classifier is made of 1x1 convolutions."""
    if not request.include_top:
        return request.pooled(x, "avg_pool", "max_pool")
    request.check_activation()
    filters = rounded(variant.last * max(1.0, variant.alpha))
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Conv2D(filters, 1, padding="same", name="conv_2")(x)
    x = _active(x, not variant.minimalistic)
    if dropout > 0:
        x = layers.Dropout(dropout)(x)
    x = layers.Conv2D(request.classes, 1, padding="same", name="logits")(x)
    x = layers.Flatten()(x)
    return layers.Activation(request.classifier_activation, name="predictions")(x)


def _block(x: Any, block: _Block, variant: _Variant, name: str) -> Any:
    """1x1 to more channels, a depthwise convolution, a gate, 1x1 to fewer."""
    start, found = x, channels(x)
    full = not variant.minimalistic
    filters = rounded(block.filters * variant.alpha)
    wide = rounded(found * block.expansion)
    if name != "expanded_conv":
        x = layers.Conv2D(
            wide, 1, padding="same", use_bias=False, name=f"{name}_expand"
        )(x)
        x = _active(_normalized(x, f"{name}_expand_bn"), full and block.swish)
    x = _depthwise(x, block, block.window if full else 3, name)
    x = _active(_normalized(x, f"{name}_depthwise_bn"), full and block.swish)
    if full and block.gated:
        x = _gated(x, wide, f"{name}_squeeze_excite")
    x = layers.Conv2D(
        filters, 1, padding="same", use_bias=False, name=f"{name}_project"
    )(x)
    x = _normalized(x, f"{name}_project_bn")
    if block.stride == 1 and found == filters:
        return layers.Add(name=f"{name}_add")([start, x])
    return x


def _depthwise(x: Any, block: _Block, window: int, name: str) -> Any:
    if block.stride > 1:
        margins = halving_margins(x, window)
        x = layers.ZeroPadding2D(margins, name=f"{name}_depthwise_pad")(x)
    return layers.DepthwiseConv2D(
        window,
        strides=block.stride,
        padding="same" if block.stride == 1 else "valid",
        use_bias=False,
        name=f"{name}_depthwise",
    )(x)


def _gated(x: Any, filters: int, name: str) -> Any:
    """Each channel times a number in [0, 1] made of all channels' means."""
    gate = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_avg_pool")(x)
    gate = layers.Conv2D(
        rounded(filters * 0.25), 1, padding="same", name=f"{name}_conv"
    )(gate)
    gate = layers.ReLU(name=f"{name}_relu")(gate)
    gate = layers.Conv2D(filters, 1, padding="same", name=f"{name}_conv_1")(gate)
    gate = layers.ReLU(6.0)(gate + 3.0) * (1.0 / 6.0)
    return layers.Multiply(name=f"{name}_mul")([x, gate])


def _active(x: Any, swish: bool) -> Any:
    return layers.Activation("hard_swish")(x) if swish else layers.ReLU()(x)


def _normalized(x: Any, name: str) -> Any:
    return layers.BatchNormalization(
        axis=channel_axis(), epsilon=1e-3, momentum=0.999, name=name
    )(x)


__all__ = [
    "MobileNetV3Large", "MobileNetV3Small", "decode_predictions", "preprocess_input",
]  # fmt: skip
