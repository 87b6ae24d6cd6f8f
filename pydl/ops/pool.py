"""Largest values and means over windows of channels-last images, their gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pydl.graph.registry import OpCall, define
from pydl.ops.apply import emit, lift
from pydl.ops.rules import simple

_SHARED = ("window", "strides", "low", "high", "count_padding")


def _shared(call: OpCall) -> dict[str, Any]:
    return {name: call.attrs[name] for name in _SHARED if name in call.attrs}


def _size(x: Any) -> list[int]:
    return list(x.shape[1:-1])


def _max_rule(call: OpCall, grads: Sequence[Any]) -> list[Any]:
    (x,), index = call.inputs, call.outputs[1]
    attrs = _shared(call)
    return [lambda: emit("max_pool_grad", grads[0], index, size=_size(x), **attrs)]


def _max_grad_rule(call: OpCall, g: Any) -> list[Any]:
    return [lambda: _chosen(g, call.inputs[1], call.attrs), None]


def _chosen(x: Any, index: Any, attrs: dict[str, Any]) -> Any:
    """The elements of `x` that the windows chose, in the shape of `index`."""
    batch, *places, channels = index.shape
    size = _size(x)
    starts = np.zeros((1, *[1] * len(places), 1), np.int64)
    steps = [math.prod(size[i + 1 :]) for i in range(len(size))]
    for i, step in enumerate(steps):
        start = np.arange(places[i]) * attrs["strides"][i] - attrs["low"][i]
        shape = [1] * starts.ndim
        shape[i + 1] = places[i]
        starts = starts + (start * step).reshape(shape)
    taps = np.indices(attrs["window"]).reshape(len(size), -1)
    moves = (taps * np.array(steps)[:, None]).sum(axis=0)
    pixel = lift(starts) + emit("take", lift(moves), lift(index, "int64"))
    images = np.arange(batch).reshape(batch, *[1] * len(places), 1) * math.prod(size)
    flat = (pixel + lift(images)) * channels + lift(np.arange(channels))
    return emit("take", emit("reshape", x, shape=[-1]), flat)


def _average_rule(call: OpCall, g: Any) -> list[Any]:
    (x,) = call.inputs
    return [lambda: emit("avg_pool_grad", g, size=_size(x), **_shared(call))]


def _average_grad_rule(call: OpCall, g: Any) -> list[Any]:
    return [lambda: emit("avg_pool", g, **_shared(call))]


define("max_pool", _max_rule, "The largest of each window, and where it was.")
define("max_pool_grad", simple(_max_grad_rule), "Gradients, to where the largest were.")
define("avg_pool", simple(_average_rule), "The mean of each window.")
define("avg_pool_grad", simple(_average_grad_rule), "Gradients, shared by a window.")
