"""The networks Keras does not have: sizes by the papers, values, training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pydl
from pydl import layers
from pydl.applications import (
    AlexNet,
    GoogLeNet,
    LeNet5,
    LocalResponseNormalization,
    ResNet20,
    ResNet32,
    ResNet56,
    ResNet110,
)

RNG = np.random.default_rng(5)


def count(model: Any) -> int:
    """Numbers in convolutions and dense layers, biases included."""
    kinds = (layers.Conv2D, layers.Dense)
    return sum(x.count_params() for x in model.layers if isinstance(x, kinds))


def test_lenet() -> None:
    """The maps of the paper: 6 of 28, 16 of 10, 120, 84."""
    for side in (28, 32):
        model = LeNet5(input_shape=(side, side, 1))
        shapes = [layer.output.shape[1:] for layer in model.layers]
        assert shapes == [
            (side, side, 1), (28, 28, 6), (14, 14, 6), (10, 10, 16), (5, 5, 16), (400,),
            (120,), (84,), (10,),
        ]  # fmt: skip
        assert model.count_params() == 61706
    assert LeNet5(include_top=False, input_shape=(12, 12, 3)).output_shape[1:] == (
        1,
        1,
        16,
    )


def test_alexnet() -> None:
    """The paper's sizes: 55, 27, 13; 60 million weights."""
    model = AlexNet()
    sizes = {layer.name: layer.output.shape[1:] for layer in model.layers}
    assert sizes["conv1"] == (55, 55, 96) and sizes["conv2"] == (27, 27, 256)
    assert sizes["conv5"] == (13, 13, 256) and sizes["flatten"] == (9216,)
    assert model.get_layer("conv2").kernel.shape == (5, 5, 48, 256)
    assert model.count_params() == 60_965_224


def test_googlenet() -> None:
    """The output sizes of table 1, and its 6.8 million weights."""
    model = GoogLeNet()
    sizes = {layer.name: layer.output.shape[1:] for layer in model.layers}
    assert sizes["conv1"] == (112, 112, 64) and sizes["conv2"] == (56, 56, 192)
    assert sizes["inception_3a"] == (28, 28, 256)
    assert sizes["inception_4e"] == (14, 14, 832)
    assert sizes["inception_5b"] == (7, 7, 1024)
    assert model.count_params() == 6_998_552
    assert model.output_shape == (None, 1000)


def test_googlenet_learns_with_its_auxiliary_heads() -> None:
    model = GoogLeNet(input_shape=(65, 65, 3), classes=3, auxiliary=True)
    assert model.output_names == ["predictions", "aux1", "aux2"]
    assert model.get_layer("aux1_fc").kernel.shape == (128, 1024)
    model.compile(
        pydl.optimizers.SGD(0.01),
        loss="sparse_categorical_crossentropy",
        loss_weights=[1.0, 0.3, 0.3],
    )
    y = np.arange(6) % 3
    x = RNG.normal(size=(6, 65, 65, 3)).astype("float32") + y[:, None, None, None]
    before = [v.numpy() for v in model.trainable_variables]
    logs = model.train_on_batch(x, [y, y, y], return_dict=True)
    assert np.isfinite(logs["loss"])
    for variable, old in zip(model.trainable_variables, before, strict=True):
        assert (variable.numpy() != old).any(), variable.path


@pytest.mark.parametrize(
    ("network", "weighty", "numbers"),
    [
        (ResNet20, 20, 268_346), (ResNet32, 32, 461_882), (ResNet56, 56, 848_954),
        (ResNet110, 110, 1_719_866),
    ],
)  # fmt: skip
def test_resnets_for_cifar(network: Any, weighty: int, numbers: int) -> None:
    """Table 6 of the paper: 0.27, 0.46, 0.85 and 1.7 million weights."""
    model = network()
    kinds = (layers.Conv2D, layers.Dense)
    assert sum(isinstance(layer, kinds) for layer in model.layers) == weighty
    assert count(model) == numbers and model.output_shape == (None, 10)


def test_shortcuts_of_resnet20_take_every_second_pixel() -> None:
    """With the second normalization of a block at 0, the block is its shortcut."""
    model = ResNet20(input_shape=(16, 16, 3))
    name = "stage2_block1"
    norm = model.get_layer(f"{name}_conv2_bn")
    norm.gamma.assign(np.zeros(32, "float32"))
    block = pydl.Model(
        model.get_layer("stage1_block3_out").output,
        model.get_layer(f"{name}_out").output,
    )
    x = RNG.normal(size=(2, 16, 16, 16)).astype("float32")
    found = np.asarray(block(x))
    assert found.shape == (2, 8, 8, 32)
    np.testing.assert_array_equal(found[..., :16], np.maximum(x[:, ::2, ::2], 0))
    np.testing.assert_array_equal(found[..., 16:], 0)


def test_resnet20_learns() -> None:
    pydl.utils.set_random_seed(1)
    model = ResNet20(input_shape=(16, 16, 3), classes=2)
    model.compile("adam", loss="sparse_categorical_crossentropy")
    y = np.arange(16) % 2
    x = RNG.normal(size=(16, 16, 16, 3)).astype("float32") + y[:, None, None, None]
    history = model.fit(x, y, epochs=3, batch_size=8, verbose=0).history["loss"]
    assert history[-1] < history[0]


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_local_response_normalization(data_format: str) -> None:
    x = RNG.normal(size=(2, 3, 4, 7)).astype("float32")
    wide = np.pad(x.astype("float64") ** 2, [(0, 0)] * 3 + [(1, 1)])
    total = wide[..., :-2] + wide[..., 1:-1] + wide[..., 2:]
    expected = x / (2 + 0.5 * total) ** 0.75
    pydl.config.set_image_data_format(data_format)
    try:
        layer = LocalResponseNormalization(size=3, alpha=0.5)
    finally:
        pydl.config.set_image_data_format("channels_last")
    if data_format == "channels_first":
        x, expected = np.moveaxis(x, -1, 1).copy(), np.moveaxis(expected, -1, 1)
    np.testing.assert_allclose(np.asarray(layer(x)), expected, rtol=1e-5, atol=1e-6)
    again = layers.deserialize(layers.serialize(layer))
    assert again.get_config() == layer.get_config()
    with pytest.raises(ValueError, match="positive odd integer. Received: size=4"):
        LocalResponseNormalization(4)
