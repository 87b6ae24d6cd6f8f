"""Every opcode of docs/opcodes.md in NumPy: the oracle of the kernel and op tests.

Written from the page alone, without looking at the kernels. Floats are computed in
float64 and rounded once to the result's dtype, so a result is within half a unit in the
last place of the truth; `chain` rounds after every step, as its description says.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

import update_reference as updates
from image_reference import IMAGES
from norm_reference import NORMS

Array = NDArray[Any]
Attrs = dict[str, Any]

_EPSILON = 1e-7


def reference(
    op: str, inputs: Sequence[Array], attrs: Attrs | None = None
) -> list[Array]:
    """The results of one call. Arguments are those of an instruction of a plan."""
    with np.errstate(all="ignore"):
        return _TABLE[op]([np.asarray(x) for x in inputs], dict(attrs or {}))


def operations() -> list[str]:
    """The opcodes that have a reference: all but the control instructions."""
    return list(_TABLE)


# -- elementwise ----------------------------------------------------------------------


def _sigmoid(x: Array) -> Array:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


def _softplus(x: Array) -> Array:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _erf(x: Array) -> Array:
    return np.vectorize(math.erf, otypes=[np.float64])(x)


def _erfinv(x: Array) -> Array:
    """Newton's method on erf, or on erfc where erf is near 1."""

    def one(value: float) -> float:
        size = abs(value)
        if not size < 1:
            return math.copysign(math.inf, value) if size == 1 else math.nan
        if size < 1e-9:
            return value * math.sqrt(math.pi) / 2
        y = math.sqrt(-math.log1p(-size)) if size > 0.7 else size
        for _ in range(60):
            error = math.erf(y) - size if size < 0.5 else 1 - size - math.erfc(y)
            y -= error * math.sqrt(math.pi) / 2 * math.exp(y * y)
        return math.copysign(y, value)

    return np.vectorize(one, otypes=[np.float64])(x)


def _lgamma(x: Array) -> Array:
    def one(value: float) -> float:
        if abs(value) > 1e305 or (value <= 0 and value == math.floor(value)):
            return math.inf
        return math.lgamma(value)

    return np.vectorize(one, otypes=[np.float64])(x)


def _digamma(x: Array) -> Array:
    """By the recurrence up to 20, then the asymptotic series."""

    def one(value: float) -> float:
        if value == 0:
            return -math.copysign(math.inf, value)
        if math.isinf(value) or math.isnan(value):
            return value if value > 0 else math.nan
        if value < 0:
            if value == math.floor(value):
                return math.nan
            angle = math.pi * (value - round(value))
            return one(1 - value) - math.pi * math.cos(angle) / math.sin(angle)
        shifts = []
        while value < 20:
            shifts.append(-1 / value if value > 1e-308 else -math.inf)
            value += 1
        z = 1 / value**2 if value < 1e150 else 0.0
        series = z * (1 / 12 - z * (1 / 120 - z * (1 / 252 - z / 240)))
        return math.fsum([*shifts, math.log(value), -0.5 / value, -series])

    return np.vectorize(one, otypes=[np.float64])(x)


def _whole(x: Array, fn: Callable[[int, int], int], y: Array) -> Array:
    """Of Python's integers, then modulo 2^bits."""
    bits = 8 * x.dtype.itemsize
    pairs = np.broadcast(x, y)
    values = [fn(int(a), int(b)) % 2**bits for a, b in pairs]
    return np.array(values, f"uint{bits}").astype(x.dtype).reshape(pairs.shape)


def _integer_power(a: int, b: int) -> int:
    if b < 0:
        return a if a in (1, -1) and b % 2 else int(a in (1, -1))
    return a**b


def _pow(x: Array, y: Array) -> Array:
    return np.power(x, y) if x.dtype.kind == "f" else _whole(x, _integer_power, y)


def _relu_grad(grad_out: Array, out: Array) -> Array:
    return np.where(out > 0, grad_out, np.zeros_like(grad_out))


