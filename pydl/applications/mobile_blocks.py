"""What the blocks of EfficientNet and EfficientNetV2 share."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydl import layers
from pydl.applications.blocks import channel_axis, channels
from pydl.applications.request import Request
from pydl.initializers import VarianceScaling


class Stack(NamedTuple):
    """Blocks that follow each other with the same number of filters."""

    #: Channels inside a block per channel it is given.
    expansion: int
    filters: int
    depth: int
    window: int
    #: Of the first block.
    stride: int


def fan_out() -> VarianceScaling:
    """How convolutions start: one of these each, since they have their own seeds."""
    return VarianceScaling(2.0, mode="fan_out", distribution="truncated_normal")


def normalized(x: Any, name: str, momentum: float = 0.99) -> Any:
    """Batch normalization."""
    return layers.BatchNormalization(axis=channel_axis(), momentum=momentum, name=name)(
        x
    )


def activated(x: Any, norm: str, activation: str, momentum: float = 0.99) -> Any:
    """Batch normalization and swish, of these names."""
    x = normalized(x, norm, momentum)
    return layers.Activation("swish", name=activation)(x)


def gated(x: Any, narrow: int, name: str) -> Any:
    """Each channel times a number in [0, 1] that is made of all channels' means.

    Args:
        x: images of features.
        narrow: channels between.
        name: what the names of the layers begin with.
    """
    n = channels(x)
    shape = (1, 1, n) if channel_axis() == 3 else (n, 1, 1)
    gate = layers.GlobalAveragePooling2D(name=f"{name}se_squeeze")(x)
    gate = layers.Reshape(shape, name=f"{name}se_reshape")(gate)
    for filters, activation, which in (
        (narrow, "swish", "reduce"),
        (n, "sigmoid", "expand"),
    ):
        gate = layers.Conv2D(
            filters, 1, padding="same", activation=activation,
            kernel_initializer=fan_out(), name=f"{name}se_{which}",
        )(gate)  # fmt: skip
    return layers.multiply([x, gate], name=f"{name}se_excite")


def added(start: Any, x: Any, drop: float, name: str) -> Any:
    """`x`, which in training is left out for a share `drop` of the images, plus what
    the block was given."""
    if drop > 0:
        x = layers.Dropout(drop, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x)
    return layers.add([x, start], name=f"{name}add")


def classified(request: Request, x: Any, dropout: float) -> Any:
    """`Request.classified` with these networks' first weights."""
    start = VarianceScaling(1.0 / 3.0, mode="fan_out", distribution="uniform")
    return request.classified(x, dropout, kernel_initializer=start)
