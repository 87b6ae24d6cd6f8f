"""Central differences in float64, to compare gradients with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def slopes(function: Callable[..., Any], arrays: list[Any], place: int) -> np.ndarray:
    """The derivative of a scalar function by each element of ``arrays[place]``."""
    arrays = [np.array(a, "float64") for a in arrays]
    out, step = np.zeros_like(arrays[place]), 1e-5
    for index in np.ndindex(*out.shape):
        values = []
        for sign in (1, -1):
            moved = [a.copy() for a in arrays]
            moved[place][index] += sign * step
            values.append(float(np.asarray(function(*moved))))
        out[index] = (values[0] - values[1]) / (2 * step)
    return out


def check_gradient(
    grad: Callable[..., Any], function: Callable[..., Any], arrays: list[Any]
) -> None:
    """``grad(*arrays)`` gives the derivatives of ``function`` by all arguments."""
    found = grad(*[np.array(a, "float64") for a in arrays])
    for place, value in enumerate(found):
        expected = slopes(function, arrays, place)
        np.testing.assert_allclose(np.asarray(value), expected, rtol=2e-5, atol=2e-7)