#: Result dtype is that of the operands.
_ARITHMETIC: dict[str, Callable[..., Array]] = {
    "neg": np.negative,
    "abs": np.abs,
    "sign": np.sign,
    "square": np.square,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "reciprocal": lambda x: 1 / x,
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "erf": _erf,
    "relu": lambda x: np.maximum(x, np.zeros((), x.dtype)),
    "floor": np.floor,
    "sin": np.sin,
    "cos": np.cos,
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "pow": _pow,
    "mod": np.mod,
    "floor_div": np.floor_divide,
    "atan2": np.arctan2,
    "ceil": np.ceil,
    "round": np.rint,
    "trunc": np.trunc,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "exp2": np.exp2,
    "log2": np.log2,
    "log10": np.log10,
    "erfinv": _erfinv,
    "lgamma": _lgamma,
    "digamma": _digamma,
    "bitwise_and": np.bitwise_and,
    "bitwise_or": np.bitwise_or,
    "bitwise_xor": np.bitwise_xor,
    "bitwise_not": np.bitwise_not,
    "left_shift": np.left_shift,
    "right_shift": np.right_shift,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "relu_grad": _relu_grad,
    "sigmoid_grad": lambda grad_out, out: grad_out * out * (1 - out),
    "tanh_grad": lambda grad_out, out: grad_out * (1 - out * out),
    "copy": lambda x: x.copy(),
}

#: Result dtype is bool.
_PREDICATES: dict[str, Callable[..., Array]] = {
    "logical_not": np.logical_not,
    "isfinite": np.isfinite,
    "equal": np.equal,
    "not_equal": np.not_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
}


def _wide(x: Array) -> Array:
    return x.astype(np.float64) if x.dtype.kind == "f" else x


def _arithmetic(fn: Callable[..., Array], inputs: list[Array]) -> list[Array]:
    return [np.asarray(fn(*map(_wide, inputs))).astype(inputs[0].dtype)]


def _where(inputs: list[Array], attrs: Attrs) -> list[Array]:
    condition, a, b = inputs
    return [np.where(condition, a, b).astype(a.dtype)]


def _cast(inputs: list[Array], attrs: Attrs) -> list[Array]:
    (x,) = inputs
    target = np.dtype(attrs["dtype"])
    if target.kind == "b":
        return [x != 0]
    if x.dtype.kind != "f" or target.kind == "f":
        return [x.astype(target)]
    info = np.iinfo(target)
    out = [_saturate(float(v), info.min, info.max) for v in x.ravel()]
    return [np.array(out, target).reshape(x.shape)]


def _saturate(value: float, low: int, high: int) -> int:
    if math.isnan(value):
        return 0
    if math.isinf(value):
        return high if value > 0 else low
    return min(max(math.trunc(value), low), high)


def _chain(inputs: list[Array], attrs: Attrs) -> list[Array]:
    dtype = next(x.dtype for x in inputs if x.dtype.kind == "f")
    shape = np.broadcast_shapes(*(x.shape for x in inputs))
    registers = [x.astype(dtype) for x in inputs]
    for step in attrs["steps"].split(";"):
        op, *arguments = step.split()
        values = [_argument(text, registers, dtype) for text in arguments]
        if op == "where":
            values[0] = values[0] != 0
        (out,) = reference(op, values, {})
        registers.append(out.astype(dtype))
    results = [np.broadcast_to(registers[r], shape).copy() for r in attrs["results"]]
    for i, name in enumerate(attrs["reduce"].split(";") if "reduce" in attrs else ()):
        if name != "none":
            (results[i],) = reference(name, [results[i]], attrs)
    return results


def _argument(text: str, registers: list[Array], dtype: Any) -> Array:
    if text.startswith("#"):
        return np.array(float(text[1:]), dtype)
    return registers[int(text)]


# -- shape ----------------------------------------------------------------------------


def _concatenate(inputs: list[Array], attrs: Attrs) -> list[Array]:
    return [np.concatenate(inputs, axis=attrs["axis"])]


def _slice(inputs: list[Array], attrs: Attrs) -> list[Array]:
    cut = zip(attrs["begin"], attrs["end"], attrs["stride"], strict=True)
    return [inputs[0][tuple(slice(*entry) for entry in cut)].copy()]


