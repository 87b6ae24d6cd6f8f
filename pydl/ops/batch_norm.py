"""Batch normalization in training, each way in two passes, and its gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from pydl.graph.registry import OpCall, define
from pydl.ops.apply import apply, emit
from pydl.ops.rules import pull_back, total

_SHARED = ("epsilon", "scale", "center")


def _shared(call: OpCall) -> dict[str, Any]:
    return {name: call.attrs[name] for name in _SHARED if name in call.attrs}


def _row_axes(x: Any) -> list[int]:
    return list(range(x.ndim - 1))


def _over_rows(x: Any) -> Any:
    return emit("reduce_sum", x, axes=_row_axes(x), keepdims=0)


def _mean_over_rows(x: Any) -> Any:
    return emit("reduce_mean", x, axes=_row_axes(x), keepdims=0)


def _rule(call: OpCall, grads: Sequence[Any]) -> list[Any]:
    """Through the output, and through the moments where something reads them."""
    x, *learned = call.inputs
    _, mean, variance = call.outputs
    gamma = learned[:1] if call.attrs.get("scale") else []
    rows = 1
    for dim in x.shape[:-1]:
        rows *= dim

    @cache
    def parts() -> tuple[Any, ...]:
        given = (grads[0], x, mean, variance, *gamma)
        return apply("batch_norm_grad", given, _shared(call))

    def from_moments() -> Any:
        shares = []
        if grads[1] is not None:
            share = grads[1] / float(rows)
            shares.append(emit("broadcast_to", share, shape=list(x.shape)))
        if grads[2] is not None:
            shares.append((x - mean) * (grads[2] * (2.0 / rows)))
        return total(*shares)

    def back_to_x() -> Any:
        return total(None if grads[0] is None else parts()[0], from_moments())

    def learned_part(position: int) -> Callable[[], Any]:
        return lambda: None if grads[0] is None else parts()[position]

    return [back_to_x, *(learned_part(i + 1) for i in range(len(learned)))]


Formula = Callable[..., Any]


def _formulas(call: OpCall) -> list[Formula]:
    """What the results of batch_norm_grad stand for, as functions of its operands."""
    epsilon = float(call.attrs["epsilon"])

    def rstd(variance: Any) -> Any:
        return emit("rsqrt", variance + epsilon)

    def grad_x(grad: Any, x: Any, mean: Any, variance: Any, *gamma: Any) -> Any:
        hat = (x - mean) * rstd(variance)
        inner = grad - _mean_over_rows(grad) - hat * _mean_over_rows(grad * hat)
        out = inner * rstd(variance)
        return out * gamma[0] if gamma else out

    def grad_gamma(grad: Any, x: Any, mean: Any, variance: Any, *_: Any) -> Any:
        return _over_rows(grad * ((x - mean) * rstd(variance)))

    found: list[Formula] = [grad_x]
    if call.attrs.get("scale"):
        found.append(grad_gamma)
    if call.attrs.get("center"):
        found.append(lambda grad, *rest: _over_rows(grad))
    return found


def _grad_rule(call: OpCall, grads: Sequence[Any]) -> list[Any]:
    pairs = list(zip(_formulas(call), grads, strict=True))

    def back_to(position: int) -> Callable[[], Any]:
        return lambda: total(
            *(
                pull_back(formula, call.inputs, position, grad)
                for formula, grad in pairs
                if grad is not None
            )
        )

    return [back_to(i) for i in range(len(call.inputs))]


def batch_normalized(
    x: Any, gamma: Any, beta: Any, epsilon: float
) -> tuple[Any, Any, Any]:
    """`x` with each feature of its last axis normalized over all others, and their
    means and variances. `gamma` and `beta`: tensors of the features, or None."""
    learned = [value for value in (gamma, beta) if value is not None]
    attrs: dict[str, Any] = {"epsilon": float(epsilon)}
    attrs.update(scale=int(gamma is not None), center=int(beta is not None))
    out, mean, variance = apply("batch_norm", (x, *learned), attrs)
    return out, mean, variance


define("batch_norm", _rule, "Channels less their mean, over their deviation; moments.")
define("batch_norm_grad", _grad_rule, "The gradients of batch_norm.")
