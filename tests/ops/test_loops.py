"""Loops in plans: values, gradients, what they assign and draw, where they run."""

from __future__ import annotations

import numpy as np
import pytest

import pydl
from capi.library import load, open_library
from differences import check_gradient
from pydl import _core, ops
from pydl.ops import loops

rng = np.random.default_rng(12)
HAS_DEVICE = bool(_core.devices()["count"])


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


@pytest.fixture(autouse=True)
def no_loop_is_short(monkeypatch):
    monkeypatch.setattr(loops, "FEW", 0)


def lift(x):
    return ops.convert_to_tensor(x)


def how_many(function, op="loop"):
    return sum(row["op"] == op for row in function.explain()[-1])


def same(f, *args, grads=(), loops=1, rtol=1e-9):
    """The compiled `f` is a loop and gives what it gives op by op; so do gradients."""
    compiled = pydl.function(f)
    wanted = pydl.tree.flatten(f(*map(lift, args)))
    for _ in range(2):
        found = pydl.tree.flatten(compiled(*args))
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol, 1e-12)
    assert how_many(compiled) == loops, compiled.explain()[0]
    if grads:
        total = lambda *args: sum(  # noqa: E731
            ops.sum(ops.sin(y)) for y in pydl.tree.flatten(f(*args))
        )
        check_gradient(pydl.function(pydl.grad(total, grads)), total, list(args))
    return compiled


W = rng.normal(size=(3, 3)) * 0.5


@pytest.mark.parametrize("passes", [0, 1, 2, 7])
def test_fori_loop(place, passes):
    def f(x, w):
        return ops.fori_loop(
            0, passes, lambda i, a: ops.tanh(ops.matmul(a, w)) + ops.cast(i, x.dtype), x
        )

    same(f, rng.normal(size=(2, 3)), W, grads=(0, 1), loops=passes > 0)


def test_carried_structures_that_swap(place):
    def f(x, y):
        return ops.fori_loop(
            0, 5, lambda i, s: {"a": s["b"], "b": s["a"] * 2.0 + s["b"]},
            {"a": x, "b": y},
        )  # fmt: skip

    same(f, rng.normal(size=4), rng.normal(size=4), grads=(0, 1))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("rows", [1, 5])
def test_scan(place, rows, reverse):
    def f(init, a, b, w):
        def step(c, x):
            h = ops.tanh(ops.matmul(c, w) + x["a"])
            return h, {"h": h, "c": c, "b": x["b"] * 2.0, "n": None}

        carry, ys = ops.scan(step, init, {"a": a, "b": b}, reverse=reverse)
        assert ys["n"] is None
        return carry, ys["h"], ys["c"], ys["b"]

    args = rng.normal(size=(2, 3)), rng.normal(size=(rows, 2, 3)), rng.normal(size=rows)
    same(f, *args, W, grads=(0, 1, 2, 3))


def test_scan_without_rows_and_without_a_carry(place):
    same(
        lambda x: ops.scan(lambda c, _: (c * x, c), x, length=6), np.array(1.1), grads=0
    )
    same(
        lambda x: ops.scan(lambda c, r: (c, ops.sum(r)), (), x)[1],
        rng.normal(size=(4, 3)), grads=0,
    )  # fmt: skip


def test_map(place):
    def f(x, y):
        return ops.map(lambda r: {"s": ops.sort(r[0]), "d": r[1] * y}, (x, x * 2.0))

    same(f, rng.normal(size=(5, 3)), np.array(0.7), grads=(0, 1))
    same(
        lambda x: ops.vectorized_map(lambda r: ops.matmul(r, r), x),
        rng.normal(size=(4, 3, 3)), grads=0,
    )  # fmt: skip


def test_while_loop_of_data(place):
    def f(x):
        return ops.while_loop(
            lambda i, y: ops.sum(y) < 100.0, lambda i, y: (i + 1, y * 2.0), (0, x)
        )

    for scale in (1.0, 1000.0):  # many passes, and none
        compiled = same(f, scale * np.ones(3))
    with pytest.raises(ValueError, match="maximum_iterations"):
        pydl.function(pydl.grad(lambda x: ops.sum(f(x)[1])))(np.ones(3))
    assert compiled.trace_count == 1


@pytest.mark.parametrize("most", [3, 20])
@pytest.mark.parametrize("scale", [1.0, 10.0, 1000.0])
def test_while_loop_with_a_limit_has_a_gradient(place, most, scale):
    def f(x, w):
        return ops.while_loop(
            lambda i, y: ops.sum(y * y) < 100.0,
            lambda i, y: (i + 1, y * 1.5 + ops.matmul(y, w) * 0.1),
            (0, x),
            maximum_iterations=most,
        )[1]

    same(f, scale * rng.uniform(0.5, 1, (2, 3)), np.abs(W), grads=(0, 1))