def _pad(inputs: list[Array], attrs: Attrs) -> list[Array]:
    widths = list(zip(attrs["low"], attrs["high"], strict=True))
    value = attrs.get("value", 0.0)
    if not widths:
        return [inputs[0].copy()]  # np.pad wants an axis
    return [np.pad(inputs[0], widths, constant_values=value)]


def _full(inputs: list[Array], attrs: Attrs) -> list[Array]:
    return [np.full(attrs["shape"], attrs["value"], attrs["dtype"])]


def _one_hot(inputs: list[Array], attrs: Attrs) -> list[Array]:
    hot = inputs[0][..., None] == np.arange(attrs["depth"])
    return [hot.astype(attrs["dtype"])]


def _flip(inputs: list[Array], attrs: Attrs) -> list[Array]:
    return [np.flip(inputs[0], tuple(attrs["axes"])).copy()]


def _window(x: Array, sizes: Sequence[int], start: Array) -> tuple[slice, ...]:
    """The box that `start`, clamped, begins."""
    begins = [
        min(max(int(at), 0), dim - size)
        for at, dim, size in zip(start, x.shape, sizes, strict=True)
    ]
    return tuple(slice(b, b + size) for b, size in zip(begins, sizes, strict=True))


def _dynamic_slice(inputs: list[Array], attrs: Attrs) -> list[Array]:
    x, start = inputs
    return [x[_window(x, attrs["sizes"], start)].copy()]


def _dynamic_update_slice(inputs: list[Array], attrs: Attrs) -> list[Array]:
    x, update, start = inputs
    out = x.copy()
    out[_window(x, update.shape, start)] = update
    return [out]


# -- reduce ---------------------------------------------------------------------------


def _reduce(fn: Callable[..., Array]) -> Callable[[list[Array], Attrs], list[Array]]:
    def call(inputs: list[Array], attrs: Attrs) -> list[Array]:
        (x,) = inputs
        out = fn(
            _wide(x), axis=tuple(attrs["axes"]), keepdims=bool(attrs.get("keepdims", 0))
        )
        return [np.asarray(out).astype(x.dtype)]

    return call


def _mean(x: Array, axis: tuple[int, ...], keepdims: bool) -> Array:
    """NumPy's, without its warning: the mean of nothing is NaN."""
    count = math.prod(x.shape[k] for k in axis)
    return np.asarray(np.sum(x, axis=axis, keepdims=keepdims) / np.float64(count))


def _argmax(inputs: list[Array], attrs: Attrs) -> list[Array]:
    return [np.asarray(np.argmax(inputs[0], axis=attrs["axis"])).astype(np.int32)]


# -- matmul ---------------------------------------------------------------------------


def _operands(inputs: list[Array], attrs: Attrs) -> tuple[Array, Array]:
    a, b = _wide(inputs[0]), _wide(inputs[1])
    return (
        np.swapaxes(a, -1, -2) if attrs.get("transpose_a", 0) else a,
        np.swapaxes(b, -1, -2) if attrs.get("transpose_b", 0) else b,
    )


def _matmul(inputs: list[Array], attrs: Attrs) -> list[Array]:
    a, b = _operands(inputs, attrs)
    return [(a @ b).astype(inputs[0].dtype)]


def _gemm(inputs: list[Array], attrs: Attrs) -> list[Array]:
    a, b = _operands(inputs, attrs)
    extra = iter(inputs[2:])
    acc = a @ b
    if attrs.get("bias", 0):
        acc = acc + _wide(next(extra))
    if attrs.get("activation"):
        acc = _ARITHMETIC[attrs["activation"]](acc)
    out = _wide(next(extra)) if attrs.get("grad") else None
    if attrs.get("dropout", 0.0):
        acc = _drop(acc, next(extra), attrs["dropout"])
    if out is not None:
        acc = _ARITHMETIC[attrs["grad"] + "_grad"](acc, out)
    results = [acc, b.sum(axis=0)] if attrs.get("column_sum", 0) else [acc]
    return [x.astype(inputs[0].dtype) for x in results]


# -- softmax, loss --------------------------------------------------------------------


