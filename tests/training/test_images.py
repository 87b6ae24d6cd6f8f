"""Convolutional networks: trained on digits, functional, subclassed, in branches, saved
and exported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from capi.library import load, open_library
from pydl import layers, ops
from training.test_export import Exported, count


def digits(rows: int | None = None) -> tuple[Any, Any]:
    """Images `[n, 8, 8, 1]` from 0 to 1 and labels: to train with, and to test with."""
    (x, y), (x_test, y_test) = pydl.datasets.digits.load_data()
    found = ((x, y), (x_test, y_test))
    return tuple(
        ((a[:rows, ..., None] / 16).astype("float32"), b[:rows].astype("int64"))
        for a, b in found
    )


def lenet() -> pydl.Model:
    """LeNet's order of layers at the size of these images."""
    pydl.utils.set_random_seed(3)
    return pydl.Sequential([
        pydl.Input((8, 8, 1)),
        layers.Conv2D(12, 3, padding="same", activation="relu"),
        layers.AveragePooling2D(2),
        layers.Conv2D(24, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(48, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ])  # fmt: skip


def compiled(model: pydl.Model, rate: float = 0.01, **kwargs: Any) -> pydl.Model:
    loss = "sparse_categorical_crossentropy"
    model.compile(pydl.optimizers.Adam(rate), loss, metrics=["accuracy"], **kwargs)
    return model


def test_a_small_lenet_learns_digits() -> None:
    (x, y), test = digits()
    model = compiled(lenet())
    model.fit(x, y, batch_size=32, epochs=6, verbose=0)
    assert model.evaluate(*test, verbose=0)[1] > 0.95


def functional() -> pydl.Model:
    """A residual block and a depthwise one, pooled over the whole image."""
    x = pydl.Input((8, 8, 1))
    first = layers.Conv2D(6, 3, 2, "same", activation="relu")(x)
    inner = layers.Conv2D(6, 3, padding="same", activation="relu")(first)
    inner = layers.Conv2D(6, 3, padding="same")(inner)
    out = layers.ReLU()(layers.Add()([first, inner]))
    out = layers.SeparableConv2D(8, 3, padding="same", activation="relu")(out)
    out = layers.BatchNormalization()(layers.DepthwiseConv2D(2)(out))
    out = layers.GlobalAveragePooling2D()(out)
    return pydl.Model(x, layers.Dense(10, activation="softmax")(out))


class Branched(pydl.Model):
    """Another convolution for dark images than for light ones."""

    def __init__(self) -> None:
        super().__init__()
        self.first = layers.Conv2D(4, 3, 2, activation="relu")
        self.dark = layers.Conv2D(6, 3, activation="relu")
        self.light = layers.Conv2DTranspose(6, 3, padding="same")
        self.pool = layers.AdaptiveAveragePooling2D(2)
        self.last = layers.Dense(10, activation="softmax")

    def call(self, inputs: Any) -> Any:
        x = self.first(inputs)
        out = ops.cond(
            ops.mean(inputs) < 0.3,
            lambda: self.pool(self.dark(x)),
            lambda: self.pool(self.light(x)),
        )
        return self.last(ops.reshape(out, (out.shape[0], -1)))


@pytest.mark.parametrize("make", [lenet, functional, Branched])
def test_compiled_steps_are_the_eager_ones(make: Any) -> None:
    (x, y), _ = digits(96)
    found = []
    for eagerly in (False, True):
        pydl.utils.set_random_seed(1)
        model = compiled(make(), 0.002, run_eagerly=eagerly)
        if eagerly:
            model(x[:1])
            model.set_weights(found[0][2])
        else:
            model(x[:1])
            start = model.get_weights()
        history = model.fit(x, y, 32, epochs=3, shuffle=False, verbose=0)
        losses = history.history["loss"]
        found.append((losses, model.predict(x[:5], verbose=0), start))
    assert found[0][0][-1] < found[0][0][0]
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-3)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=0.02, atol=1e-4)


@pytest.mark.parametrize("ending", ["keras", "weights.h5", "safetensors"])
def test_files(tmp_path: Path, ending: str) -> None:
    (x, y), _ = digits(64)
    model = compiled(functional())
    model.fit(x, y, verbose=0)
    path = tmp_path / f"model.{ending}"
    if ending == "keras":
        model.save(path)
        again = pydl.models.load_model(path)
    else:
        model.save_weights(path)
        again = pydl.models.model_from_json(model.to_json())
        again.load_weights(path)
    assert again.get_config() == model.get_config()
    np.testing.assert_array_equal(
        model.predict(x, verbose=0), again.predict(x, verbose=0)
    )


@pytest.mark.parametrize("make", [lenet, functional])
def test_exported_networks_are_the_same_bit_for_bit(tmp_path: Path, make: Any) -> None:
    """From Python's runtime and through the C API: predicting, and training steps."""
    (x, y), _ = digits(96)
    model = compiled(make())
    model.train_on_batch(x[:16], y[:16])
    path = tmp_path / "model.pydl"
    model.export(path, batch_sizes=(1, 16), train_batch_size=16)
    expected = model.predict(x[:48], batch_size=16, verbose=0)
    with load(open_library(), path) as loaded:
        found = np.empty_like(expected)
        loaded.predict(x[:48], found)
        np.testing.assert_array_equal(found, expected)
        loaded.train(x[16:80], y[16:80])
        for at in range(16, 80, 16):
            model.train_on_batch(x[at : at + 16], y[at : at + 16])
        for variable in model.trainable_variables:
            want = variable.numpy()
            np.testing.assert_array_equal(loaded.get(variable.path, want), want)
    file = Exported(path)
    found = np.zeros((5, 10), "float32")
    file.run("predict:1", {"steps": count(5), "x": x[:5]}, {"y": found})
    np.testing.assert_allclose(found, expected[:5], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy: str) -> None:
    """Weights stay float32; a network learns nearly as it does in float32."""
    (x, y), _ = digits(256)
    found = []
    for name in (policy, "float32"):
        pydl.config.set_dtype_policy(name)
        try:
            model = compiled(lenet())
        finally:
            pydl.config.set_dtype_policy("float32")
        assert {w.dtype for w in model.weights} == {"float32"}
        assert model.layers[0].compute_dtype == name.removeprefix("mixed_")
        history = model.fit(x, y, 32, epochs=4, shuffle=False, verbose=0).history
        found.append(history["loss"])
    assert found[0][-1] < 0.7 * found[0][0]
    np.testing.assert_allclose(found[0], found[1], rtol=0.15)
