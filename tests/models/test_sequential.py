"""`Sequential`: building, changing, calling, configurations."""

from __future__ import annotations

import numpy as np
import pytest

import pydl
from pydl import layers
from pydl.models import clone_model, model_from_json

X = np.linspace(-1, 1, 12, dtype="float32").reshape(3, 4)


def network(**kwargs):
    return pydl.Sequential(
        [
            pydl.Input((4,)),
            layers.Dense(5, activation="relu"),
            layers.Dropout(0.5, seed=1),
            layers.Dense(2, activation="softmax"),
        ],
        **kwargs,
    )


def by_hand(model, x):
    w0, b0, w1, b1 = model.get_weights()
    z = np.maximum(x @ w0 + b0, 0) @ w1 + b1
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_an_input_builds_at_once():
    model = network(name="m")
    assert model.built and model.input_shape == (None, 4)
    assert model.output_shape == (None, 2) and model.count_params() == 37
    assert [type(layer).__name__ for layer in model.layers] == [
        "Dense",
        "Dropout",
        "Dense",
    ]
    np.testing.assert_allclose(np.asarray(model(X)), by_hand(model, X), rtol=1e-5)


def test_without_input_it_builds_at_the_first_call():
    model = pydl.Sequential([layers.Dense(5), layers.Dense(2)])
    assert not model.built and model.weights == []
    assert model(X).shape == (3, 2)
    assert model.built and model.input_shape == (None, 4) and len(model.weights) == 4


def test_build_with_a_shape():
    model = pydl.Sequential([layers.Dense(5)])
    model.build((None, 7))
    assert model.layers[0].kernel.shape == (7, 5) and model.output_shape == (None, 5)


def test_add_and_pop():
    model = pydl.Sequential()
    model.add(pydl.Input((4,)))
    model.add(layers.Dense(5))
    first = model.layers[0].get_weights()
    model.add(layers.Dense(3))
    assert model.output_shape == (None, 3)
    assert model.pop().units == 3
    assert model.output_shape == (None, 5) and model(X).shape == (3, 5)
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], first[0])


def test_a_popped_layer_is_not_changed_by_the_model():
    model = network()
    last = model.pop()
    model.trainable = False
    assert last.trainable


def test_the_first_layer_may_carry_the_shape():
    model = pydl.Sequential([layers.Dense(2, input_shape=(4,))])
    assert model.built and model.input_shape == (None, 4)


def test_dropout_works_in_training_only():
    model = network()
    np.testing.assert_array_equal(np.asarray(model(X)), np.asarray(model(X)))
    x = np.random.default_rng(0).normal(size=(50, 4))
    first, second = (np.asarray(model(x, training=True)) for _ in range(2))
    assert (first != second).any()


def test_outputs_of_layers_make_other_models():
    model = network()
    hidden = pydl.Model(model.inputs, model.layers[0].output)
    w, b = model.layers[0].get_weights()
    np.testing.assert_allclose(
        np.asarray(hidden(X)), np.maximum(X @ w + b, 0), rtol=1e-5
    )


def test_models_inside_models():
    inner = pydl.Sequential([layers.Dense(3), layers.Dense(2)], name="inner")
    model = pydl.Sequential([pydl.Input((4,)), inner, layers.Dense(1)], name="outer")
    assert model(X).shape == (3, 1) and len(model.weights) == 6
    assert model.weights[0].path == f"outer/inner/{inner.layers[0].name}/kernel"


def test_json_round_trip():
    model = network(name="m")
    copy = model_from_json(model.to_json())
    assert copy.name == "m" and copy.get_config() == model.get_config()
    copy.set_weights(model.get_weights())
    np.testing.assert_array_equal(np.asarray(copy(X)), np.asarray(model(X)))


def test_an_unbuilt_model_survives_json():
    model = pydl.Sequential([layers.Dense(5)])
    copy = model_from_json(model.to_json())
    assert not copy.built and copy.layers[0].units == 5


def test_clone_has_new_weights_and_equal_structure():
    model = network()
    copy = clone_model(model)
    assert copy.get_config() == model.get_config()
    assert (copy.get_weights()[0] != model.get_weights()[0]).any()
    assert not {id(v) for v in copy.variables} & {id(v) for v in model.variables}


def test_clone_function_replaces_layers():
    def wider(layer):
        config = layer.get_config()
        if "units" in config:
            config["units"] += 1
        return type(layer).from_config(config)

    assert clone_model(network(), clone_function=wider).output_shape == (None, 3)


def test_get_layer():
    model = network()
    assert model.get_layer(index=2) is model.layers[2]
    assert model.get_layer(model.layers[1].name) is model.layers[1]
    with pytest.raises(ValueError, match="No such layer: zork. Existing layers are"):
        model.get_layer("zork")
    with pytest.raises(ValueError, match="index 3 but model only has 3"):
        model.get_layer(index=3)
    with pytest.raises(ValueError, match="either a layer name or a layer index"):
        model.get_layer()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: pydl.Sequential([3]), "Only instances of `pydl.Layer`.*Received: 3"),
        (lambda: network(name="m")(np.ones((2, 3))), r"'m'.*found shape=\(2, 3\)"),
        (lambda: network(name="m").add(pydl.Input((3,))), "'m': an input can only be"),
        (lambda: pydl.Sequential().pop(), "no layers to pop"),
        (lambda: pydl.Sequential(name="m").build((None, 3)), "'m'.*no layers"),
        (lambda: pydl.Sequential([layers.Dense(1)]).build(), "`input_shape`"),
        (lambda: pydl.Sequential([layers.Dense(1, name="a")] * 2), "unique names.*'a'"),
        (lambda: model_from_json('{"class_name": "os", "config": {}}'), "'os'"),
    ],
)  # fmt: skip
def test_what_is_refused(call, text):
    with pytest.raises(ValueError, match=text):
        call()


def test_fit_without_input_builds_the_model():
    model = pydl.Sequential([layers.Dense(4, activation="relu"), layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(X, X[:, :1], epochs=2, batch_size=2, verbose=0)
    assert len(history.history["loss"]) == 2 and len(model.weights) == 4


def test_regularization_is_part_of_the_loss():
    model = pydl.Sequential(
        [
            pydl.Input((4,)),
            layers.Dense(1, kernel_initializer="ones", kernel_regularizer="l2"),
        ]
    )
    model.compile("sgd", "mse")
    y = X.sum(1, keepdims=True)
    loss = model.evaluate(X, y, verbose=0)
    assert loss == pytest.approx(0.04, rel=1e-5)


def test_frozen_layers_do_not_move():
    model = network()
    model.layers[0].trainable = False
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.fit(X, np.ones((3, 2)), verbose=0)
    after = model.get_weights()
    np.testing.assert_array_equal(before[0], after[0])
    assert (before[2] != after[2]).any()


def test_changes_after_fit_take_effect():
    model = network()
    model.compile("sgd", "mse")
    model.fit(X, np.ones((3, 2)), verbose=0)
    model.pop()
    assert model.predict(X, verbose=0).shape == (3, 5)
    model.layers[0].trainable = False
    before = model.get_weights()
    model.fit(X, np.ones((3, 5)), verbose=0)
    np.testing.assert_array_equal(before[0], model.get_weights()[0])