def _log_softmax(x: Array) -> Array:
    shifted = x - np.max(x, axis=-1, keepdims=True, initial=-np.inf)
    return shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))


def _softmax(x: Array) -> Array:
    e = np.exp(x - np.max(x, axis=-1, keepdims=True, initial=-np.inf))
    return e / np.sum(e, axis=-1, keepdims=True)


def _softmax_cross_entropy(inputs: list[Array], attrs: Attrs) -> list[Array]:
    x, targets = map(_wide, inputs)
    loss = -np.sum(targets * _log_softmax(x), axis=-1)
    grad = _softmax(x) * np.sum(targets, axis=-1, keepdims=True) - targets
    return [np.asarray(y).astype(inputs[0].dtype) for y in (loss, grad)]


def _one_hot_rows(labels: Array, classes: int) -> tuple[Array, Array]:
    """One-hot rows (zero where the label is out of range), and the fault."""
    hot = (labels[..., None] == np.arange(classes)).astype(np.float64)
    return hot, _fault(labels, classes)


def _fault(indices: Array, limit: int) -> Array:
    bad = np.flatnonzero((indices < 0) | (indices >= limit))
    return np.array([bad[0] + 1 if bad.size else 0], np.int64)


def _sparse_softmax_cross_entropy(inputs: list[Array], attrs: Attrs) -> list[Array]:
    x, labels = _wide(inputs[0]), inputs[1]
    hot, fault = _one_hot_rows(labels, x.shape[-1])
    valid = np.sum(hot, axis=-1, keepdims=True) > 0
    loss = -np.sum(np.where(hot > 0, _log_softmax(x), 0.0), axis=-1)
    grad = np.where(valid, _softmax(x) - hot, 0.0)
    return [*(np.asarray(y).astype(inputs[0].dtype) for y in (loss, grad)), fault]


def _clipped(p: Array, dtype: Any) -> tuple[Array, Array]:
    """`p` clipped to [eps, 1 - eps] in this dtype, and where it was inside."""
    low = float(np.asarray(_EPSILON, dtype))
    high = float(np.asarray(1 - _EPSILON, dtype))
    return np.clip(p, low, high), (p >= low) & (p <= high)


def _cross_entropy(inputs: list[Array], attrs: Attrs) -> list[Array]:
    x, targets = map(_wide, inputs)
    total = np.sum(x, axis=-1, keepdims=True)
    share = x / total
    p, inside = _clipped(share, inputs[0].dtype)
    loss = -np.sum(targets * np.log(p), axis=-1)
    pull = np.where(inside, -targets / p, 0.0)  # d loss / d share
    grad = (pull - np.sum(pull * share, axis=-1, keepdims=True)) / total
    return [np.asarray(y).astype(inputs[0].dtype) for y in (loss, grad)]


def _sparse_cross_entropy(inputs: list[Array], attrs: Attrs) -> list[Array]:
    x, labels = _wide(inputs[0]), inputs[1]
    hot, fault = _one_hot_rows(labels, x.shape[-1])
    total = np.sum(x, axis=-1, keepdims=True)
    p, inside = _clipped(x / total, inputs[0].dtype)
    loss = -np.sum(np.where(hot > 0, np.log(p), 0.0), axis=-1)
    slope = np.where((hot > 0) & inside, -1 / p, 0.0)
    grad = (slope - np.sum(slope * p, axis=-1, keepdims=True)) / total
    return [*(np.asarray(y).astype(inputs[0].dtype) for y in (loss, grad)), fault]


# -- gather ---------------------------------------------------------------------------


def _take(inputs: list[Array], attrs: Attrs) -> list[Array]:
    x, indices = inputs
    out = np.zeros(indices.shape + x.shape[1:], x.dtype)
    good = (indices >= 0) & (indices < x.shape[0])
    out[good] = x[indices[good]]
    return [out, _fault(indices, x.shape[0])]


def _take_grad(inputs: list[Array], attrs: Attrs) -> list[Array]:
    grad_out, indices = inputs
    out = np.zeros(
        (attrs["rows"], *grad_out.shape[indices.ndim :]), _wide(grad_out).dtype
    )
    good = (indices >= 0) & (indices < attrs["rows"])
    np.add.at(out, indices[good], _wide(grad_out)[good])
    return [out.astype(grad_out.dtype)]


