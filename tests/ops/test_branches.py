"""`cond` and `switch` in plans: one branch runs, the gradient is that branch's."""

from __future__ import annotations

import sys
import time

import numpy as np
import pytest

import pydl
from capi.library import load, open_library
from differences import check_gradient
from pydl import _core, ops
from pydl.passes import branches

rng = np.random.default_rng(8)
HAS_DEVICE = bool(_core.devices()["count"])


@pytest.fixture(params=["by cost", "always"])
def guarding(request, monkeypatch):
    """How large a branch must be to get its `if`."""
    if request.param == "always":
        monkeypatch.setattr(sys.modules[branches.__module__], "WORTH", 0)


@pytest.fixture(params=["cpu", "graph_node", "host_walk"])
def place(request, monkeypatch):
    """Where programs run: the processor, or a GPU in both of its ways."""
    if request.param == "cpu":
        yield request.param
        return
    if not HAS_DEVICE:
        pytest.skip("no GPU, and none emulated")
    if request.param == "host_walk":
        monkeypatch.setenv("PYDL_CUDA_CONDITIONAL", "0")
    with pydl.device("cuda"):
        yield request.param


def ifs(function):
    return sum(row["op"] == "if" for row in function.explain()[-1])


def test_the_branch_not_taken_does_not_spoil_the_gradient(guarding):
    def f(x):
        return ops.sum(ops.cond(x[0] > 0, lambda: ops.log(x), lambda: x * 0.0))

    grad = pydl.function(pydl.grad(f))
    assert grad(np.array([-1.0, 2.0])).tolist() == [0, 0]
    assert grad(np.array([0.0, 2.0])).tolist() == [0, 0]
    assert grad(np.array([2.0, 4.0])).tolist() == [0.5, 0.25]


@pytest.mark.parametrize("x", [2.0, -2.0])
def test_gradients_of_gradients(guarding, x):
    def f(x):
        return ops.cond(x > 0, lambda: ops.log(x) * x, lambda: x * x * x)

    second = pydl.function(pydl.grad(pydl.grad(f)))
    assert float(second(np.float64(x))) == pytest.approx(1 / x if x > 0 else 6 * x)
    third = pydl.function(pydl.grad(pydl.grad(pydl.grad(f))))
    assert float(third(np.float64(x))) == pytest.approx(-1 / x**2 if x > 0 else 6)


def nested(x, w):
    def inner():
        y = ops.matmul(x, w)
        return ops.cond(
            ops.max(y) > 1.0, lambda: (ops.tanh(y), ops.sum(y)), lambda: (y, 2.0)
        )

    y, s = ops.cond(ops.sum(x) > 0, inner, lambda: (ops.sin(x), ops.sum(w)))
    return ops.sum(y * y) * s + s


@pytest.mark.parametrize("scale", [1.0, 0.01, -1.0])
def test_nested_branches_and_their_gradients(guarding, place, scale):
    x, w = scale * rng.uniform(0.5, 1, (3, 3)), rng.normal(size=(3, 3))
    compiled = pydl.function(nested)
    np.testing.assert_allclose(float(compiled(x, w)), float(nested(*map(lift, (x, w)))))
    grads = pydl.function(pydl.grad(nested, (0, 1)))
    check_gradient(lambda *args: grads(*args), nested, [x, w])


def lift(x):
    return ops.convert_to_tensor(x)


def test_a_function_with_branches_is_differentiated_as_a_block(guarding):
    """A tape around a compiled function runs it compiled, forward and back."""
    f = pydl.function(nested)
    x, w = lift(rng.uniform(0.5, 1, (3, 3))), lift(rng.normal(size=(3, 3)))
    with pydl.GradientTape() as outer:
        outer.watch(x)
        with pydl.GradientTape() as tape:
            tape.watch(x)
            y = f(x, w)
        (grad,) = tape.gradient(y, [x])
        total = ops.sum(grad * grad)
    assert f.trace_count == 1
    expected = pydl.grad(nested)(x, w)
    np.testing.assert_allclose(np.asarray(grad), np.asarray(expected))
    second = pydl.grad(lambda x: ops.sum(ops.square(pydl.grad(nested)(x, w))))(x)
    np.testing.assert_allclose(np.asarray(outer.gradient(total, x)), np.asarray(second))


