"""ResNet whose blocks normalize before they convolve.

K. He, X. Zhang, S. Ren and J. Sun (2016), "Identity Mappings in Deep Residual
Networks".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydl import layers
from pydl.applications.imagenet_utils import decode_predictions
from pydl.applications.imagenet_utils import signed as preprocess_input
from pydl.applications.request import Request
from pydl.applications.residual import begun, finished, normalized, stacks

_HASHES = {
    50: ("3ef43a0b657b3be2300d5770ece849e0", "fac2f116257151a9d068a22e544a4917"),
    101: ("6343647c601c52e1368623803854d971", "c0ed64b8031c3730f411d2eb4eea35b5"),
    152: ("a49b44d1979771252814e80f8ec446f9", "ed17cf2e0169df9d443503ef94b23b33"),
}


def ResNet50V2(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "resnet50v2",
) -> Any:
    """The second ResNet with 50 layers, for images of 224 pixels or of 32 and more.

    K. He et al. (2016), "Identity Mappings in Deep Residual Networks". For arguments
    and errors see `pydl.applications`.

    >>> model = pydl.applications.ResNet50V2(weights=None, input_shape=(64, 64, 3))
    >>> model.output_shape
    (None, 1000)
    """
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    return _resnet(request, (3, 4, 6, 3))


def ResNet101V2(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "resnet101v2",
) -> Any:
    """The second ResNet with 101 layers; see `ResNet50V2`."""
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    return _resnet(request, (3, 4, 23, 3))


def ResNet152V2(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "resnet152v2",
) -> Any:
    """The second ResNet with 152 layers; see `ResNet50V2`."""
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    return _resnet(request, (3, 8, 36, 3))


def _resnet(request: Request, depths: Sequence[int]) -> Any:
    """The network with so many blocks in each stack."""
    layered = 3 * sum(depths) + 2
    strides = ((1, 2), (1, 2), (1, 2), (1, 1))
    image, x = begun(request, active=False)
    x = normalized(stacks(x, _block, depths, strides), "post")
    return finished(request, image, x, f"resnet{layered}v2", _HASHES[layered])


def _block(x: Any, filters: int, stride: int, name: str, widen: bool) -> Any:
    """Normalized, 1x1 to `filters`, 3x3, 1x1 to four times as many; added to `x`."""
    ready = normalized(x, f"{name}_preact")
    if widen:
        shortcut = layers.Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")(
            ready
        )
    else:
        shortcut = layers.MaxPooling2D(1, strides=stride)(x) if stride > 1 else x
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_1_conv")(ready)
    x = normalized(x, f"{name}_1")
    x = layers.ZeroPadding2D(1, name=f"{name}_2_pad")(x)
    x = layers.Conv2D(
        filters, 3, strides=stride, use_bias=False, name=f"{name}_2_conv"
    )(x)
    x = normalized(x, f"{name}_2")
    x = layers.Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x)
    return layers.Add(name=f"{name}_out")([shortcut, x])


__all__ = [
    "ResNet50V2", "ResNet101V2", "ResNet152V2", "decode_predictions",
    "preprocess_input",
]  # fmt: skip
