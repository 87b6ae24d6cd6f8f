"""Convolution by Winograd's way: how exact it is, when it is chosen, and how to do
without it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import image_reference
from pydl import _core, config
from pydl.graph.trace import Trace
from pydl.ops.apply import emit
from pydl.runtime import CompiledProgram, Variable, compile_graph

KERNEL = "conv_winograd"
ISAS = [i for i in _core.info()["bundles"] if KERNEL in _core.kernels("conv", i)]
SAME = {"strides": [1, 1], "dilations": [1, 1], "low": [1, 1], "high": [1, 1]}
rng = np.random.default_rng(11)


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    precision = config.float32_matmul_precision()
    yield
    config.set_float32_matmul_precision(precision)


def normal(*shape: int, dtype: str = "float32") -> np.ndarray:
    return rng.standard_normal(shape).astype(dtype)


def operands(op: str, x: np.ndarray, filters: int) -> tuple[list[Any], dict[str, Any]]:
    """Of one pass, with `x` as the image it reads, which keeps its size."""
    channels, size = x.shape[-1], list(x.shape[1:-1])
    if op == "conv":
        return [x, normal(3, 3, channels, filters)], SAME
    if op == "conv_grad_x":
        return [x, normal(3, 3, filters, channels)], {**SAME, "size": size}
    grad_out = normal(*x.shape[:-1], filters)
    return [x, grad_out], {**SAME, "window": [3, 3]}


PASSES = ("conv", "conv_grad_x", "conv_grad_w")


def error(op: str, inputs: list[Any], attrs: dict[str, Any], **how: str) -> float:
    """The relative 2-norm of the difference from the sums in float64."""
    (got,) = _core.run_op(op, inputs, attrs, **how)
    (want,) = getattr(image_reference, op)(inputs, attrs)
    assert np.isfinite(got).all()
    return float(np.linalg.norm(got - want) / np.linalg.norm(want))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("op", PASSES)
@pytest.mark.parametrize("channels", [16, 64, 512])
def test_error_in_float32(channels: int, op: str, isa: str) -> None:
    """The promise is 1e-5; the points of `winograd_lines.h` do better."""
    x = normal(2, 14, 15, channels)
    inputs, attrs = operands(op, x, 32)
    assert error(op, inputs, attrs, isa=isa, kernel=KERNEL) < 2e-6
    terms = 9 * channels if op != "conv_grad_w" else 2 * 14 * 15
    limit = 1e-6 * max(1, math.sqrt(terms) / 32)  # of a sum in one register
    assert error(op, inputs, attrs, isa=isa, precision="exact") < limit


@pytest.mark.parametrize("op", PASSES)
def test_error_in_float64(op: str) -> None:
    x = normal(2, 14, 15, 64, dtype="float64")
    inputs, attrs = operands(op, x, 32)
    inputs = [v.astype("float64") for v in inputs]
    assert error(op, inputs, attrs, kernel=KERNEL) < 5e-15


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("op", PASSES)
def test_values_far_from_zero(op: str, isa: str) -> None:
    inputs, attrs = operands(op, 100 + normal(2, 14, 15, 512), 32)
    assert error(op, inputs, attrs, isa=isa, kernel=KERNEL) < 1e-5


@pytest.mark.parametrize("isa", ISAS)
def test_one_huge_value(isa: str) -> None:
    """The error around it is in proportion to it, elsewhere as if it was not there."""
    x = normal(2, 14, 15, 64)
    inputs, attrs = operands("conv", x, 32)
    x[0, 6, 7, 3] = 1e6
    (got,) = _core.run_op("conv", inputs, attrs, isa=isa, kernel=KERNEL)
    (want,) = image_reference.conv(inputs, attrs)
    far = np.abs(got - want)
    assert far.max() < 5e-6 * np.abs(want).max()
    far[0, 4:8, 4:12] = 0  # the tiles that read it
    assert far.max() < 1e-5 * np.sqrt(64 * 9) * 3


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_stays_in_its_tiles(bad: float) -> None:
    x = normal(2, 14, 15, 64)
    inputs, attrs = operands("conv", x, 32)
    x[1, 6, 7, 3] = bad
    (got,) = _core.run_op("conv", inputs, attrs, kernel=KERNEL)
    odd = ~np.isfinite(got)
    assert odd[1, 5:8, 6:9].all()  # those that see it
    odd[1, 4:8, 4:12] = False
    assert not odd.any()


def test_when_it_is_taken() -> None:
    shapes = itertools.product((8, 14, 28, 56), (32, 64, 128))
    for size, channels in shapes:
        for op in PASSES:
            inputs, attrs = operands(op, np.zeros((4, size, size, channels), "f4"), 64)
            _core.run_op(op, inputs, attrs, kernel=KERNEL)
    refused = {
        "not 3x3": {**SAME, "strides": [2, 2]},
        "with strides and dilations of 1": {**SAME, "dilations": [2, 2]},
        "groups of channels": {**SAME, "groups": 2},
    }
    for reason, attrs in refused.items():
        weight = normal(3, 3, 64 // attrs.get("groups", 1), 64)
        with pytest.raises(ValueError, match=reason):
            _core.run_op("conv", [normal(2, 14, 14, 64), weight], attrs, kernel=KERNEL)
    with pytest.raises(ValueError, match="fewer than 16 channels"):
        _core.run_op(
            "conv", [normal(2, 14, 14, 8), normal(3, 3, 8, 64)], SAME, kernel=KERNEL
        )
    with pytest.raises(ValueError, match="too little work for the transforms"):
        _core.run_op(
            "conv", [normal(1, 5, 5, 16), normal(3, 3, 16, 16)], SAME, kernel=KERNEL
        )


# -- precision "exact" ----------------------------------------------------------------


@pytest.mark.parametrize("op", PASSES)
def test_exact_does_without_eagerly(op: str) -> None:
    """Both ways of an eager call, of remembered programs and of others."""
    inputs, attrs = operands(op, normal(2, 14, 14, 32), 32)
    (fast,) = _core.run_op(op, inputs, attrs)
    (exact,) = _core.run_op(op, inputs, attrs, precision="exact")
    assert not np.array_equal(fast, exact)
    for precision, want in (("highest", fast), ("exact", exact)) * 2:
        config.set_float32_matmul_precision(precision)
        for arrays in (inputs, [np.asfortranarray(x) for x in inputs]):
            got = emit(op, *arrays, **attrs).numpy()
            assert np.array_equal(got, want)
    with pytest.raises(ValueError, match="precision is exact"):
        _core.run_op(op, inputs, attrs, kernel=KERNEL, precision="exact")
    with pytest.raises(ValueError, match="expected 'exact', 'float32'"):
        _core.run_eager("neg", [np.zeros(77, "f4")], {}, "half")


def convolution(w: Variable, shape: tuple[int, ...], isa: str = "") -> CompiledProgram:
    with Trace("convolution") as trace:
        x = trace.input("x", shape, w.dtype)
        trace.output("y", emit("conv", x, w, **SAME))
    return compile_graph(trace.graph, isa=isa)


def test_exact_does_without_in_programs() -> None:
    w, x = Variable(normal(3, 3, 32, 64)), normal(2, 14, 14, 32)
    program = convolution(w, x.shape)
    assert program.explain()[0]["kernel"] == KERNEL
    config.set_float32_matmul_precision("exact")
    exact = convolution(w, x.shape)
    (row,) = exact.explain()
    assert (KERNEL, "precision is exact") in row["refused"]
    assert "float32 products as exact" in repr(exact.explain())
    (want,) = image_reference.conv([x, w.numpy()], SAME)
    for made, limit in ((program, 2e-6), (exact, 1e-6)):
        off = made.run({"x": x})["y"] - want
        assert np.linalg.norm(off) < limit * np.linalg.norm(want)


# -- filters that a program only reads ------------------------------------------------


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_filters_follow_the_variable(dtype: str, isa: str) -> None:
    x = normal(6, 20, 20, 24, dtype=dtype)
    w = Variable(normal(3, 3, 24, 40, dtype=dtype))
    program = convolution(w, x.shape, isa)
    assert program.explain()[0]["kernel"] == KERNEL
    limit = 2e-6 if dtype == "float32" else 5e-15
    for _ in range(3):
        (want,) = image_reference.conv([x, w.numpy()], SAME)
        off = program.run({"x": x})["y"] - want
        assert np.linalg.norm(off) < limit * np.linalg.norm(want)
        w.assign(normal(3, 3, 24, 40, dtype=dtype))