def test_bounds_of_data(place):
    @pydl.function
    def f(n, m, x):
        return ops.fori_loop(n, m, lambda i, a: a + ops.cast(i, "float32") * x, x)

    for n, m in ((0, 5), (2, 4), (3, 3), (5, 1)):
        found = f(np.int32(n), np.int32(m), np.float32(2))
        assert float(found) == 2 + 2 * sum(range(n, m))
    assert f.trace_count == 1 and how_many(f) == 1
    grad = pydl.function(pydl.grad(f.python_function, 2))
    with pytest.raises(ValueError, match="bounds are data has no gradient"):
        grad(np.int32(0), np.int32(2), np.float32(2))


def test_loops_in_loops(place):
    def f(x, w):
        def row(c, r):
            inner, ys = ops.scan(lambda d, e: (ops.tanh(d * e + c), d * 2.0), c, r)
            return inner, (ys, ops.fori_loop(0, 3, lambda i, a: ops.sin(a) * w, inner))

        return ops.scan(row, w, x, reverse=True)

    same(f, rng.normal(size=(4, 5)), np.array(0.3), grads=(0, 1), loops=3)


def test_a_branch_in_a_loop_and_a_loop_in_a_branch(place, monkeypatch):
    import sys

    from pydl.passes import branches

    monkeypatch.setattr(sys.modules[branches.__module__], "WORTH", 0)

    def f(x, w):
        def inside(i, a):
            def loop():
                return ops.fori_loop(0, 3, lambda j, b: ops.tanh(ops.matmul(b, w)), a)

            return ops.cond(ops.sum(a) > i - 3, loop, lambda: ops.log(a * a + 1.0))

        return ops.fori_loop(0, 5, inside, x)

    for scale in (1, -1):
        compiled = same(f, scale * rng.uniform(1, 2, (2, 3)), W, grads=(0, 1), loops=2)
    assert how_many(compiled, "if") == 2


def test_second_derivatives(place):
    def f(x, w):
        return ops.sum(ops.fori_loop(0, 4, lambda i, a: ops.tanh(ops.matmul(a, w)), x))

    def slope(x, w):
        return ops.sum(ops.square(pydl.grad(f, 1)(x, w)))

    x = rng.normal(size=(2, 3))
    check_gradient(pydl.function(pydl.grad(slope, (0, 1))), slope, [x, W])


def test_a_function_with_loops_is_differentiated_as_a_block(place):
    def f(x, w):
        return ops.scan(lambda c, r: (ops.tanh(ops.matmul(c, w) + r), c), x[0], x)[1]

    compiled = pydl.function(f)
    x, w = lift(rng.normal(size=(5, 2, 3))), lift(W)
    with pydl.GradientTape() as tape:
        tape.watch(w)
        y = ops.sum(compiled(x, w) ** 2.0)
    grad = pydl.grad(lambda w: ops.sum(f(x, w) ** 2.0))(w)
    np.testing.assert_allclose(np.asarray(tape.gradient(y, w)), np.asarray(grad))
    assert compiled.trace_count == 1


def test_bodies_that_assign_and_draw(place):
    count, state = pydl.Variable(1.0), pydl.Variable(np.zeros(4, "float32"))
    generator = pydl.random.SeedGenerator(3)

    @pydl.function
    def f(x):
        def body(i, a):
            count.assign_add(1.0)
            state.assign(state * 0.5 + pydl.random.uniform((4,), seed=generator))
            return a + state * count

        return ops.fori_loop(0, 6, body, x)

    x = np.zeros(4, "float32")
    found = [np.asarray(f(x)), np.asarray(f(x))]
    kept = float(count), state.numpy()
    assert how_many(f) == 1 and kept[0] == 13
    count.assign(1.0), state.assign(np.zeros(4, "float32"))
    generator.state.assign(pydl.random.SeedGenerator(3).state)
    for one in found:
        np.testing.assert_allclose(one, np.asarray(f.python_function(x)), rtol=1e-5)
    np.testing.assert_allclose(kept[1], state.numpy(), rtol=1e-6)


def test_bad_data_in_a_body(place):
    v = pydl.Variable(0.0)

    @pydl.function
    def f(table, rows):
        v.assign_add(1.0)
        return ops.scan(lambda c, i: (c + ops.take(table, i), c), 0.0, rows)[0]

    table = np.arange(4, dtype="float32")
    assert float(f(table, np.array([1, 3, 2, 0, 1, 1]))) == 8
    assert how_many(f) == 1
    with pytest.raises(ValueError, match="indices between -4 and 3"):
        f(table, np.array([1, 3, 9, 0, 1, 1]))
    assert float(v) == 1


def test_bodies_that_need_values_are_unrolled():
    f = pydl.function(lambda x: ops.fori_loop(0, 6, lambda i, a: a + float(i), x))
    assert float(f(np.float32(1))) == 16
    assert "fori_loop: 6 passes unrolled because float() needs" in str(f.explain()[0])
    g = pydl.function(
        lambda x: ops.fori_loop(0, 6, lambda i, a: ops.concatenate([a, a[:1]]), x)
    )
    assert g(np.ones(1, "float32")).shape == (7,)