def test_branches_that_are_computed_again(guarding):
    f = pydl.remat(nested)
    x, w = rng.uniform(0.5, 1, (3, 3)), rng.normal(size=(3, 3))
    wanted = pydl.function(pydl.grad(nested, (0, 1)))(x, w)
    found = pydl.function(pydl.grad(f, (0, 1)))(x, w)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b))


def test_custom_gradients_inside_branches(guarding):
    @ops.custom_gradient
    def straight(x):
        return ops.round(x), lambda upstream: upstream

    def f(x):
        return ops.cond(x > 1, lambda: straight(x) * 3.0, lambda: ops.zeros(()))

    grad = pydl.function(pydl.grad(f))
    assert float(grad(np.float32(1.7))) == 3 and float(grad(np.float32(0.7))) == 0


def test_gradients_reach_what_branches_assign(guarding):
    v = pydl.Variable(1.0)

    def f(x):
        ops.cond(x > 0, lambda: v.assign(ops.sqrt(x)), lambda: v.assign(v * x))
        return v * 2.0

    grad = pydl.function(pydl.grad(f))
    assert float(grad(np.float32(4))) == 0.5 and float(v) == 2
    assert float(grad(np.float32(-3))) == 4 and float(v) == -6


@pytest.mark.parametrize("sign", [1, -1])
def test_variables_change_in_place_in_the_branch_taken(place, sign):
    v = pydl.Variable(np.ones(20_000, "float32"))
    w = pydl.Variable(np.ones(20_000, "float32"))

    @pydl.function
    def f(x):
        def yes():
            v.assign(ops.exp(v))
            w.assign_add(v)

        ops.cond(x > 0, yes, lambda: None)

    f(np.float32(sign))
    e = np.float32(np.e) if sign > 0 else 1
    np.testing.assert_allclose(v.numpy(), np.full(20_000, e), rtol=1e-6)
    np.testing.assert_allclose(w.numpy(), 1 + e if sign > 0 else 1, rtol=1e-6)
    assert ifs(f) == 1
    assert not any(row["op"] in ("where", "copy") for row in f.explain()[-1])


def test_random_numbers_are_drawn_in_the_branch_taken(place):
    generator = pydl.random.SeedGenerator(7)

    @pydl.function
    def f(x):
        return ops.cond(
            x > 0,
            lambda: pydl.random.normal((5000,), seed=generator),
            lambda: ops.zeros((5000,)),
        )

    drawn = [f(np.float32(sign)).numpy() for sign in (1, -1, 1)]
    assert ifs(f) >= 1 and not drawn[1].any()
    again = pydl.random.SeedGenerator(7)
    for array in (drawn[0], drawn[2]):
        wanted = pydl.random.normal((5000,), seed=again)
        np.testing.assert_allclose(array, wanted.numpy(), rtol=1e-5, atol=1e-6)


def test_bad_data_in_a_large_branch(place):
    table, v = rng.normal(size=(50, 400)).astype("float32"), pydl.Variable(0.0)

    @pydl.function
    def f(i, good):
        v.assign_add(1.0)
        return ops.cond(
            good > 0,
            lambda: ops.sum(ops.take(table, i, axis=0) ** 2.0, axis=0),
            lambda: ops.zeros((400,)),
        )

    rows, bad = np.arange(40), np.array([3, 99] * 20)
    expected = (table[:40] ** 2).sum(0)
    np.testing.assert_allclose(f(rows, np.int32(1)).numpy(), expected, rtol=1e-5)
    assert not f(bad, np.int32(0)).numpy().any() and ifs(f) >= 1
    assert float(v) == 2
    with pytest.raises(ValueError, match="indices between -50 and 49.*index 1 "):
        f(bad, np.int32(1))
    assert float(v) == 2


