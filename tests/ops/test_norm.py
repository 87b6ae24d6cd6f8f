"""Layer and RMS normalization: what takes the fused op, and what all calls give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pydl
import pydl.ops as ops
from pydl.graph.trace import Trace

rng = np.random.default_rng(3)


def made(function: Any, *shapes: tuple[int, ...]) -> list[str]:
    """The ops a call writes down."""
    with Trace("call") as trace:
        inputs = [trace.input(f"x{i}", s, "float32") for i, s in enumerate(shapes)]
        function(*inputs)
    return [node.op for node in trace.graph.nodes]


def standardized(x: Any, axes: tuple[int, ...], epsilon: float) -> Any:
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon)


@pytest.mark.parametrize("axis", [-1, 1, (1, 2), (0, 2), [0, 1, 2]])
@pytest.mark.parametrize("learned", [True, False])
def test_layer_normalization(axis: Any, learned: bool) -> None:
    x = rng.standard_normal((4, 5, 6))
    axes = tuple(a % 3 for a in np.atleast_1d(axis))
    sizes = [x.shape[a] for a in axes]
    gamma, beta = rng.standard_normal((2, *sizes)) if learned else (None, None)
    expected = standardized(x, axes, 1e-3)
    if learned:
        wide = [d if i in axes else 1 for i, d in enumerate(x.shape)]
        expected = expected * gamma.reshape(wide) + beta.reshape(wide)
    given = axis if isinstance(axis, int) else list(axis)
    found = ops.layer_normalization(x, gamma, beta, given, epsilon=1e-3)
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-9, atol=1e-9)


def test_the_fused_op_takes_last_axes() -> None:
    both = made(ops.layer_normalization, (4, 6), (6,), (6,))
    assert both.count("layer_norm") == 1 and "mul" not in both
    assert "layer_norm" in made(
        lambda x: ops.layer_normalization(x, axis=[1, 2]), (2, 3, 4)
    )
    assert "layer_norm" not in made(
        lambda x: ops.layer_normalization(x, axis=1), (2, 3, 4)
    )
    assert "rms_norm" in made(ops.rms_normalization, (4, 6), (6,))


def test_a_scale_of_one_number_is_multiplied_behind() -> None:
    x = rng.standard_normal((4, 6))
    found = np.asarray(ops.rms_normalization(x, 2.0, epsilon=0.0))
    expected = 2 * x / np.sqrt(np.square(x).mean(-1, keepdims=True))
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_computes_in_float32(dtype: str) -> None:
    x = ops.cast(rng.standard_normal((4, 60)) + 50.0, dtype)
    found = ops.layer_normalization(x)
    assert found.dtype == dtype
    wide = np.asarray(ops.cast(x, "float64"))
    expected = standardized(wide, (-1,), pydl.config.epsilon())
    np.testing.assert_allclose(
        np.asarray(ops.cast(found, "float64")), expected, atol=2e-2
    )


def test_layers_take_it() -> None:
    x = rng.standard_normal((4, 6)).astype(np.float32)
    for layer, op in (
        (pydl.layers.LayerNormalization(), "layer_norm"),
        (pydl.layers.RMSNormalization(), "rms_norm"),
        (pydl.layers.GroupNormalization(2), "layer_norm"),
    ):
        layer(x)
        assert op in made(layer, (4, 6))
