"""float16 and bfloat16: conversions, and every float op through float32.

What an op does on 16-bit operands is defined by what its kernel does on float32 ones:
the same bits, rounded once to the nearest 16-bit float. Matrix units add the products
of 16-bit operands in another order than those of float32 ones, so there the last bit
may differ.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from harness import Case, all_cases, bundles, placed
from numpy_reference import reference
from pydl import _core

HALVES = ("float16", "bfloat16")
EVERY = np.arange(1 << 16, dtype=np.uint16)


def half_of(name: str) -> Any:
    return np.float16 if name == "float16" else ml_dtypes.bfloat16


def cast(x: Any, dtype: str, isa: str) -> Any:
    return _core.run_op("cast", [x], {"dtype": dtype}, isa=isa)[0]


def same(got: Any, want: Any) -> bool:
    """Equal bits, NaN equal to NaN."""
    if got.dtype != want.dtype or got.shape != want.shape:
        return False
    nan = np.isnan(got.astype("float64")) & np.isnan(want.astype("float64"))
    kind = f"uint{8 * got.dtype.itemsize}"
    return bool(((got.view(kind) == want.view(kind)) | nan).all())


# -- conversions ----------------------------------------------------------------------


@pytest.mark.parametrize("isa", bundles())
@pytest.mark.parametrize("name", HALVES)
def test_every_16_bit_float_as_float32_and_back(name: str, isa: str) -> None:
    words = EVERY.view(half_of(name))
    wide = cast(words, "float32", isa)
    with np.errstate(all="ignore"):
        assert same(wide, words.astype(np.float32))
        assert same(cast(wide, name, isa), words)
        assert same(cast(words, "float64", isa), words.astype(np.float64))


@pytest.mark.parametrize("isa", bundles())
@pytest.mark.parametrize("name", HALVES)
def test_rounding_is_to_the_nearest_even(name: str, isa: str) -> None:
    """All around every 16-bit float and every middle between two of them."""
    dtype = half_of(name)
    with np.errstate(all="ignore"):
        words = EVERY.view(dtype).astype(np.float64)
    finite = np.sort(words[np.isfinite(words)])
    middles = ((finite[:-1] + finite[1:]) / 2).astype(np.float32)
    near = [middles, np.nextafter(middles, np.float32(np.inf))]
    near += [np.nextafter(middles, np.float32(-np.inf))]
    near += [np.array([65519.99, 65520, 1e38, -3.4e38, 1e-45, -1e-9], np.float32)]
    x = np.concatenate(near)
    with np.errstate(all="ignore"):
        assert same(cast(x, name, isa), x.astype(dtype))


@pytest.mark.parametrize("isa", bundles())
@pytest.mark.parametrize("name", HALVES)
def test_float64_is_rounded_once(name: str, isa: str) -> None:
    one = {"float16": 2.0**-11, "bfloat16": 2.0**-8}[name]
    x = np.array([1 + one, 1 + one + 2.0**-40, 1 + one - 2.0**-40, 1 + 3 * one, np.nan])
    step = 2 * one
    want = np.array([1, 1 + step, 1, 1 + 2 * step, np.nan]).astype(half_of(name))
    assert same(cast(x, name, isa), want)
    assert same(cast(-x, name, isa), -want)


@pytest.mark.parametrize("isa", bundles())
@pytest.mark.parametrize("name", HALVES)
def test_integers_and_bools(name: str, isa: str) -> None:
    dtype = half_of(name)
    x = np.array([-60000.5, -129.9, -1.5, 0, 0.4, 3.99, 300, np.nan, np.inf], dtype)
    wide = x.astype(np.float32)
    for other in ("int8", "int16", "int32", "int64", "uint8", "uint32", "bool"):
        got, want = cast(x, other, isa), cast(wide, other, isa)
        assert (got == want).all(), other
    for other in ("int8", "int32", "int64", "uint8", "bool"):
        y = np.array([0, 1, 2, 100], other)
        assert same(cast(y, name, isa), y.astype(dtype))
    y = np.array([257, 2049, 2051, -100003], np.int32)
    with np.errstate(all="ignore"):
        assert same(cast(y, name, isa), y.astype(np.float64).astype(dtype))


# -- every op -------------------------------------------------------------------------

#: Tested above.
SKIPPED = {"cast"}


def half_case(case: Case, name: str) -> Any:
    """Operands and attributes with float32 replaced; None: there is none."""
    arrays = case.arrays()
    attrs = dict(case.attrs)
    if attrs.get("dtype") == "float32":
        attrs["dtype"] = name
    family = dict(_core.opcodes())[case.op]
    optimizer = case.op.endswith("row_update") or (
        family == "optimizer" and "n" in attrs
    )
    skip = 1 + bool(attrs.get("has_scale")) + bool(attrs.get("has_decay"))
    changed = attrs.get("dtype") == name
    for i, x in enumerate(arrays):
        if x.dtype == np.float32 and not (optimizer and i < skip):
            with np.errstate(all="ignore"):
                arrays[i] = x.astype(half_of(name))
            changed = True
        elif x.dtype == np.float64:
            return None
    return (arrays, attrs) if changed else None


def through_float32(case: Case, arrays: Any, attrs: Any, isa: str, name: str) -> Any:
    wide = [x.astype(np.float32) if x.dtype == half_of(name) else x for x in arrays]
    if attrs.get("dtype") == name:
        attrs = {**attrs, "dtype": "float32"}
    return _core.run_op(case.op, wide, attrs, isa=isa)


def by_units(op: str, isa: str) -> bool:
    real = isa == "cuda" and _core.devices()["filler"] == "cuda"
    products = ("matmul", "gemm", "conv", "conv_grad_x", "conv_grad_w")
    return real and op in products


def near(got: Any, want: Any) -> bool:
    """Of equal specials, and one unit apart at most, or what float32 sums leave."""
    x, y = got.astype(np.float64), want.astype(np.float64)
    unit = 2.0**-10 if got.dtype == np.float16 else 2.0**-7
    finite = np.isfinite(x) & np.isfinite(y)
    size = np.abs(y[finite]).max(initial=1e-6)
    allowed = unit * np.abs(y) + 1e-5 * size
    special = (x == y) | (np.isnan(x) & np.isnan(y))
    return bool(np.where(finite, np.abs(x - y) <= allowed, special).all())


@pytest.mark.parametrize("name", HALVES)
@pytest.mark.parametrize("op", sorted(set(all_cases()) - SKIPPED))
def test_every_op_is_that_of_float32_rounded(op: str, name: str) -> None:
    tried = 0
    cases = [(case, half_case(case, name)) for case in all_cases()[op]]
    halves = [(case, half) for case, half in cases if half is not None]
    for case, (arrays, attrs) in halves[:: max(1, len(halves) // 12)]:
        specs = [(x.dtype.name, x.shape) for x in arrays]
        expected = _core.infer(op, specs, attrs)
        for isa in bundles():
            wide = through_float32(case, arrays, attrs, isa, name)
            got = _core.run_op(op, [placed(x, 1) for x in arrays], attrs, isa=isa)
            for x, y, (dtype, shape) in zip(got, wide, expected, strict=True):
                assert (x.dtype.name, x.shape) == (dtype, tuple(shape))
                with np.errstate(all="ignore"):
                    want = y.astype(x.dtype)
                if x.dtype.name in HALVES:
                    agree = near if by_units(op, isa) else same
                    with np.errstate(all="ignore"):
                        assert agree(x, want), (isa, str(case))
                else:
                    assert x.tobytes() == want.tobytes(), (isa, str(case))
        tried += 1
    assert tried or not any(
        x.dtype == np.float32 for case in all_cases()[op] for x in case.arrays()
    )


# Ragged, cut along K, whose rows the copy engine cannot read, and tiles in pairs.
PRODUCTS = [(264, 392, 1016), (72, 136, 4160), (200, 130, 515), (2304, 2304, 192)]


@pytest.mark.parametrize("name", HALVES)
@pytest.mark.parametrize("size", PRODUCTS, ids=str)
def test_products_of_matrix_units(size: tuple[int, int, int], name: str) -> None:
    """All layouts, bias, relu and the sums of columns, against float64. Without matrix
    units the large one says nothing new."""
    m, n, k = size
    real = _core.devices()["filler"] == "cuda"
    if m * n > 2**20 and not real:
        pytest.skip("for GPUs")
    rng = np.random.default_rng(k)
    a, b, bias = (
        rng.normal(size=shape).astype(half_of(name)) for shape in ((m, k), (k, n), (n,))
    )
    wide = a.astype(np.float64) @ b.astype(np.float64) + bias.astype(np.float64)
    sums = b.astype(np.float64).sum(0)
    for isa, (turn_a, turn_b) in product(bundles(), product((0, 1), (0, 1))):
        operands = [a.T.copy() if turn_a else a, b.T.copy() if turn_b else b, bias]
        attrs = {"transpose_a": turn_a, "transpose_b": turn_b, "bias": 1}
        attrs |= {"activation": "relu", "column_sum": 1}
        for shift in (0, 1):
            placed_operands = [placed(x, shift) for x in operands]
            c, total = _core.run_op("gemm", placed_operands, attrs, isa=isa)
            assert near(c, np.maximum(wide, 0)), (isa, turn_a, turn_b, shift)
            assert near(total, sums), (isa, turn_a, turn_b, shift)
            again = _core.run_op("gemm", placed_operands, attrs, isa=isa)
            assert again[0].tobytes() == c.tobytes()


# x, window, filters, strides, low, high: whole stages of channels, phases, a first
# layer, a window of one tap.
CONVOLUTIONS = [
    ((2, 20, 17, 64), (3, 3), 128, [1, 1], [1, 1], [1, 1]),
    ((2, 21, 18, 128), (3, 3), 64, [2, 2], [1, 0], [1, 1]),
    ((3, 17, 17, 3), (5, 5), 24, [2, 2], [2, 2], [2, 2]),
    ((4, 14, 15, 64), (1, 1), 128, [1, 1], [0, 0], [0, 0]),
    ((4, 14, 15, 128), (1, 1), 192, [2, 2], [0, 0], [0, 0]),
]  # fmt: skip


@pytest.mark.parametrize("name", HALVES)
@pytest.mark.parametrize("problem", CONVOLUTIONS, ids=str)
def test_convolutions_of_matrix_units(problem: Any, name: str) -> None:
    """The three passes with what follows them, against float64."""
    x_shape, window, filters, strides, low, high = problem
    attrs: dict[str, Any] = {"strides": strides, "dilations": [1, 1]}
    attrs |= {"low": low, "high": high}
    weight_shape = (*window, x_shape[-1], filters)
    specs = [(name, x_shape), (name, weight_shape)]
    ((_, out_shape),) = _core.infer("conv", specs, attrs)
    rng = np.random.default_rng(filters)
    shapes = (x_shape, weight_shape, (filters,), tuple(out_shape))
    x, weight, bias, out = (
        rng.normal(size=shape).astype(half_of(name)) for shape in shapes
    )
    passes: list[tuple[str, list[Any], dict[str, Any]]] = [
        ("conv", [x, weight, bias, out], {"bias": 1, "residual": 1}),
        (
            "conv_grad_x",
            [out, weight, x],
            {"size": list(x_shape[1:-1]), "grad": "relu"},
        ),
        ("conv_grad_w", [x, out], {"window": list(window), "column_sum": 1}),
    ]
    for op, operands, own in passes:
        wide = [operand.astype(np.float64) for operand in operands]
        want = reference(op, wide, {**attrs, **own})
        for isa, shift in product(bundles(), (0, 1)):
            some = [placed(operand, shift) for operand in operands]
            got = _core.run_op(op, some, {**attrs, **own}, isa=isa)
            assert all(map(near, got, want)), (op, isa, shift)
            again = _core.run_op(op, some, {**attrs, **own}, isa=isa)
            assert all(
                a.tobytes() == b.tobytes() for a, b in zip(again, got, strict=True)
            )


@pytest.mark.skipif(
    "emulated" not in _core.info()["bundles"], reason="built without PYDL_EMULATION"
)
@pytest.mark.parametrize("name", HALVES)
@pytest.mark.parametrize(
    "op",
    [
        "matmul",
        "gemm",
        "chain",
        "reduce_sum",
        "softmax",
        "batch_norm",
        "batch_norm_grad",
    ]
    + ["max_pool", "max_pool_grad", "avg_pool", "avg_pool_grad"]
    + ["conv", "conv_grad_x", "conv_grad_w"],
)
def test_device_kernels_of_16_bit_operands(op: str, name: str) -> None:
    """Every case, every kernel by name: the bits of the same kernel on float32."""
    for case in all_cases()[op]:
        half = half_case(case, name)
        for kernel in _core.kernels(op, "emulated") if half else ():
            arrays, attrs = half
            try:
                got = _core.run_op(op, arrays, attrs, isa="emulated", kernel=kernel)
            except ValueError as error:
                assert "no kernel takes" in str(error)
                continue
            wide = [x.astype(np.float32) if x.dtype.name == name else x for x in arrays]
            want = _core.run_op(op, wide, attrs, isa="emulated", kernel=kernel)
            for x, y in zip(got, want, strict=True):
                with np.errstate(all="ignore"):
                    assert same(x, y.astype(x.dtype)), (kernel, str(case))


def test_same_bits_on_any_number_of_threads() -> None:
    rng = np.random.default_rng(1)
    a = rng.normal(size=(300, 200)).astype(ml_dtypes.bfloat16)
    b = rng.normal(size=(200, 310)).astype(ml_dtypes.bfloat16)
    found = set()
    for threads in (1, 2, 5):
        _core.set_threads(threads)
        found.add(_core.run_op("matmul", [a, b], {})[0].tobytes())
    _core.set_threads(0)
    assert len(found) == 1


def test_mixed_operands_are_refused() -> None:
    x = np.ones(3, np.float16)
    with pytest.raises(ValueError, match="dtypes must be equal"):
        _core.run_op("add", [x, np.ones(3, np.float32)], {})


def test_forced_kernel() -> None:
    a = np.ones((20, 30), np.float16)
    b = np.ones((30, 40), np.float16)
    out = _core.run_op("matmul", [a, b], {}, kernel="gemm_tiled")[0]
    assert (out == 30).all()
    with pytest.raises(ValueError, match="no kernel takes"):
        _core.run_op("matmul", [a, b], {}, kernel="gemm_vector")
