"""Values, shapes and configurations of the built-in layers."""

from __future__ import annotations

import json

import numpy as np
import pytest

import pydl
from pydl import layers

X = np.linspace(-2, 2, 24, dtype="float32").reshape(2, 3, 4)
MASK = np.array([True, True, False, True])


def softmax(x, axes):
    shifted = np.exp(x - x.max(axis=axes, keepdims=True))
    return shifted / shifted.sum(axis=axes, keepdims=True)


VALUES = [
    (layers.Activation("tanh"), X, np.tanh(X)),
    (layers.ReLU(), X, np.maximum(X, 0)),
    (
        layers.ReLU(max_value=1.0, negative_slope=0.1, threshold=0.5), X,
        np.where(X >= 1, 1, np.where(X >= 0.5, X, 0.1 * (X - 0.5))),
    ),
    (layers.LeakyReLU(), X, np.where(X > 0, X, 0.3 * X)),
    (layers.LeakyReLU(0.5), X, np.where(X > 0, X, 0.5 * X)),
    (layers.Softmax(), X, softmax(X, -1)),
    (layers.Softmax(axis=1), X, softmax(X, 1)),
    (layers.Softmax(axis=(1, 2)), X, softmax(X, (1, 2))),
    (layers.Flatten(), X, X.reshape(2, 12)),
    (layers.Flatten(), X[:, 0, 0], X[:, 0, :1]),
    (layers.Flatten("channels_first"), X, X.transpose(0, 2, 1).reshape(2, 12)),
    (layers.Reshape((4, 3)), X, X.reshape(2, 4, 3)),
    (layers.Reshape((-1, 2)), X, X.reshape(2, 6, 2)),
    (layers.Rescaling(2.0, 1.0), X, X * 2 + 1),
    (layers.Rescaling(0.5), np.array([[2, 4]], "uint8"), np.array([[1.0, 2.0]])),
    (layers.Dropout(0.5), X, X),
    (layers.Add(), [X, X, X[:1]], X + X + X[:1]),
    (layers.Subtract(), [X, 2 * X], -X),
    (layers.Multiply(), [X, X], X * X),
    (layers.Average(), [X, 3 * X], 2 * X),
    (layers.Maximum(), [X, -X], np.abs(X)),
    (layers.Minimum(), [X, -X], -np.abs(X)),
    (layers.Concatenate(), [X, X[..., :1]], np.concatenate([X, X[..., :1]], -1)),
    (layers.Concatenate(axis=1), [X, X], np.concatenate([X, X], 1)),
]  # fmt: skip


def case_name(value):
    return type(value).__name__ if isinstance(value, layers.Layer) else ""


@pytest.mark.parametrize(("layer", "inputs", "expected"), VALUES, ids=case_name)
def test_values_shapes_and_config(layer, inputs, expected):
    config = json.loads(json.dumps(layers.serialize(layer)))
    assert config["module"] == "keras.layers"
    copy = layers.deserialize(config)
    assert type(copy) is type(layer) and copy.get_config() == layer.get_config()
    for candidate in (layer, copy):
        out = candidate(inputs)
        np.testing.assert_allclose(np.asarray(out), expected, rtol=1e-5, atol=1e-6)
    assert symbolic_shape(copy, inputs) == (None, *expected.shape[1:])


def symbolic_shape(layer, inputs):
    def stand_in(x):
        return pydl.KerasTensor((None, *x.shape[1:]), str(x.dtype))

    many = isinstance(inputs, list)
    out = layer([stand_in(x) for x in inputs] if many else stand_in(inputs))
    return out.shape


def test_softmax_with_mask():
    out = np.asarray(layers.Softmax()(X, mask=MASK))
    np.testing.assert_array_equal(out[..., 2], 0)
    np.testing.assert_allclose(out[..., MASK], softmax(X[..., MASK], -1), rtol=1e-5)


