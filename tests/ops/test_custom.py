"""`custom_gradient` and `remat`, eager and traced."""

from __future__ import annotations

import numpy as np
import pytest

import pydl
from differences import check_gradient, slopes
from pydl import layers, ops

rng = np.random.default_rng(3)


@ops.custom_gradient
def log1pexp(x):
    e = ops.exp(x)

    def grad(upstream):
        return upstream * (1.0 - 1.0 / (1.0 + e))

    return ops.log(1.0 + e), grad


@ops.custom_gradient
def doubled_slope(x, y):
    def grad(upstream):
        return 2.0 * upstream * y, upstream * x

    return x * y, grad


@ops.custom_gradient
def two_results(x):
    return (x * 2.0, x * 3.0), lambda a, b: a * 10.0 + b * 100.0


def both_ways(function):
    return [function, pydl.function(function)]


@pytest.mark.parametrize("way", [0, 1])
def test_the_given_gradient_is_used(way):
    def slope(x, y):
        return pydl.grad(lambda a, b: ops.sum(doubled_slope(a, b)), (0, 1))(x, y)

    x, y = rng.normal(size=3), rng.normal(size=3)
    found = both_ways(slope)[way](x, y)
    np.testing.assert_allclose(np.asarray(found[0]), 2 * y)
    np.testing.assert_allclose(np.asarray(found[1]), x)


@pytest.mark.parametrize("way", [0, 1])
def test_first_and_second_derivative_of_a_right_one(way):
    def loss(x):
        return ops.sum(log1pexp(x) * x)

    first = both_ways(lambda x: [pydl.grad(loss)(x)])[way]
    check_gradient(first, loss, [rng.normal(size=(2, 3))])

    def norm(x):
        return ops.sum(ops.square(pydl.grad(loss)(x)))

    second = both_ways(lambda x: [pydl.grad(norm)(x)])[way]
    check_gradient(second, norm, [rng.normal(size=4)])


@pytest.mark.parametrize("way", [0, 1])
def test_several_results_and_one_that_is_not_used(way):
    def slope(x):
        both = pydl.grad(lambda a: ops.sum(two_results(a)[0] + two_results(a)[1]))
        one = pydl.grad(lambda a: ops.sum(two_results(a)[1]))
        return both(x), one(x)

    both, one = both_ways(slope)[way](np.ones(2))
    assert both.tolist() == [110, 110] and one.tolist() == [100, 100]


def test_an_image_of_keras_with_upstream_by_name():
    @ops.custom_gradient
    def f(x):
        def grad(*args, upstream=None):
            if upstream is None:
                (upstream,) = args
            return upstream * 7.0

        return x * 2.0, grad

    assert float(pydl.grad(f)(1.0)) == 7
    assert float(f(3.0)) == 6


def test_in_a_model_and_symbolically():
    x = pydl.Input((3,))
    model = pydl.Model(x, log1pexp(layers.Dense(2)(x)))
    data = rng.normal(size=(4, 3)).astype("float32")
    dense = model.layers[1]
    expected = np.log1p(np.exp(data @ dense.kernel.numpy()))
    np.testing.assert_allclose(model.predict(data, verbose=0), expected, rtol=1e-5)
    model.compile("sgd", "mse")
    history = model.fit(data, np.zeros((4, 2)), epochs=3, verbose=0).history["loss"]
    assert history[2] < history[0]


def test_custom_gradient_mistakes():
    with pytest.raises(ValueError, match="return \\(outputs, gradient function\\)"):
        ops.custom_gradient(lambda x: x)(ops.ones(2))
    with pytest.raises(TypeError, match="gradient function second"):
        ops.custom_gradient(lambda x: (x, 1))(ops.ones(2))
    wrong = ops.custom_gradient(lambda x: (x, lambda g: (g, g)))
    with pytest.raises(ValueError, match="return 1 gradient"):
        pydl.grad(lambda x: ops.sum(wrong(x)))(ops.ones(2))
    shape = ops.custom_gradient(lambda x: (x, lambda g: ops.ones(3)))
    with pytest.raises(ValueError, match=r"shape \(2,\).*shape \(3,\)"):
        pydl.grad(lambda x: ops.sum(shape(x)))(ops.ones(2))


def deep(x, w):
    for _ in range(3):
        x = ops.tanh(ops.matmul(x, w))
    return x


@pytest.mark.parametrize("way", [0, 1])
def test_remat_gives_the_same_gradients(way):
    x, w = rng.normal(size=(4, 3)), rng.normal(size=(3, 3))

    def loss(x, w):
        return ops.sum(ops.square(pydl.remat(deep)(x, w)))

    grads = both_ways(pydl.grad(loss, (0, 1)))[way]
    check_gradient(grads, loss, [x, w])

    def norm(x, w):
        return ops.sum(ops.square(pydl.grad(loss, 1)(x, w)))

    found = both_ways(lambda x, w: pydl.grad(norm, (0, 1))(x, w))[way](x, w)
    for place in range(2):
        expected = slopes(norm, [x, w], place)
        np.testing.assert_allclose(np.asarray(found[place]), expected, rtol=1e-4)


def model_step(model, call):
    def step(x):
        with pydl.GradientTape() as tape:
            loss = ops.sum(ops.square(call(x, training=True)))
        return loss, tape.gradient(loss, model.trainable_variables)

    return step


@pytest.mark.parametrize("way", [0, 1])
def test_remat_reaches_variables_and_draws_the_same_numbers(way):
    model = pydl.Sequential(
        [
            layers.Dense(8, activation="relu"),
            layers.Dropout(0.5, seed=1),
            layers.Dense(2),
        ]
    )
    x = rng.normal(size=(16, 4)).astype("float32")
    model(x)
    state = [v.numpy() for v in model.variables]
    results = []
    for call in (model, pydl.remat(model)):
        for variable, value in zip(model.variables, state, strict=True):
            variable.assign(value)
        loss, grads = both_ways(model_step(model, call))[way](x)
        after = [v.numpy() for v in model.variables]
        results.append([np.asarray(a) for a in (loss, *grads, *after)])
    for plain, slim in zip(*results, strict=True):
        np.testing.assert_allclose(slim, plain, rtol=1e-5, atol=1e-6)


def test_a_compiled_remat_computes_again():
    x, w = rng.normal(size=(4, 3)), rng.normal(size=(3, 3))
    counts = []
    for f in (deep, pydl.remat(deep)):
        both = pydl.function(
            pydl.value_and_grad(lambda x, w, f=f: ops.sum(f(x, w)), (0, 1))
        )
        both(x, w)
        rows = [str(row) for row in both.explain()[0].rows]
        counts.append(sum("matmul" in row or "gemm" in row for row in rows))
    assert counts == [3 + 6, 3 + 3 + 6]


def test_a_custom_gradient_inside_remat():
    def f(x):
        return doubled_slope(x, x * 1.0) * 1.0

    for call in (f, pydl.remat(f)):
        for way in both_ways(lambda x, call=call: pydl.grad(call)(x)):
            assert float(way(np.float64(3.0))) == 9
