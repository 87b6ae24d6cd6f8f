"""`GradientTape`: eager and traced, nested, persistent, jacobians."""

from __future__ import annotations

import numpy as np
import pytest

import pydl
from differences import slopes
from pydl import ops
from pydl.graph.trace import Trace
from pydl.runtime import Variable, compile_graph, watchers

rng = np.random.default_rng(11)


@pytest.fixture(autouse=True)
def nothing_left_watching():
    yield
    assert watchers.active == 0 and not watchers.is_watched()


def tensor(*shape):
    return ops.convert_to_tensor(rng.normal(size=shape))


def smooth(x, w):
    h = ops.tanh(ops.matmul(x, w))
    return ops.sum(ops.log(1.0 + ops.exp(h)) * ops.softmax(h))


def test_against_finite_differences():
    x, w = tensor(4, 3), tensor(3, 2)
    with pydl.GradientTape() as tape:
        tape.watch([x, w])
        y = smooth(x, w)
    for place, grad in enumerate(tape.gradient(y, [x, w])):
        expected = slopes(smooth, [x.numpy(), w.numpy()], place)
        np.testing.assert_allclose(np.asarray(grad), expected, rtol=1e-6, atol=1e-8)


def inner_gradient(x, w):
    with pydl.GradientTape() as tape:
        tape.watch(w)
        y = smooth(x, w)
    return ops.sum(ops.square(tape.gradient(y, w)))


def test_second_derivatives_against_finite_differences():
    x, w = tensor(3, 2), tensor(2, 2)
    with pydl.GradientTape() as outer:
        outer.watch([x, w])
        z = inner_gradient(x, w)
    for place, grad in enumerate(outer.gradient(z, [x, w])):
        arrays = [x.numpy(), w.numpy()]
        expected = slopes(
            lambda a, b: inner_gradient(
                ops.convert_to_tensor(a), ops.convert_to_tensor(b)
            ),
            arrays,
            place,
        )
        np.testing.assert_allclose(np.asarray(grad), expected, rtol=1e-5, atol=1e-7)


def test_a_traced_tape_gives_what_an_eager_one_does():
    x, w = tensor(3, 2), tensor(2, 2)
    with pydl.GradientTape() as outer:
        outer.watch([x, w])
        z = inner_gradient(x, w)
    eager = outer.gradient(z, [x, w])
    with Trace("tape") as trace:
        a = trace.input("x", x.shape, x.dtype)
        b = trace.input("w", w.shape, w.dtype)
        with pydl.GradientTape() as outer:
            outer.watch([a, b])
            z = inner_gradient(a, b)
        for name, grad in zip("ab", outer.gradient(z, [a, b]), strict=True):
            trace.output(name, grad)
    traced = compile_graph(trace.graph).run({"x": x.numpy(), "w": w.numpy()})
    for found, expected in zip(traced.values(), eager, strict=True):
        np.testing.assert_allclose(found, np.asarray(expected), rtol=1e-10)


def test_third_derivative_of_a_cube():
    x = ops.convert_to_tensor(2.0)
    with pydl.GradientTape() as t3:
        t3.watch(x)
        with pydl.GradientTape() as t2:
            t2.watch(x)
            with pydl.GradientTape() as t1:
                t1.watch(x)
                y = x * x * x * x
            first = t1.gradient(y, x)
        second = t2.gradient(first, x)
    assert float(first) == 32 and float(second) == 48
    assert float(t3.gradient(second, x)) == 48


def test_variables_are_watched_when_they_are_read():
    v = Variable(3.0, name="v")
    frozen = Variable(2.0, trainable=False, name="frozen")
    with pydl.GradientTape() as tape:
        y = v * v * frozen
    assert tape.watched_variables() == (v,)
    grads = tape.gradient(y, [v, frozen])
    assert float(grads[0]) == 12 and grads[1] is None
    with pydl.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(frozen)
        y = v * frozen
    grads = tape.gradient(y, [v, frozen])
    assert grads[0] is None and float(grads[1]) == 3


def test_a_gradient_is_of_the_value_that_was_read():
    v = Variable(3.0, name="v")
    with pydl.GradientTape() as tape:
        y = v * v
        v.assign(10.0)
        z = y + v * 2.0
    assert float(tape.gradient(z, v)) == 6 + 2  # both reads count


def test_reads_before_and_after_an_assignment_under_a_trace():
    v = Variable(3.0, name="v")
    with Trace("assigned") as trace:
        with pydl.GradientTape(persistent=True) as tape:
            y = v * v
        v.assign(v - tape.gradient(y, v))
        trace.output("again", tape.gradient(y, v))
    out = compile_graph(trace.graph).run({})
    assert float(out["again"]) == 6 and float(v) == -3


def test_none_or_zero_for_what_is_not_connected():
    x, other = tensor(2), tensor(3)
    with pydl.GradientTape(persistent=True) as tape:
        tape.watch([x, other])
        y = ops.sum(x)
    assert tape.gradient(y, {"x": x, "o": other})["o"] is None
    zeros = tape.gradient(y, [other], unconnected_gradients="zero")[0]
    np.testing.assert_array_equal(np.asarray(zeros), np.zeros(3))
    with pytest.raises(ValueError, match="expected 'none' or 'zero'"):
        tape.gradient(y, x, unconnected_gradients="maybe")


