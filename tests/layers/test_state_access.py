"""Layers and metrics called as functions of their state; state stored; masks merged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pydl import layers, metrics


def test_stateless_call_of_batch_normalization() -> None:
    layer = layers.BatchNormalization(momentum=0.5)
    x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    layer(x)
    before = layer.get_weights()
    trainable = [v.numpy() for v in layer.trainable_variables]
    state = [v.numpy() for v in layer.non_trainable_variables]
    out, new = layer.stateless_call(trainable, state, x, training=True)
    for old, now in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)
    np.testing.assert_allclose(new[0], x.mean(0) * 0.5, rtol=1e-5)
    np.testing.assert_array_equal(out, layer(x, training=True))
    np.testing.assert_allclose(layer.moving_mean.numpy(), new[0], rtol=1e-6)
    with pytest.raises(ValueError, match="Received list with length 1, but expected 2"):
        layer.stateless_call(trainable[:1], state, x)


def test_stateless_call_gives_losses() -> None:
    layer = layers.Dense(1, kernel_regularizer="l2", kernel_initializer="ones")
    layer(np.ones((1, 2), "float32"))
    weights = [np.full((2, 1), 3.0, "float32"), np.zeros(1, "float32")]
    _, _, losses = layer.stateless_call(
        weights, [], np.ones((1, 2), "float32"), return_losses=True
    )
    assert float(losses[0]) == pytest.approx(0.18)


def test_own_variables() -> None:
    layer, other = layers.Dense(2), layers.Dense(2)
    layer(np.ones((1, 3), "float32"))
    store: dict[str, Any] = {}
    layer.save_own_variables(store)
    assert sorted(store) == ["0", "1"]
    with pytest.raises(ValueError, match="build the layer before"):
        other.load_own_variables(store)
    other.build((None, 3))
    other.load_own_variables(store)
    np.testing.assert_array_equal(other.kernel.numpy(), layer.kernel.numpy())
    with pytest.raises(ValueError, match=r"shape \(2,\), received shape \(3, 2\)"):
        other.load_own_variables({"0": store["0"], "1": store["0"]})


def test_metrics_of_layers_are_found() -> None:
    class Counting(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.seen = metrics.Sum(name="seen")

        def call(self, x: Any) -> Any:
            return x

    class Outer(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Counting()

        def call(self, x: Any) -> Any:
            return self.inner(x)

    outer = Outer()
    assert outer.metrics == [outer.inner.seen]
    with pytest.raises(NotImplementedError, match="deprecated"):
        outer.add_metric(1)


def test_stateless_metric() -> None:
    metric = metrics.Mean()
    metric.update_state([2.0, 4.0])
    fresh = metric.stateless_reset_state()
    state = metric.stateless_update_state(fresh, [10.0])
    assert float(metric.stateless_result(state)) == 10.0
    assert float(metric.result()) == 3.0
    with pytest.raises(ValueError, match="length 1, but expected 2"):
        metric.stateless_result(state[:1])


def test_masks_of_merged_inputs() -> None:
    a, b = np.ones((1, 3, 2), "float32"), np.ones((1, 3, 2), "float32")
    first, second = np.array([[True, False, False]]), np.array([[False, False, True]])
    merged = layers.Add().compute_mask([a, b], [first, second])
    assert np.asarray(merged).tolist() == [[True, False, True]]
    assert layers.Add().compute_mask([a, b], [first, None]) is None
    assert layers.Add().compute_mask([a, b]) is None
    joined = layers.Concatenate(axis=1).compute_mask([a, b], [first, None])
    assert np.asarray(joined).tolist() == [[True, False, False, True, True, True]]
    with pytest.raises(ValueError, match="same length"):
        layers.Add().compute_mask([a, b], [first])
