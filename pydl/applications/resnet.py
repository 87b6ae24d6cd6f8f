"""ResNet: blocks that add what they compute to what they were given.

K. He, X. Zhang, S. Ren and J. Sun (2015), "Deep Residual Learning for Image
Recognition".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydl import layers
from pydl.applications.imagenet_utils import bgr_centred as preprocess_input
from pydl.applications.imagenet_utils import decode_predictions
from pydl.applications.request import Request
from pydl.applications.residual import begun, finished, normalized, stacks

_HASHES = {
    50: ("2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626"),
    101: ("f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21"),
    152: ("100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c"),
}


def ResNet50(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "resnet50",
) -> Any:
    """ResNet with 50 layers of weights, for images of 224 pixels or of 32 and more.

    K. He et al. (2015), "Deep Residual Learning for Image Recognition". For arguments
    and errors see `pydl.applications`.

    >>> model = pydl.applications.ResNet50(weights=None, input_shape=(64, 64, 3))
    >>> model.output_shape
    (None, 1000)
    """
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    return _resnet(request, (3, 4, 6, 3))


def ResNet101(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "resnet101",
) -> Any:
    """ResNet with 101 layers of weights; see `ResNet50`."""
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    return _resnet(request, (3, 4, 23, 3))


def ResNet152(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "resnet152",
) -> Any:
    """ResNet with 152 layers of weights; see `ResNet50`."""
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    return _resnet(request, (3, 8, 36, 3))


def _resnet(request: Request, depths: Sequence[int]) -> Any:
    """The network with so many blocks in each stack."""
    layered = 3 * sum(depths) + 2
    strides = ((1, 1), (2, 1), (2, 1), (2, 1))
    image, x = begun(request, active=True)
    x = stacks(x, _block, depths, strides)
    return finished(request, image, x, f"resnet{layered}", _HASHES[layered])


def _block(x: Any, filters: int, stride: int, name: str, widen: bool) -> Any:
    """1x1 to `filters`, 3x3, 1x1 to four times as many; added to `x`."""
    shortcut = x
    if widen:
        shortcut = layers.Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")(
            x
        )
        shortcut = normalized(shortcut, f"{name}_0", activate=False)
    x = layers.Conv2D(filters, 1, strides=stride, name=f"{name}_1_conv")(x)
    x = normalized(x, f"{name}_1")
    x = layers.Conv2D(filters, 3, padding="same", name=f"{name}_2_conv")(x)
    x = normalized(x, f"{name}_2")
    x = layers.Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x)
    x = normalized(x, f"{name}_3", activate=False)
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.Activation("relu", name=f"{name}_out")(x)


__all__ = [
    "ResNet50", "ResNet101", "ResNet152", "decode_predictions", "preprocess_input",
]  # fmt: skip