def _take_along_axis(inputs: list[Array], attrs: Attrs) -> list[Array]:
    x, indices = inputs
    axis, size = attrs["axis"], x.shape[attrs["axis"]]
    shape = list(np.broadcast_shapes(_without(x, axis), _without(indices, axis)))
    full, cut = [*shape], [*shape]
    full.insert(axis, size)
    cut.insert(axis, indices.shape[axis])
    where = np.broadcast_to(indices, cut)
    good = (where >= 0) & (where < size)
    if size == 0:
        return [np.zeros(cut, x.dtype), _fault(indices, size)]
    picked = np.take_along_axis(
        np.broadcast_to(x, full), np.where(good, where, 0).astype(np.int64), axis
    )
    return [np.where(good, picked, 0).astype(x.dtype), _fault(indices, size)]


def _without(x: Array, axis: int) -> tuple[int, ...]:
    return x.shape[:axis] + x.shape[axis + 1 :]


def _take_along_axis_grad(inputs: list[Array], attrs: Attrs) -> list[Array]:
    grad_out, indices = inputs
    axis, size = attrs["axis"], attrs["size"]
    shape = list(grad_out.shape)
    shape[axis] = size
    out = np.zeros(shape, _wide(grad_out).dtype)
    good = (indices >= 0) & (indices < size)
    places = list(np.indices(indices.shape))
    places[axis] = indices
    np.add.at(out, tuple(p[good] for p in places), _wide(grad_out)[good])
    return [out.astype(grad_out.dtype)]


def _named(
    indices: Array, shape: Sequence[int]
) -> tuple[Array, tuple[Any, ...], Array]:
    """Of names [..., d]: which are good, these as a key, and the fault."""
    depth = indices.shape[-1]
    bad = (indices < 0) | (indices >= np.array(shape[:depth], np.int64))
    places = np.flatnonzero(bad)
    fault = np.array([places[0] + 1 if places.size else 0], np.int64)
    good = ~bad.any(axis=-1)
    return good, tuple(indices[..., k][good] for k in range(depth)), fault


def _gather_nd(inputs: list[Array], attrs: Attrs) -> list[Array]:
    x, indices = inputs
    good, key, fault = _named(indices, x.shape)
    depth = indices.shape[-1]
    out = np.zeros(indices.shape[:-1] + x.shape[depth:], x.dtype)
    out[good] = x[key] if depth else x[None]
    return [out, fault]


def _scatter_nd(inputs: list[Array], attrs: Attrs) -> list[Array]:
    indices, updates = inputs
    good, key, fault = _named(indices, attrs["shape"])
    out = np.zeros(attrs["shape"], _wide(updates).dtype)
    if indices.shape[-1]:
        np.add.at(out, key, _wide(updates)[good])
    else:
        out += _wide(updates)[good].sum(axis=0, dtype=out.dtype)
    return [out.astype(updates.dtype), fault]


def _scatter_update(inputs: list[Array], attrs: Attrs) -> list[Array]:
    x, indices, updates = inputs
    good, key, fault = _named(indices, x.shape)
    out = x.copy()
    for number, row in enumerate(updates[good]):
        out[tuple(k[number] for k in key)] = row
    return [out, fault]


# -- cumulative, sort -----------------------------------------------------------------


def _cumulative(
    fn: Callable[..., Array],
) -> Callable[[list[Array], Attrs], list[Array]]:
    def call(inputs: list[Array], attrs: Attrs) -> list[Array]:
        x, axis = _wide(inputs[0]), attrs["axis"]
        turned = (axis,) if attrs.get("reverse", 0) else ()
        out = fn(np.flip(x, turned), axis=axis, dtype=x.dtype)
        return [np.flip(out, turned).astype(inputs[0].dtype)]

    return call


