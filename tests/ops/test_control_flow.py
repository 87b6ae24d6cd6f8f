"""Branches and loops: eager, in compiled functions, with gradients."""

from __future__ import annotations

import numpy as np
import pytest

import pydl
from differences import check_gradient
from pydl import ops
from pydl.ops import loops

rng = np.random.default_rng(4)


@pytest.fixture(params=["eager", "compiled"])
def run(request):
    """Applies a function, compiled or not."""
    if request.param == "eager":
        return lambda f, *args: f(*map(ops.convert_to_tensor, args))
    return lambda f, *args: pydl.function(f)(*args)


def branchy(x):
    return ops.cond(ops.sum(x) > 0, lambda: {"y": ops.exp(x)}, lambda: {"y": x * 2.0})[
        "y"
    ]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_cond_and_its_gradient(run, sign):
    x = sign * rng.uniform(0.5, 1.0, size=3)
    expected = np.exp(x) if sign > 0 else x * 2
    np.testing.assert_allclose(np.asarray(run(branchy, x)), expected)

    def loss(x):
        return ops.sum(branchy(x) * x)

    check_gradient(lambda x: [run(pydl.grad(loss), x)], loss, [x])


def test_cond_in_a_python_predicate_runs_one_branch():
    ran = []
    ops.cond(True, lambda: ran.append(1), lambda: ran.append(2))
    ops.cond(np.array([False]), lambda: ran.append(3), lambda: ran.append(4))
    assert ran == [1, 4]


@pytest.mark.parametrize("x", [2.0, -2.0])
def test_branches_assign_only_when_taken(run, x):
    a, b = pydl.Variable(1.0, name="a"), pydl.Variable(10.0, name="b")

    def f(x):
        def positive():
            a.assign_add(x)
            return a * 1.0

        def negative():
            a.assign(0.0)
            b.assign_sub(1.0)
            return a + b

        result = ops.cond(x > 0, positive, negative)
        return result, a + 0.0

    result, after = run(f, np.float32(x))
    expected = (3.0, 10.0, 3.0) if x > 0 else (0.0, 9.0, 9.0)
    assert (float(a), float(b), float(result)) == expected
    assert float(after) == float(a)


def test_bad_data_counts_only_in_the_branch_taken():
    table = np.eye(3, dtype="float32")

    @pydl.function
    def f(i, good):
        return ops.cond(
            good > 0, lambda: ops.take(table, i, axis=0), lambda: ops.zeros((1, 3))
        )

    assert f(np.array([9]), np.int32(0)).tolist() == [[0, 0, 0]]
    with pytest.raises(ValueError, match="indices between -3 and 2"):
        f(np.array([9]), np.int32(1))


def test_cond_inside_a_stateless_scope():
    v = pydl.Variable(1.0)

    @pydl.function
    def f(x):
        with pydl.StatelessScope([(v, x)]) as scope:
            ops.cond(x > 0, lambda: v.assign_add(1.0), lambda: v.assign_add(5.0))
        return scope.get_current_value(v)

    assert float(f(np.float32(2))) == 3 and float(f(np.float32(-2))) == 3
    assert float(v) == 1


def test_cond_mistakes():
    with pytest.raises(TypeError, match="true_fn to be callable"):
        ops.cond(True, 1, lambda: 2)
    for other in (lambda x: x[:1], lambda x: None):
        f = pydl.function(
            lambda x, other=other: ops.cond(x[0] > 0, lambda: x, lambda: other(x))
        )
        with pytest.raises(ValueError, match="cond: expected"):
            f(np.ones(2))


@pytest.mark.parametrize("index", [-3, 0, 1, 2, 7])
def test_switch_clamps(run, index):
    def f(i, x):
        branches = [lambda x: x, lambda x: x * 2.0, lambda x: x * 3.0]
        return ops.switch(i, branches, x)

    assert float(run(f, np.int32(index), np.float32(1))) == min(max(index, 0), 2) + 1


def test_switch_without_branches():
    with pytest.raises(ValueError, match="one or more branches"):
        ops.switch(0, [])


