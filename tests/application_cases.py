"""The networks of `pydl.applications` that are compared with Keras's, as data, and the
weights and images they are compared with. Needs NumPy alone: both sides read it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

#: Networks compared layer by layer: a name and the arguments that are not usual.
STRUCTURES: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in (
        "VGG16", "VGG19", "ResNet50", "ResNet101", "ResNet152", "ResNet50V2",
        "ResNet101V2", "ResNet152V2", "InceptionV3", "InceptionResNetV2", "Xception",
        "MobileNet", "MobileNetV2", "MobileNetV3Small", "MobileNetV3Large",
        "DenseNet121", "DenseNet169", "DenseNet201", "NASNetMobile", "NASNetLarge",
        "EfficientNetB0", "EfficientNetB1", "EfficientNetB2", "EfficientNetB3",
        "EfficientNetB4", "EfficientNetB5", "EfficientNetB6", "EfficientNetB7",
        "EfficientNetV2B0", "EfficientNetV2B1", "EfficientNetV2B2", "EfficientNetV2B3",
        "EfficientNetV2S", "EfficientNetV2M", "EfficientNetV2L", "ConvNeXtTiny",
        "ConvNeXtSmall", "ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtXLarge",
    )),
    *((name, {"include_top": False, "pooling": pooling}) for name, pooling in (
        ("VGG16", "avg"), ("ResNet50", "max"), ("ResNet50V2", "avg"),
        ("InceptionV3", "avg"), ("InceptionResNetV2", "max"), ("Xception", "avg"),
        ("MobileNet", "avg"), ("MobileNetV2", "max"), ("MobileNetV3Small", "avg"),
        ("DenseNet121", "max"), ("NASNetMobile", "avg"), ("EfficientNetB0", "avg"),
        ("EfficientNetV2B0", "max"), ("ConvNeXtTiny", "avg"), ("ConvNeXtTiny", None),
        ("EfficientNetB0", None),
    )),
    ("VGG16", {"include_top": False, "input_shape": (100, 60, 3)}),
    ("MobileNet", {"alpha": 0.25, "depth_multiplier": 2, "input_shape": (97, 96, 3)}),
    ("MobileNetV2", {"alpha": 1.4, "input_shape": (97, 96, 3), "classes": 10}),
    ("MobileNetV2", {"alpha": 0.35}),
    ("MobileNetV3Small", {"alpha": 0.75, "minimalistic": True}),
    ("MobileNetV3Large", {"alpha": 1.3, "include_preprocessing": False,
                          "dropout_rate": 0.0}),
    ("EfficientNetV2S", {"include_preprocessing": False, "include_top": False}),
    ("ConvNeXtTiny", {"include_preprocessing": False, "name": "c",
                      "classifier_activation": None}),
]  # fmt: skip


class Logits(NamedTuple):
    """A network whose logits are compared."""

    network: str
    side: int
    #: Whether a test does so; else the script that is run by hand.
    tested: bool = True
    kwargs: dict[str, Any] = {}

    @property
    def key(self) -> str:
        extra = "".join(f" {k}={v}" for k, v in self.kwargs.items())
        return f"{self.network} {self.side}{extra}"


CLASSES = 40

LOGITS = [
    Logits("VGG16", 32), Logits("ResNet50", 64), Logits("ResNet50V2", 64),
    Logits("InceptionV3", 75), Logits("InceptionResNetV2", 75), Logits("Xception", 71),
    Logits("MobileNet", 64, kwargs={"alpha": 0.25}),
    Logits("MobileNetV2", 65, kwargs={"alpha": 0.35}),
    Logits("MobileNetV3Small", 64), Logits("MobileNetV3Large", 65),
    Logits("MobileNetV3Small", 65, kwargs={"minimalistic": True}),
    Logits("DenseNet121", 64), Logits("NASNetMobile", 64), Logits("EfficientNetB0", 65),
    Logits("EfficientNetV2B0", 64), Logits("ConvNeXtTiny", 64),
    *(Logits(name, 96, tested=False) for name in (
        "VGG19", "ResNet101", "ResNet152", "ResNet101V2", "ResNet152V2", "MobileNet",
        "MobileNetV2", "DenseNet169", "DenseNet201", "NASNetLarge", "EfficientNetB1",
        "EfficientNetB2", "EfficientNetB3", "EfficientNetB4", "EfficientNetB5",
        "EfficientNetB6", "EfficientNetB7", "EfficientNetV2B1", "EfficientNetV2B2",
        "EfficientNetV2B3", "EfficientNetV2S", "EfficientNetV2M", "EfficientNetV2L",
        "ConvNeXtSmall", "ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtXLarge",
    )),
]  # fmt: skip

#: Networks whose first layers prepare pixels of 0 to 255.
_PREPARING = ("EfficientNet", "ConvNeXt", "MobileNetV3")


def built(module: Any, case: Logits) -> Any:
    """The network of a case, of `pydl.applications` or `keras.applications`."""
    return getattr(module, case.network)(
        weights=None, input_shape=(case.side, case.side, 3), classes=CLASSES,
        classifier_activation=None, **case.kwargs,
    )  # fmt: skip


def images(case: Logits) -> np.ndarray:
    """Two images."""
    random = np.random.RandomState(case.side)
    pixels = random.uniform(-1, 1, (2, case.side, case.side, 3))
    if case.network.startswith(_PREPARING):
        pixels = 127.5 * pixels + 127.5
    return pixels.astype("float32")


def weights(named: Iterable[tuple[str, tuple[int, ...]]]) -> list[np.ndarray]:
    """Weights by name and shape, of a size that keeps activations in range.

    ``RandomState`` has the same stream of numbers in every version of NumPy.
    """
    random = np.random.RandomState(1998)
    return [_weight(random, name, shape) for name, shape in named]


def _weight(
    random: np.random.RandomState, name: str, shape: tuple[int, ...]
) -> np.ndarray:
    if name == "count":
        return np.zeros(shape, "int32")
    if name in ("", "gamma", "moving_variance", "variance"):
        return random.uniform(0.4, 0.9, shape).astype("float32")
    if len(shape) < 2:
        return random.uniform(-0.2, 0.2, shape).astype("float32")
    inputs = np.prod(shape[:2] if name == "depthwise_kernel" else shape[:-1])
    spread = np.float32(np.sqrt(2.0 / inputs))
    values = random.standard_normal(shape).astype("float32")
    return values * spread
