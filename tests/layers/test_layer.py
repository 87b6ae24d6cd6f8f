"""The contract of `Layer`: building, calling, tracking, shapes, losses, errors."""

from __future__ import annotations

import json

import numpy as np
import pytest

import pydl
from pydl import layers, ops
from pydl.graph.trace import Trace


class Scale(layers.Layer):
    """Defines `build` and `call` only."""

    def build(self, input_shape):
        self.factor = self.add_weight((input_shape[-1],), "ones", name="factor")

    def call(self, inputs):
        return inputs * self.factor


class Pair(layers.Layer):
    """Two sublayers in a list, one in a dict."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.stack = [layers.Dense(units)]
        self.stack.append(layers.Dense(units))
        self.table = {"out": layers.Dense(2)}

    def call(self, inputs):
        for layer in self.stack:
            inputs = layer(inputs)
        return self.table["out"](inputs)


class Remember(layers.Layer):
    """Tells which `training` it was called with."""

    def call(self, inputs, training=None):
        self.seen = training
        return inputs


class Outer(layers.Layer):
    def __init__(self):
        super().__init__()
        self.inner = Remember()

    def call(self, inputs):
        return self.inner(inputs)


def test_names_are_numbered_and_snake_case():
    pydl.utils.clear_session()
    names = [layers.Dense(1).name, layers.Dense(1).name, layers.LeakyReLU().name]
    assert names == ["dense", "dense_1", "leaky_re_lu"]


@pytest.mark.parametrize("name", ["a/b", "", 3])
def test_a_bad_name_is_refused(name):
    with pytest.raises(ValueError, match="`name` must be a non-empty string"):
        layers.Dense(1, name=name)


def test_weights_are_made_at_the_first_call():
    layer = Scale()
    assert not layer.built and layer.weights == []
    x = np.arange(6, dtype="float32").reshape(2, 3)
    np.testing.assert_array_equal(np.asarray(layer(x)), x)
    assert layer.built and [tuple(w.shape) for w in layer.weights] == [(3,)]


def test_variable_paths_follow_the_nesting():
    layer = Pair(3, name="pair")
    layer(np.ones((1, 4)))
    first, last = layer.stack[0].name, layer.table["out"].name
    assert layer.weights[0].path == f"pair/{first}/kernel"
    assert layer.weights[-1].path == f"pair/{last}/bias"


def test_sublayers_in_lists_and_dicts_are_tracked():
    layer = Pair(3)
    layer(np.ones((1, 4)))
    assert [tuple(w.shape) for w in layer.weights] == [
        (4, 3), (3,), (3, 3), (3,), (3, 2), (2,),
    ]  # fmt: skip
    assert layer.count_params() == 15 + 12 + 8


def test_a_replaced_sublayer_is_forgotten():
    layer = Outer()
    old = layer.inner
    layer.inner = Scale()
    assert [type(item) for item in layer._layers] == [
        Scale
    ] and old not in layer._layers


def test_trainable_reaches_sublayers_and_returns():
    layer = Pair(3)
    layer(np.ones((1, 4)))
    layer.trainable = False
    assert layer.trainable_weights == [] and len(layer.non_trainable_weights) == 6
    layer.stack[0].trainable = True
    assert len(layer.stack[0].trainable_weights) == 2
    layer.trainable = True
    assert len(layer.trainable_weights) == 6


def test_layers_made_frozen_have_no_trained_weights_until_they_thaw():
    frozen = layers.Dense(3, trainable=False)
    model = pydl.Sequential([layers.Input((4,)), frozen, layers.Dense(2)])
    outer = pydl.Sequential([layers.Input((4,)), model])
    assert len(outer.trainable_variables) == 2
    assert len(outer.non_trainable_variables) == 2
    before = frozen.get_weights()
    outer.compile("sgd", "mse")
    outer.fit(np.ones((4, 4)), np.ones((4, 2)), verbose=0)
    np.testing.assert_array_equal(before[0], frozen.get_weights()[0])
    frozen.trainable = True
    assert len(outer.trainable_variables) == 4


def test_non_trainable_weights_come_last():
    class Mixed(layers.Layer):
        def build(self, input_shape):
            self.a = self.add_weight((1,), "zeros", trainable=False, name="a")
            self.b = self.add_weight((1,), "zeros", name="b")

        def call(self, inputs):
            return inputs

    layer = Mixed()
    layer.build((None, 2))
    assert [w.name for w in layer.weights] == ["b", "a"]
    layer.trainable = False
    layer.trainable = True
    assert [w.name for w in layer.trainable_weights] == ["b"]


@pytest.mark.parametrize("training", [True, False])
def test_training_reaches_sublayers(training):
    layer = Outer()
    layer(np.ones((1, 1)), training=training)
    assert layer.inner.seen is training
    layer(np.ones((1, 1)))
    assert layer.inner.seen is None


def test_output_shape_of_a_layer_that_only_defines_call():
    spec = Scale()(pydl.Input((3,)))
    assert spec.shape == (None, 3)
    assert Scale().compute_output_shape((None, 5)) == (None, 5)


def test_output_shape_where_python_computes_with_sizes():
    class Pairs(layers.Layer):
        def call(self, inputs):
            return ops.reshape(inputs, (inputs.shape[0] * 2, inputs.shape[1] // 2))

    assert Pairs()(pydl.Input((6,))).shape == (None, 3)


def test_weights_made_inside_a_trace_exist_outside_it():
    layer = layers.Dense(2)
    with Trace("test") as trace:
        out = layer(trace.input("x", (3, 4), "float32"))
    assert out.shape == (3, 2) and layer.kernel.numpy().shape == (4, 2)
    paths = {node.layer for node in trace.graph.nodes if node.op == "matmul"}
    assert paths == {layer.name}
    assert np.asarray(layer(np.ones((1, 4)))).shape == (1, 2)


def test_dense_is_one_matmul_one_add_and_the_activation():
    layer = layers.Dense(2, activation="relu")
    with Trace("test") as trace:
        layer(trace.input("x", (3, 4), "float32"))
    kinds = [node.op for node in trace.graph.nodes]
    assert [k for k in kinds if k not in ("input", "variable")] == [
        "matmul",
        "add",
        "relu",
    ]


def test_losses_of_regularizers_and_add_loss():
    class Penalty(layers.Layer):
        def call(self, inputs):
            self.add_loss(ops.sum(inputs))
            return inputs

    model = pydl.Sequential(
        [layers.Dense(1, kernel_initializer="ones", kernel_regularizer="l2"), Penalty()]
    )
    model(np.ones((2, 3)))
    np.testing.assert_allclose([float(loss) for loss in model.losses], [6.0, 0.03])
    model(np.zeros((2, 3)))
    np.testing.assert_allclose([float(loss) for loss in model.losses], [0.0, 0.03])


def test_losses_of_a_trace_stay_in_it():
    class Penalty(layers.Layer):
        def call(self, inputs):
            self.add_loss(ops.sum(inputs))
            return inputs

    layer = Penalty()
    layer(np.ones((2,)))
    with Trace("test") as trace:
        layer(trace.input("x", (2,), "float32"))
        assert [type(loss).__name__ for loss in layer.losses] == ["TraceTensor"]
    assert layer.losses == []


def test_activity_regularizer_is_divided_by_the_batch():
    layer = layers.Dense(
        1, use_bias=False, kernel_initializer="ones", activity_regularizer="l1"
    )
    layer(np.ones((4, 3)))
    np.testing.assert_allclose(float(layer.losses[0]), 0.01 * 12 / 4, rtol=1e-6)


def test_automatic_config_of_a_custom_layer():
    """The constructor's arguments, given or not, as in Keras."""
    config = Pair(3).get_config()
    assert set(config) == {"units", "name", "trainable", "dtype"}
    assert config["units"] == 3 and config["name"].startswith("pair")
    layer = Pair.from_config(json.loads(json.dumps(Pair(3, name="p").get_config())))
    assert (layer.units, layer.name) == (3, "p")

    class Plain(layers.Layer):
        def __init__(self, units):
            super().__init__()
            self.units = units

    assert Plain(3).get_config() == {"units": 3}