def test_fori_loop_and_its_gradient(run):
    def f(x):
        return ops.fori_loop(0, 4, lambda i, a: a * x[i] + ops.sin(a), ops.sum(x))

    x = rng.normal(size=4)
    check_gradient(lambda x: [run(pydl.grad(f), x)], f, [x])


def test_fori_loop_of_no_passes():
    assert ops.fori_loop(3, 3, lambda i, a: a + 1, 5) == 5
    assert (
        ops.fori_loop(np.int64(1), ops.convert_to_tensor(4), lambda i, a: a + i, 0) == 6
    )


def test_while_loop(run):
    def f(x):
        return ops.while_loop(
            lambda i, y: y < 100.0,
            lambda i, y: (i + 1, y * 2.0),
            (0, x),
            maximum_iterations=20,
        )

    count, value = run(f, np.float64(3.0))
    assert int(count) == 6 and float(value) == 192
    grad = run(pydl.grad(lambda x: f(x)[1]), np.float64(3.0))
    assert float(grad) == 64


def test_while_loop_with_one_variable_and_a_limit(run):
    def f(x):
        return ops.while_loop(lambda y: y < 100.0, lambda y: y * 2.0, x, 3)

    assert float(run(f, np.float32(1.0))) == 8


def test_loops_whose_length_is_data_say_what_to_do():
    """A body that asks for values is no loop of a plan."""
    f = pydl.function(
        lambda x: ops.while_loop(lambda y: y < 9.0, lambda y: y * float(y), x)
    )
    with pytest.raises(TypeError, match="fori_loop.*run_eagerly=True"):
        f(np.float32(2))
    g = pydl.function(
        lambda n: ops.fori_loop(0, n, lambda i, a: a + float(i), ops.zeros(()))
    )
    with pytest.raises(TypeError, match="bounds are data.*run_eagerly=True"):
        g(np.int32(3))
    eager = pydl.function(g.python_function, run_eagerly=True)
    assert float(eager(ops.convert_to_tensor(3))) == 3


def test_too_many_passes_are_refused_and_passes_are_told():
    f = pydl.function(lambda x, n: ops.fori_loop(0, n, lambda i, a: a + x * int(i), x))
    with pytest.raises(ValueError, match=f"at most {loops.UNROLL_LIMIT} passes"):
        f(np.float32(1), loops.UNROLL_LIMIT + 1)
    assert float(f(np.float32(1), 5)) == 11
    assert "fori_loop: 5 passes unrolled" in str(f.explain()[0])
    many = loops.UNROLL_LIMIT + 1
    assert ops.fori_loop(0, many, lambda i, a: a + 1, 0) == many


@pytest.mark.parametrize("reverse", [False, True])
def test_scan_and_its_gradient(run, reverse):
    def f(init, xs):
        carry, ys = ops.scan(
            lambda c, x: (ops.tanh(c * x["a"]) + x["b"], {"c": c, "n": None}),
            init,
            xs,
            reverse=reverse,
        )
        assert ys["n"] is None
        return ops.sum(carry) + ops.sum(ys["c"] * xs["a"])

    def loss(init, a, b):
        return f(init, {"a": a, "b": b})

    arrays = [rng.normal(size=(2,)), rng.normal(size=(4, 2)), rng.normal(size=(4, 2))]
    grads = pydl.grad(loss, (0, 1, 2))
    check_gradient(lambda *args: run(grads, *args), loss, arrays)


def test_scan_without_rows():
    carry, ys = ops.scan(lambda c, _: (c * 2, c), 1, length=5)
    assert int(carry) == 32 and ys.tolist() == [1, 2, 4, 8, 16]


