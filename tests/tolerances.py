"""How far a kernel's result may be from the oracle's, with the reason.

A tolerance is an array: ``factor * eps * scale``, where `scale` is the size of what
was rounded on the way (for a sum, the sum of absolute values), not that of the result,
which may have cancelled.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_reference import reference

Array = NDArray[Any]
Attrs = dict[str, Any]

#: Correctly rounded, or no rounding at all: any difference is an error. (A sum,
#: product, quotient or root in float64 rounded to float32 is the correctly rounded
#: float32 one.)
EXACT = frozenset(
    "neg abs sign square sqrt relu floor logical_not isfinite add sub mul div maximum "
    "minimum equal not_equal less less_equal greater greater_equal logical_and "
    "logical_or relu_grad where cast copy reshape transpose broadcast_to concatenate "
    "slice pad full one_hot reduce_max reduce_min argmax take ceil round trunc mod "
    "bitwise_and bitwise_or bitwise_xor bitwise_not left_shift right_shift "
    "random_integers flip dynamic_slice dynamic_update_slice take_along_axis gather_nd "
    "scatter_update sort argsort top_k searchsorted max_pool".split()
)

#: Functions within 4 units in the last place; where the true result is below the
#: smallest normal number, within that number.
UNITS = {
    "reciprocal": 1,  # one division
    "rsqrt": 4,
    "exp": 4,
    "expm1": 4,
    "log": 4,
    "log1p": 4,
    "tanh": 4,
    "sigmoid": 4,
    "softplus": 4,
    "erf": 4,
    "sin": 4,
    "cos": 4,
    "pow": 4,
    "floor_div": 2,  # rounded twice where the quotient is huge
    "atan2": 4,
    "tan": 4,
    "asin": 4,
    "acos": 4,
    "atan": 4,
    "sinh": 4,
    "cosh": 4,
    "asinh": 4,
    "acosh": 4,
    "atanh": 4,
    "exp2": 4,
    "log2": 4,
    "log10": 4,
    "erfinv": 4,
}

Scale = Callable[[list[Array], Attrs, list[Array]], list[Array | float]]


def _wide(x: Array) -> Array:
    return x.astype(np.float64)


def _eps(x: Array) -> float:
    return float(np.finfo(x.dtype).eps) if x.dtype.kind == "f" else 0.0


def _log2(count: float) -> float:
    return math.log2(max(count, 1))


def _sigmoid_grad(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    # 1 - out cancels: its error is that of rounding out, times the other factors.
    grad_out, out = map(_wide, inputs)
    return [4 * np.abs(grad_out * out) * (1 + np.abs(out))]


def _tanh_grad(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    grad_out, out = map(_wide, inputs)
    return [4 * np.abs(grad_out) * (1 + out * out)]


def _near_roots(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    # lgamma and digamma are sums of numbers of about this size, also where they are 0.
    return [16 * (4 + np.abs(_finite(_wide(want[0]))))]


def _chain(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    # The oracle rounds each step as a chain does, so only its functions differ, by a
    # few units each; later steps may enlarge that, but not beyond the values' own size.
    functions = sum(step.split()[0] in UNITS for step in attrs["steps"].split(";"))
    grads = attrs["steps"].count("_grad")
    size = 1 + max((float(np.max(np.abs(w), initial=0)) for w in want), default=0.0)
    if not attrs.get("reduce"):
        return [8.0 * (functions + grads) * size for _ in want]
    return _reduced_chain(inputs, attrs, want, 8.0 * (functions + grads))


def _reduced_chain(
    inputs: list[Array], attrs: Attrs, want: list[Array], units: float
) -> list[Any]:
    # Those of the values, and of the sum over them, see _reduce_sum.
    plain = {"steps": attrs["steps"], "results": attrs["results"]}
    values = reference("chain", inputs, plain)
    scales: list[Any] = []
    for x, name in zip(values, attrs["reduce"].split(";"), strict=True):
        size = np.abs(_finite(_wide(x)))
        if name in ("reduce_sum", "reduce_mean"):
            scale = _SCALES[name]([size], attrs, want)[0]
            count = math.prod(x.shape[axis] for axis in attrs["axes"])
            scales.append((1 + units / (4 + _log2(count))) * scale)
        else:
            scales.append(units * (1 + np.max(size, initial=0)))
    return scales


def _reduce_sum(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    # Pairwise summation: log2(n) roundings on the way of each element.
    (x,) = inputs
    axes = tuple(attrs["axes"])
    count = math.prod(x.shape[axis] for axis in axes)
    total = np.sum(np.abs(_wide(x)), axis=axes, keepdims=bool(attrs.get("keepdims", 0)))
    return [(4 + _log2(count)) * total]


def _reduce_mean(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    (x,) = inputs
    count = math.prod(x.shape[axis] for axis in attrs["axes"])
    return [_reduce_sum(inputs, attrs, want)[0] / max(count, 1)]


def _reduce_prod(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    # A rounding of float64 for each factor, in any order.
    (x,) = inputs
    count = math.prod(x.shape[axis] for axis in attrs["axes"])
    return [(2 + (count if x.dtype == np.float64 else 0)) * np.abs(_wide(want[0]))]


def _dot_units(length: int) -> float:
    # Any order of summation is within length * eps / 2 of the sum of absolute products;
    # roundings are independent enough that the square root, with room, holds as well.
    return 4 + 2 * math.sqrt(length)


def _matmul(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    sizes = [np.abs(_wide(x)) for x in inputs]
    length = inputs[0].shape[0 if attrs.get("transpose_a", 0) else 1]
    return [_dot_units(length) * reference("matmul", sizes, attrs)[0]]


def _batch_matmul(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    sizes = [np.abs(_wide(x)) for x in inputs]
    length = inputs[0].shape[1 if attrs.get("transpose_a", 0) else 2]
    return [_dot_units(length) * reference("batch_matmul", sizes, attrs)[0]]


def _gemm(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    # Activations do not enlarge an error (slope at most 1); dropout and the factor of
    # an activation gradient do.
    keys = ("transpose_a", "transpose_b", "bias", "column_sum")
    linear = {key: attrs[key] for key in keys if key in attrs}
    extra = 1 if attrs.get("bias", 0) else 0
    sizes = [np.abs(_wide(x)) for x in inputs[: 2 + extra]]
    results = reference("gemm", sizes, linear)
    length = inputs[0].shape[0 if attrs.get("transpose_a", 0) else 1]
    scale = results[0] / (1 - attrs.get("dropout", 0.0))
    if attrs.get("grad"):
        out = np.abs(_wide(inputs[2 + extra]))
        scale = scale * {"relu": 1.0, "sigmoid": out * (1 + out)}.get(
            attrs["grad"], 1 + out * out
        )
    if attrs.get("activation") in ("sigmoid", "tanh"):
        scale = scale + 1  # the function's own last places
    # column_sum adds the rows one after another.
    return [_dot_units(length) * x for x in (scale, *results[1:])]


def _around(scale: Array, axes: tuple[int, int], reach: int) -> Array:
    """The largest of those at most `reach` places away: what is computed with them."""
    for axis in axes:
        sides = [(reach, reach) if i == axis else (0, 0) for i in range(scale.ndim)]
        windows = np.lib.stride_tricks.sliding_window_view(
            np.pad(scale, sides), 2 * reach + 1, axis
        )
        scale = windows.max(axis=-1)
    return scale


def _conv(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    # As `_gemm`: the sum runs over the taps and the channels of a group.
    linear = {key: value for key, value in attrs.items() if key != "activation"}
    sizes = [np.abs(_wide(x)) for x in inputs]
    scale = reference("conv", sizes, linear)[0]
    if attrs.get("activation") in ("sigmoid", "tanh"):
        scale = scale + 1
    return [_dot_units(math.prod(inputs[1].shape[:-1])) * scale]


def _conv_grad_x(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    grad_out, weight = (np.abs(_wide(x)) for x in inputs[:2])
    linear = {key: value for key, value in attrs.items() if key != "grad"}
    scale = reference("conv_grad_x", [grad_out, weight], linear)[0]
    if attrs.get("grad") in ("sigmoid", "tanh"):
        scale = scale * (1 + np.square(_wide(inputs[2])))
    length = math.prod(weight.shape[:-2]) * weight.shape[-1] // attrs.get("groups", 1)
    return [_dot_units(length) * scale]


def _conv_grad_w(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    sizes = [np.abs(_wide(x)) for x in inputs]
    results = reference("conv_grad_w", sizes, attrs)
    return [_dot_units(math.prod(inputs[1].shape[:-1])) * x for x in results]


def _max_pool_grad(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    sizes = [np.abs(_finite(_wide(inputs[0]))), inputs[1]]
    windows = math.prod(attrs["window"])  # at most as many choose a place
    return [(1 + windows) * reference("max_pool_grad", sizes, attrs)[0]]


def _avg_pool(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    size = np.abs(_finite(_wide(inputs[0])))
    return [
        _dot_units(math.prod(attrs["window"])) * reference("avg_pool", [size], attrs)[0]
    ]


def _avg_pool_grad(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    size = np.abs(_finite(_wide(inputs[0])))
    units = _dot_units(math.prod(attrs["window"]))
    return [units * reference("avg_pool_grad", [size], attrs)[0]]


def _softmax(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    # Rounding x - max by eps |x - max| / 2 changes the exponential as much, relatively.
    x = _finite(_wide(inputs[0]))
    depth = np.max(x, axis=-1, keepdims=True, initial=-np.inf) - x
    # Beyond this depth the result is 0 or nearly: below the smallest normal number.
    return [(8 + np.minimum(depth, 800) + _log2(x.shape[-1])) * np.abs(_wide(want[0]))]


def _log_softmax(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    x = _finite(_wide(inputs[0]))
    size = np.abs(x) + np.max(np.abs(x), axis=-1, keepdims=True, initial=0)
    return [4 * (1 + size + _log2(x.shape[-1]))]


def _finite(x: Array) -> Array:
    """Extremes limited so that scales made of them stay numbers."""
    return np.nan_to_num(np.clip(x, -1e300, 1e300), nan=0.0)


def _norm(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    # The mean's error moves every element; that of the root is relative.
    x, columns = _finite(_wide(inputs[0])), max(inputs[0].shape[-1], 1)
    centred = len(want) == 3
    mean, rstd = _finite(_wide(want[-2])) * centred, _finite(_wide(want[-1]))
    steps = 8 + _log2(columns)
    moved = steps * np.abs(x).sum(axis=-1) / columns * centred
    relative = steps + _eps(want[0]) * np.square(moved * rstd)
    gamma = np.abs(_wide(inputs[1])) if attrs.get("scale") else 1.0
    size = np.abs(x - (mean * centred)[..., None] if centred else x)
    out = gamma * rstd[..., None] * (moved[..., None] + relative[..., None] * size)
    scales = [out + 2 * np.abs(_finite(_wide(want[0])))]
    if attrs.get("center"):
        scales[0] = scales[0] + 2 * np.abs(_wide(inputs[-1]))
    return [*scales, *([moved] * centred), relative * rstd]


def _norm_grad(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    grad, x, *rest = (_finite(_wide(v)) for v in inputs)
    scaled = bool(attrs.get("scale"))
    centred = len(rest) - scaled == 2
    rstd = rest[int(centred)][..., None]
    hat = np.abs(x - rest[0][..., None] if centred else x) * rstd
    pull = np.abs(grad * rest[-1] if scaled else grad)
    columns, rows = max(x.shape[-1], 1), math.prod(x.shape[:-1])
    steps = 10 + _log2(columns)
    slope = (pull * hat).sum(axis=-1, keepdims=True) / columns
    level = pull.sum(axis=-1, keepdims=True) / columns
    over = tuple(range(x.ndim - 1))
    scales = [steps * rstd * (pull + level + hat * slope)]
    if scaled:
        scales.append((8 + _log2(rows)) * (np.abs(grad) * hat).sum(axis=over))
    if attrs.get("center"):
        scales.append((8 + _log2(rows)) * np.abs(grad).sum(axis=over))
    return scales


def _batch_norm(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    # As `_norm`, over the rows.
    x = _finite(_wide(inputs[0]))
    over, rows = tuple(range(x.ndim - 1)), max(math.prod(x.shape[:-1]), 1)
    mean, variance = (_finite(_wide(w)) for w in want[1:])
    steps = 8 + _log2(rows)
    moved = steps * np.abs(x).sum(axis=over) / rows
    spread = steps * variance + _eps(want[0]) * np.square(moved)
    rstd = 1 / np.sqrt(variance + attrs["epsilon"])
    relative = steps + _eps(want[0]) * np.square(moved * rstd)
    gamma = np.abs(_wide(inputs[1])) if attrs.get("scale") else 1.0
    out = gamma * rstd * (moved + relative * np.abs(x - mean))
    out = out + 2 * np.abs(_finite(_wide(want[0])))
    for extra in inputs[1 + bool(attrs.get("scale")) :]:
        out = out + 2 * np.abs(_finite(_wide(extra)))
    return [out, moved, spread]


def _batch_norm_grad(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    grad, x, mean, variance, *rest = (_finite(_wide(v)) for v in inputs)
    over, rows = tuple(range(x.ndim - 1)), max(math.prod(x.shape[:-1]), 1)
    scaled = bool(attrs.get("scale"))
    gamma = np.abs(rest[0]) if scaled else 1.0
    rstd = 1 / np.sqrt(variance + attrs["epsilon"])
    hat, grad = np.abs(x - mean) * rstd, np.abs(grad)
    steps = 10 + _log2(rows)
    along, level = (grad * hat).sum(axis=over), grad.sum(axis=over)
    scales: list[Any] = [
        steps * gamma * rstd * (grad + level / rows + hat * along / rows)
    ]
    scales += [steps * along] * scaled + [steps * level] * bool(attrs.get("center"))
    return scales + [0.0] * bool(attrs.get("residual"))


def _dense_loss(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    x, targets = map(_wide, inputs)
    weight = np.sum(np.abs(targets), axis=-1)
    size = 1 + np.max(np.abs(x), axis=-1, initial=0) + _log2(x.shape[-1])
    rows = (8 * weight * size)[..., None]
    return [8 * weight * size, rows + np.zeros(x.shape)]


def _sparse_loss(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    x = _wide(inputs[0])
    size = 1 + np.max(np.abs(x), axis=-1, initial=0) + _log2(x.shape[-1])
    return [8 * size, (8 * size)[..., None] + np.zeros(x.shape), 0.0]


def _cross_entropy(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    # Every factor is positive; dividing by a small total or share enlarges the gradient
    # and its error alike, so they are measured against the largest in the row.
    x, targets = map(_wide, inputs)
    log = np.log(np.clip(x / np.sum(x, axis=-1, keepdims=True), 1e-7, 1 - 1e-7))
    units = 8 + _log2(x.shape[-1])
    # log p near p = 1 has the absolute error of p itself.
    loss = np.sum(np.abs(targets) * (1 + np.abs(log)), axis=-1)
    rows = np.max(np.abs(_wide(want[1])), axis=-1, keepdims=True, initial=0)
    total = np.sum(np.abs(targets), axis=-1, keepdims=True)
    rows = rows + total / np.sum(x, axis=-1, keepdims=True)
    return [units * loss, units * rows + np.zeros(x.shape)]


def _sparse_cross_entropy(
    inputs: list[Array], attrs: Attrs, want: list[Array]
) -> list[Any]:
    # As above with one target of 1: the total of the row is rounded, then divided by.
    x = _wide(inputs[0])
    units = 8 + _log2(x.shape[-1])
    rows = np.max(np.abs(_wide(want[1])), axis=-1, keepdims=True, initial=0)
    return [units * (1 + np.abs(want[0])), units * rows + np.zeros(x.shape), 0.0]


def _take_grad(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    # Summed in order of position: one rounding for each repetition of the index.
    grad_out, indices = inputs
    total = reference("take_grad", [np.abs(_wide(grad_out)), indices], attrs)[0]
    good = indices[(indices >= 0) & (indices < attrs["rows"])]
    repeats = int(np.max(np.bincount(good.ravel()), initial=0))
    return [(1 + repeats) * total]


def _take_along_axis_grad(
    inputs: list[Array], attrs: Attrs, want: list[Array]
) -> list[Any]:
    # At most all positions of a line in one place.
    grad_out, indices = inputs
    sizes = [np.abs(_wide(grad_out)), indices]
    total = reference("take_along_axis_grad", sizes, attrs)[0]
    return [(1 + indices.shape[attrs["axis"]]) * total]


def _scatter_nd(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    # Summed in order of position: one rounding for each name of a row.
    indices, updates = inputs
    names = max(math.prod(indices.shape[:-1]), 1)
    total = reference("scatter_nd", [indices, np.abs(_wide(updates))], attrs)[0]
    return [_dot_units(names) * total, 0.0]


def _cumsum(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    # One rounding for each position of a block of at most 512, and for each block.
    size = inputs[0].shape[attrs["axis"]]
    total = reference("cumsum", [np.abs(_wide(inputs[0]))], attrs)[0]
    return [(_dot_units(min(size, 512)) + size / 256) * total]


def _cumprod(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    return [(1 + inputs[0].shape[attrs["axis"]]) * np.abs(_finite(_wide(want[0])))]


def _random_uniform(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    # A product and a sum; none when they change nothing.
    low, high = attrs.get("low", 0.0), attrs.get("high", 1.0)
    return [0.0 if (low, high) == (0.0, 1.0) else 2 * (abs(low) + abs(high - low))]


def _random_normal(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    # |z| is below 6 (24 bits); the angle 2 pi u is rounded, so sine and cosine have an
    # absolute error.
    mean, stddev = attrs.get("mean", 0.0), attrs.get("stddev", 1.0)
    return [4 * (abs(mean) + 6 * abs(stddev))]


def _dropout(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    return [
        2 * np.abs(_finite(_wide(want[0])))
    ]  # the factor is rounded, then the product


def _update(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    # A dozen roundings of numbers of the size of the operands; denominators are at
    # least 0.3 by the choice of "positive" slots, so they enlarge no error much.
    skip = 1 + bool(attrs.get("has_scale")) + bool(attrs.get("has_decay"))
    width = (len(inputs) - skip) // attrs["n"] if attrs["n"] else 0
    scales: list[Any] = []
    for first in range(skip, skip + attrs["n"] * width, max(width, 1)):
        group = [np.abs(_wide(x)) for x in inputs[first : first + width]]
        size = 1 + sum(group) + group[1] ** 2
        scales += [16 * size] * (width - 1)
    return scales


def _square_norms(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    count = max((x.size for x in inputs), default=1)
    return [(4 + _log2(count)) * np.abs(_wide(want[0]))]


def _row_sums(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    grad, indices = inputs
    sizes = _row_sizes(grad, indices, attrs["rows"])
    flat = np.clip(indices.reshape(-1), 0, max(attrs["rows"] - 1, 0))
    if attrs["rows"] == 0:
        return [0.0]
    return [(1 + _most(indices)) * sizes[flat].reshape(grad.shape)]


def _most(indices: Array) -> int:
    """How often the most frequent index stands there."""
    return int(np.unique(indices, return_counts=True)[1].max(initial=0))


def _row_sizes(grad: Array, indices: Array, rows: int) -> Array:
    """For each row of the table the sum of the sizes of its gradients."""
    flat = indices.reshape(-1)
    sizes = np.abs(_wide(grad)).reshape(flat.size, *grad.shape[indices.ndim :])
    good = (flat >= 0) & (flat < rows)
    total = np.zeros((rows, *sizes.shape[1:]))
    np.add.at(total, flat[good], sizes[good])
    return total


def _row_update(inputs: list[Array], attrs: Attrs, want: list[Array]) -> list[Any]:
    # As `_update`, for the summed gradients, whose error grows with their number.
    skip = 1 + bool(attrs.get("has_scale"))
    grad, indices, *tables = inputs[skip:]
    sizes = _row_sizes(grad, indices, tables[0].shape[0])
    size = 1 + sizes + sizes**2 + sum(np.abs(_wide(x)) for x in tables)
    return [(16 + _most(indices)) * size for _ in tables]


_SCALES: dict[str, Scale] = {
    "lgamma": _near_roots,
    "digamma": _near_roots,
    "sigmoid_grad": _sigmoid_grad,
    "tanh_grad": _tanh_grad,
    "chain": _chain,
    "reduce_sum": _reduce_sum,
    "reduce_mean": _reduce_mean,
    "reduce_prod": _reduce_prod,
    "matmul": _matmul,
    "gemm": _gemm,
    "batch_matmul": _batch_matmul,
    "conv": _conv,
    "conv_grad_x": _conv_grad_x,
    "conv_grad_w": _conv_grad_w,
    "max_pool_grad": _max_pool_grad,
    "avg_pool": _avg_pool,
    "avg_pool_grad": _avg_pool_grad,
    "batch_norm": _batch_norm,
    "batch_norm_grad": _batch_norm_grad,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "layer_norm": _norm,
    "layer_norm_grad": _norm_grad,
    "rms_norm": _norm,
    "rms_norm_grad": _norm_grad,
    "softmax_cross_entropy": _dense_loss,
    "sparse_softmax_cross_entropy": _sparse_loss,
    "cross_entropy": _cross_entropy,
    "sparse_cross_entropy": _sparse_cross_entropy,
    "take_grad": _take_grad,
    "take_along_axis_grad": _take_along_axis_grad,
    "scatter_nd": _scatter_nd,
    "cumsum": _cumsum,
    "cumprod": _cumprod,
    "random_uniform": _random_uniform,
    "random_normal": _random_normal,
    "truncated_normal": _random_normal,
    "dropout": _dropout,
    "sgd_update": _update,
    "adam_update": _update,
    "rmsprop_update": _update,
    "adagrad_update": _update,
    "square_norms": _square_norms,
    "row_sums": _row_sums,
    "sgd_row_update": _row_update,
    "adam_row_update": _row_update,
    "adagrad_row_update": _row_update,
}


#: Of a kernel by tiles: the axes of a tile, how far apart what it computes together is.
_TILES = {"conv": ((1, 2), 3), "conv_grad_x": ((1, 2), 3), "conv_grad_w": ((0, 1), 2)}


def tolerances(
    op: str, inputs: list[Array], attrs: Attrs, want: list[Array], kernel: str = ""
) -> list[Array | float]:
    """The largest allowed absolute difference of each element of each result."""
    if op in EXACT:
        return [0.0 for _ in want]
    with np.errstate(all="ignore"):
        if op in UNITS:
            scales: list[Any] = [UNITS[op] * np.abs(_finite(_wide(w))) for w in want]
        else:
            scales = _SCALES[op](inputs, attrs, want)
        if kernel == "conv_winograd":
            scales[0] = _around(scales[0], *_TILES[op])
        return [
            _eps(w) * scale + (np.finfo(w.dtype).tiny if w.dtype.kind == "f" else 0.0)
            for w, scale in zip(want, scales, strict=True)
        ]


def worst(got: Array, want: Array, allowed: Array | float) -> str:
    """ "" when every element is close enough, else the first one that is not."""
    if got.dtype != want.dtype or got.shape != want.shape:
        return f"expected {want.dtype} {want.shape}, received {got.dtype} {got.shape}"
    if want.dtype.kind != "f":
        bad = got != want
    else:
        with np.errstate(all="ignore"):
            near = np.abs(_wide(got) - _wide(want)) <= allowed
        bad = ~(near | (got == want) | (np.isnan(got) & np.isnan(want)))
    if not bad.any():
        return ""
    where = tuple(int(i) for i in np.argwhere(bad)[0])
    limit = np.broadcast_to(allowed, want.shape)[where]
    return (
        f"{int(bad.sum())} of {want.size} wrong, first at {where}: expected "
        f"{want[where]!r} within {limit:.3g}, received {got[where]!r}"
    )
