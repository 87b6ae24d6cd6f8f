"""The networks of VGG: blocks of 3x3 convolutions, each ended by a max pooling.

K. Simonyan and A. Zisserman (2014), "Very Deep Convolutional Networks for Large-Scale
Image Recognition".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydl import layers
from pydl.applications.request import Request, published

_FILTERS = (64, 128, 256, 512, 512)


def vgg(request: Request, depths: Sequence[int], hashes: tuple[str, str]) -> Any:
    """The network with so many convolutions in each block."""
    image = x = request.image(default=224, least=32)
    for block, (filters, depth) in enumerate(zip(_FILTERS, depths, strict=True), 1):
        for i in range(1, depth + 1):
            name = f"block{block}_conv{i}"
            x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=name)(
                x
            )
        x = layers.MaxPooling2D(2, strides=2, name=f"block{block}_pool")(x)
    if request.include_top:
        x = layers.Flatten(name="flatten")(x)
        x = layers.Dense(4096, activation="relu", name="fc1")(x)
        x = layers.Dense(4096, activation="relu", name="fc2")(x)
        x = request.scores(x)
    else:
        x = request.pooled(x)
    name = f"vgg{sum(depths) + 3}"
    address = f"{name}/{name}_weights_tf_dim_ordering_tf_kernels"
    files = published(f"tensorflow/keras-applications/{address}", hashes)
    return request.model(image, x, files)