def test_scan_mistakes():
    with pytest.raises(TypeError, match="`f` should be a callable"):
        ops.scan(1, 0, np.ones(3))
    with pytest.raises(ValueError, match="Got no `xs`"):
        ops.scan(lambda c, x: (c, x), 0)
    with pytest.raises(ValueError, match="`unroll` must be"):
        ops.scan(lambda c, x: (c, x), 0, np.ones(3), unroll=0)
    with pytest.raises(ValueError, match="equally many rows"):
        ops.scan(lambda c, x: (c, x), 0, [np.ones(3), np.ones(2)])
    with pytest.raises(ValueError, match="length=2"):
        ops.scan(lambda c, x: (c, x), 0, np.ones(3), length=2)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 11])
def test_associative_scan_of_matrices(run, count, reverse):
    """An operation that is not commutative tells whether the order is kept."""
    a = rng.normal(size=(count, 2, 2))

    def product(a, b):
        return ops.sum(ops.expand_dims(a, -1) * ops.expand_dims(b, -3), axis=-2)

    found = run(lambda a: ops.associative_scan(product, a, reverse=reverse), a)
    order = a[::-1] if reverse else a
    expected = [order[0]]
    for matrix in order[1:]:
        expected.append(expected[-1] @ matrix)
    expected = np.stack(expected[::-1] if reverse else expected)
    np.testing.assert_allclose(np.asarray(found), expected)


def test_associative_scan_of_a_structure_along_another_axis(run):
    def f(x, y):
        return ops.associative_scan(
            lambda a, b: {"s": a["s"] + b["s"], "m": ops.maximum(a["m"], b["m"])},
            {"s": x, "m": y},
            axis=-1,
        )

    x, y = rng.normal(size=(2, 5)), rng.normal(size=(3, 5))
    found = run(f, x, y)
    np.testing.assert_allclose(np.asarray(found["s"]), np.cumsum(x, -1))
    np.testing.assert_allclose(np.asarray(found["m"]), np.maximum.accumulate(y, -1))
    with pytest.raises(ValueError, match="equal size along axis 0"):
        ops.associative_scan(lambda a, b: a, [x, y])


def test_the_gradient_of_an_associative_scan(run):
    def loss(x):
        y = ops.associative_scan(lambda a, b: a * b, x)
        return ops.sum(y * y)

    x = rng.uniform(0.5, 1.5, size=5)
    check_gradient(lambda x: [run(pydl.grad(loss), x)], loss, [x])


def test_map_and_vectorized_map(run):
    x = rng.normal(size=(3, 4))

    def f(x):
        rows = ops.map(lambda r: {"s": ops.sum(r), "d": r * 2.0}, x)
        products = ops.vectorized_map(lambda p: ops.sum(p[0] * p[1]), (x, x))
        return rows["s"], rows["d"], products

    s, d, products = run(f, x)
    np.testing.assert_allclose(np.asarray(s), x.sum(1))
    np.testing.assert_allclose(np.asarray(d), x * 2)
    np.testing.assert_allclose(np.asarray(products), (x * x).sum(1))
    with pytest.raises(ValueError, match="one row or more"):
        ops.map(lambda x: x, np.ones((0, 2)))


def test_in_a_layer_of_a_model():
    class Loop(pydl.layers.Layer):
        def call(self, x):
            x = ops.fori_loop(0, 3, lambda i, a: a + ops.tanh(a), x)
            return ops.cond(ops.sum(x) > 0, lambda: x, lambda: x * 0.5)

    x = pydl.Input((3,))
    model = pydl.Model(x, pydl.layers.Dense(1)(Loop()(x)))
    data = rng.normal(size=(8, 3)).astype("float32")
    losses = {}
    weights = model.get_weights()
    for eagerly in (False, True):
        model.set_weights(weights)
        model.compile("sgd", "mse", run_eagerly=eagerly)
        history = model.fit(data, data[:, :1], epochs=2, shuffle=False, verbose=0)
        losses[eagerly] = history.history["loss"]
    np.testing.assert_allclose(losses[True], losses[False], rtol=1e-5)
    assert any("passes unrolled" in str(table) for table in model.explain()) is False
    model.compile("sgd", "mse")
    model.fit(data, data[:, :1], verbose=0)
    assert any("passes unrolled" in str(table) for table in model.explain())
