"""Results too large for the caches go past them: the same values, any alignment."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pydl import _core
from pydl.runtime.variable import aligned_copy

#: More than 24 MB read and written.
ROWS, COLUMNS = 3301, 1024


def large(columns: int = COLUMNS, shift: int = 0) -> Any:
    """Rows of float32 that begin `shift` elements off a vector's boundary."""
    rng = np.random.default_rng(0)
    flat = aligned_copy(rng.standard_normal(ROWS * columns + 16).astype(np.float32))
    return flat[shift : shift + ROWS * columns].reshape(ROWS, columns)


def run(op: str, inputs: list[Any], attrs: dict[str, Any], shift: int) -> list[Any]:
    specs = [(x.dtype.name, x.shape) for x in inputs]
    outputs = []
    for dtype, shape in _core.infer(op, specs, attrs):
        flat = aligned_copy(np.full(int(np.prod(shape)) + 16, np.nan, dtype))
        outputs.append(flat[shift : shift + int(np.prod(shape))].reshape(shape))
    _core.run_op(op, inputs, attrs, outputs)
    return outputs


@pytest.mark.parametrize("shift", [0, 1])
def test_a_chain(shift: int) -> None:
    x = large(COLUMNS + 3, shift)
    attrs = {"steps": "mul 0 #1.5;add 1 #0.5;relu 2;sub 3 0", "results": [4, 2]}
    found = run("chain", [x], attrs, shift)
    affine = x * np.float32(1.5) + np.float32(0.5)
    np.testing.assert_array_equal(found[0], np.maximum(affine, 0) - x)
    np.testing.assert_array_equal(found[1], affine)


@pytest.mark.parametrize("shift", [0, 1])
def test_a_single_op(shift: int) -> None:
    x = large(COLUMNS, shift)
    (found,) = run("add", [x, x[:1]], {}, shift)
    np.testing.assert_array_equal(found, x + x[:1])


@pytest.mark.parametrize("shift", [0, 1])
def test_a_reduced_chain(shift: int) -> None:
    x = large(COLUMNS, shift)
    attrs = {"steps": "mul 0 0;add 1 #1.0", "results": [2, 2], "axes": [1]}
    found = run("chain", [x], {**attrs, "reduce": "reduce_sum;none"}, shift)
    np.testing.assert_allclose(found[0], (x * x + 1).sum(1), rtol=1e-5)
    np.testing.assert_array_equal(found[1], x * x + np.float32(1))


@pytest.mark.parametrize("shift", [0, 1])
def test_layer_norm(shift: int) -> None:
    x = large(COLUMNS, shift)
    out, mean, rstd = run("layer_norm", [x], {"epsilon": 1e-3}, shift)
    wide = x.astype(np.float64)
    np.testing.assert_allclose(mean, wide.mean(1), atol=1e-6)
    np.testing.assert_allclose(rstd, 1 / np.sqrt(wide.var(1) + 1e-3), rtol=1e-6)
    expected = (wide - wide.mean(1)[:, None]) / np.sqrt(wide.var(1) + 1e-3)[:, None]
    np.testing.assert_allclose(out, expected, atol=2e-6)


@pytest.mark.parametrize("shift", [0, 1])
def test_softmax(shift: int) -> None:
    x = large(COLUMNS, shift)
    (found,) = run("softmax", [x], {}, shift)
    e = np.exp(x.astype(np.float64) - x.max(1, keepdims=True))
    np.testing.assert_allclose(found, e / e.sum(1, keepdims=True), rtol=2e-6)
