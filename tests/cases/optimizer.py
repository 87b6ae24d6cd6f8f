"""Problems for the optimizer family: every rule and option, several variables."""

from __future__ import annotations

from itertools import product
from typing import Any

Case = dict[str, Any]

# Shapes of the variables of one instruction.
GROUPS: tuple[tuple[tuple[int, ...], ...], ...] = (
    ((),),
    ((0,), (5,)),
    ((3, 5), (17,), (16,), (1,)),
    ((784, 33), (33,), (33, 10), (10,)),
    ((70000,), (3,)),
    tuple((k % 7 + 1,) for k in range(100)),
)
# Rule, attributes, kinds of its slots.
RULES: tuple[tuple[str, Case, tuple[str, ...]], ...] = (
    ("sgd_update", {"momentum": 0.0, "nesterov": 0}, ()),
    ("sgd_update", {"momentum": 0.9, "nesterov": 0}, ("normal",)),
    ("sgd_update", {"momentum": 0.9, "nesterov": 1}, ("normal",)),
    (
        "adam_update",
        {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-7, "amsgrad": 0},
        ("normal", "positive"),
    ),
    (
        "adam_update",
        {"beta1": 0.8, "beta2": 0.99, "epsilon": 1e-3, "amsgrad": 1},
        ("normal", "positive", "positive"),
    ),
    (
        "rmsprop_update",
        {"rho": 0.9, "momentum": 0.0, "epsilon": 1e-7, "centered": 0},
        ("positive",),
    ),
    (
        "rmsprop_update",
        {"rho": 0.9, "momentum": 0.5, "epsilon": 1e-7, "centered": 0},
        ("positive", "normal"),
    ),
    ("adagrad_update", {"epsilon": 1e-7}, ("positive",)),
)
# Centred RMSprop needs v >= mean^2: a mean in (0, 1) and v made from large squares is
# not expressible here, so epsilon keeps the root real.
CENTERED: tuple[tuple[str, Case, tuple[str, ...]], ...] = (
    (
        "rmsprop_update",
        {"rho": 0.9, "momentum": 0.0, "epsilon": 2.0, "centered": 1},
        ("positive", "unit"),
    ),
    (
        "rmsprop_update",
        {"rho": 0.9, "momentum": 0.5, "epsilon": 2.0, "centered": 1},
        ("positive", "unit", "normal"),
    ),
)


def update_case(
    rule: tuple[str, Case, tuple[str, ...]],
    shapes: tuple[tuple[int, ...], ...],
    dtypes: tuple[str, ...],
    options: tuple[int, int, float],
) -> Case:
    """One instruction; `options` are has_scale, has_decay and clip_value."""
    op, attrs, slots = rule
    has_scale, has_decay, clip_value = options
    attrs = attrs | {"n": len(shapes), "clip_value": clip_value}
    attrs |= {"has_scale": has_scale, "has_decay": has_decay}
    inputs: list[Any] = [("float32", (), "unit")]
    if has_scale:
        inputs.append(("float32", (len(shapes),), "unit"))
    if has_decay:
        inputs.append(("float32", (), "unit"))
        attrs["decay_mask"] = [k % 2 for k in range(len(shapes))]
    for k, shape in enumerate(shapes):
        dtype = dtypes[k % len(dtypes)]
        inputs += [(dtype, shape), (dtype, shape)]
        inputs += [(dtype, shape, kind) for kind in slots]
    return {"op": op, "inputs": inputs, "attrs": attrs}


def optimizer_cases() -> list[Case]:
    """Every rule, option, group of shapes and mixture of dtypes."""
    plain = (0, 0, 0.0)
    cases = [
        update_case(rule, shapes, dtypes, plain)
        for rule in RULES + CENTERED
        for shapes in GROUPS
        for dtypes in (("float32",), ("float64",), ("float32", "float64"))
    ]
    cases += [
        update_case(rule, GROUPS[2], ("float32", "float64"), options)
        for rule in RULES + CENTERED
        for options in product((0, 1), (0, 1), (0.0, 0.3))
    ]
    for shapes in GROUPS:
        for dtypes in (("float32",), ("float32", "float64")):
            inputs = [(dtypes[k % len(dtypes)], s) for k, s in enumerate(shapes)]
            cases.append({"op": "square_norms", "inputs": inputs, "attrs": {}})
    inputs = [("float32", (300000,)), ("float64", (1,)), ("float32", (0,))]
    cases.append({"op": "square_norms", "inputs": inputs, "attrs": {}})
    return cases


CASES: list[Case] = optimizer_cases()
