"""BatchNormalization by the op `batch_norm`: axes, dtypes, means far from 0."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pydl
from pydl import layers, ops

rng = np.random.default_rng(5)


def expected(x: Any, axis: int, epsilon: float = 1e-3) -> tuple[Any, Any, Any]:
    wide = x.astype(np.float64)
    over = tuple(i for i in range(x.ndim) if i != axis % x.ndim)
    mean, variance = (f(wide, axis=over, keepdims=True) for f in (np.mean, np.var))
    out = (wide - mean) / np.sqrt(variance + epsilon)
    return out, mean.ravel(), variance.ravel()


@pytest.mark.parametrize("axis", [-1, 1, 2])
@pytest.mark.parametrize("shape", [(4, 5, 6), (3, 6, 5, 7)])
def test_axes(shape: tuple[int, ...], axis: int) -> None:
    x = (rng.normal(size=shape) * 3 + 1).astype("float32")
    layer = layers.BatchNormalization(axis, momentum=0.75)
    got = layer(x, training=True)
    out, mean, variance = expected(x, axis)
    np.testing.assert_allclose(got, out, rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(layer.moving_mean, 0.25 * mean, rtol=1e-5, atol=1e-6)
    averaged = 0.75 + 0.25 * variance
    np.testing.assert_allclose(layer.moving_variance, averaged, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_16_bit_inputs_are_computed_in_float32(dtype: str) -> None:
    x = (100 + rng.normal(size=(50, 6))).astype("float16")
    layer = layers.BatchNormalization(dtype=f"mixed_{dtype}", momentum=0.0)
    got = layer(ops.cast(x, dtype), training=True)
    assert got.dtype == dtype
    exact = np.asarray(ops.cast(ops.cast(x, dtype), "float32"))
    out, mean, variance = expected(exact, -1)
    step = 2.0**-10 if dtype == "float16" else 2.0**-7
    got = np.asarray(ops.cast(got, "float32"))
    np.testing.assert_allclose(got, out, rtol=step, atol=step / 100)
    np.testing.assert_allclose(layer.moving_mean, mean, rtol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, variance, rtol=1e-5)


def test_a_mean_far_from_zero() -> None:
    x = (1000 + rng.normal(size=(5000, 12))).astype("float32")
    layer = layers.BatchNormalization(momentum=0.0)
    out, mean, variance = expected(x, -1)
    np.testing.assert_allclose(layer(x, training=True), out, rtol=0, atol=3e-5)
    np.testing.assert_allclose(layer.moving_mean, mean, rtol=1e-7)
    np.testing.assert_allclose(layer.moving_variance, variance, rtol=1e-6)


def test_steps_hold_fused_normalizations() -> None:
    """A residual block trains as it does eagerly, in two fused instructions a side."""
    x = rng.normal(size=(16, 4, 4, 8)).astype("float32")
    found = []
    for eagerly in (False, True):
        pydl.utils.set_random_seed(3)
        inputs = pydl.Input((4, 4, 8))
        first = layers.ReLU()(layers.BatchNormalization()(layers.Dense(8)(inputs)))
        second = layers.BatchNormalization()(layers.Dense(8)(first))
        outputs = layers.ReLU()(layers.Add()([second, inputs]))
        model = pydl.Model(inputs, outputs)
        model.compile(pydl.optimizers.SGD(0.1), "mse", run_eagerly=eagerly)
        model.fit(x, x, batch_size=8, epochs=2, shuffle=False, verbose=0)
        found.append(model.get_weights())
    for compiled, eager in zip(*found, strict=True):
        np.testing.assert_allclose(compiled, eager, rtol=2e-4, atol=2e-6)
