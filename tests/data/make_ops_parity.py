"""Writes ``ops_parity.json``: functions of `keras.ops` as Keras computes them.

    KERAS_BACKEND=jax python tests/data/make_ops_parity.py

Needs keras 3. A case is the function's name, its arguments (``"$A"`` stands for an
array of the file) and its results with their dtypes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

OUT = Path(__file__).with_name("ops_parity.json")
random = np.random.RandomState(3)  # its stream never changes
random_logits = np.random.RandomState(8)

ARRAYS = {
    "A": random.normal(size=(3, 4)).astype("float32") * 3,
    "B": random.uniform(0.2, 2.5, size=(3, 4)).astype("float32"),
    "ROW": random.normal(size=4).astype("float32"),
    "UNIT": random.uniform(-1, 1, size=(2, 5)).astype("float32"),
    "CUBE": random.normal(size=(2, 3, 4)).astype("float32"),
    "VECTORS": random.normal(size=(4, 3)).astype("float32"),
    "PLANE": random.normal(size=(4, 2)).astype("float32"),
    "SIGNAL": random.normal(size=12).astype("float32"),
    "SPECIAL": np.array(
        [1.5, np.nan, np.inf, -np.inf, 0.0, -0.0, -2.5, 0.5, 7.0], "float32"
    ),
    "HOLES": np.array(
        [[1, np.nan, 3], [np.nan, np.nan, np.nan], [-2, 5, np.nan]], "float32"
    ),
    "TWINS": np.array(
        [1.5, np.nan, np.inf, np.inf, 1e-9, 0.0, -2.50001, 0.5, 7.1], "float32"
    ),
    "INTS": np.array([[13, -7, 2], [0, 9, -25]], "int32"),
    "DIVISORS": np.array([[5, 3, -4], [7, -2, 6]], "int32"),
    "SHIFTS": np.array([[1, 2, 3], [0, 31, 5]], "int32"),
    "BYTES": np.array([3, 200, 17], "uint8"),
    "SMALL": np.array([[-3, 4], [100, -128]], "int8"),
    "BOOLS": np.array([[True, False, True], [False, False, True]]),
    "FLAGS": np.array([True, True, False]),
    "IDS": np.array([2, 0, 2, 4, 0, -1, 2, 0, 9], "int32"),
    "RISING": np.array([0, 0, 1, 3, 3, 3, 3, 4, 4], "int64"),
    "GROUPED": np.array(
        [[3, -1], [2, 5], [-4, 2], [7, 7], [0, 1], [9, 9], [1, 2], [-6, 3], [8, 8]],
        "int32",
    ),
    "LOGITS": random_logits.normal(size=(3, 7, 4)).astype("float32") * 2,
    "LABELS": np.array([[1, 2, 2], [3, 1, 0], [2, 0, 0]], "int32"),
    "LABEL_COUNTS": np.array([3, 2, 0], "int32"),
    "FRAME_COUNTS": np.array([7, 5, 3], "int32"),
    "INDICES": np.array([[0, 2], [1, 1]], "int32"),
}
UNARY_FLOAT = (
    "arccos arccosh arcsin arcsinh arctan arctanh tan sinh cosh sinc angle deg2rad "
    "rad2deg exp2 log2 log10 cbrt ceil trunc round fabs"
).split()
ANY_UNARY = (
    "isneginf isposinf isreal real imag conj conjugate copy nan_to_num signbit array"
).split()
INTEGER_PAIRS = (
    "mod fmod floor_divide bitwise_and bitwise_or bitwise_xor gcd lcm fmax fmin "
    "arctan2 hypot heaviside logaddexp logaddexp2 isclose"
).split()
FLOAT_PAIRS = (
    "mod fmod floor_divide arctan2 hypot heaviside logaddexp logaddexp2 fmax fmin "
    "isclose allclose vdot"
).split()
REDUCTIONS = "prod ptp nanmax nanmin nansum nanprod nanmean nanvar nanstd".split()


Row = tuple[str, list[Any], dict[str, Any]]


class Table(list[Row]):
    """Names, arguments and keywords."""

    def add(self, name: str, *args: Any, **kwargs: Any) -> None:
        """One more case."""
        self.append((name, list(args), kwargs))


def unary(add: Callable[..., None]) -> None:
    """Functions of one tensor."""
    for name in UNARY_FLOAT:
        inside = name in ("arccos", "arcsin", "arctanh")
        positive = name in ("log2", "log10")
        data = "$UNIT" if inside else "$B" if positive else "$A"
        for x in (data, "$SPECIAL", "$INTS", *([] if name == "round" else ["$BOOLS"])):
            if not (positive and x == "$SPECIAL"):
                add(name, x)
    for name in ("erfinv", "erfc"):
        add(name, "$UNIT" if name == "erfinv" else "$A")
    for name in ANY_UNARY:
        for x in ("$A", "$SPECIAL", "$INTS", "$BOOLS", "$BYTES"):
            add(name, x)


def pairs(add: Callable[..., None]) -> None:
    """Functions of two tensors."""
    for name in INTEGER_PAIRS:
        add(name, "$INTS", "$DIVISORS")
        add(name, "$INTS", 3)
    for name in FLOAT_PAIRS:
        add(name, "$A", "$B")
        add(name, "$SPECIAL", "$TWINS")
        if name != "vdot":
            add(name, "$A", "$ROW")
            add(name, "$CUBE", 2.0)
    for name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
        add(name, "$BOOLS", "$FLAGS")
        add(name, "$BYTES", 13)
    for name in ("bitwise_not", "bitwise_invert"):
        for x in ("$INTS", "$BOOLS", "$BYTES"):
            add(name, x)
    for name in ("left_shift", "right_shift", "bitwise_left_shift"):
        add(name, "$INTS", "$SHIFTS")
        add(name, "$INTS", 2)
    add("bitwise_right_shift", "$BYTES", 1)


def values(add: Callable[..., None]) -> None:
    """Rounding and special values."""
    for decimals in (1, 2, -1):
        add("round", "$A", decimals=decimals)
        add("round", "$INTS", decimals=decimals)
    add("ldexp", "$A", 3)
    add("i0", "$A")
    add("i0", "$INTS")
    add("isclose", "$SPECIAL", "$TWINS", equal_nan=True)
    add("isclose", "$SPECIAL", "$TWINS", rtol=0.1)
    add("allclose", "$A", "$A")
    add("nan_to_num", "$SPECIAL", nan=1.0, posinf=9.0, neginf=-9.0)


def reductions(add: Callable[..., None]) -> None:
    """Reductions over axes."""
    for name in REDUCTIONS:
        x = "$HOLES" if name.startswith("nan") else "$B"
        add(name, x)
        add(name, x, axis=1)
        add(name, "$CUBE", axis=[0, 2], keepdims=True)
        if name not in ("nanvar", "nanstd"):
            add(name, "$INTS", axis=0)
    add("prod", "$BYTES")
    add("prod", "$SMALL")
    add("prod", "$BOOLS", axis=0)
    add("prod", "$INTS", dtype="float32")
    for name in ("nanargmax", "nanargmin"):
        add(name, "$HOLES", axis=1)
        add(name, "$A")
        add(name, "$INTS", axis=0, keepdims=True)
    add("average", "$A")
    add("average", "$A", axis=1, weights="$ROW")
    add("average", "$A", weights="$B")
    add("average", "$INTS", axis=0)
    add("corrcoef", "$VECTORS")


def sequences(add: Callable[..., None]) -> None:
    """Windows, ranges and sequences."""
    for name in ("bartlett", "blackman", "hamming", "hanning"):
        for length in (1, 2, 7, 8):
            add(name, length)
    add("kaiser", 9, 8.6)
    add("identity", 3)
    add("identity", 2, dtype="int32")
    add("logspace", 0.0, 2.0, num=5)
    add("logspace", 1, 3, num=4, endpoint=False, base=2)
    add("geomspace", 1.0, 1000.0, num=4)
    add("geomspace", 32, 2, num=5, endpoint=False)
    add("vander", "$ROW")
    add("vander", "$BYTES", N=2, increasing=True)
    for n in (1, 2):
        add("diff", "$CUBE", n=n)
        add("diff", "$INTS", n=n, axis=0)
    add("diff", "$BOOLS")
    add("trapezoid", "$A")
    add("trapezoid", "$A", dx=0.5, axis=0)
    add("trapezoid", "$A", x="$ROW")
    add("cross", "$VECTORS", "$VECTORS[::-1]")
    add("cross", "$PLANE", "$PLANE[::-1]")
    add("cross", "$PLANE", "$VECTORS")
    add("cross", "$VECTORS", "$VECTORS[::-1]", axisc=0)
    add("vdot", "$INTS", "$DIVISORS")
    for mode in ("valid", "same", "full"):
        add("correlate", "$SIGNAL", "$ROW", mode=mode)
        add("correlate", "$ROW", "$SIGNAL", mode=mode)
        add("correlate", "$SIGNAL", "$VECTORS[0]", mode=mode)
        add("correlate", "$VECTORS[1]", "$SIGNAL", mode=mode)


def joined(add: Callable[..., None]) -> None:
    """Tensors joined and cut, and choices."""
    add("append", "$A", "$ROW")
    add("append", "$A", "$B", axis=0)
    for name in ("hstack", "vstack", "dstack"):
        add(name, ["$A", "$B"])
        add(name, ["$ROW", "$ROW[::-1]"])
    add("array_split", "$SIGNAL", 5)
    add("array_split", "$A", 3, axis=1)
    add("hsplit", "$A", 2)
    add("vsplit", "$A", [1])
    add("dsplit", "$CUBE", 2)
    add("select", ["$BOOLS", "$FLAGS"], ["$INTS", "$DIVISORS"], 7)
    add("unravel_index", "$BYTES", [5, 7, 6])
    add("cdist", "$A", "$B")
    add("cdist", "$CUBE", "$A")
    for name in ("nancumsum", "nancumprod"):
        add(name, "$HOLES")
        add(name, "$HOLES", axis=1)
    add("view_as_real", "$A")


def neural(add: Callable[..., None]) -> None:
    """What networks are made of."""
    add("glu", "$A")
    add("glu", "$CUBE", axis=0)
    for name in ("sparse_plus", "sparse_sigmoid", "normalize"):
        add(name, "$A")
    add("normalize", "$A", axis=0, order=1)
    add("normalize", "$A", order=3)
    add("threshold", "$A", 0.5, -1.0)
    for keepdims in (False, True):
        add("moments", "$CUBE", [0, 2], keepdims=keepdims)
    add("batch_normalization", "$A", "$ROW", "$B[0]", -1)
    add("batch_normalization", "$A", "$ROW", "$B[0]", 1, "$B[1]", "$B[2]", 0.01)
    add("layer_normalization", "$CUBE")
    add("layer_normalization", "$CUBE", "$ROW", "$B[0]")
    add("layer_normalization", "$CUBE", axis=[1, 2], epsilon=0.1)
    add("rms_normalization", "$CUBE", "$ROW")
    add("rms_normalization", "$CUBE", axis=[1, 2])
    add("psnr", "$A", "$B", 4.0)
    add("multi_hot", "$INDICES", 4)
    add("multi_hot", "$INDICES", 4, axis=0, dtype="int32")
    for dtype in ("int8", "uint8", "int32", "float32"):
        add("saturate_cast", "$A", dtype)
        if dtype != "float32":  # Keras 3.15: the limits of float32 overflow int32
            add("saturate_cast", "$INTS", dtype)


def transforms(add: Callable[..., None]) -> None:
    """Functions of the host, and casts."""
    add("nextafter", "$A", "$B")
    add("view", "$INTS", "float32")
    add("fft", ["$A", "$B"])
    add("fft2", ["$A", "$B"])
    add("ifft2", ["$A", "$B"])
    add("rfft", "$A")
    add("rfft", "$SIGNAL", fft_length=8)
    add("irfft", ["$A", "$B"])
    add("irfft", ["$A", "$B"], fft_length=5)
    add("extract_sequences", "$SIGNAL", 4, 3)
    for center in (False, True):
        add("stft", "$SIGNAL", 4, 2, 6, center=center)
        add("stft", "$SIGNAL", 4, 2, 4, window="hamming", center=center)
    add("istft", ["$VECTORS", "$VECTORS[::-1]"], 4, 2, 4)
    add("istft", ["$VECTORS", "$VECTORS[::-1]"], 4, 1, 4, center=False)


def groups(add: Callable[..., None]) -> None:
    """Segments, quantiles of numbers, axes by name, alignments."""
    for name in ("segment_sum", "segment_max", "segment_min", "segment_prod"):
        for data in ("$GROUPED", "$SPECIAL"):
            add(name, data, "$IDS", num_segments=6)
            add(name, data, "$RISING", num_segments=4, sorted=True)
    for method in ("linear", "lower", "higher", "midpoint", "nearest"):
        add("nanquantile", "$HOLES", [0.0, 0.3, 1.0], axis=1, method=method)
    add("nanquantile", "$HOLES", 0.5, axis=0, keepdims=True)
    add("nanpercentile", "$CUBE", 37.0, axis=[0, 2])
    add("nanmedian", "$HOLES")
    add("nanmedian", "$HOLES", axis=1, keepdims=True)
    add("nanmedian", "$INTS", axis=0)
    add("rearrange", "$CUBE", "a b c -> c (b a)")
    add("rearrange", "$CUBE", "a b (c d) -> (a c) b d", c=2)
    add("rearrange", "$CUBE", "a b c->(a b c)")
    blank = {"mask_index": 3}
    counts = ["$LABEL_COUNTS", "$FRAME_COUNTS"]
    add("ctc_loss", "$LABELS", "$LOGITS", *counts)
    for kind in ({}, blank, {"merge_repeated": False}):
        add("ctc_decode", "$LOGITS", "$FRAME_COUNTS", **kind)
    add("ctc_decode", "$LOGITS", "$FRAME_COUNTS", strategy="beam_search", top_paths=3)


def cases() -> list[Row]:
    """All of them."""
    table = Table()
    for section in (
        unary,
        pairs,
        values,
        reductions,
        sequences,
        groups,
        joined,
        neural,
        transforms,
    ):
        section(table.add)
    return table


def filled(value: Any) -> Any:
    """Arguments with their arrays."""
    if isinstance(value, list):
        parts = [filled(v) for v in value]
        return tuple(parts)
    if isinstance(value, str) and value.startswith("$"):
        name, _, index = value[1:].partition("[")
        array = ARRAYS[name]
        return eval(f"array[{index}", {"array": array}) if index else array
    return value


def content(result: Any) -> list[dict[str, Any]]:
    """Results with their dtypes; nine digits are exact for float32."""
    out = []
    for part in result if isinstance(result, tuple | list) else [result]:
        array = np.asarray(part)
        numbers = array.ravel().tolist()
        if array.dtype.kind == "f":
            numbers = [float(f"{v:.9g}") for v in numbers]
        dtype, shape = array.dtype.name, list(array.shape)
        out.append({"dtype": dtype, "shape": shape, "values": numbers})
    return out


def main() -> None:
    """Write the file."""
    rows = []
    for name, args, kwargs in cases():
        function = getattr(keras.ops, name)
        values = {key: filled(value) for key, value in kwargs.items()}
        try:
            result = function(*(filled(a) for a in args), **values)
        except Exception as error:
            print(
                f"left out: {name}{args}{kwargs}: {type(error).__name__} {error}"[:150]
            )
            continue
        entry = {"name": name, "args": args, "kwargs": kwargs}
        rows.append(entry | {"results": content(result)})
    arrays = {name: content(array)[0] for name, array in ARRAYS.items()}
    file = {"keras": keras.__version__, "arrays": arrays, "cases": rows}
    OUT.write_text(json.dumps(file, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
