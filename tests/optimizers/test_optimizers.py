"""Optimizers against Keras's numbers: three steps of two variables, run op by op."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from keras_numbers import NUMBERS
from pydl import optimizers
from pydl.runtime.variable import Variable

CASES = NUMBERS["optimizers"]


def start() -> list[Variable]:
    return [
        Variable(np.asarray(value, "float32"), name=f"v{i}")
        for i, value in enumerate(NUMBERS["start"])
    ]


def make(case: dict[str, Any]) -> optimizers.Optimizer:
    return getattr(optimizers, case["class"])(**case["arguments"])


def gradients(step: list[Any]) -> list[np.ndarray]:
    return [np.asarray(g, "float32") for g in step]


@pytest.mark.parametrize("name", CASES)
def test_as_keras(name: str) -> None:
    optimizer, variables = make(CASES[name]), start()
    for step, expected in zip(NUMBERS["grads"], CASES[name]["steps"], strict=True):
        optimizer.apply_gradients(zip(gradients(step), variables, strict=True))
        for variable, value in zip(variables, expected, strict=True):
            np.testing.assert_allclose(variable.numpy(), value, rtol=1e-5, atol=1e-6)
    assert int(optimizer.iterations) == 3


@pytest.mark.parametrize("name", CASES)
def test_config_as_keras(name: str) -> None:
    config = make(CASES[name]).get_config()
    for key, value in CASES[name]["defaults"].items():
        expected = pytest.approx(value) if isinstance(value, float) else value
        assert config[key] == expected, key
    again = optimizers.deserialize(optimizers.serialize(make(CASES[name])))
    assert again.get_config() == config


def test_float64() -> None:
    variable = Variable(np.array([1.0, 2.0]), dtype="float64", name="v")
    optimizer = optimizers.Adam(learning_rate=0.5, epsilon=1e-12)
    optimizer.apply([np.array([0.25, -0.5])], [variable])
    np.testing.assert_allclose(variable.numpy(), [0.5, 2.5], rtol=1e-6)


def test_slots_are_named() -> None:
    optimizer, variables = optimizers.Adam(), start()
    variables[0].path = "dense/kernel"
    optimizer.build(variables)
    assert [v.name for v in optimizer.variables] == [
        "iteration", "learning_rate", "dense_kernel_momentum", "dense_kernel_velocity",
        "v1_momentum", "v1_velocity",
    ]  # fmt: skip
    assert optimizer.variables[2].path == "adam/dense/kernel/momentum"


def test_rmsprop_slots_stand_slot_by_slot() -> None:
    optimizer = optimizers.RMSprop(momentum=0.9, centered=True)
    optimizer.build(start())
    assert [v.name for v in optimizer.variables[2:]] == [
        "v0_velocity", "v1_velocity", "v0_momentum", "v1_momentum",
        "v0_average_gradient", "v1_average_gradient",
    ]  # fmt: skip


def test_exclude_from_weight_decay() -> None:
    optimizer, (a, b) = optimizers.AdamW(learning_rate=0.1, weight_decay=0.5), start()
    optimizer.exclude_from_weight_decay(var_names=["v1"])
    before = a.numpy(), b.numpy()
    optimizer.apply([np.zeros(3, "float32"), np.zeros(3, "float32")], [a, b])
    np.testing.assert_allclose(a.numpy(), before[0] * 0.95, rtol=1e-6)
    np.testing.assert_array_equal(b.numpy(), before[1])


def test_global_norm_of_infinity_gives_nan() -> None:
    optimizer, variables = optimizers.SGD(global_clipnorm=1.0), start()
    grads = [np.array([np.inf, 0, 0], "float32"), np.ones(3, "float32")]
    optimizer.apply(grads, variables)
    assert np.isnan(variables[1].numpy()).all()


def test_schedule_as_learning_rate() -> None:
    schedule = optimizers.schedules.PiecewiseConstantDecay([0], [1.0, 0.5])
    optimizer = optimizers.SGD(learning_rate=schedule)
    variable = Variable(np.zeros(1, "float32"), name="v")
    for _ in range(3):
        optimizer.apply([np.ones(1, "float32")], [variable])
    assert variable.numpy() == pytest.approx([-2.0])
    assert float(optimizer.learning_rate) == 0.5
    with pytest.raises(TypeError, match="made with a schedule"):
        optimizer.learning_rate = 0.1


def test_learning_rate_can_be_set() -> None:
    optimizer = optimizers.SGD(learning_rate=0.1)
    optimizer.learning_rate = 0.25
    assert float(optimizer.learning_rate) == 0.25
    assert optimizer.get_config()["learning_rate"] == 0.25


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"clipnorm": 1.0, "clipvalue": 1.0}, "at most one of clipnorm, clipvalue"),
        ({"clipnorm": -1.0}, "clipnorm: expected > 0, received -1.0"),
        ({"learning_rate": "fast"}, "learning_rate: expected a float.*received 'fast'"),
        ({"gradient_accumulation_steps": 1}, "must be an integer >= 2. .*steps=1"),
        ({"lr": 0.1}, "unknown arguments: lr"),
    ],
)
def test_arguments_are_checked(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        optimizers.SGD(**arguments)


def test_mistakes_in_apply() -> None:
    optimizer, variables = optimizers.SGD(), start()
    with pytest.raises(ValueError, match="No gradients provided"):
        optimizer.apply([None, None], variables)
    stranger = Variable(np.zeros(3, "float32"), name="stranger")
    with pytest.raises(ValueError, match="unknown variable 'stranger'"):
        optimizer.apply([np.zeros(3, "float32")], [stranger])
    with pytest.raises(ValueError, match="each of 2 variables, received 1"):
        optimizer.apply([np.zeros(3, "float32")], variables)
    with pytest.warns(UserWarning, match="Gradients do not exist for variables"):
        optimizer.apply([np.zeros(3, "float32"), None], variables)


def test_unknown_name() -> None:
    with pytest.raises(ValueError, match="unknown optimizer 'adams'. Did you mean"):
        optimizers.get("adams")


@pytest.mark.parametrize(
    "case", NUMBERS["schedules"], ids=lambda c: f"{c['arguments']}"
)
def test_schedules_as_keras(case: dict[str, Any]) -> None:
    schedule = getattr(optimizers.schedules, case["cls"])(**case["arguments"])
    got = [float(schedule(step)) for step in case["steps"]]
    np.testing.assert_allclose(got, case["values"], rtol=2e-6, atol=1e-7)
    again = optimizers.schedules.deserialize(optimizers.schedules.serialize(schedule))
    assert again.get_config() == schedule.get_config()


class SignDescent(optimizers.Optimizer):
    """A rule of a user's own, with a slot."""

    def build(self, variables: Any) -> None:
        super().build(variables)
        self.counts = [self.add_variable_from_reference(v, "count") for v in variables]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        from pydl import ops

        variable.assign_sub(ops.sign(gradient) * learning_rate)
        self.counts[self._index[id(variable)]].assign_add(ops.ones_like(gradient))


