"""Models of symbolic tensors, and subclasses."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest

import pydl
from pydl import layers, ops
from pydl.models import clone_model, model_from_json

A = np.linspace(-1, 1, 6, dtype="float32").reshape(2, 3)
B = A[::-1].copy()


def two_inputs(name="f"):
    a, b = pydl.Input((3,), name="a"), pydl.Input((3,), name="b")
    shared = layers.Dense(3)
    x, y = shared(a), shared(b)
    joined = layers.Concatenate()([x, y])
    return pydl.Model({"a": a, "b": b}, [joined * 2 + 1, x], name=name)


def by_hand(model):
    w, bias = model.get_weights()
    x, y = A @ w + bias, B @ w + bias
    return np.concatenate([x, y], -1) * 2 + 1, x


def assert_right(model):
    outputs = model({"a": A, "b": B})
    for out, expected in zip(outputs, by_hand(model), strict=True):
        np.testing.assert_allclose(np.asarray(out), expected, rtol=1e-5, atol=1e-6)


def test_shared_layers_ops_and_several_inputs_and_outputs():
    model = two_inputs()
    assert_right(model)
    assert len(model.weights) == 2 and model.output_shape == [(None, 6), (None, 3)]
    assert [layer.name for layer in model.layers][:2] == ["a", "b"]


def test_inputs_by_list_follow_the_order_of_a_list():
    a, b = pydl.Input((3,)), pydl.Input((2,))
    model = pydl.Model([a, b], layers.Concatenate()([b, a]))
    out = np.asarray(model([A, B[:, :2]]))
    np.testing.assert_array_equal(out, np.concatenate([B[:, :2], A], -1))


def test_json_round_trip_of_a_graph():
    model = two_inputs()
    other = model_from_json(json.dumps(json.loads(model.to_json())))
    other.set_weights(model.get_weights())
    assert_right(other)
    assert other.get_config() == model.get_config()


def test_clone_of_a_graph():
    model = two_inputs()
    other = clone_model(model)
    assert (other.get_weights()[0] != model.get_weights()[0]).any()
    assert_right(other)


def test_a_model_between_inner_tensors():
    model = two_inputs()
    concatenate = next(o for o in model.layers if isinstance(o, layers.Concatenate))
    tail = pydl.Model(concatenate.output, model.outputs[0])
    x = np.ones((2, 6), "float32")
    np.testing.assert_array_equal(np.asarray(tail(x)), x * 2 + 1)
    assert_right(model)


def test_models_are_layers():
    inner = pydl.Model(*(lambda x: (x, layers.Dense(2)(x)))(pydl.Input((3,))))
    x = pydl.Input((3,))
    outer = pydl.Model(x, inner(x) + inner(x))
    w, b = outer.get_weights()
    np.testing.assert_allclose(np.asarray(outer(A)), 2 * (A @ w + b), rtol=1e-5)


def test_rank_and_dtype_of_inputs_are_adjusted():
    x = pydl.Input((1,))
    model = pydl.Model(x, x * 2.0)
    out = model(np.array([1, 2, 3]))
    assert out.shape == (3, 1) and out.dtype == "float32"


def test_deep_graphs_need_no_recursion():
    x = start = pydl.Input((2,))
    for _ in range(3000):
        x = layers.ReLU()(x)
    assert len(pydl.Model(start, x).layers) == 3001


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: two_inputs()([A]), "expects 2 named input.*'a', 'b'"),
        (lambda: two_inputs()({"a": A}), r"missing \['b'\]"),
        (
            lambda: two_inputs()({"a": A, "b": B[:, :2]}),
            r"Input 1 with name 'b' of layer 'f'.*\(None, 3\), found shape=\(2, 2\)",
        ),
        (lambda: pydl.Model(pydl.Input((2,)), pydl.Input((2,))), "not among"),
        (lambda: pydl.Model(inputs=A, outputs=A), "`inputs`.*symbolic"),
        (lambda: pydl.Model(A), "no positional arguments"),
        (lambda: np.asarray(pydl.Input((2,))), "np.asarray.*KerasTensor"),
        (lambda: bool(pydl.Input((2,)) > 1), "bool.*symbolic placeholder"),
    ],
)
def test_what_is_refused(call, text):
    with pytest.raises((ValueError, TypeError), match=text):
        call()


class Residual(pydl.Model):
    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.hidden = [layers.Dense(units, activation="tanh") for _ in range(2)]
        self.drop = layers.Dropout(0.5, seed=1)
        self.out = layers.Dense(1)

    def call(self, x, training=None):
        x = self.hidden[0](x)
        x = x + self.drop(self.hidden[1](x), training=training)
        return self.out(x)


def test_subclass_calls_builds_and_trains():
    model = Residual()
    assert model(A).shape == (2, 1) and model.count_params() == 16 + 20 + 5
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.fit(A, A[:, :1], epochs=2, verbose=0)
    assert (model.get_weights()[0] != before[0]).any()
    assert model.predict(A, verbose=0).shape == (2, 1)


def test_an_unbuilt_subclass_trains():
    model = Residual()
    model.compile("adam", "mse")
    model.fit(A, A[:, :1], verbose=0)
    assert len(model.trainable_weights) == 6


def test_subclass_builds_by_shape():
    model = Residual()
    model.build((None, 3))
    assert [layer.built for layer in model.layers] == [True] * 4
    assert len(model.weights) == 6


def test_subclass_given_a_graph():
    class Wrapped(pydl.Model):
        def __init__(self):
            x = pydl.Input((3,))
            super().__init__(x, layers.Dense(2)(x))

    model = Wrapped()
    assert type(model).__name__ == "Wrapped" and model(A).shape == (2, 2)
    assert model.output_shape == (None, 2)


def test_graph_model_trains():
    x = pydl.Input((3,))
    model = pydl.Model(x, layers.Dense(1)(ops.tanh(layers.Dense(4)(x))))
    model.compile("sgd", "mse")
    losses = model.fit(A, A[:, :1], epochs=30, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x[:, 1:],
        lambda x: x[..., 0],
        lambda x: x + np.arange(3, dtype="float32"),
        lambda x: x * ops.convert_to_tensor(np.arange(3, dtype="float32")),
        lambda x: ops.concatenate([x, x], axis=-1),
        lambda x: ops.sum(x, axis=-1, keepdims=True) / 2,
    ],
)
def test_ops_survive_json(function):
    x = pydl.Input((3,))
    model = pydl.Model(x, function(x))
    other = model_from_json(model.to_json())
    expected = np.asarray(function(ops.convert_to_tensor(A)))
    for candidate in (model, other):
        np.testing.assert_array_equal(np.asarray(candidate(A)), expected)
        assert candidate.output_shape == (None, *expected.shape[1:])


@pytest.mark.parametrize(
    "copy_of", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_copies_and_pickles(copy_of):
    model = two_inputs()
    other = copy_of(model)
    assert_right(other)
    other.set_weights([0 * w for w in other.get_weights()])
    assert_right(model)
