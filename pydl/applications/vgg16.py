"""VGG with 16 layers."""

from __future__ import annotations

from typing import Any

from pydl.applications.imagenet_utils import bgr_centred as preprocess_input
from pydl.applications.imagenet_utils import decode_predictions
from pydl.applications.request import Request
from pydl.applications.vgg import vgg

_HASHES = "64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc"


def VGG16(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "vgg16",
) -> Any:
    """VGG with 16 layers of weights, for images of 224 pixels or of 32 and more.

    K. Simonyan and A. Zisserman (2014), "Very Deep Convolutional Networks for
    Large-Scale Image Recognition". For arguments and errors see `pydl.applications`.

    >>> model = pydl.applications.VGG16(weights=None, input_shape=(32, 32, 3))
    >>> model.output_shape
    (None, 1000)
    """
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    return vgg(request, (2, 2, 3, 3, 3), _HASHES)


__all__ = ["VGG16", "decode_predictions", "preprocess_input"]