def _descending(x: Array) -> Array:
    """The stable order of the last axis, largest first."""
    # Sorting what is turned round puts the higher index first: turned back, last.
    turned = np.argsort(x[..., ::-1], axis=-1, kind="stable")[..., ::-1]
    return x.shape[-1] - 1 - turned


def _top_k(inputs: list[Array], attrs: Attrs) -> list[Array]:
    (x,) = inputs
    order = _descending(x)[..., : attrs["k"]]
    return [np.take_along_axis(x, order, -1), order.astype(np.int32)]


def _searchsorted(inputs: list[Array], attrs: Attrs) -> list[Array]:
    rows, values = inputs
    side = "right" if attrs.get("right", 0) else "left"
    if rows.ndim == 1:
        found = np.searchsorted(rows, values, side)
        return [np.asarray(found).astype(np.int32)]
    out = np.zeros(values.shape, np.int32)
    for place in np.ndindex(rows.shape[:-1]):
        out[place] = np.searchsorted(rows[place], values[place], side)
    return [out]


# -- random ---------------------------------------------------------------------------


def philox(seed: Array, blocks: int, word2: int = 0) -> Array:
    """Blocks 0 ... `blocks` - 1 of Philox4x32-10, uint32 [blocks, 4]."""
    low32, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    index = np.arange(blocks, dtype=np.uint64)
    c0, c1 = index & low32, index >> shift
    c2, c3 = np.full_like(index, word2), np.zeros_like(index)
    k0, k1 = int(seed[0]), int(seed[1])
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0 = (p1 >> shift) ^ c1 ^ np.uint64(k0)
        c2 = (p0 >> shift) ^ c3 ^ np.uint64(k1)
        c1, c3 = p1 & low32, p0 & low32
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=1).astype(np.uint32)