@pytest.mark.parametrize("traced", [False, True])
def test_unwatched_tensors_have_no_gradient(traced):
    if not traced:
        x = tensor(2)
        with pydl.GradientTape() as tape:
            y = ops.sum(x * x)
        assert tape.gradient(y, x) is None
        return
    with Trace("unwatched") as trace:
        x = trace.input("x", (2,), "float32")
        with pydl.GradientTape() as tape:
            y = ops.sum(x * x)
        assert tape.gradient(y, x) is None


@pytest.mark.parametrize("traced", [False, True])
def test_what_ran_outside_the_block_is_not_seen(traced):
    with Trace("outside") as trace:
        x = trace.input("x", (), "float32")
    if not traced:
        x = ops.convert_to_tensor(2.0)

    def run():
        before = x * x
        with pydl.GradientTape(persistent=True) as tape:
            tape.watch(x)
            y = before * x
            with tape.stop_recording():
                hidden = x * 5.0
            z = hidden * x
        after = z * x
        return [tape.gradient(t, x) for t in (y, z, after)]

    if traced:
        with trace:
            grads = run()
        assert [g is None for g in grads] == [False, False, True]
    else:
        y, z, after = run()
        assert (float(y), float(z), after) == (4, 10, None)


def test_output_gradients_weigh_the_targets():
    x = ops.convert_to_tensor([1.0, 2.0])
    with pydl.GradientTape() as tape:
        tape.watch(x)
        y = x * x
    grad = tape.gradient(y, x, output_gradients=np.array([1.0, 10.0]))
    assert grad.tolist() == [2, 40]


def test_several_targets_are_summed():
    x = ops.convert_to_tensor(3.0)
    with pydl.GradientTape() as tape:
        tape.watch(x)
        a, b = x * 2.0, [x * x]
    assert float(tape.gradient({"a": a, "b": b}, x)) == 8


def test_jacobians():
    x = tensor(2, 3)
    w = tensor(3, 2)
    with pydl.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = ops.tanh(ops.matmul(x, w))
    full = np.asarray(tape.jacobian(y, x))
    assert full.shape == (2, 2, 2, 3)
    for i in np.ndindex(2, 2):
        expected = slopes(lambda a, i=i: ops.tanh(ops.matmul(a, w))[i], [x.numpy()], 0)
        np.testing.assert_allclose(full[i], expected, rtol=1e-6, atol=1e-8)
    rows = np.asarray(tape.batch_jacobian(y, x))
    for b in range(2):
        np.testing.assert_allclose(rows[b], full[b, :, b], rtol=1e-12)
    assert tape.jacobian(y, w) is None


def test_stop_gradient_on_a_tape():
    x = ops.convert_to_tensor(3.0)
    with pydl.GradientTape() as tape:
        tape.watch(x)
        y = ops.stop_gradient(x) * x
    assert float(tape.gradient(y, x)) == 3


def test_rows_and_casts_are_seen():
    x = tensor(3)
    with pydl.GradientTape() as tape:
        tape.watch(x)
        first, *_ = x
        y = (first * 2.0).astype("float32")
    assert tape.gradient(y, x).tolist() == [2, 0, 0]


def test_mistakes_have_names():
    x = tensor(2)
    with pydl.GradientTape() as tape:
        tape.watch(x)
        y = ops.sum(x)
    tape.gradient(y, x)
    with pytest.raises(RuntimeError, match="persistent=True"):
        tape.gradient(y, x)
    with pytest.raises(RuntimeError, match="not recording"):
        tape.watch(x)
    with pytest.raises(RuntimeError, match="context manager"):
        pydl.GradientTape().gradient(y, x)
    with pydl.GradientTape() as tape:
        with pytest.raises(TypeError, match="float tensors"):
            tape.watch(np.ones(2))
        with pytest.raises(TypeError, match="float tensors"):
            tape.watch(ops.convert_to_tensor([1, 2]))
        index = ops.argmax(x)
    with pytest.raises(ValueError, match="float tensor"):
        tape.gradient(index, x)


def test_reset_forgets():
    x = ops.convert_to_tensor(2.0)
    with pydl.GradientTape() as tape:
        tape.watch(x)
        y = x * x
        tape.reset()
        tape.watch(x)
        z = x * 3.0
    assert float(tape.gradient(z, x)) == 3 and float(y) == 4


def test_a_long_tape_is_linear():
    x = ops.convert_to_tensor(1.0)
    with pydl.GradientTape() as tape:
        tape.watch(x)
        y = x
        for _ in range(3000):
            y = y + x
    assert float(tape.gradient(y, x)) == 3001


def test_an_optimizer_reaches_the_weights():
    model = pydl.Sequential([pydl.layers.Dense(1, use_bias=False)])
    x = rng.normal(size=(64, 3)).astype("float32")
    target = x @ np.array([[1.0], [-2.0], [0.5]], "float32")
    optimizer = pydl.optimizers.Adam(0.1)
    for _ in range(200):
        with pydl.GradientTape() as tape:
            loss = ops.mean(ops.square(model(x) - target))
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(grads, model.trainable_variables)
    assert float(loss) < 1e-3


def test_a_tape_in_another_thread_is_apart():
    import threading

    x = ops.convert_to_tensor(2.0)
    seen = []

    def work():
        seen.append(watchers.is_watched())
        with pydl.GradientTape() as tape:
            tape.watch(x)
            y = x * x * x
        seen.append(float(tape.gradient(y, x)))

    with pydl.GradientTape() as tape:
        tape.watch(x)
        y = x * x
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert seen == [False, 12.0] and float(tape.gradient(y, x)) == 4
