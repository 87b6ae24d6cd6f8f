"""Composed optimizers: Keras's numbers, in `fit`, configurations, state."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from library_parity import array, case_id
from pydl import optimizers
from pydl.optimizers import schedules
from pydl.runtime.variable import Variable

STORED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "optimizer_parity.json").read_text()
)
CASES = STORED["optimizers"]
NAMES = sorted({case["cls"] for case in CASES})


def make(case: dict[str, Any]) -> optimizers.Optimizer:
    return getattr(optimizers, case["cls"])(**case["arguments"])


def weights_of(case: dict[str, Any]) -> list[Variable]:
    starts = zip(case["start"], case["names"], strict=True)
    return [Variable(array(start), name=name) for start, name in starts]


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_as_keras(case: dict[str, Any]) -> None:
    optimizer, weights = make(case), weights_of(case)
    for grads in case["grads"]:
        optimizer.apply([array(g) for g in grads], weights)
    for weight, stored in zip(weights, case["weights"], strict=True):
        np.testing.assert_allclose(
            weight.numpy(), array(stored), rtol=3e-5, atol=3e-6, err_msg=weight.name
        )
    for slot, stored in zip(optimizer.variables, case["state"], strict=True):
        np.testing.assert_allclose(
            slot.numpy(), array(stored), rtol=3e-5, atol=3e-6, err_msg=slot.path
        )


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_config(case: dict[str, Any]) -> None:
    optimizer = make(case)
    config = optimizer.get_config()
    assert set(config) == set(case["config"])
    for key, value in case["config"].items():
        assert key == "name" or config[key] == pytest.approx(value), key
    again = optimizers.deserialize(optimizers.serialize(optimizer))
    assert type(again) is type(optimizer)
    assert again.get_config() == config


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_state_goes_on(case: dict[str, Any]) -> None:
    """Two steps, the state carried over, two steps: as four."""
    optimizer, weights = make(case), weights_of(case)
    for grads in case["grads"][:2]:
        optimizer.apply([array(g) for g in grads], weights)
    second = make(case)
    second.build(weights)
    store: dict[str, Any] = {}
    optimizer.save_own_variables(store)
    second.load_own_variables(store)
    for grads in case["grads"][2:]:
        second.apply([array(g) for g in grads], weights)
    for weight, stored in zip(weights, case["weights"], strict=True):
        np.testing.assert_allclose(weight.numpy(), array(stored), rtol=3e-5, atol=3e-6)


@pytest.mark.parametrize("name", [*NAMES, "LossScaleOptimizer", "MultiOptimizer"])
def test_compiled_steps_are_the_eager_ones(name: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(48, 6)).astype("float32")
    y = (x @ rng.normal(size=(6, 3))).astype("float32")
    found = []
    for eagerly in (False, True):
        pydl.utils.set_random_seed(3)
        model = pydl.Sequential([
            pydl.Input((6,)), pydl.layers.Dense(8, "tanh"), pydl.layers.Dense(3),
        ])  # fmt: skip
        model.compile(_by_name(name), "mse", run_eagerly=eagerly)
        history = model.fit(x, y, batch_size=16, epochs=2, verbose=0)
        found.append((model.get_weights(), history.history["loss"]))
    assert found[0][1][1] < found[0][1][0]
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-5)
    for compiled, eager in zip(found[0][0], found[1][0], strict=True):
        np.testing.assert_allclose(compiled, eager, rtol=1e-4, atol=1e-6)


def test_explain_says_that_a_rule_is_composed() -> None:
    model = pydl.Sequential([pydl.Input((2,)), pydl.layers.Dense(1)])
    model.compile("lion", "mse")
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    assert "lion (composed)" in str(model.explain())


def _by_name(name: str) -> optimizers.Optimizer:
    if name == "LossScaleOptimizer":
        return optimizers.LossScaleOptimizer(
            optimizers.Adam(0.01), dynamic_growth_steps=2
        )
    if name == "MultiOptimizer":
        chosen = {".*bias": optimizers.SGD(0.01)}
        adam = optimizers.Adam(0.01)
        return optimizers.MultiOptimizer(optimizers.OptimizerMap(adam, chosen))
    return getattr(optimizers, name)(learning_rate=0.005)


def test_loss_scale_as_keras() -> None:
    stored = STORED["loss_scale"]
    grads = array(stored["grads"])
    grads[tuple(stored["bad"])] = np.inf
    optimizer = optimizers.LossScaleOptimizer(
        optimizers.SGD(0.1, momentum=0.9), initial_scale=8.0, dynamic_growth_steps=2
    )
    weight = Variable(np.ones(3, "float32"), name="weight")
    for grad, expected in zip(grads, stored["steps"], strict=True):
        optimizer.apply([grad], [weight])
        np.testing.assert_allclose(weight.numpy(), array(expected["weight"]), rtol=1e-6)
        assert float(optimizer.dynamic_scale) == expected["scale"]
        assert int(optimizer.step_counter) == expected["counter"]
        assert int(optimizer.iterations) == expected["iterations"]


@pytest.mark.parametrize("eagerly", [False, True])
def test_a_bad_step_is_left_out_in_fit(eagerly: bool) -> None:
    x = np.ones((4, 2), "float32")
    x[2] = np.inf  # the third batch
    model = pydl.Sequential([pydl.Input((2,)), pydl.layers.Dense(1)])
    optimizer = optimizers.LossScaleOptimizer(
        optimizers.SGD(0.01), initial_scale=4.0, dynamic_growth_steps=10
    )
    model.compile(optimizer, "mse", run_eagerly=eagerly)
    model.fit(x, np.zeros((4, 1), "float32"), batch_size=1, shuffle=False, verbose=0)
    assert np.isfinite(model.get_weights()[0]).all()
    assert float(optimizer.dynamic_scale) == 2.0
    assert int(optimizer.iterations) == 3
    assert int(optimizer.step_counter) == 1


@pytest.mark.parametrize("case", STORED["schedules"], ids=case_id)
def test_schedules_as_keras(case: dict[str, Any]) -> None:
    schedule = getattr(schedules, case["cls"])(**case["arguments"])
    got = [float(schedule(step)) for step in case["steps"]]
    np.testing.assert_allclose(got, case["values"], rtol=2e-5, atol=1e-7)
    assert schedule.get_config() == case["config"]
    again = schedules.deserialize(schedules.serialize(schedule))
    assert again.get_config() == case["config"]


def test_primer_decays_in_fit() -> None:
    """The rate at the end of each epoch is that of the next one's first step."""
    for schedule, rates in (
        (schedules.EpochDecay(0.1, steps_per_epoch=2), [0.05, 0.1 / 3]),
        (schedules.StepDecay(0.1, 2, drop=0.5, epochs_drop=1), [0.05, 0.025]),
    ):
        model = pydl.Sequential([pydl.Input((2,)), pydl.layers.Dense(1)])
        model.compile(optimizers.SGD(schedule), "mse")
        for expected in rates:
            model.fit(np.ones((4, 2)), np.ones((4, 1)), batch_size=2, verbose=0)
            rate = float(model.optimizer.learning_rate)
            assert rate == pytest.approx(expected, rel=1e-6)


