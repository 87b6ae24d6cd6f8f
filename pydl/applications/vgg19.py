"""VGG with 19 layers."""

from __future__ import annotations

from typing import Any

from pydl.applications.imagenet_utils import bgr_centred as preprocess_input
from pydl.applications.imagenet_utils import decode_predictions
from pydl.applications.request import Request
from pydl.applications.vgg import vgg

_HASHES = "cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6"


def VGG19(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "vgg19",
) -> Any:
    """VGG with 19 layers of weights, for images of 224 pixels or of 32 and more.

    K. Simonyan and A. Zisserman (2014), "Very Deep Convolutional Networks for
    Large-Scale Image Recognition". For arguments and errors see `pydl.applications`.

    >>> model = pydl.applications.VGG19(weights=None, input_shape=(32, 32, 3))
    >>> model.output_shape
    (None, 1000)
    """
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    return vgg(request, (2, 2, 4, 4, 4), _HASHES)


__all__ = ["VGG19", "decode_predictions", "preprocess_input"]
