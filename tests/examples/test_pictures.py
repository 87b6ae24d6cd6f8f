"""The pictures of the examples: what they show, and that odd input is drawn too."""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import pydl as keras

FOLDER = Path(__file__).parents[2] / "examples"
OWN = ("start", "finish", "pictures", "cifar10_resnet20")


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Imports a module of the examples; their names are free again afterwards."""
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module
    for name in OWN:
        sys.modules.pop(name, None)


def looker() -> Any:
    """A network of two classes: the first likes the first channel, the second the
    second; its convolution passes both on."""
    network = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            keras.layers.Conv2D(2, 1, use_bias=False, name="same"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, activation="softmax", use_bias=False),
        ]
    )
    network.set_weights([np.eye(2)[None, None], np.eye(2)])
    return network


def test_grad_cam_finds_what_speaks_for_a_class(load: Any) -> None:
    pictures = load("pictures")
    images = np.zeros((2, 6, 6, 2), np.float32)
    images[:, 1, 2, 0] = 4.0
    images[:, 4, 0, 1] = 2.0
    heat = pictures.importance(looker(), images, np.array([0, 1]))
    assert heat.shape == (2, 6, 6)
    for row, place in ((0, (1, 2)), (1, (4, 0))):
        expected = np.zeros((6, 6))
        expected[place] = 1.0
        np.testing.assert_allclose(heat[row], expected, atol=1e-5)


def test_grad_cam_of_nothing_is_nothing(load: Any) -> None:
    pictures = load("pictures")
    heat = pictures.importance(looker(), np.zeros((1, 6, 6, 2), "float32"), [0])
    np.testing.assert_array_equal(heat, 0)


def test_the_last_maps_still_see_places(load: Any) -> None:
    pictures = load("pictures")
    network = looker()
    assert pictures.last_maps(network).name == "same"
    small = keras.Sequential([keras.Input((3, 3, 1)), keras.layers.Conv2D(1, 1)])
    with pytest.raises(ValueError, match="no layer has feature maps of 4 x 4"):
        pictures.last_maps(small)


def test_spread(load: Any) -> None:
    spread = load("pictures").spread
    assert spread("abcdefg", 4) == ["a", "c", "e", "g"]
    assert spread("ab", 4) == ["a", "b"]


def size(file: Path) -> tuple[int, int]:
    with Image.open(file) as picture:
        return picture.size


def test_pictures_of_odd_input(load: Any, tmp_path: Path) -> None:
    pictures = load("pictures")
    file = tmp_path / "picture.png"
    pictures.curves({"loss": [1.0], "accuracy": [0.5]}, file)
    assert size(file) == (800, 400)
    pictures.curves({"loss": [float("nan"), 1.0]}, file)
    pictures.comparison({"one": [0.1, 0.2], "other": []}, "accuracy", file)
    pictures.filters(looker(), file)
    pictures.feature_maps(looker(), np.zeros((6, 6, 2), np.float32), file)
    labels, names = np.array([0, 1, 1]), ("cat", "dog", "bird")
    pictures.confusion(labels, np.array([0, 1, 0]), names, file)
    assert size(file) == (600, 600)
    images = np.zeros((3, 8, 8, 1), np.uint8)
    right = np.eye(3)[labels]
    pictures.mistakes(images, labels, right, names, file)  # none
    assert size(file) == (1200, 150)
    wrong = np.roll(right, 1, 1)
    pictures.mistakes(np.repeat(images, 4, 0), np.repeat(labels, 4),
                      np.repeat(wrong, 4, 0), names, file)  # fmt: skip
    assert size(file) == (1200, 300)
    shown = np.zeros((2, 6, 6, 3), np.uint8)
    pictures.grad_cam(looker(), np.ones((2, 6, 6, 2), "float32"), shown, names, file)
    assert size(file) == (300, 300)


def test_the_rate_rises_and_falls_to_nothing(load: Any) -> None:
    budget = load("cifar10_resnet20").Budget(0.1, 4, None, rise=0.25)
    budget.set_params({"steps": 10})
    rates = []
    for epoch in range(4):
        budget.on_epoch_begin(epoch)
        rates += [budget.rate(budget.share(batch)) for batch in range(10)]
    assert rates[0] == 0 and max(rates) == rates[10] == 0.1
    assert rates[5] == pytest.approx(0.05)
    assert rates[25] == pytest.approx(0.05)
    assert all(a > b for a, b in zip(rates[10:], rates[11:], strict=False))
    assert budget.share(10) == 1.0
    assert math.isclose(budget.rate(1.0), 0.0, abs_tol=1e-12)