def test_stateless_apply_changes_nothing() -> None:
    optimizer, weight = optimizers.Adamax(0.1), Variable(np.ones(2, "float32"))
    optimizer.build([weight])
    state = [v.numpy() for v in optimizer.variables]
    grads = [np.array([1.0, -1.0], "float32")]
    weights, new = optimizer.stateless_apply(state, grads, [weight.numpy()])
    assert weight.numpy().tolist() == [1.0, 1.0]
    assert int(optimizer.iterations) == 0
    assert int(new[0]) == 1
    optimizer.apply(grads, [weight])
    np.testing.assert_array_equal(weight.numpy(), weights[0].numpy())
    with pytest.raises(ValueError, match="list of 4 tensors.*received 3"):
        optimizer.stateless_apply(state[1:], grads, [weight.numpy()])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: optimizers.Lion(beta_1=0.0), "beta_1=0.0"),
        (lambda: optimizers.Ftrl(learning_rate_power=0.5), "learning_rate_power=0.5"),
        (lambda: optimizers.Ftrl(l1_regularization_strength=-1.0), "to be positive"),
        (
            lambda: optimizers.LossScaleOptimizer(optimizers.SGD(), clipnorm=1.0),
            "set `clipnorm` on the `inner_optimizer`",
        ),
        (
            lambda: schedules.CosineDecayRestarts(0.1, 0),
            "first_decay_steps: expected > 0, received 0",
        ),
        (lambda: schedules.StepDecay(0.1, 0), "steps_per_epoch: expected > 0"),
    ],
)
def test_arguments_are_checked(wrong: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong()
