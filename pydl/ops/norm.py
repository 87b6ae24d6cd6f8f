"""Layer and RMS normalization of rows, each way in one pass, and their gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from pydl.graph.registry import GradientRule, OpCall, define
from pydl.ops.apply import apply, emit
from pydl.ops.rules import pull_back, total


def _column(x: Any) -> Any:
    return emit("reshape", x, shape=[*x.shape, 1])


def _row_mean(x: Any) -> Any:
    return emit("reduce_mean", x, axes=[x.ndim - 1], keepdims=1)


def _over_rows(x: Any) -> Any:
    return emit("reduce_sum", x, axes=list(range(x.ndim - 1)), keepdims=0)


def _grad_attrs(call: OpCall) -> dict[str, Any]:
    return {k: call.attrs[k] for k in ("scale", "center") if k in call.attrs}


def _forward_rule(centred: bool) -> GradientRule:
    """The rule of the op itself; its moments may be differentiated as well."""

    def rule(call: OpCall, grads: Sequence[Any]) -> list[Any]:
        x, moments = call.inputs[0], call.outputs[1:]
        scaled = bool(call.attrs.get("scale"))
        gamma = call.inputs[1:2] if scaled else ()

        @cache
        def parts() -> tuple[Any, ...]:
            op = "layer_norm_grad" if centred else "rms_norm_grad"
            return apply(op, (grads[0], x, *moments, *gamma), _grad_attrs(call))

        def from_mean() -> Any:
            if not centred or grads[1] is None:
                return None
            share = _column(grads[1]) / float(x.shape[-1])
            return emit("broadcast_to", share, shape=list(x.shape))

        def from_rstd() -> Any:
            grad, rstd = grads[-1], moments[-1]
            if grad is None:
                return None
            slope = _column(grad * rstd * rstd * rstd / float(x.shape[-1]))
            return -slope * (x - _column(moments[0]) if centred else x)

        def back_to_x() -> Any:
            direct = None if grads[0] is None else parts()[0]
            return total(direct, from_mean(), from_rstd())

        def learned(position: int) -> Callable[[], Any]:
            return lambda: None if grads[0] is None else parts()[position]

        return [back_to_x, *(learned(i) for i in range(1, len(call.inputs)))]

    return rule


Formula = Callable[..., Any]


def _formulas(call: OpCall, centred: bool) -> list[Formula]:
    """What the results of a gradient op stand for, as functions of its operands."""
    scaled = bool(call.attrs.get("scale"))

    def standardized(x: Any, moments: Sequence[Any]) -> Any:
        return (x - _column(moments[0]) if centred else x) * _column(moments[-1])

    def split(rest: Sequence[Any]) -> tuple[Sequence[Any], Any]:
        return (rest[:-1], rest[-1]) if scaled else (rest, None)

    def grad_x(grad: Any, x: Any, *rest: Any) -> Any:
        moments, gamma = split(rest)
        hat = standardized(x, moments)
        pull = grad if gamma is None else grad * gamma
        out = pull - hat * _row_mean(pull * hat)
        return _column(moments[-1]) * (out - _row_mean(pull) if centred else out)

    def grad_gamma(grad: Any, x: Any, *rest: Any) -> Any:
        return _over_rows(grad * standardized(x, split(rest)[0]))

    found: list[Formula] = [grad_x]
    if scaled:
        found.append(grad_gamma)
    if call.attrs.get("center"):
        found.append(lambda grad, *rest: _over_rows(grad))
    return found


def _backward_rule(centred: bool) -> GradientRule:
    def rule(call: OpCall, grads: Sequence[Any]) -> list[Any]:
        pairs = list(zip(_formulas(call, centred), grads, strict=True))

        def back_to(position: int) -> Callable[[], Any]:
            return lambda: total(
                *(
                    pull_back(formula, call.inputs, position, grad)
                    for formula, grad in pairs
                    if grad is not None
                )
            )

        return [back_to(i) for i in range(len(call.inputs))]

    return rule


define(
    "layer_norm",
    _forward_rule(True),
    "Rows less their mean, over their deviation; also the mean and 1 / deviation.",
)
define("layer_norm_grad", _backward_rule(True), "The gradients of layer_norm.")
define(
    "rms_norm",
    _forward_rule(False),
    "Rows over the root of their mean square; also 1 / that root.",
)
define("rms_norm_grad", _backward_rule(False), "The gradients of rms_norm.")


def are_rows(axes: Sequence[int], shape: Sequence[int]) -> bool:
    """Whether `axes` are the last ones, so that what they span is rows of known
    length, which may be seen as one axis."""
    first = len(shape) - len(axes)
    known = -1 not in shape[first:] and list(shape[:first]).count(-1) <= 1
    return bool(axes) and list(axes) == list(range(first, len(shape))) and known


def normalized_rows(
    x: Any, axes: Sequence[int], epsilon: float, gamma: Any, beta: Any, centred: bool
) -> Any:
    """`x` normalized over its last axes, see `are_rows`. `gamma` and `beta`: tensors
    with an element for each of a row's, in any shape, or None."""
    shape = list(x.shape)
    first = len(shape) - len(axes)
    length = 1
    for dim in shape[first:]:
        length *= dim
    rows = _shaped(x, [*shape[:first], length])
    operands = [_shaped(v, [length]) for v in (gamma, beta) if v is not None]
    attrs: dict[str, Any] = {"epsilon": float(epsilon), "scale": int(gamma is not None)}
    if centred:
        attrs["center"] = int(beta is not None)
    op = "layer_norm" if centred else "rms_norm"
    return _shaped(apply(op, (rows, *operands), attrs)[0], shape)


def _shaped(x: Any, shape: list[int]) -> Any:
    return x if list(x.shape) == shape else emit("reshape", x, shape=shape)
