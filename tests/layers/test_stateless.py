"""`StatelessScope` and the calls made of it: state in, state out."""

from __future__ import annotations

import numpy as np
import pytest

import pydl
from pydl import layers, ops

rng = np.random.default_rng(9)
X = rng.normal(size=(32, 4)).astype("float32")
Y = rng.integers(0, 3, 32)


def test_a_scope_gives_and_takes_values():
    v = pydl.Variable([1.0, 2.0])
    with pydl.StatelessScope([(v, np.array([5.0, 6.0]))]) as scope:
        assert (v + 0.0).tolist() == [5, 6] and v.numpy().tolist() == [5, 6]
        v.assign_add([1.0, 1.0])
        assert v.value.tolist() == [6, 7] and np.asarray(v).tolist() == [6, 7]
    assert v.numpy().tolist() == [1, 2]
    assert scope.get_current_value(v).tolist() == [6, 7]
    assert scope.get_current_value(pydl.Variable(1.0)) is None


def test_scopes_nest():
    v, w = pydl.Variable(1.0), pydl.Variable(2.0)
    with pydl.StatelessScope([(v, 10.0)]) as outer:
        with pydl.StatelessScope([(w, 20.0)]) as inner:
            assert float(v + w) == 30
            v.assign(11.0)
        assert float(v) == 10 and float(inner.get_current_value(v)) == 11
    assert outer.get_current_value(w) is None


def test_scope_mistakes():
    v = pydl.Variable([1.0, 2.0])
    with pytest.raises(ValueError, match="in place of a Variable"):
        pydl.StatelessScope([(1.0, 2.0)])
    with pytest.raises(ValueError, match=r"shape \(2,\), received shape \(3,\)"):
        pydl.StatelessScope([(v, np.ones(3))])


def test_draws_in_a_scope_leave_the_generator():
    seeds = pydl.random.SeedGenerator(1)
    state = seeds.state.numpy()
    with pydl.StatelessScope() as scope:
        a = pydl.random.normal((2,), seed=seeds)
    np.testing.assert_array_equal(seeds.state.numpy(), state)
    assert scope.get_current_value(seeds.state) is not None
    np.testing.assert_array_equal(
        np.asarray(a), np.asarray(pydl.random.normal((2,), seed=seeds))
    )


def make():
    pydl.utils.set_random_seed(2)
    model = pydl.Sequential(
        [
            pydl.Input((4,)),
            layers.Dense(8, activation="relu", kernel_regularizer="l2"),
            layers.Dropout(0.2),
            layers.Dense(3),
        ]
    )
    optimizer = pydl.optimizers.Adam(0.01, clipnorm=1.0)
    optimizer.build(model.trainable_variables)
    return model, optimizer, pydl.metrics.SparseCategoricalAccuracy()


LOSS = pydl.losses.SparseCategoricalCrossentropy(from_logits=True)


def stateful(model, optimizer, metric):
    def step():
        with pydl.GradientTape() as tape:
            predicted = model(X, training=True)
            loss = LOSS(Y, predicted) + sum(model.losses)
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(grads, model.trainable_variables)
        metric.update_state(Y, predicted)
        return float(loss)

    losses = [step() for _ in range(4)]
    variables = [*model.variables, *optimizer.variables, *metric.variables]
    return losses, [v.numpy() for v in variables]


def stateless(model, optimizer, metric):
    def objective(trainable, rest, metrics, x, y):
        predicted, rest, losses = model.stateless_call(
            trainable, rest, x, training=True, return_losses=True
        )
        metrics = metric.stateless_update_state(metrics, y, predicted)
        return LOSS(y, predicted) + sum(losses), (rest, metrics)

    value_and_grad = pydl.value_and_grad(objective, has_aux=True)

    def step(state, x, y):
        trainable, rest, slots, metrics = state
        (loss, (rest, metrics)), grads = value_and_grad(trainable, rest, metrics, x, y)
        trainable, slots = optimizer.stateless_apply(slots, grads, trainable)
        return loss, (trainable, rest, slots, metrics)

    return step


@pytest.mark.parametrize("compiled", [False, True])
def test_a_stateless_loop_does_what_the_usual_one_does(compiled):
    expected_losses, expected = stateful(*make())
    model, optimizer, metric = made = make()
    groups = (
        model.trainable_variables,
        model.non_trainable_variables,
        optimizer.variables,
        metric.variables,
    )
    variables = [v for group in groups for v in group]
    state = tuple([v.value for v in group] for group in groups)
    before = [v.numpy() for v in variables]
    step = pydl.function(stateless(*made)) if compiled else stateless(*made)
    losses = []
    for _ in range(4):
        loss, state = step(state, X, Y)
        losses.append(float(loss))
    for variable, value in zip(variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-5)
    flat = [np.asarray(x) for part in state for x in part]
    values = {id(v): x for v, x in zip(variables, flat, strict=True)}
    ordered = [*model.variables, *optimizer.variables, *metric.variables]
    for variable, value in zip(ordered, expected, strict=True):
        np.testing.assert_allclose(values[id(variable)], value, rtol=1e-4, atol=1e-6)
    if compiled:
        assert step.trace_count == 1


def test_metrics_without_side_effects():
    metric = pydl.metrics.Mean()
    metric.update_state([1.0, 2.0])
    state = metric.stateless_reset_state()
    state = metric.stateless_update_state(state, [4.0, 8.0])
    assert float(metric.stateless_result(state)) == 6
    assert float(metric.result()) == 1.5


def test_stateless_mistakes():
    model, optimizer, metric = make()
    trainable = [v.value for v in model.trainable_variables]
    rest = [v.value for v in model.non_trainable_variables]
    with pytest.raises(ValueError, match="must be built"):
        layers.Dense(2).stateless_call([], [], X)
    with pytest.raises(ValueError, match="Argument `trainable_variables`.*length 3"):
        model.stateless_call(trainable[:3], rest, X)
    with pytest.raises(ValueError, match="Argument `non_trainable_variables`"):
        model.stateless_call(trainable, [], X)
    with pytest.raises(ValueError, match="must be built"):
        pydl.optimizers.SGD().stateless_apply([], [], [])
    with pytest.raises(ValueError, match="Argument `optimizer_variables`"):
        optimizer.stateless_apply([], trainable, trainable)
    with pytest.raises(ValueError, match="Argument `metric_variables`"):
        metric.stateless_result([])
    grads = [ops.zeros(v.shape) for v in trainable]
    state = [v.value for v in optimizer.variables]
    new, _ = optimizer.stateless_apply(state, grads, trainable)
    np.testing.assert_array_equal(np.asarray(new[0]), np.asarray(trainable[0]))
