"""LeNet-5, the first convolutional network in daily use.

Y. LeCun, L. Bottou, Y. Bengio and P. Haffner (1998), "Gradient-Based Learning Applied
to Document Recognition".
"""

from __future__ import annotations

from typing import Any

from pydl import layers
from pydl.applications.blocks import size
from pydl.applications.request import Request


def LeNet5(
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Any = "softmax",
    name: str | None = "lenet5",
) -> Any:
    """LeNet-5, for grey images of 28 pixels (MNIST) or of other sizes from 12 on.

    Y. LeCun et al. (1998), "Gradient-Based Learning Applied to Document Recognition",
    as it is taught today: hyperbolic tangents and plain means, every feature map sees
    all maps before it, and the last layer is a softmax. The paper's images have 32
    pixels; smaller ones get zeros around in the first layer, as MNIST's got there. For
    arguments and errors see `pydl.applications`.

    >>> pydl.applications.LeNet5().count_params()
    61706
    """
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name, published=False,
    )  # fmt: skip
    image = request.image(default=28, least=12, channels=1)
    small = any(n is not None and n < 32 for n in size(image))
    x = layers.Conv2D(
        6, 5, padding="same" if small else "valid", activation="tanh", name="c1"
    )(image)
    x = layers.AveragePooling2D(2, name="s2")(x)
    x = layers.Conv2D(16, 5, activation="tanh", name="c3")(x)
    x = layers.AveragePooling2D(2, name="s4")(x)
    if request.include_top:
        x = layers.Flatten(name="flatten")(x)
        x = layers.Dense(120, activation="tanh", name="c5")(x)
        x = layers.Dense(84, activation="tanh", name="f6")(x)
        x = request.scores(x)
    else:
        x = request.pooled(x, "avg_pool", "max_pool")
    return request.model(image, x)


__all__ = ["LeNet5"]