def _lanes(seed: Array, count: int, word2: int = 0) -> Array:
    return philox(seed, (count + 3) // 4, word2).ravel()[:count]


def _unit(lanes: Array) -> Array:
    """The float32 uniform of each lane, in [0, 1)."""
    return (lanes >> np.uint32(8)).astype(np.float64) * 2.0**-24


def _shaped(values: Array, attrs: Attrs) -> list[Array]:
    return [values.astype(attrs["dtype"]).reshape(attrs["shape"])]


def _random_uniform(inputs: list[Array], attrs: Attrs) -> list[Array]:
    count = math.prod(attrs["shape"])
    lanes = _lanes(inputs[0], count)
    unit = _unit(lanes)
    dtype = np.dtype(attrs["dtype"])
    if dtype == np.float64:
        rest = _lanes(inputs[0], count, 1) >> np.uint32(3)
        unit = ((lanes >> np.uint32(8)).astype(np.float64) * 2.0**29 + rest) * 2.0**-53
    low, high = attrs.get("low", 0.0), attrs.get("high", 1.0)
    out = (low + (high - low) * unit).astype(dtype)
    below = np.nextafter(np.asarray(high, dtype), np.asarray(-np.inf, dtype))
    return _shaped(np.minimum(out, below) if high > low else out, attrs)


def _random_integers(inputs: list[Array], attrs: Attrs) -> list[Array]:
    count, low, high = math.prod(attrs["shape"]), attrs["low"], attrs["high"]
    words = [int(u) for u in _lanes(inputs[0], count)]
    bits = 32
    if high - low > 2**32:
        bits = 64
        rest = _lanes(inputs[0], count, 1)
        words = [(u << 32) + int(v) for u, v in zip(words, rest, strict=True)]
    values = [low + (u * (high - low) >> bits) for u in words]
    return _shaped(np.array(values, attrs["dtype"]), attrs)


def _random_normal(inputs: list[Array], attrs: Attrs) -> list[Array]:
    count = math.prod(attrs["shape"])
    pairs = _unit(philox(inputs[0], (count + 3) // 4)).reshape(-1, 2)
    radius, angle = np.sqrt(-2 * np.log(1 - pairs[:, 0])), 2 * np.pi * pairs[:, 1]
    both = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    out = attrs.get("mean", 0.0) + attrs.get("stddev", 1.0) * both.ravel()[:count]
    return _shaped(out, attrs)


def _truncated_normal(inputs: list[Array], attrs: Attrs) -> list[Array]:
    normal = NormalDist()
    low, high = normal.cdf(-2), normal.cdf(2)
    unit = _unit(_lanes(inputs[0], math.prod(attrs["shape"])))
    inverse = np.vectorize(normal.inv_cdf, otypes=[np.float64])
    z = inverse(low + unit * (high - low)) if unit.size else unit
    return _shaped(attrs.get("mean", 0.0) + attrs.get("stddev", 1.0) * z, attrs)


def _drop(x: Array, seed: Array, rate: float) -> Array:
    keep = _lanes(seed, x.size) >= np.uint32(math.floor(rate * 2.0**32))
    return np.where(keep.reshape(x.shape), x * (1 / (1 - rate)), 0.0)


def _dropout(inputs: list[Array], attrs: Attrs) -> list[Array]:
    x, seed = inputs
    return [_drop(_wide(x), seed, attrs["rate"]).astype(x.dtype)]


_TABLE: dict[str, Callable[[list[Array], Attrs], list[Array]]] = {
    **{k: lambda x, a, f=f: _arithmetic(f, x) for k, f in _ARITHMETIC.items()},
    **{k: lambda x, a, f=f: [np.asarray(f(*x))] for k, f in _PREDICATES.items()},
    "where": _where,
    "cast": _cast,
    "chain": _chain,
    "reshape": lambda x, a: [x[0].reshape(a["shape"]).copy()],
    "transpose": lambda x, a: [x[0].transpose(a["perm"]).copy()],
    "broadcast_to": lambda x, a: [np.broadcast_to(x[0], a["shape"]).copy()],
    "concatenate": _concatenate,
    "slice": _slice,
    "pad": _pad,
    "full": _full,
    "one_hot": _one_hot,
    "reduce_sum": _reduce(np.sum),
    "reduce_mean": _reduce(_mean),
    "reduce_prod": _reduce(np.prod),
    "reduce_max": _reduce(np.max),
    "reduce_min": _reduce(np.min),
    "argmax": _argmax,
    "matmul": _matmul,
    "gemm": _gemm,
    "batch_matmul": _matmul,
    "softmax": lambda x, a: [_softmax(_wide(x[0])).astype(x[0].dtype)],
    "log_softmax": lambda x, a: [_log_softmax(_wide(x[0])).astype(x[0].dtype)],
    **NORMS,
    **IMAGES,
    "softmax_cross_entropy": _softmax_cross_entropy,
    "sparse_softmax_cross_entropy": _sparse_softmax_cross_entropy,
    "cross_entropy": _cross_entropy,
    "sparse_cross_entropy": _sparse_cross_entropy,
    "take": _take,
    "take_grad": _take_grad,
    "flip": _flip,
    "dynamic_slice": _dynamic_slice,
    "dynamic_update_slice": _dynamic_update_slice,
    "take_along_axis": _take_along_axis,
    "take_along_axis_grad": _take_along_axis_grad,
    "gather_nd": _gather_nd,
    "scatter_nd": _scatter_nd,
    "scatter_update": _scatter_update,
    "cumsum": _cumulative(np.cumsum),
    "cumprod": _cumulative(np.cumprod),
    "sort": lambda x, a: [np.sort(x[0], axis=-1)],
    "argsort": lambda x, a: [np.argsort(x[0], axis=-1, kind="stable").astype(np.int32)],
    "top_k": _top_k,
    "searchsorted": _searchsorted,
    "random_uniform": _random_uniform,
    "random_integers": _random_integers,
    "random_normal": _random_normal,
    "truncated_normal": _truncated_normal,
    "dropout": _dropout,
    "sgd_update": updates.whole(updates.sgd),
    "adam_update": updates.whole(updates.adam),
    "rmsprop_update": updates.whole(updates.rmsprop),
    "adagrad_update": updates.whole(updates.adagrad),
    "square_norms": updates.square_norms,
    "row_sums": updates.row_sums,
    "sgd_row_update": updates.rows(updates.sgd),
    "adam_row_update": updates.rows(updates.adam),
    "adagrad_row_update": updates.rows(updates.adagrad),
}