def test_a_config_that_json_cannot_hold_is_refused():
    class Odd(layers.Layer):
        def __init__(self, thing):
            super().__init__()

    with pytest.raises(NotImplementedError, match="thing=.*must define `get_config"):
        Odd(object()).get_config()


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: layers.Dense(0), ValueError, "`units`.*Received: units=0"),
        (lambda: layers.Dense("3"), ValueError, "`units`.*Received: units='3'"),
        (lambda: layers.Dense(2, foo=1), ValueError, r"Dense: \{'foo': 1\}"),
        (lambda: layers.Dense(2, dtype="int7"), ValueError, "'int7' is unknown"),
        (lambda: layers.Dense(2, trainable=1), ValueError, "`trainable` to be a bool"),
        (lambda: layers.Dense(2, activation="zork"), ValueError, "zork"),
        (lambda: layers.Dense(2, kernel_regularizer="zork"), ValueError, "'zork'"),
        (lambda: layers.Dropout(1.5), ValueError, "Received: rate=1.5"),
        (lambda: layers.Reshape((-1, -1)), ValueError, "more than one `-1`"),
        (lambda: layers.ReLU(max_value=-1.0), ValueError, "cannot be negative: -1.0"),
        (lambda: layers.Input(3), ValueError, r"for one axis write `\(n,\)`"),
        (lambda: layers.Input((3, -1)), ValueError, "the size -1 is negative"),
        (lambda: layers.Input(), ValueError, "either `shape` or `batch_shape`"),
    ],
)  # fmt: skip
def test_bad_arguments_are_named(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_a_wrong_rank_names_layer_and_shape():
    with pytest.raises(
        ValueError, match=r"'d'.*expected min_ndim=2, found ndim=1.*\(3,\)"
    ):
        layers.Dense(2, name="d")(np.ones(3))


def test_a_wrong_size_names_layer_axis_and_shape():
    layer = layers.Dense(2, name="d")
    layer(np.ones((1, 3)))
    with pytest.raises(ValueError, match=r"'d'.*axis -1.*value 3.*shape \(1, 4\)"):
        layer(np.ones((1, 4)))


def test_errors_of_ops_name_the_layer():
    class Broken(layers.Layer):
        def call(self, inputs):
            return ops.matmul(inputs, np.ones((7, 2), "float32"))

    with pytest.raises(ValueError, match=r"in layer 'b' of class Broken.*\(2, 3\)"):
        Broken(name="b")(np.ones((2, 3), "float32"))


def test_arguments_that_are_no_tensors_must_be_named():
    with pytest.raises(ValueError, match="keyword argument: 'x'"):
        Scale()("x")


def test_forgotten_super_init_is_told():
    class Forgetful(layers.Layer):
        def __init__(self):
            pass

    with pytest.raises(RuntimeError, match=r"forgot to call `super\(\).__init__\(\)`"):
        Forgetful()(np.ones((1, 1)))


def test_float_inputs_are_cast_to_the_layers_dtype():
    layer = layers.Dense(2, dtype="float64")
    assert layer(np.ones((1, 2), "float32")).dtype == "float64"
    assert layers.Dense(2)(np.ones((1, 2), "float64")).dtype == "float32"


def test_set_weights_changes_nothing_when_one_does_not_fit():
    layer = layers.Dense(2, name="d")
    layer.build((None, 3))
    before = layer.get_weights()
    with pytest.raises(ValueError, match=r"'d': weight 'd/bias'.*\(2,\).*\(5,\)"):
        layer.set_weights([np.zeros((3, 2)), np.zeros(5)])
    with pytest.raises(ValueError, match="length 1.*expecting 2"):
        layer.set_weights([np.zeros((3, 2))])
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_get_weights_are_copies():
    layer = layers.Dense(2)
    layer.build((None, 3))
    layer.get_weights()[0][:] = 7
    assert not (layer.kernel.numpy() == 7).any()


def test_structure_version_rises_for_changes_only():
    model = pydl.Sequential([pydl.Input((3,)), layers.Dense(2)])
    before = model.structure_version
    model(np.ones((1, 3)))
    assert model.structure_version == before
    model.layers[0].trainable = False
    assert model.structure_version > before
    before = model.structure_version
    model.add(layers.Dense(2))
    assert model.structure_version > before
    before = model.structure_version
    model.pop()
    assert model.structure_version > before


@pytest.mark.parametrize(
    "layer",
    [layers.ZeroPadding2D(2, name="z"), layers.SpatialDropout2D(0.1, name="z")],
)
def test_configurations_that_classes_share_are_whole(layer):
    """A class of the package may have its own `__init__` and a base's `get_config`."""
    config = layer.get_config()
    assert config["name"] == "z" and config["dtype"]["config"] == {"name": "float32"}
    assert type(layer).from_config(config).get_config() == config
