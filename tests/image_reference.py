"""Convolution, pooling and batch normalization in NumPy, for `numpy_reference`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Attrs = dict[str, Any]
Tap = tuple[int, ...]


def activated(name: str, x: Array) -> Array:
    if name == "relu":
        return np.where(x > 0, x, np.where(np.isnan(x), x, 0.0))
    if name == "sigmoid":
        return 1 / (1 + np.exp(-x))
    return np.tanh(x) if name == "tanh" else x


def activation_grad(name: str, grad: Array, out: Array) -> Array:
    if name == "relu":
        return np.where(out > 0, grad, 0.0)
    return grad * (out * (1 - out) if name == "sigmoid" else 1 - out * out)


def padded_size(size: tuple[int, ...], attrs: Attrs) -> list[int]:
    sides = zip(size, attrs["low"], attrs["high"], strict=True)
    return [n + low + high for n, low, high in sides]


def taps(window: Any, places: Any, attrs: Attrs) -> Iterator[tuple[Tap, Any]]:
    """Each tap, and what all windows see there of the padded images, as an index."""
    dilations = attrs.get("dilations", [1] * len(window))
    for tap in np.ndindex(*window):
        cut = tuple(
            slice(t * d, t * d + (n - 1) * s + 1, s)
            for t, d, n, s in zip(tap, dilations, places, attrs["strides"], strict=True)
        )
        yield tap, (slice(None), *cut)


def padded(x: Array, attrs: Attrs, value: float = 0.0) -> Array:
    sides = [(0, 0), *zip(attrs["low"], attrs["high"], strict=True), (0, 0)]
    return np.pad(x, sides, constant_values=value)


def unpadded(x: Array, size: Any, attrs: Attrs) -> Array:
    cut = tuple(slice(a, a + n) for a, n in zip(attrs["low"], size, strict=True))
    return x[(slice(None), *cut)]


def places_of(size: Any, window: Any, attrs: Attrs) -> list[int]:
    dilations = attrs.get("dilations", [1] * len(window))
    return [
        (n - d * (w - 1) - 1) // s + 1
        for n, w, d, s in zip(
            padded_size(size, attrs), window, dilations, attrs["strides"], strict=True
        )
    ]


def by_groups(x: Array, groups: int) -> Array:
    return x.reshape(*x.shape[:-1], groups, x.shape[-1] // groups)


def weight_groups(weight: Array, groups: int) -> Array:
    """[window..., C / groups, groups, K / groups]."""
    return by_groups(weight, groups)


def conv(inputs: list[Array], attrs: Attrs) -> list[Array]:
    x, weight, *extra = (v.astype(np.float64) for v in inputs)
    groups, window = attrs.get("groups", 1), weight.shape[:-2]
    places = places_of(x.shape[1:-1], window, attrs)
    wide, matrices = padded(x, attrs), weight_groups(weight, groups)
    out = np.zeros((x.shape[0], *places, groups, weight.shape[-1] // groups))
    for tap, cut in taps(window, places, attrs):
        seen = by_groups(wide[cut], groups)
        out += np.einsum("...gc,cgk->...gk", seen, matrices[tap])
    out = out.reshape(*out.shape[:-2], weight.shape[-1])
    if attrs.get("bias"):
        out = out + extra.pop(0)
    if attrs.get("residual"):
        out = out + extra.pop(0)
    out = activated(attrs.get("activation", ""), out)
    return [out.astype(inputs[0].dtype)]


def conv_grad_x(inputs: list[Array], attrs: Attrs) -> list[Array]:
    grad_out, weight, *extra = (v.astype(np.float64) for v in inputs)
    groups, window = attrs.get("groups", 1), weight.shape[:-2]
    size, places = tuple(attrs["size"]), grad_out.shape[1:-1]
    channels = weight.shape[-2] * groups
    wide = np.zeros((grad_out.shape[0], *padded_size(size, attrs), channels))
    matrices, grads = weight_groups(weight, groups), by_groups(grad_out, groups)
    for tap, cut in taps(window, places, attrs):
        share = np.einsum("...gk,cgk->...gc", grads, matrices[tap])
        wide[cut] += share.reshape(*share.shape[:-2], channels)
    grad_x = unpadded(wide, size, attrs)
    if attrs.get("grad"):
        grad_x = activation_grad(attrs["grad"], grad_x, extra[0])
    return [grad_x.astype(inputs[0].dtype)]


def conv_grad_w(inputs: list[Array], attrs: Attrs) -> list[Array]:
    x, grad_out = (v.astype(np.float64) for v in inputs)
    groups, window = attrs.get("groups", 1), tuple(attrs["window"])
    places, filters = grad_out.shape[1:-1], grad_out.shape[-1]
    wide, grads = padded(x, attrs), by_groups(grad_out, groups)
    grad = np.zeros((*window, x.shape[-1] // groups, groups, filters // groups))
    for tap, cut in taps(window, places, attrs):
        seen = by_groups(wide[cut], groups)
        grad[tap] = np.einsum("npgc,npgk->cgk", _flat(seen), _flat(grads))
    results = [grad.reshape(*window, x.shape[-1] // groups, filters)]
    if attrs.get("column_sum"):
        results.append(grad_out.sum(axis=tuple(range(grad_out.ndim - 1))))
    return [y.astype(inputs[0].dtype) for y in results]


def _flat(x: Array) -> Array:
    """The spatial axes as one; groups and channels behind them."""
    return x.reshape(x.shape[0], math.prod(x.shape[1:-2]), *x.shape[-2:])


def _seen(x: Array, attrs: Attrs) -> tuple[Array, Array]:
    """What each tap sees, taps first, and whether it is inside."""
    window = attrs["window"]
    places = places_of(x.shape[1:-1], window, attrs)
    wide = padded(x, attrs)
    inside = padded(np.ones((1, *x.shape[1:-1], 1)), attrs) > 0
    cuts = [cut for _, cut in taps(window, places, attrs)]
    return np.stack([wide[c] for c in cuts]), np.stack([inside[c] for c in cuts])


def max_pool(inputs: list[Array], attrs: Attrs) -> list[Array]:
    seen, inside = _seen(inputs[0], attrs)
    order = np.where(inside, np.where(np.isnan(seen), np.inf, seen), -np.inf)
    # NaN first, then the largest; a place outside never.
    rank = np.where(np.isnan(seen) & inside, 2, np.where(inside, 1, 0))
    order = np.where(rank == rank.max(axis=0), order, -np.inf)
    chosen = np.broadcast_to(rank == rank.max(axis=0), order.shape)
    best = chosen & (order == order.max(axis=0))
    index = best.argmax(axis=0)
    out = np.take_along_axis(seen, index[None], axis=0)[0]
    dtype = np.uint8 if math.prod(attrs["window"]) <= 256 else np.int32
    return [out, index.astype(dtype)]


def _spread(x: Array, size: Any, attrs: Attrs, share: Any) -> Array:
    """The sum of `share(number of the tap)` over the windows that see a place."""
    wide = np.zeros((x.shape[0], *padded_size(tuple(size), attrs), x.shape[-1]))
    for number, (_, cut) in enumerate(taps(attrs["window"], x.shape[1:-1], attrs)):
        wide[cut] += share(number)
    return unpadded(wide, size, attrs)


def max_pool_grad(inputs: list[Array], attrs: Attrs) -> list[Array]:
    grad_out, index = inputs[0].astype(np.float64), inputs[1]
    grad_x = _spread(
        grad_out, attrs["size"], attrs, lambda tap: np.where(index == tap, grad_out, 0)
    )
    return [grad_x.astype(inputs[0].dtype)]


def _count(inside: Array, attrs: Attrs) -> Any:
    if attrs.get("count_padding"):
        return float(math.prod(attrs["window"]))
    return inside.sum(axis=0)


def avg_pool(inputs: list[Array], attrs: Attrs) -> list[Array]:
    seen, inside = _seen(inputs[0].astype(np.float64), attrs)
    out = np.where(inside, seen, 0).sum(axis=0) / _count(inside, attrs)
    return [out.astype(inputs[0].dtype)]


def avg_pool_grad(inputs: list[Array], attrs: Attrs) -> list[Array]:
    grad_out = inputs[0].astype(np.float64)
    _, inside = _seen(np.zeros((1, *attrs["size"], 1)), attrs)
    share = grad_out / _count(inside, attrs)
    grad_x = _spread(share, attrs["size"], attrs, lambda tap: share)
    return [grad_x.astype(inputs[0].dtype)]


def _sum(x: Array, over: tuple[int, ...]) -> Array:
    """NumPy adds rows one after another, which float64 alone would show."""
    total: Array = x.sum(axis=over, dtype=np.longdouble).astype(np.float64)
    return total


def batch_norm(inputs: list[Array], attrs: Attrs) -> list[Array]:
    x, *extra = (v.astype(np.float64) for v in inputs)
    over, rows = tuple(range(x.ndim - 1)), max(math.prod(x.shape[:-1]), 1)
    mean = _sum(x, over) / rows
    variance = _sum(np.square(x - mean), over) / rows
    out = (x - mean) / np.sqrt(variance + attrs["epsilon"])
    if attrs.get("scale"):
        out = out * extra.pop(0)
    if attrs.get("center"):
        out = out + extra.pop(0)
    if attrs.get("residual"):
        out = out + extra.pop(0)
    out = activated(attrs.get("activation", ""), out)
    return [np.asarray(y).astype(inputs[0].dtype) for y in (out, mean, variance)]


def batch_norm_grad(inputs: list[Array], attrs: Attrs) -> list[Array]:
    grad, x, mean, variance, *extra = (v.astype(np.float64) for v in inputs)
    over, rows = tuple(range(x.ndim - 1)), max(math.prod(x.shape[:-1]), 1)
    gamma = extra.pop(0) if attrs.get("scale") else np.ones(x.shape[-1])
    if attrs.get("grad"):
        grad = activation_grad("relu", grad, extra.pop(0))
    rstd = 1 / np.sqrt(variance + attrs["epsilon"])
    hat = (x - mean) * rstd
    along, level = _sum(grad * hat, over), _sum(grad, over)
    results = [gamma * rstd * (grad - level / rows - hat * (along / rows))]
    results += [along] * bool(attrs.get("scale")) + [level] * bool(attrs.get("center"))
    results += [grad] * bool(attrs.get("residual"))
    return [np.asarray(y).astype(inputs[0].dtype) for y in results]


IMAGES: dict[str, Any] = {
    "conv": conv,
    "conv_grad_x": conv_grad_x,
    "conv_grad_w": conv_grad_w,
    "max_pool": max_pool,
    "max_pool_grad": max_pool_grad,
    "avg_pool": avg_pool,
    "avg_pool_grad": avg_pool_grad,
    "batch_norm": batch_norm,
    "batch_norm_grad": batch_norm_grad,
}
