"""GoogLeNet, the first network of Inception blocks.

C. Szegedy et al. (2014), "Going Deeper with Convolutions".
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pydl import layers
from pydl.applications.blocks import channel_axis
from pydl.applications.imagenet_utils import bgr_centred as preprocess_input
from pydl.applications.imagenet_utils import decode_predictions
from pydl.applications.local_response import LocalResponseNormalization
from pydl.applications.request import Request


class _Inception(NamedTuple):
    """Filters of a block: table 1 of the paper."""

    one: int
    three_reduce: int
    three: int
    five_reduce: int
    five: int
    pooled: int


#: By name; a pooling follows the last of each number but the fifth.
_BLOCKS = {
    "3a": _Inception(64, 96, 128, 16, 32, 32),
    "3b": _Inception(128, 128, 192, 32, 96, 64),
    "4a": _Inception(192, 96, 208, 16, 48, 64),
    "4b": _Inception(160, 112, 224, 24, 64, 64),
    "4c": _Inception(128, 128, 256, 24, 64, 64),
    "4d": _Inception(112, 144, 288, 32, 64, 64),
    "4e": _Inception(256, 160, 320, 32, 128, 128),
    "5a": _Inception(256, 160, 320, 32, 128, 128),
    "5b": _Inception(384, 192, 384, 48, 128, 128),
}
#: Blocks that auxiliary heads look at.
_AUXILIARY = {"4a": "aux1", "4d": "aux2"}


def GoogLeNet(
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    auxiliary: bool = False,
    name: str | None = "googlenet",
) -> Any:
    """GoogLeNet, for images of 224 pixels or of 32 and more.

    C. Szegedy et al. (2014), "Going Deeper with Convolutions". For the other arguments
    and errors see `pydl.applications`.

    Args:
        auxiliary: with the two heads inside the network that help in training, for
            images of 65 pixels and more. The model then has three outputs:
            ``predictions``, ``aux1``, ``aux2``; the paper weighs their losses 1, 0.3
            and 0.3.

    >>> model = pydl.applications.GoogLeNet(
    ...     input_shape=(65, 65, 3), classes=10, auxiliary=True)
    >>> model.output_shape
    [(None, 10), (None, 10), (None, 10)]
    """
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name, published=False,
    )  # fmt: skip
    if auxiliary and not include_top:
        raise ValueError(
            "GoogLeNet: the auxiliary heads are classifiers; expected "
            "include_top=True with auxiliary=True, received include_top=False"
        )
    image = request.image(default=224, least=65 if auxiliary else 32)
    x = _stem(image)
    heads = []
    for place, block in _BLOCKS.items():
        x = _inception(x, block, f"inception_{place}")
        if auxiliary and place in _AUXILIARY:
            heads.append(_head(request, x, _AUXILIARY[place]))
        if place in ("3b", "4e"):
            x = _pool(x, f"pool{place[0]}")
    x = request.classified(x, 0.4)
    return request.model(image, [x, *heads] if auxiliary else x)


def _stem(x: Any) -> Any:
    """From 224 pixels to 28."""
    x = _conv(x, 64, 7, "conv1", strides=2)
    x = LocalResponseNormalization(name="norm1")(_pool(x, "pool1"))
    x = _conv(x, 64, 1, "conv2_reduce")
    x = _conv(x, 192, 3, "conv2")
    x = LocalResponseNormalization(name="norm2")(x)
    return _pool(x, "pool2")


def _conv(x: Any, filters: int, window: int, name: str, strides: int = 1) -> Any:
    return layers.Conv2D(
        filters, window, strides=strides, padding="same", activation="relu", name=name
    )(x)


def _pool(x: Any, name: str, strides: int = 2) -> Any:
    return layers.MaxPooling2D(3, strides=strides, padding="same", name=name)(x)


def _inception(x: Any, block: _Inception, name: str) -> Any:
    """Windows of 1, 3 and 5 and a pooling, side by side."""
    three = _conv(x, block.three_reduce, 1, f"{name}_3x3_reduce")
    five = _conv(x, block.five_reduce, 1, f"{name}_5x5_reduce")
    pooled = _pool(x, f"{name}_pool", strides=1)
    branches = [
        _conv(x, block.one, 1, f"{name}_1x1"),
        _conv(three, block.three, 3, f"{name}_3x3"),
        _conv(five, block.five, 5, f"{name}_5x5"),
        _conv(pooled, block.pooled, 1, f"{name}_pool_proj"),
    ]
    return layers.Concatenate(axis=channel_axis(), name=name)(branches)


def _head(request: Request, x: Any, name: str) -> Any:
    """A classifier on features inside the network."""
    x = layers.AveragePooling2D(5, strides=3, name=f"{name}_pool")(x)
    x = _conv(x, 128, 1, f"{name}_conv")
    x = layers.Flatten(name=f"{name}_flatten")(x)
    x = layers.Dense(1024, activation="relu", name=f"{name}_fc")(x)
    x = layers.Dropout(0.7, name=f"{name}_dropout")(x)
    return request.scores(x, name=name)


__all__ = ["GoogLeNet", "decode_predictions", "preprocess_input"]
