"""ConvNeXt: a convolutional network with the manners of a transformer.

Z. Liu, H. Mao, C.-Y. Wu, C. Feichtenhofer, T. Darrell and S. Xie (2022), "A ConvNet for
the 2020s".
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pydl import layers
from pydl.applications.blocks import channels
from pydl.applications.convnext_layers import LayerScale
from pydl.applications.imagenet_utils import DEVIATION, MEAN, decode_predictions
from pydl.applications.imagenet_utils import unchanged as preprocess_input
from pydl.applications.request import Request, published
from pydl.models import Sequential

_HASHES = {
    "tiny": (
        "8ae6e78ce2933352b1ef4008e6dd2f17bc40771563877d156bc6426c7cf503ff",
        "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
    ),
    "small": (
        "ce1277d8f1ee5a0ef0e171469089c18f5233860ceaf9b168049cb9263fd7483c",
        "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab",
    ),
    "base": (
        "52cbb006d3dadd03f6e095a8ca1aca47aecdd75acb4bc74bce1f5c695d0086e6",
        "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45",
    ),
    "large": (
        "070c5ed9ed289581e477741d3b34beffa920db8cf590899d6d2c67fba2a198a6",
        "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd",
    ),
    "xlarge": (
        "c1f5ccab661354fc3a79a10fa99af82f0fbf10ec65cb894a3ae0815f17a889ee",
        "de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05",
    ),
}


class _Variant(NamedTuple):
    kind: str
    depths: tuple[int, int, int, int]
    #: Channels of the first stage; each further one has twice as many.
    width: int


def ConvNeXtTiny(
    include_top: bool = True,
    include_preprocessing: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "convnext_tiny",
) -> Any:
    """The smallest ConvNeXt, for images of 224 pixels or of 32 and more.

    Z. Liu et al. (2022), "A ConvNet for the 2020s". For the other arguments and errors
    see `pydl.applications`.

    Args:
        include_preprocessing: whether the first layer scales pixels of 0 to 255.

    >>> model = pydl.applications.ConvNeXtTiny(weights=None, input_shape=(32, 32, 3))
    >>> model.output_shape
    (None, 1000)
    """
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    return _convnext(request, _Variant("tiny", (3, 3, 9, 3), 96), include_preprocessing)


def ConvNeXtSmall(
    include_top: bool = True,
    include_preprocessing: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "convnext_small",
) -> Any:
    """The small ConvNeXt; see `ConvNeXtTiny`."""
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    return _convnext(
        request, _Variant("small", (3, 3, 27, 3), 96), include_preprocessing
    )


def ConvNeXtBase(
    include_top: bool = True,
    include_preprocessing: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "convnext_base",
) -> Any:
    """The base ConvNeXt; see `ConvNeXtTiny`."""
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    return _convnext(
        request, _Variant("base", (3, 3, 27, 3), 128), include_preprocessing
    )


def ConvNeXtLarge(
    include_top: bool = True,
    include_preprocessing: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "convnext_large",
) -> Any:
    """The large ConvNeXt; see `ConvNeXtTiny`."""
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    return _convnext(
        request, _Variant("large", (3, 3, 27, 3), 192), include_preprocessing
    )


def ConvNeXtXLarge(
    include_top: bool = True,
    include_preprocessing: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "convnext_xlarge",
) -> Any:
    """The xlarge ConvNeXt; see `ConvNeXtTiny`."""
    request = Request(
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    return _convnext(
        request, _Variant("xlarge", (3, 3, 27, 3), 256), include_preprocessing
    )


def _convnext(request: Request, variant: _Variant, preprocess: bool) -> Any:
    image = x = request.image(default=224, least=32)
    name = request.name
    if preprocess:
        x = layers.Normalization(
            mean=[255 * mean for mean in MEAN],
            variance=[(255 * deviation) ** 2 for deviation in DEVIATION],
            name=f"{name}_prestem_normalization",
        )(x)
    x = Sequential(
        [_conv(variant.width, 4, f"{name}_stem_conv"), _norm(f"{name}_stem_layernorm")],
        name=f"{name}_stem",
    )(x)
    for stage, depth in enumerate(variant.depths):
        if stage:
            x = _halved(x, variant.width << stage, f"{name}_downsampling", stage - 1)
        for i in range(depth):
            x = _block(x, f"{name}_stage_{stage}_block_{i}")
    x = _classified(request, x)
    kind = f"convnext_{variant.kind}"
    files = published(
        f"tensorflow/keras-applications/convnext/{kind}", _HASHES[variant.kind]
    )
    return request.model(image, x, files)


def _conv(filters: int, window: int, name: str) -> Any:
    """A convolution of windows side by side."""
    return layers.Conv2D(filters, window, strides=window, name=name)


def _norm(name: str | None = None) -> Any:
    return layers.LayerNormalization(epsilon=1e-6, name=name)


def _halved(x: Any, filters: int, name: str, i: int) -> Any:
    """Half the rows and columns, twice the channels."""
    steps = [_norm(f"{name}_layernorm_{i}"), _conv(filters, 2, f"{name}_conv_{i}")]
    return Sequential(steps, name=f"{name}_block_{i}")(x)


def _block(start: Any, name: str) -> Any:
    """A depthwise convolution, then two layers on each pixel; added to `start`."""
    n = channels(start)
    x = layers.Conv2D(n, 7, padding="same", groups=n, name=f"{name}_depthwise_conv")(
        start
    )
    x = _norm(f"{name}_layernorm")(x)
    x = layers.Dense(4 * n, name=f"{name}_pointwise_conv_1")(x)
    x = layers.Activation("gelu", name=f"{name}_gelu")(x)
    x = layers.Dense(n, name=f"{name}_pointwise_conv_2")(x)
    x = LayerScale(1e-6, n, name=f"{name}_layer_scale")(x)
    x = layers.Activation("linear", name=f"{name}_identity")(x)
    return start + x


def _classified(request: Request, x: Any) -> Any:
    name = f"{request.name}_head"
    if request.include_top:
        x = layers.GlobalAveragePooling2D(name=f"{name}_gap")(x)
        x = _norm(f"{name}_layernorm")(x)
        return request.scores(x, name=f"{name}_dense")
    return _norm()(request.pooled(x))


__all__ = [
    "ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtSmall", "ConvNeXtTiny", "ConvNeXtXLarge",
    "LayerScale", "decode_predictions", "preprocess_input",
]  # fmt: skip
