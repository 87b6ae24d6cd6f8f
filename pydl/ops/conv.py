"""Convolution of channels-last images over one to three spatial axes, its gradients."""

from __future__ import annotations

from typing import Any

from pydl.graph.registry import OpCall, define
from pydl.ops.apply import emit
from pydl.ops.rules import simple

#: Attributes all three ops share.
_SHARED = ("strides", "dilations", "low", "high", "groups")


def _shared(call: OpCall) -> dict[str, Any]:
    return {name: call.attrs[name] for name in _SHARED if name in call.attrs}


def _size(x: Any) -> list[int]:
    return list(x.shape[1:-1])


def _conv_rule(call: OpCall, g: Any) -> list[Any]:
    x, weight = call.inputs
    attrs = _shared(call)
    return [
        lambda: emit("conv_grad_x", g, weight, size=_size(x), **attrs),
        lambda: emit("conv_grad_w", x, g, window=list(weight.shape[:-2]), **attrs),
    ]


def _grad_x_rule(call: OpCall, g: Any) -> list[Any]:
    """The transposed convolution is linear in both operands: its gradients are the
    convolution, and the weight gradient, of `g` in the place of x."""
    grad_out, weight = call.inputs
    attrs = _shared(call)
    window = list(weight.shape[:-2])
    return [
        lambda: emit("conv", g, weight, **attrs),
        lambda: emit("conv_grad_w", g, grad_out, window=window, **attrs),
    ]


def _grad_w_rule(call: OpCall, g: Any) -> list[Any]:
    x, grad_out = call.inputs
    attrs = _shared(call)
    return [
        lambda: emit("conv_grad_x", grad_out, g, size=_size(x), **attrs),
        lambda: emit("conv", x, g, **attrs),
    ]


define("conv", simple(_conv_rule), "A convolution, the window not turned over.")
define("conv_grad_x", simple(_grad_x_rule), "The transposed convolution.")
define("conv_grad_w", simple(_grad_w_rule), "The weight gradient of a convolution.")
