"""`pydl.function`: tracing, retracing, state, errors, gradients through a call."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import pydl
from pydl import layers, ops

rng = np.random.default_rng(21)


def traces(function, *calls):
    for args in calls:
        function(*args)
    return function.trace_count


def test_python_runs_once_per_kind_of_arguments():
    seen = []

    @pydl.function
    def f(x, factor=2):
        seen.append(factor)
        return x * factor

    x = np.arange(3, dtype="float32")
    assert f(x).tolist() == [0, 2, 4] and f(x + 1).tolist() == [2, 4, 6]
    assert seen == [2] and f.trace_count == 1
    f(x, 2)
    f(x, factor=2)
    f(ops.convert_to_tensor(x))
    assert f.trace_count == 1
    assert f(x, 3).tolist() == [0, 3, 6] and seen == [2, 3]


X = np.ones((2, 3), "float32")


@pytest.mark.parametrize(
    ("other", "count"),
    [
        (np.zeros((2, 3), "float32"), 1),
        (np.ones((3, 3), "float32"), 2),
        (np.ones((2, 3), "float64"), 2),
        ([X], 2),
        ((X, X), 2),
        ({"a": X}, 2),
        (X.T.copy().T, 1),
    ],
)
def test_retracing_by_shape_dtype_and_structure(other, count):
    f = pydl.function(lambda x: x)
    assert traces(f, (X,), (other,)) == count


@pytest.mark.parametrize(
    ("first", "second", "count"),
    [
        (1, 1, 1),
        (1, 2, 2),
        (1, 1.0, 2),
        (True, 1, 2),
        (float("nan"), float("nan"), 1),
        (0.0, -0.0, 2),
        ("a", "b", 2),
        (None, 0, 2),
        ([1, 2], [1, 3], 2),
        (np.float32(1), np.float32(2), 1),
    ],
)
def test_retracing_by_python_values(first, second, count):
    f = pydl.function(lambda x, value: x)
    assert traces(f, (X, first), (X, second)) == count


def test_retracing_by_object_and_its_structure():
    f = pydl.function(lambda model, x: model(x))
    one, two = layers.Dense(2), layers.Dense(2)
    assert traces(f, (one, X), (one, X)) == 1
    assert traces(f, (two, X)) == 2
    stack = pydl.Sequential([pydl.Input((3,)), layers.Dense(2)])
    f(stack, X)
    stack.add(layers.Dense(5))
    assert f(stack, X).shape == (2, 5)


def test_outputs_keep_their_structure_and_python_values():
    v = pydl.Variable(1.0)

    @pydl.function
    def f(x):
        v.assign_add(1.0)
        return {"a": [x, x], "b": (None, "text", 3), "v": v, "c": np.arange(2)}

    for expected in (2.0, 3.0):
        result = f(X)
        assert result["b"] == (None, "text", 3) and isinstance(result["a"], list)
        assert float(result["v"]) == expected and result["c"].tolist() == [0, 1]
        np.testing.assert_array_equal(np.asarray(result["a"][1]), X)
    assert pydl.function(lambda: None)() is None
    assert pydl.function(lambda x: ())(X) == ()


def test_results_of_two_calls_are_apart():
    f = pydl.function(lambda x: x + 1.0)
    first = f(X)
    f(X * 5)
    np.testing.assert_array_equal(np.asarray(first), X + 1)


@pytest.mark.parametrize("shape", [(), (0, 2), (1,), (3, 1, 2)])
def test_shapes_of_all_kinds(shape):
    f = pydl.function(lambda x: (x * 2.0, ops.sum(x)))
    x = rng.normal(size=shape)
    doubled, total = f(x)
    np.testing.assert_array_equal(np.asarray(doubled), x * 2)
    np.testing.assert_allclose(np.asarray(total), x.sum())


def test_arrays_that_are_not_row_major():
    x = np.arange(6.0).reshape(2, 3).T
    f = pydl.function(lambda x: ops.sum(x * np.array([[1.0, 10.0]]), axis=0))
    np.testing.assert_array_equal(np.asarray(f(x)), (x * [1, 10]).sum(0))


def test_the_cache_is_bounded():
    f = pydl.function(lambda x: x, limit=2)
    for size in (1, 2, 3, 1):
        f(np.ones(size))
    assert f.trace_count == 4 and len(f.explain()) == 2
    assert any("evicted" in str(table) for table in f.explain())


def test_clear_traces_again():
    factor = [2.0]
    f = pydl.function(lambda x: x * factor[0])
    assert f(X)[0, 0].item() == 2
    factor[0] = 3.0
    assert f(X)[0, 0].item() == 2
    f.clear()
    assert f(X)[0, 0].item() == 3


def test_a_value_of_a_tensor_is_refused_with_the_line():
    @pydl.function
    def f(x):
        if ops.sum(x) > 0:
            return x
        return -x

    with pytest.raises(TypeError, match=r"test_function.py:\d+.*run_eagerly=True"):
        f(X)
    eager = pydl.function(f.python_function, run_eagerly=True)
    np.testing.assert_array_equal(np.asarray(eager(ops.convert_to_tensor(-X))), X)


def test_a_failed_trace_leaves_nothing_behind():
    v = pydl.Variable(1.0)

    @pydl.function
    def f(x, fail):
        v.assign(5.0)
        if fail:
            raise KeyError("stop")
        return x

    with pytest.raises(KeyError):
        f(X, True)
    assert float(v) == 1 and f.trace_count == 0
    f(X, False)
    assert float(v) == 5
    assert (X + ops.convert_to_tensor(X)).shape == X.shape  # no trace is open


def test_a_stored_stand_in_is_refused_later():
    kept = []
    f = pydl.function(lambda x: kept.append(x))
    f(X)
    with pytest.raises(ValueError, match="cannot leave its trace"):
        kept[0] + 1.0


def test_variables_are_made_by_the_first_trace_only():
    made = [None]

    @pydl.function
    def count(x):
        if made[0] is None:
            made[0] = pydl.Variable(0.0)
        return made[0].assign_add(ops.sum(x))

    assert [float(count(X)), float(count(X)), float(count(X[:1]))] == [6, 12, 15]
    always = pydl.function(lambda x: pydl.Variable(0.0) + x)
    always(X)
    with pytest.raises(ValueError, match="made the variable"):
        always(X[:1])
    fresh = pydl.function(lambda layer, x: layer(x))
    fresh(layers.Dense(2), X)
    fresh(layers.Dense(2), X)  # another object: its own first time


def test_methods_are_compiled_for_each_object():
    class Scaled(layers.Layer):
        def __init__(self, factor):
            super().__init__()
            self.factor = factor

        @pydl.function
        def go(self, x):
            return x * self.factor

    two, three = Scaled(2.0), Scaled(3.0)
    assert (two.go(X)[0, 0].item(), three.go(X)[0, 0].item()) == (2, 3)
    two.go(X)
    assert two.go.trace_count == three.go.trace_count == 1
    assert two.go is two.go and isinstance(Scaled.go, type(two.go))


def training_step(model, optimizer, loss_fn):
    def step(x, y):
        with pydl.GradientTape() as tape:
            loss = loss_fn(y, model(x, training=True))
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(grads, model.trainable_variables)
        return loss

    return step


def small_model(seed):
    pydl.utils.set_random_seed(seed)
    model = pydl.Sequential(
        [
            pydl.Input((4,)),
            layers.Dense(8, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(3),
        ]
    )
    return model, pydl.optimizers.Adam(0.01)


def test_a_compiled_step_trains_as_the_eager_one():
    x = rng.normal(size=(16, 4)).astype("float32")
    y = rng.integers(0, 3, 16)
    results = []
    for compiled in (False, True):
        model, optimizer = small_model(3)
        loss_fn = pydl.losses.SparseCategoricalCrossentropy(from_logits=True)
        step = training_step(model, optimizer, loss_fn)
        step = pydl.function(step) if compiled else step
        losses = [float(step(x, y)) for _ in range(5)]
        results.append([losses, *model.get_weights(), *optimizer.variables])
    for eager, compiled in zip(*results, strict=True):
        np.testing.assert_allclose(
            np.asarray(compiled), np.asarray(eager), rtol=1e-4, atol=1e-6
        )


def test_bad_labels_leave_all_variables_alone():
    model, optimizer = small_model(4)
    loss_fn = pydl.losses.SparseCategoricalCrossentropy(from_logits=True)
    step = pydl.function(training_step(model, optimizer, loss_fn))
    x, y = rng.normal(size=(16, 4)).astype("float32"), rng.integers(0, 3, 16)
    step(x, y)
    variables = [*model.variables, *optimizer.variables]
    before = [v.numpy() for v in variables]
    y[5] = 7
    with pytest.raises(ValueError, match="labels between 0 and 2.*flat index 5"):
        step(x, y)
    for variable, value in zip(variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    step(x, y % 3)
    assert (model.get_weights()[0] != before[0]).any()


@pytest.mark.parametrize("order", [1, 2])
def test_gradients_pass_through_a_call(order):
    model, _ = small_model(5)
    x = ops.convert_to_tensor(rng.normal(size=(6, 4)).astype("float32"))
    state = [v.numpy() for v in model.variables]

    def energy(x):
        return ops.sum(ops.square(ops.tanh(model(x, training=True))))

    def both(function):
        for variable, value in zip(model.variables, state, strict=True):
            variable.assign(value)
        sources = [x, *model.trainable_variables]
        with pydl.GradientTape() as outer:
            outer.watch(x)
            with pydl.GradientTape() as inner:
                inner.watch(x)
                y = function(x)
            grads = inner.gradient(y, sources)
            total = ops.sum(ops.square(grads[0]))
        second = outer.gradient(total, sources) if order == 2 else []
        after = [v.numpy() for v in model.variables]
        return [np.asarray(a) for a in [y, *grads, *after, *second] if a is not None]

    compiled = pydl.function(energy)
    for eager, found in zip(both(energy), both(compiled), strict=True):
        np.testing.assert_allclose(found, eager, rtol=2e-4, atol=1e-5)
    assert compiled.trace_count == 1


def test_a_call_with_a_custom_gradient_shows_its_inside_to_a_tape():
    @ops.custom_gradient
    def tripled(x):
        return x * 1.0, lambda g: g * 3.0

    f = pydl.function(lambda x: ops.sum(tripled(x)))
    assert pydl.grad(f)(X).tolist() == [[3, 3, 3], [3, 3, 3]]


def test_functions_inside_functions_are_part_of_them():
    inner = pydl.function(lambda x: x * 2.0)
    outer = pydl.function(lambda x: inner(x) + inner(x))
    assert outer(X)[0, 0].item() == 4 and inner.trace_count == 0


def test_symbolic_arguments_give_a_model():
    f = pydl.function(lambda x: ops.relu(x) * 2.0)
    x = pydl.Input((3,))
    model = pydl.Model(x, f(x))
    np.testing.assert_array_equal(model.predict(X, verbose=0), X * 2)


def test_inside_a_stateless_scope_the_values_of_the_scope_count():
    v = pydl.Variable(2.0)
    f = pydl.function(lambda x: v.assign_add(x))
    assert float(f(np.float32(1))) == 3
    with pydl.StatelessScope([(v, 10.0)]) as scope:
        assert float(f(np.float32(1))) == 11
    assert float(scope.get_current_value(v)) == 11 and float(v) == 3


def test_training_of_the_layer_around_counts():
    class Inner(layers.Layer):
        def __init__(self):
            super().__init__()
            self.drop = layers.Dropout(0.9, seed=1)

        @pydl.function
        def compiled(self, x):
            return self.drop(x)

        def call(self, x):
            return self.compiled(x)

    inner = Inner()
    x = ops.ones((50,))
    assert (inner(x, training=True).numpy() == 0).any()
    assert (inner(x, training=False).numpy() == 1).all()
    assert (inner(x, training=True).numpy() == 0).any()


def test_several_threads_may_call():
    v = pydl.Variable(0.0)

    @pydl.function
    def f(x):
        v.assign_add(1.0)
        return ops.sum(x)

    wrong = []

    def work(k):
        for _ in range(50):
            if float(f(np.full(8, k, "float32"))) != 8 * k:
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and float(v) == 200 and f.trace_count == 1


def test_what_is_no_function_is_refused():
    with pytest.raises(TypeError, match="expected a callable"):
        pydl.function(3)
    with pytest.raises(TypeError, match="missing a required argument"):
        pydl.function(lambda x: x)()
