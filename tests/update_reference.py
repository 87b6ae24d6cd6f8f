"""Updates of variables and of their rows in NumPy, in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Attrs = dict[str, Any]
#: ``rule(variable, gradient, slots, rate, attributes)`` -> new variable and slots
Rule = Callable[[Array, Array, list[Array], float, Attrs], list[Array]]


def _wide(x: Array) -> Array:
    return x.astype(np.float64) if x.dtype.kind == "f" else x


# -- rules ----------------------------------------------------------------------------


def sgd(
    var: Array, g: Array, slots: list[Array], lr: float, attrs: Attrs
) -> list[Array]:
    momentum = attrs.get("momentum", 0.0)
    if momentum == 0:
        return [var - lr * g]
    v = momentum * slots[0] - lr * g
    step = momentum * v - lr * g if attrs.get("nesterov", 0) else v
    return [var + step, v]


def adam(
    var: Array, g: Array, slots: list[Array], lr: float, attrs: Attrs
) -> list[Array]:
    m = slots[0] + (g - slots[0]) * (1 - attrs["beta1"])
    v = slots[1] + (g * g - slots[1]) * (1 - attrs["beta2"])
    new = [m, v]
    if attrs.get("amsgrad", 0):
        new.append(np.maximum(slots[2], v))
    return [var - lr * m / (np.sqrt(new[-1]) + attrs["epsilon"]), *new]


def rmsprop(
    var: Array, g: Array, slots: list[Array], lr: float, attrs: Attrs
) -> list[Array]:
    rho, momentum = attrs["rho"], attrs.get("momentum", 0.0)
    new = [rho * slots[0] + (1 - rho) * g * g]
    below = new[0] + attrs["epsilon"]
    if attrs.get("centered", 0):
        new.append(rho * slots[1] + (1 - rho) * g)
        below = below - new[1] ** 2
    step = lr * g / np.sqrt(below)
    if momentum > 0:
        step = momentum * slots[-1] + step
        new.append(step)
    return [var - step, *new]


def adagrad(
    var: Array, g: Array, slots: list[Array], lr: float, attrs: Attrs
) -> list[Array]:
    acc = slots[0] + g * g
    return [var - lr * g / np.sqrt(acc + attrs["epsilon"]), acc]


# -- whole variables ------------------------------------------------------------------


def whole(rule: Rule) -> Callable[[list[Array], Attrs], list[Array]]:
    def call(inputs: list[Array], attrs: Attrs) -> list[Array]:
        rest, n = list(inputs), attrs["n"]
        lr = float(rest.pop(0))
        scale = (
            rest.pop(0).astype(np.float64) if attrs.get("has_scale", 0) else np.ones(n)
        )
        decay = float(rest.pop(0)) if attrs.get("has_decay", 0) else 0.0
        width, clip = (len(rest) // n if n else 0), attrs.get("clip_value", 0.0)
        results: list[Array] = []
        for i in range(n):
            group = rest[i * width : (i + 1) * width]
            var, g, *slots = map(_wide, group)
            g = g * scale[i]
            g = np.clip(g, -clip, clip) if clip > 0 else g
            if attrs.get("has_decay", 0) and attrs["decay_mask"][i]:
                var = var - var * decay
            new = rule(var, g, slots, lr, attrs)
            results += [np.asarray(x).astype(group[0].dtype) for x in new]
        return results

    return call


def square_norms(inputs: list[Array], attrs: Attrs) -> list[Array]:
    return [np.array([np.sum(_wide(x) ** 2) for x in inputs], np.float32)]


# -- rows -----------------------------------------------------------------------------


def _grouped(grad: Array, indices: Array, rows: int) -> tuple[Array, Array, Array]:
    """The distinct good indices, the first position of each, and the sums of their rows
    of `grad` in float64."""
    flat = indices.reshape(-1)
    wide = _wide(grad).reshape(flat.size, *grad.shape[indices.ndim :])
    good = np.flatnonzero((flat >= 0) & (flat < rows))
    distinct, first, where = np.unique(
        flat[good], return_index=True, return_inverse=True
    )
    sums = np.zeros((distinct.size, *wide.shape[1:]), wide.dtype)
    np.add.at(sums, where.reshape(-1), wide[good])
    return distinct, good[first], sums


def row_sums(inputs: list[Array], attrs: Attrs) -> list[Array]:
    grad, indices = inputs
    _, first, sums = _grouped(grad, indices, attrs["rows"])
    out = np.zeros((indices.size, *grad.shape[indices.ndim :]), grad.dtype)
    out[first] = sums.astype(grad.dtype)
    return [out.reshape(grad.shape)]


def rows(rule: Rule) -> Callable[[list[Array], Attrs], list[Array]]:
    def call(inputs: list[Array], attrs: Attrs) -> list[Array]:
        rest = list(inputs)
        lr = float(rest.pop(0))
        scale = float(rest.pop(0)[0]) if attrs.get("has_scale", 0) else 1.0
        grad, indices, *tables = rest
        at, _, g = _grouped(grad, indices, tables[0].shape[0])
        clip = attrs.get("clip_value", 0.0)
        g = g * scale
        g = np.clip(g, -clip, clip) if clip > 0 else g
        var, *slots = (_wide(table)[at] for table in tables)
        results = [table.copy() for table in tables]
        for table, new in zip(results, rule(var, g, slots, lr, attrs), strict=True):
            table[at] = new.astype(table.dtype)
        return results

    return call