def test_bodies_with_gradients_of_their_own():
    def f(x, w):
        step = pydl.remat(lambda c, r: (ops.tanh(ops.matmul(c, w) + r), ()))
        return ops.scan(step, x[0], x)[0]

    same(f, rng.normal(size=(4, 2, 3)), W, grads=(0, 1))

    @ops.custom_gradient
    def straight(x):
        return ops.round(x), lambda upstream: upstream * 2.0

    g = pydl.function(
        pydl.grad(lambda x: ops.fori_loop(0, 5, lambda i, a: straight(a) + x, x))
    )
    assert float(g(np.float64(1.2))) == 63
    assert how_many(g) == 0 and "custom_gradient in it" in str(g.explain()[0])


def test_losses_added_in_a_body():
    """They leave the body, so it is unrolled."""

    class Noisy(pydl.layers.Layer):
        def call(self, x):
            self.add_loss(ops.sum(x))
            return x * 2.0

    class Outer(pydl.layers.Layer):
        def __init__(self):
            super().__init__()
            self.noisy = Noisy()

        def call(self, x):
            return ops.fori_loop(0, 3, lambda i, a: self.noisy(a), x)

    model = pydl.Sequential([Outer()])
    model.compile("sgd", lambda y, p: ops.sum(p) * 0.0)
    x = np.ones((1, 1), "float32")
    assert model.train_on_batch(x, x) == 7
    assert any("add_loss is used in it" in str(t) for t in model.explain())


def test_what_is_made_inside_stays_inside():
    kept = []

    @pydl.function
    def f(x):
        y = ops.fori_loop(0, 6, lambda i, a: kept.append(a) or a * 2.0, x)
        return y + kept[-1]

    with pytest.raises(ValueError, match="made inside a loop.*returned"):
        f(np.float32(1))


def test_dtypes_settle():
    f = pydl.function(lambda x: ops.scan(lambda c, r: (c + r, c), 0, x))
    carry, ys = f(np.arange(5.0))
    assert (float(carry), ys.dtype, ys.tolist()) == (10, "float64", [0, 0, 1, 3, 6])


def test_the_same_bits_for_any_number_of_threads():
    def f(x, w):
        return ops.fori_loop(0, 300, lambda i, a: ops.tanh(ops.matmul(a, w)), x)

    x, w = rng.normal(size=(64, 300)), rng.normal(size=(300, 300)) / 17
    compiled = pydl.function(pydl.grad(lambda x, w: ops.sum(f(x, w)), (0, 1)))
    results = [np.asarray(g) for g in compiled(x, w)]
    try:
        for threads in (1, 2, 3, 0):
            _core.set_threads(threads)
            for a, b in zip(results, compiled(x, w), strict=True):
                np.testing.assert_array_equal(a, np.asarray(b))
    finally:
        _core.set_threads(0)


class Recurrent(pydl.layers.Layer):
    """A simple recurrent layer over the rows of a batch."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 6), name="kernel")
        self.recurrent = self.add_weight(shape=(6, 6), name="recurrent")
        self.count = self.add_weight(shape=(), trainable=False, initializer="zeros")

    def call(self, x):
        def step(h, row):
            self.count.assign(self.count + 1.0)
            h = ops.tanh(ops.matmul(row, self.kernel) + ops.matmul(h, self.recurrent))
            return h, ()

        steps = ops.transpose(x, (1, 0, 2))
        return ops.scan(step, ops.zeros((x.shape[0], 6)), steps)[0]


def fitted(slices, eagerly=False):
    pydl.utils.set_random_seed(3)
    x = np.random.default_rng(5).normal(size=(40, 7, 4)).astype("float32")
    model = pydl.Sequential([Recurrent(), pydl.layers.Dense(1)])
    model.compile("adam", "mse", steps_per_execution=slices, run_eagerly=eagerly)
    model.fit(x, x[:, 0, :1], batch_size=8, epochs=2, verbose=0)
    return model.get_weights(), model


def test_loops_in_fit(place):
    weights, model = fitted(1)
    for other in (3, 5):
        for a, b in zip(weights, fitted(other)[0], strict=True):
            np.testing.assert_array_equal(a, b)
    for a, b in zip(weights, fitted(1, eagerly=True)[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-5)
    assert float(model.layers[0].count) == 77  # 7 to build
    assert any(row["op"] == "loop" for table in model.explain() for row in table)


def test_loops_in_an_exported_model(tmp_path):
    model = fitted(1)[1]
    model.export(tmp_path / "loop.pydl", batch_sizes=(8,), train_batch_size=8)
    x = rng.normal(size=(8, 7, 4)).astype("float32")
    with load(open_library(), tmp_path / "loop.pydl") as loaded:
        for _ in range(2):
            out = np.empty((8, 1), "float32")
            loaded.predict(x, out)
            wanted = model.predict(x, verbose=0)
            np.testing.assert_allclose(out, wanted, rtol=1e-5, atol=1e-6)
            target = np.ones((8, 1), "float32")
            loaded.train(x, target)
            model.train_on_batch(x, target)
