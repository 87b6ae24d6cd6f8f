"""Layers, weights and connections, against Keras's networks as they are stored."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from application_cases import STRUCTURES
from application_structure import describe, difference, unpacked
from pydl import applications
from pydl.applications import efficientnet, imagenet_utils
from pydl.runtime import variable

DATA = Path(__file__).parents[1] / "data" / "applications.json.gz"
STORED = unpacked(json.loads(gzip.decompress(DATA.read_bytes())))


def key(name: str, kwargs: dict[str, Any]) -> str:
    return " ".join([name, *(f"{k}={v}" for k, v in kwargs.items())])


@pytest.fixture
def weightless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of zeros that take no memory, and names that start again."""

    def zeros(_: Any, shape: Any, dtype: Any, name: Any) -> np.ndarray:
        return np.broadcast_to(np.zeros((), dtype or "float32"), tuple(shape or ()))

    monkeypatch.setattr(variable, "_initial", zeros)
    monkeypatch.setattr(variable, "aligned_copy", lambda array: array)
    pydl.utils.clear_session()


CASES = {key(name, kwargs): (name, kwargs) for name, kwargs in STRUCTURES}


def test_all_networks_are_stored() -> None:
    assert list(CASES) == list(STORED)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.usefixtures("weightless")
def test_structure(case: str) -> None:
    name, kwargs = CASES[case]
    model = getattr(applications, name)(weights=None, **kwargs)
    expected = STORED[case]
    assert difference(expected, describe(model)) is None
    shapes = [shape for row in expected for _, shape in row[3]]
    assert model.count_params() == sum(int(np.prod(shape)) for shape in shapes)


@pytest.mark.parametrize(
    "name", ["InceptionResNetV2", "ConvNeXtTiny", "MobileNetV3Small", "AlexNet"]
)
@pytest.mark.usefixtures("weightless")
def test_configuration_round_trip(name: str) -> None:
    """Layers and ops of their own are found again."""
    model = getattr(applications, name)(weights=None)
    text = json.dumps(json.loads(model.to_json()))
    again = pydl.models.model_from_json(text)
    assert difference(describe(model), describe(again)) is None


def test_the_difference_is_told() -> None:
    rows = STORED["VGG16"]
    changed = [*rows[:3], ("other", *rows[3][1:]), *rows[4:]]
    told = difference(rows, changed)
    assert told is not None and "operation 3" in told and "'other'" in told
    assert "expected 23 operations, received 22" in str(difference(rows, rows[:-1]))


def test_modules_have_the_names_keras_gives_them() -> None:
    for module, name in {
        "vgg16": "VGG16", "resnet": "ResNet101", "resnet50": "ResNet50",
        "resnet_v2": "ResNet50V2", "efficientnet_v2": "EfficientNetV2S",
        "convnext": "ConvNeXtTiny", "nasnet": "NASNetMobile",
    }.items():  # fmt: skip
        space = getattr(applications, module)
        assert getattr(space, name) is getattr(applications, name)
        assert callable(space.preprocess_input) and callable(space.decode_predictions)


def test_published_efficientnets_divide_by_deviations() -> None:
    """Their files hold standard deviations in the place of variances."""
    image = pydl.Input((2, 2, 3))
    model = pydl.Model(image, efficientnet._prepared(image, pretrained=True))
    mean, deviation = imagenet_utils.MEAN, imagenet_utils.DEVIATION
    normalization = model.layers[2]
    normalization.set_weights([np.array(mean), np.array(deviation), np.array(0)])
    x = np.random.default_rng(0).uniform(0, 255, (1, 2, 2, 3)).astype("float32")
    expected = (x / 255 - np.array(mean)) / np.array(deviation)
    np.testing.assert_allclose(np.asarray(model(x)), expected, rtol=1e-5, atol=1e-5)