@pytest.mark.parametrize("index", [-1, 0, 1, 2, 3, 9])
def test_switch_in_a_plan(guarding, place, index):
    def f(i, x):
        functions = [ops.exp, ops.sin, lambda x: x[::-1] * 2.0, ops.square]
        return ops.sum(ops.switch(i, functions, x) * x)

    x = rng.normal(size=3000)
    found = pydl.function(pydl.grad(f, 1))(np.int32(index), x)
    clipped = min(max(index, 0), 3)
    wanted = [
        np.exp(x) * (1 + x), np.sin(x) + x * np.cos(x), 4 * x[::-1], 3 * x * x
    ][clipped]  # fmt: skip
    np.testing.assert_allclose(np.asarray(found), wanted, rtol=1e-10, atol=1e-12)


def test_a_branch_that_is_not_taken_costs_nothing():
    w = rng.normal(size=(512, 512)).astype("float32")

    @pydl.function
    def f(x, on):
        def heavy():
            return ops.fori_loop(0, 8, lambda _, y: ops.tanh(ops.matmul(y, w)), x)

        return ops.cond(on > 0, heavy, lambda: x)

    x, seconds = np.ones((256, 512), "float32"), {}
    for on in (1, 0, 1, 0):
        times = []
        for _ in range(5):
            begin = time.perf_counter()
            f(x, np.int32(on))
            times.append(time.perf_counter() - begin)
        seconds[on] = min(times)
    assert seconds[0] < seconds[1] / 5
    assert ifs(f) == 2 and "if" in repr(f.explain()[0])


def test_small_branches_stay_together():
    f = pydl.function(lambda x: ops.cond(x > 0, lambda: ops.exp(x), lambda: x * 2.0))
    assert float(f(np.float32(-1))) == -2 and ifs(f) == 0


class Gated(pydl.layers.Layer):
    """A product that only batches with a positive mean go through."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], shape[-1]), name="kernel")
        self.count = self.add_weight(shape=(), trainable=False, initializer="zeros")

    def call(self, x):
        def through():
            self.count.assign(self.count + 1.0)
            return x + ops.tanh(ops.matmul(x, self.kernel))

        return ops.cond(ops.mean(x) > 0, through, lambda: x)


def fitted(slices, eagerly=False):
    pydl.utils.set_random_seed(3)
    x = np.random.default_rng(5).normal(size=(64, 40)).astype("float32")
    model = pydl.Sequential([Gated(), pydl.layers.Dense(1)])
    model.compile("sgd", "mse", steps_per_execution=slices, run_eagerly=eagerly)
    model.fit(x, x[:, :1], batch_size=8, epochs=2, verbose=0)
    return model.get_weights(), model


@pytest.mark.filterwarnings("ignore:Gradients do not exist")  # op by op
def test_branches_in_fit(guarding, place):
    weights, model = fitted(1)
    for other in (3, 8):
        for a, b in zip(weights, fitted(other)[0], strict=True):
            np.testing.assert_array_equal(a, b)
    for a, b in zip(weights, fitted(1, eagerly=True)[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-6)
    assert 0 < float(model.layers[0].count) < 16


def test_branches_in_an_exported_model(guarding, tmp_path):
    """From C it predicts and trains as from Python."""
    model = fitted(1)[1]
    x = rng.normal(size=(8, 40)).astype("float32")
    model.export(tmp_path / "gated.pydl", batch_sizes=(8,), train_batch_size=8)
    library = open_library()
    with load(library, tmp_path / "gated.pydl") as loaded:
        for sign in (1, -1):
            batch, out = sign * np.abs(x), np.empty((8, 1), "float32")
            loaded.predict(batch, out)
            wanted = model.predict(batch, verbose=0)
            np.testing.assert_allclose(out, wanted, rtol=1e-5, atol=1e-6)
            target = np.ascontiguousarray(batch[:, :1])
            loaded.train(batch, target)
            model.train_on_batch(batch, target)
        count = np.zeros((), "float32")
        path = model.layers[0].count.path
        assert loaded.get(path, count) == float(model.layers[0].count)
