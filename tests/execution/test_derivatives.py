"""`value_and_grad` and `grad`."""

from __future__ import annotations

import numpy as np
import pytest

import pydl
from differences import check_gradient
from pydl import ops

rng = np.random.default_rng(8)


def loss(x, y):
    return ops.sum(ops.exp(x["a"] * y)) + ops.sum(x["b"][0])


@pytest.mark.parametrize("compiled", [False, True])
def test_structures_of_arguments(compiled):
    f = pydl.value_and_grad(loss, (0, 1))
    f = pydl.function(f) if compiled else f
    x = {"a": np.array([1.0, 2.0]), "b": [np.ones(3)]}
    y = np.array([0.5, 0.1])
    value, (gx, gy) = f(x, y)
    np.testing.assert_allclose(float(value), np.exp(x["a"] * y).sum() + 3)
    np.testing.assert_allclose(np.asarray(gx["a"]), y * np.exp(x["a"] * y))
    np.testing.assert_allclose(np.asarray(gx["b"][0]), np.ones(3))
    np.testing.assert_allclose(np.asarray(gy), x["a"] * np.exp(x["a"] * y))


@pytest.mark.parametrize("compiled", [False, True])
def test_hessian_vector_product_against_differences(compiled):
    a = rng.normal(size=(3, 3))

    def energy(x):
        return ops.sum(ops.tanh(ops.matmul(a, ops.expand_dims(x, 1))) ** 2)

    def directional(x, v):
        return ops.sum(pydl.grad(energy)(x) * v)

    product = pydl.grad(directional, (0, 1))
    product = pydl.function(product) if compiled else product
    check_gradient(product, directional, [rng.normal(size=3), rng.normal(size=3)])


def test_the_same_array_twice_is_two_arguments():
    x = np.float64(3.0)
    first, second = pydl.grad(lambda a, b: a * a * b, (0, 1))(x, x)
    assert (float(first), float(second)) == (18, 9)


def test_aux_and_variables():
    v = pydl.Variable(2.0)
    w = pydl.Variable(1.0)

    def f(x):
        return v * v * x, {"seen": x}

    (value, aux), grads = pydl.value_and_grad(f, has_aux=True, variables=[v, w])(3.0)
    assert (float(value), aux, float(grads[0]), float(grads[1])) == (
        12, {"seen": 3.0}, 12, 0,
    )  # fmt: skip
    gradient, aux = pydl.grad(f, has_aux=True)(3.0)
    assert float(gradient) == 4 and "seen" in aux


def test_unused_arguments_have_gradient_zero():
    assert pydl.grad(lambda a, b: ops.sum(a), 1)(np.ones(2), np.ones(3)).tolist() == [
        0, 0, 0,
    ]  # fmt: skip


def test_mistakes():
    with pytest.raises(ValueError, match="scalar tensor"):
        pydl.grad(lambda x: x)(np.ones(2))
    with pytest.raises(TypeError, match="float tensors as argument 0"):
        pydl.grad(lambda x: x)(np.array(1))
    with pytest.raises(ValueError, match="not among the 1 positional"):
        pydl.grad(lambda x: x, 1)(1.0)
    with pytest.raises(ValueError, match="not both"):
        pydl.grad(lambda x: x, 0, variables=[])
    with pytest.raises(ValueError, match=r"return \(value, aux\)"):
        pydl.grad(lambda x: x, has_aux=True)(1.0)
