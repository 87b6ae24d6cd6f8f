"""Functions of `keras.ops` against numbers computed by Keras, eager and traced."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl.ops as ops
from graph_values import values
from pydl.graph.trace import Trace, TraceTensor

STORED = json.loads(
    (Path(__file__).parents[1] / "data" / "ops_parity.json").read_text()
)
#: Run through NumPy: refused under a trace.
HOST = set("ctc_decode nextafter view fft fft2 ifft2 rfft irfft stft istft".split())
#: Of numbers, not of tensors.
CONSTANTS = set(
    "bartlett blackman hamming hanning kaiser identity logspace geomspace".split()
)


def array(entry: dict[str, Any]) -> np.ndarray:
    return np.array(entry["values"]).astype(entry["dtype"]).reshape(entry["shape"])


ARRAYS = {name: array(entry) for name, entry in STORED["arrays"].items()}


class Filler:
    """Arguments with their arrays, as they are or as inputs of a trace."""

    def __init__(self, trace: Trace | None = None) -> None:
        self.trace = trace
        self.feeds: dict[str, np.ndarray] = {}

    def __call__(self, value: Any) -> Any:
        if isinstance(value, list):
            return tuple(self(v) for v in value)
        if not (isinstance(value, str) and value.startswith("$")):
            return value
        name, _, index = value[1:].partition("[")
        found = ARRAYS[name]
        if index:
            found = found[::-1] if index == "::-1]" else found[int(index[:-1])]
        if self.trace is None:
            return found
        key = f"x{len(self.feeds)}"
        self.feeds[key] = np.ascontiguousarray(found)
        return self.trace.input(key, found.shape, found.dtype.name)


def call(case: dict[str, Any], fill: Filler) -> list[Any]:
    kwargs = {key: fill(value) for key, value in case["kwargs"].items()}
    result = getattr(ops, case["name"])(*map(fill, case["args"]), **kwargs)
    return list(result) if isinstance(result, tuple | list) else [result]


def label(case: dict[str, Any]) -> str:
    return f"{case['name']}-{case['args']}-{case['kwargs']}"


@pytest.mark.parametrize("case", STORED["cases"], ids=label)
def test_as_keras(case: dict[str, Any]) -> None:
    eager = call(case, Filler())
    for found, entry in zip(eager, case["results"], strict=True):
        want = array(entry)
        assert (found.dtype, found.shape) == (want.dtype.name, want.shape)
        # float32: a few units, of the largest element where sums cancel
        finite = np.abs(want[np.isfinite(want)].astype(float))
        size = float(np.max(finite, initial=1.0)) if want.dtype.kind == "f" else 0.0
        np.testing.assert_allclose(found.numpy(), want, rtol=4e-6, atol=1e-6 * size)
    if case["name"] in CONSTANTS:
        return
    with Trace("case") as trace:
        fill = Filler(trace)
        if case["name"] in HOST:
            with pytest.raises(NotImplementedError, match="runs on the host"):
                call(case, fill)
            return
        traced = call(case, fill)
    assert all(isinstance(t, TraceTensor) for t in traced)
    computed = values(trace.graph, traced, fill.feeds)
    for a, b in zip(computed, eager, strict=True):
        np.testing.assert_array_equal(a, b.numpy())
