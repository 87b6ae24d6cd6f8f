"""Definitions of the elementwise opcodes, with their gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pydl.graph.registry import OpCall, define
from pydl.ops.apply import emit, lift
from pydl.ops.rules import binary, unary, unbroadcast


def _zeros(x: Any) -> Any:
    return lift(0.0, x.dtype)


def _pow_base(grad: Any, a: Any, b: Any, out: Any) -> Any:
    """``b * a^(b - 1)``, and 0 for b = 0 even where a is 0."""
    exponent = emit("where", emit("equal", b, _zeros(b)), lift(1.0, b.dtype), b - 1.0)
    return grad * b * emit("pow", a, exponent)


def _pow_exponent(grad: Any, a: Any, b: Any, out: Any) -> Any:
    """``out * log a``, and 0 where a <= 0."""
    positive = emit("greater", a, _zeros(a))
    return grad * out * emit("log", emit("where", positive, a, lift(1.0, a.dtype)))


def _where_rule(call: OpCall, grads: Sequence[Any]) -> list[Any]:
    condition, a, b = call.inputs
    grad = grads[0]
    zero = _zeros(a)
    return [
        None,
        lambda: unbroadcast(emit("where", condition, grad, zero), a.shape),
        lambda: unbroadcast(emit("where", condition, zero, grad), b.shape),
    ]


def _cast_rule(call: OpCall, grads: Sequence[Any]) -> list[Any]:
    return [lambda: emit("cast", grads[0], dtype=call.inputs[0].dtype)]


unary("neg", lambda g, x, y: -g, "``-x``.")
unary("abs", lambda g, x, y: g * emit("sign", x), "``|x|``.")
unary("sign", None, "-1, 0 or 1. Gradient zero.")
unary("square", lambda g, x, y: g * (x * 2.0), "``x * x``.")
unary("sqrt", lambda g, x, y: g * 0.5 / y, "Square root.")
unary("rsqrt", lambda g, x, y: g * (y * y * y * -0.5), "``1 / sqrt(x)``.")
unary("reciprocal", lambda g, x, y: -(g * y * y), "``1 / x``.")
unary("exp", lambda g, x, y: g * y, "``e^x``.")
unary("expm1", lambda g, x, y: g * (y + 1.0), "``e^x - 1``.")
unary("log", lambda g, x, y: g / x, "Natural logarithm.")
unary("log1p", lambda g, x, y: g / (x + 1.0), "``log(1 + x)``.")
unary("tanh", lambda g, x, y: emit("tanh_grad", g, y), "Hyperbolic tangent.")
unary("sigmoid", lambda g, x, y: emit("sigmoid_grad", g, y), "``1 / (1 + e^-x)``.")
unary("softplus", lambda g, x, y: g * emit("sigmoid", x), "``log(1 + e^x)``.")
unary(
    "erf",
    lambda g, x, y: g * (emit("exp", -emit("square", x)) * (2 / math.sqrt(math.pi))),
    "The error function.",
)
unary("relu", lambda g, x, y: emit("relu_grad", g, y), "``max(x, 0)``.")
unary("floor", None, "The largest integer <= x. Gradient zero.")
unary("sin", lambda g, x, y: g * emit("cos", x), "Sine.")
unary("cos", lambda g, x, y: -(g * emit("sin", x)), "Cosine.")
unary("copy", lambda g, x, y: g, "The same value in its own storage.")

binary("add", lambda g, a, b, y: g, lambda g, a, b, y: g, "``a + b``.")
binary("sub", lambda g, a, b, y: g, lambda g, a, b, y: -g, "``a - b``.")
binary("mul", lambda g, a, b, y: g * b, lambda g, a, b, y: g * a, "``a * b``.")
binary("div", lambda g, a, b, y: g / b, lambda g, a, b, y: -(g * y / b), "``a / b``.")
binary("pow", _pow_base, _pow_exponent, "``a`` to the power ``b``.")
binary(
    "maximum",
    lambda g, a, b, y: emit("where", emit("greater_equal", a, b), g, _zeros(g)),
    lambda g, a, b, y: emit("where", emit("greater_equal", a, b), _zeros(g), g),
    "The greater one; NaN wins. The gradient goes to the first of equals.",
)
binary(
    "minimum",
    lambda g, a, b, y: emit("where", emit("less_equal", a, b), g, _zeros(g)),
    lambda g, a, b, y: emit("where", emit("less_equal", a, b), _zeros(g), g),
    "The lesser one; NaN wins. The gradient goes to the first of equals.",
)
binary(
    "relu_grad",
    lambda g, a, b, y: emit("relu_grad", g, b),
    None,
    "``grad_out`` where ``out > 0``. Piecewise constant in ``out``.",
)
binary(
    "sigmoid_grad",
    lambda g, a, b, y: emit("sigmoid_grad", g, b),
    lambda g, a, b, y: g * a * (1.0 - b * 2.0),
    "``grad_out * out * (1 - out)``.",
)
binary(
    "tanh_grad",
    lambda g, a, b, y: emit("tanh_grad", g, b),
    lambda g, a, b, y: g * a * (b * -2.0),
    "``grad_out * (1 - out^2)``.",
)

define("where", _where_rule, "``a`` where ``condition``, else ``b``.")
define("cast", _cast_rule, "Another dtype. Only casts between floats pass a gradient.")
define("logical_not", None, "bool -> bool: nothing to differentiate.")
define("isfinite", None, "float -> bool: nothing to differentiate.")
for _name in (
    "equal", "not_equal", "less", "less_equal", "greater", "greater_equal",
    "logical_and", "logical_or",
):  # fmt: skip
    define(_name, None, "The result is bool: nothing to differentiate.")
define(
    "chain",
    None,
    "A run of elementwise ops in one pass. Made by fusion, which runs after gradients.",
)