def test_own_optimizer() -> None:
    optimizer, variables = SignDescent(learning_rate=0.5, weight_decay=0.1), start()
    before = [v.numpy() for v in variables]
    grads = gradients(NUMBERS["grads"][0])
    optimizer.apply(grads, variables)
    for variable, old, grad in zip(variables, before, grads, strict=True):
        expected = old * (1 - 0.05) - 0.5 * np.sign(grad)
        np.testing.assert_allclose(variable.numpy(), expected, rtol=1e-6)
    np.testing.assert_array_equal(optimizer.counts[0].numpy(), np.ones(3))
    with pytest.raises(NotImplementedError, match="must define update_step"):
        optimizers.Optimizer(0.1).apply(grads, start())


def test_accumulated_steps_outside_a_trace() -> None:
    """Two steps of half the gradients each are one step of their mean."""
    whole, parts = (
        optimizers.Adam(0.1),
        optimizers.Adam(0.1, gradient_accumulation_steps=2),
    )
    left, right = start(), start()
    grads = [np.ones(v.shape, "float32") for v in left]
    for _ in range(3):
        whole.apply(grads, left)
        parts.apply([0.5 * g for g in grads], right)
        before = [v.numpy() for v in right]
        assert int(parts.iterations) == int(whole.iterations) - 1
        parts.apply([1.5 * g for g in grads], right)
        assert any((a != v.numpy()).any() for a, v in zip(before, right, strict=True))
    for a, b in zip(left, right, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6)
    assert int(parts.iterations) == int(whole.iterations) == 3
    assert parts.get_config()["gradient_accumulation_steps"] == 2
