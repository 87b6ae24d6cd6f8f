"""`debug_numerics`: where NaN and infinities come from."""

from __future__ import annotations

import numpy as np
import pytest

import pydl
from pydl import layers, ops
from pydl.runtime import watchers
from pydl.runtime.numerics import NumericsError

rng = np.random.default_rng(2)


class Root(layers.Layer):
    def call(self, x):
        return ops.sqrt(x)


@pytest.fixture
def model():
    model = pydl.Sequential(
        [pydl.Input((3,)), layers.Dense(4), Root(name="root"), layers.Dense(1)],
        name="net",
    )
    model.compile("sgd", "mse")
    return model


X = rng.normal(size=(64, 3)).astype("float32")
Y = np.zeros((64, 1), "float32")


def test_an_eager_op_is_named_with_line_index_and_value():
    x = ops.convert_to_tensor([[1.0, 2.0], [1.0, -1.0]])
    with pydl.debug_numerics(), pytest.raises(NumericsError) as caught:
        ops.log(x)
    error = caught.value
    assert (error.op, error.layer, error.index) == ("log", "", (1, 1))
    assert np.isnan(error.value) and "test_numerics.py:" in str(error)
    assert "1 of 4 elements" in str(error)
    assert np.isnan(ops.log(x).numpy()[1, 1])  # off again
    assert watchers.active == 0


def test_an_operand_that_was_bad_already_is_told():
    with pydl.debug_numerics(), pytest.raises(NumericsError, match="operand 0 has nan"):
        ops.convert_to_tensor([1.0, np.nan]) + 1.0


def test_infinities_may_be_allowed():
    x = ops.zeros(2)
    with pydl.debug_numerics(infinities=False):
        assert np.isinf(ops.log(x).numpy()).all()
        with pytest.raises(NumericsError):
            ops.log(x) - ops.log(x)
    with pydl.debug_numerics(), pytest.raises(NumericsError, match="-inf"):
        ops.log(x)


def test_a_switch():
    pydl.debug_numerics(True)
    try:
        with pytest.raises(NumericsError):
            ops.log(ops.convert_to_tensor(-1.0))
        with pydl.debug_numerics(False):
            ops.log(ops.convert_to_tensor(-1.0))
        with pytest.raises(NumericsError):
            ops.log(ops.convert_to_tensor(-1.0))
    finally:
        pydl.debug_numerics(False)
    assert watchers.active == 0


CALLS = {
    "call": lambda m: m(X),
    "predict": lambda m: m.predict(X, verbose=0),
    "evaluate": lambda m: m.evaluate(X, Y, verbose=0),
    "fit": lambda m: m.fit(X, Y, epochs=2, verbose=0),
    "function": lambda m: pydl.function(lambda x: m(x))(X),
}


@pytest.mark.parametrize("name", CALLS)
def test_the_layer_is_named_and_weights_stay_finite(model, name):
    with pydl.debug_numerics(), pytest.raises(NumericsError) as caught:
        CALLS[name](model)
    assert (caught.value.op, caught.value.layer) == ("sqrt", "net/root")
    assert len(caught.value.index) == 2
    assert all(np.isfinite(w).all() for w in model.get_weights())


@pytest.mark.parametrize("name", CALLS)
def test_good_numbers_pass_and_change_as_ever(model, name):
    dense = model.layers[0]
    dense.set_weights([np.abs(dense.kernel.numpy()), np.ones(4, "float32") * 9])
    start = model.get_weights()
    ends = []
    for on in (False, True):
        model.set_weights(start)
        pydl.utils.set_random_seed(1)
        with pydl.debug_numerics(on):
            CALLS[name](model)
        ends.append(model.get_weights())
    for plain, checked in zip(*ends, strict=True):
        np.testing.assert_array_equal(checked, plain)


def test_a_gradient_that_is_not_finite_is_found():
    step = pydl.function(pydl.grad(lambda x: ops.sum(ops.sqrt(x))))
    with pydl.debug_numerics(), pytest.raises(NumericsError, match="'div' made inf"):
        step(np.array([1.0, 0.0]))


def test_updates_of_a_function_are_taken_back():
    v = pydl.Variable([1.0, 0.0])

    @pydl.function
    def f(x):
        v.assign(v / x)

    with pydl.debug_numerics(), pytest.raises(NumericsError):
        f(np.zeros(2, "float32"))
    assert v.numpy().tolist() == [1, 0]
