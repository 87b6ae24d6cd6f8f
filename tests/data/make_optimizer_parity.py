"""Writes ``optimizer_parity.json``: optimizers and schedules as Keras computes them.

    KERAS_BACKEND=jax python tests/data/make_optimizer_parity.py

Needs keras 3.15. Each case holds gradients, and the weights and the optimizer's state
after four steps.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
from make_library_parity import numbers

OUT = Path(__file__).with_name("optimizer_parity.json")
RANDOM = np.random.default_rng(11)
STEPS = 4
SHAPES = {"kernel": (3, 4), "bias": (4,), "tall": (5, 2), "embedding": (4, 3)}
DEEP = (2, 3, 2)


def cases() -> list[tuple[str, dict[str, Any]]]:
    """Class and arguments."""
    return [
        ("Adamax", {"learning_rate": 0.05}),
        ("Adamax", {"learning_rate": 0.05, "beta_1": 0.5, "weight_decay": 0.1}),
        ("Nadam", {"learning_rate": 0.05}),
        ("Nadam", {"learning_rate": 0.05, "clipnorm": 0.5}),
        ("Adadelta", {"learning_rate": 1.0}),
        ("Adadelta", {"learning_rate": 0.5, "rho": 0.8, "clipvalue": 0.3}),
        ("Ftrl", {"learning_rate": 0.05}),
        ("Ftrl", {
            "learning_rate": 0.05, "learning_rate_power": -0.7, "beta": 0.1,
            "l1_regularization_strength": 0.01, "l2_regularization_strength": 0.02,
            "l2_shrinkage_regularization_strength": 0.03,
        }),
        ("Lion", {"learning_rate": 0.01}),
        ("Lion", {"learning_rate": 0.01, "weight_decay": 0.1}),
        ("Lamb", {"learning_rate": 0.05}),
        ("Adafactor", {"learning_rate": 0.05}),
        ("Adafactor", {"learning_rate": 0.5, "clip_threshold": 0.5}),
        ("Muon", {"learning_rate": 0.05}),
        ("Muon", {
            "learning_rate": 0.05, "nesterov": False, "rms_rate": None,
            "adam_lr_ratio": 0.5, "exclude_layers": ["tall"],
        }),
        ("ScheduleFreeAdamW", {}),
        ("ScheduleFreeAdamW", {"warmup_steps": 3, "weight_decay": 0.01}),
    ]  # fmt: skip


def variables(deep: bool) -> list[Any]:
    shapes = {**SHAPES, "deep": DEEP} if deep else SHAPES
    made = [
        keras.Variable(RANDOM.normal(size=shape).astype("float32"), name=name)
        for name, shape in shapes.items()
    ]
    return made


def optimizer_case(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    optimizer = getattr(keras.optimizers, name)(**arguments)
    weights = variables(deep=name not in ("Muon",))
    start = [numbers(w) for w in weights]
    optimizer.build(weights)
    steps = []
    for _ in range(STEPS):
        grads = [RANDOM.normal(size=w.shape).astype("float32") for w in weights]
        optimizer.apply([keras.ops.convert_to_tensor(g) for g in grads], weights)
        steps.append([numbers(g) for g in grads])
    config = optimizer.get_config()
    return {
        "cls": name, "arguments": arguments, "names": [w.name for w in weights],
        "start": start, "grads": steps, "weights": [numbers(w) for w in weights],
        "state": [numbers(v) for v in optimizer.variables],
        "state_names": [v.name for v in optimizer.variables], "config": config,
    }  # fmt: skip


def loss_scale_case() -> dict[str, Any]:
    """Good, good, bad, good, good steps; the scale doubles after two."""
    inner = keras.optimizers.SGD(0.1, momentum=0.9)
    optimizer = keras.optimizers.LossScaleOptimizer(
        inner, initial_scale=8.0, dynamic_growth_steps=2
    )
    weight = keras.Variable(np.ones(3, "float32"), name="weight")
    optimizer.build([weight])
    grads = RANDOM.normal(size=(5, 3)).astype("float32") * 8
    grads[2, 1] = np.inf
    rows = []
    for grad in grads:  # stateless: JAX's `cond` cannot assign variables
        state = [v.value for v in optimizer.variables]
        gradient = keras.ops.convert_to_tensor(grad)
        new, state = optimizer.stateless_apply(state, [gradient], [weight.value])
        weight.assign(new[0])
        for variable, value in zip(optimizer.variables, state, strict=True):
            variable.assign(value)
        rows.append({
            "weight": numbers(weight), "scale": float(optimizer.dynamic_scale),
            "counter": int(optimizer.step_counter),
            "iterations": int(optimizer.iterations),
        })  # fmt: skip
    stored = np.where(np.isinf(grads), 0, grads)
    return {"grads": numbers(stored), "bad": [2, 1], "steps": rows}


def schedule_cases() -> list[dict[str, Any]]:
    schedules = keras.optimizers.schedules
    found = []
    for arguments in (
        {"initial_learning_rate": 0.1, "first_decay_steps": 10},
        {"initial_learning_rate": 0.1, "first_decay_steps": 7, "t_mul": 1.0,
         "m_mul": 0.8, "alpha": 0.1},
        {"initial_learning_rate": 0.5, "first_decay_steps": 4, "t_mul": 3.0,
         "m_mul": 0.5},
    ):  # fmt: skip
        schedule = schedules.CosineDecayRestarts(**arguments)
        steps = [0, 1, 3, 5, 9, 11, 16, 17, 22, 40, 65]
        found.append({
            "cls": "CosineDecayRestarts", "arguments": arguments, "steps": steps,
            "values": [float(schedule(s)) for s in steps],
            "config": schedule.get_config(),
        })  # fmt: skip
    return found


def main() -> None:
    """Write the file."""
    content = {
        "keras": keras.__version__,
        "optimizers": [optimizer_case(*case) for case in cases()],
        "loss_scale": loss_scale_case(),
        "schedules": schedule_cases(),
    }
    OUT.write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