@pytest.mark.parametrize("shape", [(2, 4), (2, 3, 4), (0, 4)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dense_is_the_formula(shape, dtype):
    layer = layers.Dense(
        3, activation="sigmoid", bias_initializer="random_normal", dtype=dtype
    )
    x = np.random.default_rng(0).normal(size=shape).astype(dtype)
    z = x @ layer_kernel(layer, x) + layer.bias.numpy()
    rtol = 1e-5 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(np.asarray(layer(x)), 1 / (1 + np.exp(-z)), rtol=rtol)
    assert layer.compute_output_shape((None, 4)) == (None, 3)


def layer_kernel(layer, x):
    layer.build((None, *x.shape[1:]))
    return layer.kernel.numpy()


def test_dense_round_trip_keeps_every_argument():
    layer = layers.Dense(
        3, "relu", False, "he_normal", "ones", "l1", "l2", "l1_l2", "non_neg",
        "max_norm", name="d", trainable=False, dtype="float64",
    )  # fmt: skip
    config = json.loads(json.dumps(layer.get_config()))
    copy = layers.Dense.from_config(config)
    assert json.loads(json.dumps(copy.get_config())) == config
    assert copy.name == "d" and not copy.trainable and copy.dtype == "float64"
    assert copy.activity_regularizer is not None and copy.use_bias is False


def test_dense_needs_a_known_last_axis():
    with pytest.raises(ValueError, match=r"last axis.*input_shape=\(None, None\)"):
        layers.Dense(2)(pydl.Input((None,)))


def test_dropout_drops_its_share_and_scales_the_rest():
    x = np.ones((200, 200), "float32")
    layer = layers.Dropout(0.25, seed=1)
    first = np.asarray(layer(x, training=True))
    assert abs((first == 0).mean() - 0.25) < 0.01
    np.testing.assert_allclose(first[first != 0], 1 / 0.75, rtol=1e-6)
    second = np.asarray(layer(x, training=True))
    assert (first != second).any()
    again = np.asarray(layers.Dropout(0.25, seed=1)(x, training=True))
    np.testing.assert_array_equal(first, again)


def test_dropout_noise_shape_is_broadcast():
    out = np.asarray(
        layers.Dropout(0.5, noise_shape=(1, 50), seed=1)(
            np.ones((4, 50)), training=True
        )
    )
    assert (out == out[:1]).all() and 0 < (out == 0).mean() < 1


def test_dropout_state_is_a_variable_but_no_weight():
    layer = layers.Dropout(0.5)
    assert len(layer.variables) == 1 and layer.weights == []


@pytest.mark.parametrize(
    ("layer", "shapes", "text"),
    [
        (layers.Add(name="m"), [(2, 3), (2, 4)], "incompatible shapes"),
        (layers.Subtract(name="m"), [(2, 3)] * 3, "'m': expected exactly 2 inputs"),
        (layers.Concatenate(name="m"), [(2, 3), (3, 3)], "'m'.*except for axis -1"),
        (layers.Concatenate(axis=5, name="m"), [(2, 3)] * 2, "'m'.*axis 5"),
        (layers.Reshape((5,), name="m"), (2, 3), r"\(3,\), target_shape=\(5,\)"),
        (layers.Add(name="m"), (2, 3), "'m': a merge layer is called on a list"),
    ],
)
def test_shapes_that_do_not_fit(layer, shapes, text):
    def make(shape):
        return pydl.Input(batch_shape=shape)

    many = isinstance(shapes, list)
    with pytest.raises(ValueError, match=text):
        layer([make(s) for s in shapes] if many else make(shapes))


def test_flatten_with_an_unknown_axis():
    assert layers.Flatten()(pydl.Input((None, 3))).shape == (None, None)


def test_functions_of_the_merge_layers():
    out = layers.concatenate([X, X], axis=1)
    np.testing.assert_array_equal(np.asarray(out), np.concatenate([X, X], 1))
    np.testing.assert_array_equal(np.asarray(layers.add([X, X])), 2 * X)
