"""Activations: lookup by name, and the values of those that are not plain ops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pydl.activations as activations
import pydl.ops as ops

X = np.array([-3.0, -1.0, -0.1, 0.0, 0.1, 1.0, 3.0, 7.0], np.float32)


def test_every_name_round_trips() -> None:
    for name in activations.__all__:
        if name in ("get", "serialize", "deserialize", "glu", "threshold"):
            continue
        function = activations.get(name)
        assert function is getattr(activations, name)
        assert activations.get(activations.serialize(function)) is function
        assert function(ops.convert_to_tensor(X)).shape == X.shape


def test_get() -> None:
    assert activations.get(None) is activations.linear
    assert activations.get(np.tanh) is np.tanh
    assert activations.deserialize("mine", {"mine": abs}) is abs
    with pytest.raises(ValueError, match="unknown name 'rleu'; expected one of celu"):
        activations.get("rleu")
    with pytest.raises(ValueError, match="3 of type int"):
        activations.get(3)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, np.maximum(X, 0)),
        ({"negative_slope": 0.5}, np.where(X > 0, X, 0.5 * X)),
        ({"max_value": 2.0}, np.clip(X, 0, 2)),
        ({"threshold": 1.0}, np.where(X >= 1, X, 0)),
        (
            {"negative_slope": 0.5, "max_value": 4.0, "threshold": 1.0},
            np.minimum(np.where(X >= 1, X, 0.5 * (X - 1)), 4),
        ),
    ],
)
def test_relu(arguments: dict[str, Any], expected: Any) -> None:
    np.testing.assert_allclose(activations.relu(X, **arguments).numpy(), expected)


def test_gelu_is_exact_by_default() -> None:
    exact, approximate = activations.gelu(X), activations.gelu(X, approximate=True)
    np.testing.assert_array_equal(exact.numpy(), ops.gelu(X, approximate=False).numpy())
    assert 0 < np.abs(exact.numpy() - approximate.numpy()).max() < 1e-3
