"""Products, softmax, losses, reductions, rows, random numbers and updates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pydl import _core
from pydl.kernels.call import Array, one, run
from pydl.runtime import gpu

__all__ = [
    "adagrad_update", "adam_update", "candidates", "cross_entropy", "dropout", "gemm",
    "log_softmax", "random_normal", "random_uniform", "reduce", "rmsprop_update",
    "sgd_update", "softmax", "softmax_cross_entropy", "take", "truncated_normal",
]  # fmt: skip


def candidates(op: str, isa: str = "") -> list[str]:
    """The kernels of an opcode, in the order tried. `isa`: "" is this machine's, or a
    GPU such as "cuda:0"."""
    return _core.kernels(op, isa)


def gemm(
    a: Array,
    b: Array,
    *,
    transpose_a: bool = False,
    transpose_b: bool = False,
    bias: Array | None = None,
    activation: str = "",
    out: Array | None = None,
) -> Array:
    """``activation(op(a) op(b) + bias)``, the epilogue in registers.

    Args:
        a: `[M, K]`, or `[K, M]` with `transpose_a`.
        b: `[K, N]`, or `[N, K]` with `transpose_b`.
        bias: `[N]`.
        activation: "", "relu", "sigmoid" or "tanh".
        out: `[M, N]` memory for the result.
    """
    attrs: dict[str, Any] = {
        "transpose_a": int(transpose_a), "transpose_b": int(transpose_b),
    }  # fmt: skip
    inputs = [a, b]
    if bias is not None:
        attrs["bias"] = 1
        inputs.append(bias)
    if activation:
        attrs["activation"] = activation
    return one("gemm" if len(attrs) > 2 else "matmul", inputs, attrs, out)


def softmax(x: Array, *, out: Array | None = None) -> Array:
    """Softmax over the last axis."""
    return one("softmax", [x], {}, out)


def log_softmax(x: Array, *, out: Array | None = None) -> Array:
    """The logarithm of the softmax over the last axis."""
    return one("log_softmax", [x], {}, out)


def softmax_cross_entropy(logits: Array, targets: Array) -> tuple[Array, Array]:
    """The loss of each row and its gradient, in one pass.

    Integer `targets` are labels of shape `[...]`, float ones rows of shape `[..., C]`.
    Raises ValueError for a label outside `[0, C)`.
    """
    return _loss("softmax_cross_entropy", logits, targets)


def cross_entropy(probabilities: Array, targets: Array) -> tuple[Array, Array]:
    """As `softmax_cross_entropy`, of rows of probabilities."""
    return _loss("cross_entropy", probabilities, targets)


def _loss(op: str, x: Array, targets: Array) -> tuple[Array, Array]:
    if gpu.dtype_of(targets).kind == "f":
        loss, grad = run(op, [x, targets], {})
        return loss, grad
    loss, grad, fault = run(f"sparse_{op}", [x, targets], {})
    at = int(gpu.to_host(fault)[0]) - 1
    if at >= 0:
        raise ValueError(
            f"{op}: expected labels from 0 to {gpu.shape_of(x)[-1] - 1}, received "
            f"{gpu.to_host(targets).reshape(-1)[at]} at flat index {at}"
        )
    return loss, grad


def reduce(
    kind: str,
    x: Array,
    axes: Sequence[int],
    *,
    keepdims: bool = False,
    out: Array | None = None,
) -> Array:
    """The "sum", "mean", "max" or "min" over non-negative axes."""
    attrs = {"axes": sorted(axes), "keepdims": int(keepdims)}
    return one(f"reduce_{kind}", [x], attrs, out)


def take(x: Array, indices: Array, *, out: Array | None = None) -> Array:
    """Rows of `x` by int32 or int64 indices. Raises ValueError for one out of range."""
    fault = np.zeros(1, np.int64)
    outputs = None if out is None else [out, fault]
    rows, fault = run("take", [x, indices], {}, outputs)
    at = int(gpu.to_host(fault)[0]) - 1
    if at >= 0:
        raise ValueError(
            f"take: expected indices from 0 to {gpu.shape_of(x)[0] - 1}, received "
            f"{gpu.to_host(indices).reshape(-1)[at]} at flat index {at}"
        )
    return rows


def _seed(seed: int) -> Array:
    return np.array([seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF], np.uint32)


def random_uniform(
    seed: int, shape: Sequence[int], low: float = 0.0, high: float = 1.0,
    dtype: str = "float32", *, out: Array | None = None,
) -> Array:  # fmt: skip
    """Philox numbers in `[low, high)`: the same for a seed on every machine."""
    attrs = {"shape": list(shape), "dtype": dtype, "low": low, "high": high}
    return one("random_uniform", [_seed(seed)], attrs, out)


def random_normal(
    seed: int, shape: Sequence[int], mean: float = 0.0, stddev: float = 1.0,
    dtype: str = "float32", *, out: Array | None = None,
) -> Array:  # fmt: skip
    """Normal numbers by Box-Muller from Philox."""
    attrs = {"shape": list(shape), "dtype": dtype, "mean": mean, "stddev": stddev}
    return one("random_normal", [_seed(seed)], attrs, out)


def truncated_normal(
    seed: int, shape: Sequence[int], mean: float = 0.0, stddev: float = 1.0,
    dtype: str = "float32", *, out: Array | None = None,
) -> Array:  # fmt: skip
    """Normal numbers within two standard deviations."""
    attrs = {"shape": list(shape), "dtype": dtype, "mean": mean, "stddev": stddev}
    return one("truncated_normal", [_seed(seed)], attrs, out)


def dropout(x: Array, rate: float, seed: int, *, out: Array | None = None) -> Array:
    """Zeroes a share `rate` of the elements, scales the rest by `1 / (1 - rate)`."""
    return one("dropout", [x, _seed(seed)], {"rate": float(rate)}, out)


def _update(
    op: str, lr: float, groups: Sequence[Sequence[Array]], attrs: dict[str, Any]
) -> None:
    """One pass over all groups ``(var, grad, slot...)``, results in place."""
    for i, group in enumerate(groups):
        for array in group:
            if gpu.dense(array) is not array:
                raise ValueError(f"{op}: group {i}: expected row-major arrays")
    inputs = [np.array(lr, np.float32), *(array for group in groups for array in group)]
    outputs = [a for group in groups for a in (group[0], *group[2:])]
    run(op, inputs, {**attrs, "n": len(groups)}, outputs)


def sgd_update(
    groups: Sequence[Sequence[Array]], lr: float, momentum: float = 0.0,
    nesterov: bool = False,
) -> None:  # fmt: skip
    """SGD over groups ``(var, grad)``, or ``(var, grad, velocity)`` with momentum."""
    _update("sgd_update", lr, groups, {"momentum": momentum, "nesterov": int(nesterov)})


def adam_update(
    groups: Sequence[Sequence[Array]], lr: float, step: int, beta1: float = 0.9,
    beta2: float = 0.999, epsilon: float = 1e-7, amsgrad: bool = False,
) -> None:  # fmt: skip
    """Adam over groups ``(var, grad, m, v)`` (and the largest v with `amsgrad`).

    `step` counts from 1; the bias correction is folded into the learning rate (Kingma
    and Ba, 2015, end of section 2).
    """
    corrected = lr * (1 - beta2**step) ** 0.5 / (1 - beta1**step)
    attrs = {
        "beta1": beta1, "beta2": beta2, "epsilon": epsilon, "amsgrad": int(amsgrad),
    }  # fmt: skip
    _update("adam_update", corrected, groups, attrs)


def rmsprop_update(
    groups: Sequence[Sequence[Array]], lr: float, rho: float = 0.9,
    momentum: float = 0.0, epsilon: float = 1e-7, centered: bool = False,
) -> None:  # fmt: skip
    """RMSprop over groups ``(var, grad, v)``, then mean and momentum if used."""
    attrs = {
        "rho": rho, "momentum": momentum, "epsilon": epsilon, "centered": int(centered),
    }  # fmt: skip
    _update("rmsprop_update", lr, groups, attrs)


def adagrad_update(
    groups: Sequence[Sequence[Array]], lr: float, epsilon: float = 1e-7
) -> None:
    """Adagrad over groups ``(var, grad, accumulator)``."""
    _update("adagrad_update", lr, groups, {"epsilon": epsilon})
