"""Stacks of residual blocks with bottlenecks, of both versions of ResNet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydl import layers
from pydl.applications.blocks import channel_axis
from pydl.applications.request import Request, published

EPSILON = 1.001e-5

#: ``block(x, filters, stride, name, widen)``
Block = Callable[[Any, int, int, str, bool], Any]


def begun(request: Request, active: bool) -> tuple[Any, Any]:
    """The images, and what the stacks of blocks are given.

    Args:
        request: what was asked for.
        active: whether the first convolution is normalized, without negative part.
    """
    image = request.image(default=224, least=32)
    x = layers.ZeroPadding2D(3, name="conv1_pad")(image)
    x = layers.Conv2D(64, 7, strides=2, name="conv1_conv")(x)
    x = normalized(x, "conv1") if active else x
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    return image, layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)


def finished(
    request: Request, image: Any, x: Any, kind: str, hashes: tuple[str, str]
) -> Any:
    """The model; `kind` is the name of its published weights."""
    address = f"{kind}_weights_tf_dim_ordering_tf_kernels"
    files = published(f"tensorflow/keras-applications/resnet/{address}", hashes)
    return request.model(image, request.classified(x), files)


def normalized(x: Any, name: str, activate: bool = True) -> Any:
    """Batch normalization ``<name>_bn`` and then ``<name>_relu``."""
    x = layers.BatchNormalization(
        axis=channel_axis(), epsilon=EPSILON, name=f"{name}_bn"
    )(x)
    return layers.Activation("relu", name=f"{name}_relu")(x) if activate else x


def stacks(
    x: Any, block: Block, depths: Sequence[int], strides: Sequence[Sequence[int]]
) -> Any:
    """Four stacks of blocks, each with twice the filters of the one before.

    Args:
        x: images of features.
        block: makes one block; it widens the first of each stack.
        depths: how many blocks each stack has.
        strides: of the first and the last block of each stack.
    """
    for i, (depth, (first, last)) in enumerate(zip(depths, strides, strict=True)):
        for j in range(depth):
            stride = first if j == 0 else last if j == depth - 1 else 1
            name = f"conv{i + 2}_block{j + 1}"
            x = block(x, 64 << i, stride, name, j == 0)
    return x
