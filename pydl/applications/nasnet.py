"""NASNet: two kinds of cells, found by search on CIFAR-10.

B. Zoph, V. Vasudevan, J. Shlens and Q. Le (2017), "Learning Transferable Architectures
for Scalable Image Recognition".
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pydl import layers
from pydl.applications.imagenet_utils import decode_predictions
from pydl.applications.imagenet_utils import signed as preprocess_input
from pydl.applications.nasnet_cells import normal_cell, normalized, reduction_cell
from pydl.applications.request import Request, published


class _Variant(NamedTuple):
    kind: str
    side: int
    #: Channels at the end.
    features: int
    #: Normal cells between two reductions.
    cells: int
    stem: int
    #: Whether cells behind a reduction still see what it was given.
    skip: bool
    hashes: tuple[str, str]


_MOBILE = _Variant(
    "mobile", 224, 1056, 4, 32, False,
    ("020fb642bf7360b370c678b08e0adf61", "1ed92395b5b598bdda52abe5c0dbfd63"),
)  # fmt: skip
_LARGE = _Variant(
    "large", 331, 4032, 6, 96, True,
    ("11577c9a518f0070763c2b964a382f17", "d81d89dc07e6e56530c4e77faddd61b5"),
)  # fmt: skip


def NASNetMobile(
    input_shape: Any = None,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "nasnet_mobile",
) -> Any:
    """The small NASNet, for images of 224 pixels or of 32 and more.

    B. Zoph et al. (2017), "Learning Transferable Architectures for Scalable Image
    Recognition". The number of pixels is always known. For arguments and errors see
    `pydl.applications`.

    >>> model = pydl.applications.NASNetMobile((32, 32, 3), weights=None)
    >>> model.output_shape
    (None, 1000)
    """
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    return _nasnet(request, _MOBILE)


def NASNetLarge(
    input_shape: Any = None,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "nasnet_large",
) -> Any:
    """The large NASNet, for images of 331 pixels or of 32 and more; see
    `NASNetMobile`."""
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    return _nasnet(request, _LARGE)


def _nasnet(request: Request, variant: _Variant) -> Any:
    image = request.image(default=variant.side, least=32, fixed=True)
    filters, cells = variant.features // 24, variant.cells
    x = layers.Conv2D(
        variant.stem, 3, strides=2, use_bias=False, name="stem_conv1",
        kernel_initializer="he_normal",
    )(image)  # fmt: skip
    x = normalized(x, "stem_bn1")
    x, before = reduction_cell(x, None, filters // 4, "stem_1")
    x, before = reduction_cell(x, before, filters // 2, "stem_2")
    for part in range(3):
        if part:
            x, given = reduction_cell(
                x, before, filters << part, f"reduce_{part * cells}"
            )
            before = before if variant.skip else given
        for i in range(cells):
            number = part * cells + i + (part > 0)
            x, before = normal_cell(x, before, filters << part, str(number))
    x = layers.Activation("relu")(x)
    if request.include_top:
        x = request.scores(layers.GlobalAveragePooling2D()(x))
    else:
        x = request.pooled(x)
    address = f"tensorflow/keras-applications/nasnet/NASNet-{variant.kind}"
    files = published(address, variant.hashes, bare="-no-top")
    return request.model(image, x, files)


__all__ = ["NASNetLarge", "NASNetMobile", "decode_predictions", "preprocess_input"]
